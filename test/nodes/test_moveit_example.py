"""config/moveit_arm describes the arm of urdf/ and the actions of sim_node; demo.launch.py hands it to move_group."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml
from nodes.harness import recording
from nodes.packages_in_name import files_of, is_installed, launched, named_packages, parameters_of, said_until_called

from robotracer_ros.nodes import sim_arm
from robotracer_ros.planning.robot_description import RobotDescription
from robotracer_ros.sim.arm_spec import EFFORT_N, FINGERS, SERVOED

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "config" / "moveit_arm"
URDF = (ROOT / "urdf" / "tabletop_arm.urdf").read_text()
ROBOT = RobotDescription.from_urdf(URDF)
SRDF = ElementTree.parse(CONFIG / "tabletop_arm.srdf").getroot()
PACKAGES = (
    "moveit_ros_move_group", "moveit_kinematics", "moveit_simple_controller_manager", "moveit_planners_ompl",
    "pilz_industrial_motion_planner",
)  # fmt: skip
POSTURES = 200


def read(name: str) -> dict[str, Any]:
    return yaml.safe_load((CONFIG / name).read_text())


def demo_parameters(node: str) -> dict[str, Any]:
    tree = yaml.safe_load((ROOT / "config" / "demo_arm.yaml").read_text())
    return tree[f"/**/{node}"]["ros__parameters"]


def disabled(reason: str) -> set[tuple[str, str]]:
    found = [
        tuple(sorted((one.get("link1", ""), one.get("link2", ""))))
        for one in SRDF.iterfind("disable_collisions")
        if one.get("reason") == reason
    ]
    assert len(found) == len(set(found))
    return set(found)


def states(group: str) -> dict[str, dict[str, float]]:
    return {
        state.get("name", ""): {joint.get("name", ""): float(joint.get("value", "")) for joint in state}
        for state in SRDF.iterfind("group_state")
        if state.get("group") == group
    }


def test_the_groups_are_the_arm_that_the_demonstration_asks_for_and_its_gripper() -> None:
    assert SRDF.get("name") == ROBOT.name
    groups = {group.get("name"): group for group in SRDF.iterfind("group")}
    chain = groups["arm"].find("chain")
    moving = [joint.name for joint in ROBOT.chain(chain.get("tip_link"), chain.get("base_link")) if joint.moves]
    assert tuple(moving) == SERVOED
    asked = demo_parameters("motion_node")
    assert asked["move_group"]["group"] in groups and asked["tip_link"] == chain.get("tip_link")
    assert tuple(joint.get("name") for joint in groups["gripper"].iterfind("joint")) == FINGERS
    end = SRDF.find("end_effector")
    assert (end.get("group"), end.get("parent_group")) == ("gripper", "arm")
    assert end.get("parent_link") == chain.get("tip_link")
    assert SRDF.find("passive_joint").get("name") == FINGERS[1]


def test_the_named_states_are_those_the_simulator_begins_in_and_within_limits() -> None:
    pytest.importorskip("mujoco")
    from robotracer_ros.sim.arm_world import OPEN_M
    from robotracer_ros.sim.mount import HOMES

    arm, gripper = states("arm"), states("gripper")
    for name, home in zip(("home_right", "home_left"), HOMES, strict=True):
        np.testing.assert_allclose([arm[name][joint] for joint in SERVOED], home, atol=1e-4)
    assert gripper["open"] == {FINGERS[0]: OPEN_M} and gripper["closed"] == {FINGERS[0]: 0.0}
    for state in (*arm.values(), *gripper.values()):
        for name, value in state.items():
            assert ROBOT.joints[name].lower <= value <= ROBOT.joints[name].upper


class Shapes:
    """All pairs of the arm's collision shapes, those of one joint among them."""

    def __init__(self) -> None:
        pin = pytest.importorskip("pinocchio")
        self._pin, self._model = pin, pin.buildModelFromXML(URDF)
        self._shapes = pin.buildGeomFromUrdfString(self._model, URDF, pin.GeometryType.COLLISION)
        links = [self._model.frames[shape.parentFrame].name for shape in self._shapes.geometryObjects]
        assert len(links) == len(set(links))
        pairs = list(itertools.combinations(range(len(links)), 2))
        for pair in pairs:
            self._shapes.addCollisionPair(pin.CollisionPair(*pair))
        self.pairs = [tuple(sorted((links[first], links[second]))) for first, second in pairs]
        self._data, self._results = self._model.createData(), pin.GeometryData(self._shapes)

    def random(self, rng: np.random.Generator) -> dict[str, float]:
        return {
            name: rng.uniform(ROBOT.joints[name].lower, ROBOT.joints[name].upper) for name in (*SERVOED, FINGERS[0])
        }

    def distances_m(self, state: dict[str, float]) -> dict[tuple[str, str], float]:
        """Between the links of every pair; below 0 where they meet."""
        joints = self._pin.neutral(self._model)
        for name, value in {**state, FINGERS[1]: state.get(FINGERS[0], 0.0)}.items():
            joints[self._model.joints[self._model.getJointId(name)].idx_q] = value
        self._pin.computeDistances(self._model, self._data, self._shapes, self._results, joints)
        return dict(zip(self.pairs, (one.min_distance for one in self._results.distanceResults), strict=True))


