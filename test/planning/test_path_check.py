"""Where the tip goes on the way counts, and how it turns there, not only where it ends."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from planning.arms import pose, recorded

from robotracer_ros.errors import MotionRefused
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.planning.cartesian import follow_poses
from robotracer_ros.planning.kinematics import Arm
from robotracer_ros.planning.motion_check import MotionRules, require_no_jump, require_whole
from robotracer_ros.planning.path_check import require_on_path
from robotracer_ros.planning.robot_description import RobotDescription
from robotracer_ros.planning.trajectory import JointTrajectory

RULES = MotionRules()
PANDA = ("panda_link8", "panda_link0")


@pytest.mark.parametrize("name", ["line_down_10cm", "square_10cm", "arc_9pt_scaling_0.1"])
def test_moveits_good_answers_pass(name: str) -> None:
    motion, waypoints = moveits(name)
    robot = RobotDescription.from_urdf(recorded("panda.urdf"))
    require_whole(motion, robot, motion.joint_names)
    require_no_jump(motion, RULES)
    require_on_path(motion, robot, *PANDA, waypoints, RULES)


def test_moveits_partial_answer_is_found_out() -> None:
    motion, waypoints = moveits("partly_unreachable_line")
    robot = RobotDescription.from_urdf(recorded("panda.urdf"))
    with pytest.raises(MotionRefused, match=r"would end 0\.\d+ m and 0\.\d+ rad from waypoint 1; max_path"):
        require_on_path(motion, robot, *PANDA, waypoints, RULES)


def test_a_tip_that_leaves_the_line_or_turns_is_found_out() -> None:
    motion, waypoints = moveits("line_down_10cm")
    robot = RobotDescription.from_urdf(recorded("panda.urdf"))
    share = np.linspace(0, 1, len(motion.times_s))[:, None]
    bent = replace(motion, positions=motion.positions + 0.1 * np.sin(np.pi * share))
    with pytest.raises(MotionRefused, match=r"panda_link8 would leave the path by .* near the line to waypoint 1;"):
        require_on_path(bent, robot, *PANDA, waypoints, RULES)
    turned = replace(motion, positions=motion.positions + 0.2 * share * (np.arange(7) == 6))
    with pytest.raises(MotionRefused, match=r"0\.2000 rad from waypoint 1"):
        require_on_path(turned, robot, *PANDA, waypoints, RULES)


def moveits(name: str) -> tuple[JointTrajectory, Any]:
    """A recorded answer with the waypoints that were asked for."""
    points = recorded("cartesian_points.json")[name]
    case = next(case for case in recorded("cartesian.json") if case["name"] == name.replace("_0.01", "_0.05"))
    motion = JointTrajectory(
        tuple(points["joint_names"]),
        *(np.array(points[part]) for part in ("time_from_start", "positions", "velocities", "accelerations")),
    )
    return motion, np.array([pose(waypoint) for waypoint in case["request"]["waypoints"]])


@pytest.fixture(scope="module")
def panda() -> Arm:
    return Arm(recorded("panda.urdf"), "panda_link8")


def check(panda: Arm, followed: list[FloatArray], asked: list[FloatArray]) -> None:
    """Hold a motion along poses, from where the arm is ready, against the path that was asked for."""
    found = follow_poses(panda, ready(panda), np.array(followed), 0.01)
    assert found.fraction == 1.0
    times_s = np.linspace(0, 10, len(found.joints))
    velocities = np.gradient(found.joints, times_s, axis=0)
    velocities[[0, -1]] = 0
    motion = JointTrajectory(panda.joint_names, times_s, found.joints, velocities, np.zeros_like(velocities))
    # Cubics only: the accelerations are not those of this motion.
    robot = RobotDescription.from_urdf(recorded("panda.urdf"))
    require_on_path(motion, robot, *PANDA, np.array(asked), RULES)


def ready(panda: Arm) -> FloatArray:
    joints = recorded("ready.json")["joints"]
    return np.array([joints[name] for name in panda.joint_names])


def moved(tip: FloatArray, down_m: float, turned_rad: float = 0.0) -> FloatArray:
    one, cosine, sine = tip.copy(), np.cos(turned_rad), np.sin(turned_rad)
    one[2, 3] -= down_m
    one[:3, :3] = tip[:3, :3] @ [[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]]
    return one


def test_a_tool_that_turns_on_the_way_and_back_is_found_out(panda: Arm) -> None:
    tip = panda.tip(ready(panda))
    swinging = [moved(tip, 0.1 * share, np.sin(np.pi * share)) for share in np.linspace(0.05, 1, 20)]
    with pytest.raises(MotionRefused, match=r"0\.\d+ rad off what is left .*; .*max_path_rotation_rad 0.05"):
        check(panda, swinging, [moved(tip, 0.1)])
    # It does where it is asked to.
    check(panda, swinging, swinging)
    with pytest.raises(MotionRefused, match=r"would pass 0\.\d+ m and 0\.\d+ rad from waypoint \d+; max_path"):
        check(panda, [moved(tip, 0.1)], swinging)


def test_a_tool_turns_with_its_way_and_not_before(panda: Arm) -> None:
    tip = panda.tip(ready(panda))
    check(panda, [moved(tip, 0.1, 0.5)], [moved(tip, 0.1, 0.5)])
    with pytest.raises(MotionRefused, match="rad off what is left of the path"):
        check(panda, [moved(tip, 0.01, 0.5), moved(tip, 0.1, 0.5)], [moved(tip, 0.1, 0.5)])


def test_a_tip_goes_back_only_where_it_is_asked_to(panda: Arm) -> None:
    tip = panda.tip(ready(panda))
    half, down = moved(tip, 0.05), moved(tip, 0.1)
    check(panda, [down, tip, down], [down, tip, down])
    for asked in ([down], [half, down]):
        with pytest.raises(MotionRefused, match=r"0\.01\d+ m and 0\.0000 rad off what is left of the path .* through"):
            check(panda, [down, tip, down], asked)
    with pytest.raises(MotionRefused, match="off what is left"):
        check(panda, [down, tip, down], [half, tip, down, half, down])


def test_a_lie_of_accelerations_is_found_out() -> None:
    """Controllers go by them between the points."""
    motion, waypoints = moveits("line_down_10cm")
    robot = RobotDescription.from_urdf(recorded("panda.urdf"))
    wild = replace(motion, accelerations=motion.accelerations + 200.0)
    with pytest.raises(MotionRefused, match="would leave the path by"):
        require_on_path(wild, robot, *PANDA, waypoints, RULES)
