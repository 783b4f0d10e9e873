"""config/nav2_base fits the base that sim_node drives; demo_nav.launch.py hands it to Nav2's controller."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from nodes.harness import recording
from nodes.packages_in_name import files_of, is_installed, launched, named_packages, parameters_of, said_until_called

from robotracer_ros.planning.pursuit import PursuitSettings
from robotracer_ros.planning.robot_description import RobotDescription

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "config" / "nav2_base" / "nav2_params.yaml"
ROBOT = RobotDescription.from_urdf((ROOT / "urdf" / "driving_base.urdf").read_text())
MOTION: dict[str, Any] = yaml.safe_load((ROOT / "config" / "demo_base.yaml").read_text())["/**/motion_node"][
    "ros__parameters"
]
PACKAGES = ("nav2_controller", "nav2_regulated_pure_pursuit_controller", "nav2_lifecycle_manager")
PLUGINS = {
    "progress_checker": "nav2_controller::PoseProgressChecker",
    "general_goal_checker": "nav2_controller::SimpleGoalChecker",
    "FollowPath": "nav2_regulated_pure_pursuit_controller::RegulatedPurePursuitController",
}  # fmt: skip


@pytest.fixture(params=["", "/robot1"])
def controller(request: pytest.FixtureRequest) -> dict[str, Any]:
    return parameters_of([FILE], "controller_server", request.param)


@pytest.fixture(params=["", "/robot1"])
def costmap(request: pytest.FixtureRequest) -> dict[str, Any]:
    return parameters_of([FILE], "local_costmap", f"{request.param}/local_costmap")


def test_one_controller_is_loaded_and_brought_up(controller: dict[str, Any]) -> None:
    kinds = ("progress_checker_plugins", "goal_checker_plugins", "controller_plugins")
    loaded = [name for kind in kinds for name in controller[kind]]
    assert {name: controller[f"{name}.plugin"] for name in loaded} == PLUGINS
    # One of a kind, so that motion_node need not name it.
    assert [len(controller[kind]) for kind in kinds] == [1, 1, 1]
    for namespace in ("", "/robot1"):
        manager = parameters_of([FILE], "lifecycle_manager", namespace)
        assert manager["node_names"] == ["controller_server"] and manager["autostart"] is True


def test_frames_and_topics_are_those_of_sim_node(controller: dict[str, Any], costmap: dict[str, Any]) -> None:
    pytest.importorskip("mujoco")
    from robotracer_ros.sim.floor_spec import BASE_FRAME
    from robotracer_ros.sim.floor_world import ODOM_FRAME

    assert costmap["global_frame"] == ODOM_FRAME == MOTION["planning_frame"]
    assert costmap["robot_base_frame"] == BASE_FRAME == MOTION["base_frame"] == ROBOT.root
    assert controller["odom_topic"] == "odom"
    # Jazzy's parameter; sim_node hears a Twist.
    assert controller["enable_stamped_cmd_vel"] is False


def test_speeds_are_those_of_the_stand_in_and_less_than_the_base_can(controller: dict[str, Any]) -> None:
    pytest.importorskip("mujoco")
    from robotracer_ros.sim.floor_world import _SPEED_UP, _WATCHDOG_S, MAX_SPEED_M_S, MAX_TURN_RAD_S

    told = {name.removeprefix("FollowPath."): value for name, value in controller.items()}
    usual = PursuitSettings()
    assert told["desired_linear_vel"] == usual.max_speed_m_s < MAX_SPEED_M_S
    assert told["rotate_to_heading_angular_vel"] == usual.max_turn_rad_s < MAX_TURN_RAD_S
    assert told["max_angular_accel"] == usual.max_turn_acceleration_rad_s2 < _SPEED_UP[1]
    assert told["lookahead_dist"] == usual.lookahead_m
    assert 2 / controller["controller_frequency"] < _WATCHDOG_S
    # Regulated Pure Pursuit bounds no turning: in the narrowest bend before it turns on the spot it goes by the speed.
    narrowest_m = told["lookahead_dist"] / (2 * math.sin(told["rotate_to_heading_min_angle"]))
    slowed = told["desired_linear_vel"] * min(1.0, narrowest_m / told["regulated_linear_scaling_min_radius"])
    assert max(slowed, told["regulated_linear_scaling_min_speed"]) / narrowest_m < MAX_TURN_RAD_S
    assert told["use_regulated_linear_velocity_scaling"] and not told["allow_reversing"]


def test_the_costmap_knows_the_base_and_claims_no_sensor(controller: dict[str, Any], costmap: dict[str, Any]) -> None:
    pytest.importorskip("mujoco")
    from robotracer_ros.sim.floor_world import BASE_RADIUS_M

    assert costmap["robot_radius"] == BASE_RADIUS_M
    assert (
        costmap["robot_radius"] + costmap["footprint_padding"]
        < MOTION["clearance_m"]
        < costmap["inflation_layer.inflation_radius"]
    )
    # sim_node publishes no cloud, so nothing is claimed to be seen; the layer for one is ready.
    assert costmap["plugins"] == ["inflation_layer"]
    for layer, kind in (("inflation_layer", "InflationLayer"), ("obstacle_layer", "ObstacleLayer")):
        assert costmap[f"{layer}.plugin"] == f"nav2_costmap_2d::{kind}"
    assert costmap["obstacle_layer.points.data_type"] == "PointCloud2"
    # What Regulated Pure Pursuit looks at, and the way it slows down on, lie within.
    assert costmap["rolling_window"] is True and isinstance(costmap["width"], int)
    for name in ("lookahead_dist", "approach_velocity_scaling_dist"):
        assert controller[f"FollowPath.{name}"] < min(costmap["width"], costmap["height"]) / 2


def test_nav2_is_started_in_place_of_the_stand_in(tmp_path: Path) -> None:
    programs = {PACKAGES[0]: "controller_server", PACKAGES[1]: "", PACKAGES[2]: "lifecycle_manager"}
    nav2 = named_packages(tmp_path, programs)
    started = [tmp_path / "lib" / package / program for package, program in programs.items() if program]
    answers = recording(tmp_path / "answers.jsonl", {"drive on": "[(1, 2, 0.5)]"})
    process = launched("demo_nav.launch.py", "follower:=nav2", "namespace:=robot1", f"answers:={answers}", **nav2)
    said = said_until_called(process, started)
    assert "[pursuit_node-" not in said and "[sim_node-" in said
    for program in started:
        words = Path(f"{program}.called_with").read_text()
        # A name would be given to the costmap as well.
        assert "__ns:=/robot1" in words and "__node:=" not in words
        assert parameters_of(files_of(program), program.name, "/robot1")["use_sim_time"] is True
    costmap = parameters_of(files_of(started[0]), "local_costmap", "/robot1/local_costmap")
    assert costmap["use_sim_time"] is True and costmap["global_frame"] == "odom"


@pytest.mark.skipif(is_installed(PACKAGES[0]), reason="Nav2 is installed")
def test_a_nav2_that_is_not_installed_is_named_with_its_debian_package() -> None:
    process = launched("demo_nav.launch.py", "follower:=nav2")
    printed = process.communicate(timeout=60.0)[0]
    assert process.returncode != 0 and f"follower:=nav2 needs {', '.join(PACKAGES)}, and that is not" in printed
    assert "ros-$ROS_DISTRO-navigation2" in printed and "process started" not in printed


def test_the_follower_is_one_of_the_arguments() -> None:
    process = launched("demo_nav.launch.py", "--show-args")
    printed = process.communicate(timeout=60.0)[0]
    assert process.returncode == 0
    assert re.search(r"'follower':\s+what follows paths: .*'nav2'", printed), printed
    process = launched("demo_nav.launch.py", "follower:=dwb")
    printed = process.communicate(timeout=60.0)[0]
    assert process.returncode != 0 and "dwb" in printed and "process started" not in printed