def test_the_pairs_that_are_not_looked_at_are_neighbours_or_never_meet() -> None:
    shapes, rng = Shapes(), np.random.default_rng(0)
    never, adjacent, default = disabled("Never"), disabled("Adjacent"), disabled("Default")
    assert len(never) + len(adjacent) + len(default) == len(SRDF.findall("disable_collisions"))
    assert never | adjacent | default <= set(shapes.pairs)
    nearest = dict.fromkeys(shapes.pairs, np.inf)
    farthest = dict.fromkeys(shapes.pairs, -np.inf)
    for _ in range(POSTURES):
        for pair, distance_m in shapes.distances_m(shapes.random(rng)).items():
            nearest[pair] = min(nearest[pair], distance_m)
            farthest[pair] = max(farthest[pair], distance_m)
    assert min(nearest[pair] for pair in never) > 0.01
    # What meets in every posture would let no motion begin.
    assert {pair for pair in shapes.pairs if farthest[pair] <= 1e-6} <= adjacent
    assert default == {tuple(sorted(("left_finger", "right_finger")))}
    assert shapes.distances_m(states("gripper")["closed"])[next(iter(default))] <= 1e-6


def test_neighbours_share_a_joint() -> None:
    shaped = {
        link.get("name") for link in ElementTree.fromstring(URDF).iterfind("link") if link.find("collision") is not None
    }
    above = {joint.child: joint.parent for joint in ROBOT.joints.values()}

    def neighbour(link: str) -> str:
        parent = above.get(link, "")
        return parent if not parent or parent in shaped else neighbour(parent)

    assert disabled("Adjacent") == {tuple(sorted((link, neighbour(link)))) for link in shaped if neighbour(link)}


@pytest.mark.parametrize("gripper", ["open", "closed"])
@pytest.mark.parametrize("arm", ["home_right", "home_left", "ready"])
def test_nothing_meets_in_the_named_states(arm: str, gripper: str) -> None:
    looked_at = set(Shapes().pairs) - disabled("Never") - disabled("Adjacent") - disabled("Default")
    distances_m = Shapes().distances_m({**states("arm")[arm], **states("gripper")[gripper]})
    assert min(distances_m[pair] for pair in looked_at) > 0.005


def test_limits_are_those_of_the_urdf_and_of_the_demonstration() -> None:
    limits, asked = read("joint_limits.yaml"), demo_parameters("motion_node")
    assert limits["joint_limits"].keys() == {*SERVOED, *FINGERS}
    (acceleration,) = demo_parameters("cartesian_path_node")["max_acceleration_rad_s2"]
    for name, limit in limits["joint_limits"].items():
        assert limit["has_velocity_limits"] and limit["has_acceleration_limits"]
        assert limit["max_velocity"] == ROBOT.joints[name].velocity
        assert name in FINGERS or limit["max_acceleration"] == acceleration
    assert limits["default_velocity_scaling_factor"] == asked["max_velocity_scaling"]
    assert limits["default_acceleration_scaling_factor"] == asked["max_acceleration_scaling"]
    cartesian = read("pilz_cartesian_limits.yaml")["cartesian_limits"]
    assert cartesian["max_trans_vel"] == asked["max_tip_speed_m_s"]
    # Pilz refuses a deceleration that is not below 0.
    assert cartesian["max_trans_dec"] < 0 < cartesian["max_trans_acc"] and cartesian["max_rot_vel"] > 0


def test_the_controllers_are_the_actions_of_sim_node() -> None:
    manager, asked = read("moveit_controllers.yaml")["moveit_simple_controller_manager"], demo_parameters("motion_node")
    names = manager["controller_names"]
    assert set(names) == manager.keys() - {"controller_names"}
    served = re.findall(r'\((\w+), "(\w+)", self\._execute', Path(sim_arm.__file__).read_text())
    # As MoveItSimpleControllerManager composes them.
    composed = {(manager[name]["type"], "/".join(filter(None, (name, manager[name]["action_ns"])))) for name in names}
    assert composed <= set(served)
    assert ("FollowJointTrajectory", asked["move_group"]["controller_action"]) in composed
    assert ("GripperCommand", asked["gripper"]["name"]) in composed
    assert tuple(manager["follow_joint_trajectory"]["joints"]) == SERVOED
    assert manager["gripper_cmd"]["joints"] == [FINGERS[0]] and manager["gripper_cmd"]["max_effort"] == EFFORT_N


def test_move_group_is_started_in_place_of_the_stand_in(tmp_path: Path) -> None:
    moveit = named_packages(tmp_path, {**dict.fromkeys(PACKAGES, ""), PACKAGES[0]: "move_group"})
    program = tmp_path / "lib" / PACKAGES[0] / "move_group"
    answers = recording(tmp_path / "answers.jsonl", {"move it": "[(1, 2, 0.5)]"})
    process = launched("demo.launch.py", "planner:=move_group", "namespace:=robot1", f"answers:={answers}", **moveit)
    said = said_until_called(process, [program])
    assert "[cartesian_path_node-" not in said and "[sim_node-" in said
    # A name would be given to all nodes of the process.
    words = Path(f"{program}.called_with").read_text()
    assert "__ns:=/robot1" in words and "__node:=" not in words
    given = parameters_of(files_of(program), "move_group", "/robot1")
    assert given["robot_description"] == URDF and given["use_sim_time"] is True
    assert given["robot_description_semantic"] == (CONFIG / "tabletop_arm.srdf").read_text()
    assert given["moveit_simple_controller_manager.controller_names"] == ["follow_joint_trajectory", "gripper_cmd"]
    assert given["moveit_simple_controller_manager.gripper_cmd.action_ns"] == ""
    assert given["robot_description_kinematics.arm.kinematics_solver"].endswith("/KDLKinematicsPlugin")
    assert given["robot_description_planning.joint_limits.elbow_joint.max_acceleration"] == 10.0
    assert given["robot_description_planning.cartesian_limits.max_trans_dec"] == -1.0
    for name in given["planning_pipelines"]:
        assert given[f"{name}.planning_plugins"]
    assert given["default_planning_pipeline"] in given["planning_pipelines"]


@pytest.mark.skipif(is_installed(PACKAGES[0]), reason="MoveIt is installed")
def test_a_planner_that_is_not_installed_is_named_with_its_debian_package() -> None:
    printed = launched("demo.launch.py", "planner:=move_group").communicate(timeout=60.0)[0]
    assert "planner:=move_group needs moveit_ros_move_group, " in printed
    assert "not installed (ros-$ROS_DISTRO-moveit)" in printed and "process started" not in printed


def test_one_package_of_moveit_that_lacks_is_named_alone(tmp_path: Path) -> None:
    if is_installed(PACKAGES[-1]):
        pytest.skip("MoveIt is installed")
    process = launched(
        "demo.launch.py", "planner:=move_group", **named_packages(tmp_path, dict.fromkeys(PACKAGES[:-1], ""))
    )
    printed = process.communicate(timeout=60.0)[0]
    assert process.returncode != 0 and f"planner:=move_group needs {PACKAGES[-1]}, and that is not" in printed


def test_the_planner_is_one_of_the_arguments() -> None:
    process = launched("demo.launch.py", "--show-args")
    printed = process.communicate(timeout=60.0)[0]
    assert process.returncode == 0
    assert re.search(r"'planner':\s+what plans: .*'move_group'", printed), printed
    process = launched("demo.launch.py", "planner:=ompl")
    printed = process.communicate(timeout=60.0)[0]
    assert process.returncode != 0 and "ompl" in printed and "process started" not in printed
