"""Requests that no recorded one is like, read and answered without a node around."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from planning.arms import PLANAR

pytest.importorskip("pinocchio")
pytest.importorskip("moveit_msgs")

from moveit_msgs.msg import JointConstraint
from moveit_msgs.srv import GetCartesianPath
from nodes.panda import waypoint

from robotracer_ros.errors import MotionRefused
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.nodes.cartesian_group import PlanningGroup
from robotracer_ros.nodes.cartesian_motion import CartesianMotion, follow
from robotracer_ros.nodes.cartesian_parameters import CARTESIAN_PARAMETERS, CartesianParameters
from robotracer_ros.nodes.cartesian_requests import read_request
from robotracer_ros.nodes.moveit_errors import CodedError, code_name
from robotracer_ros.planning.motion_check import require_whole
from robotracer_ros.planning.timing import timed

START = {"shoulder": 0.3, "elbow": 1.0}
DEFAULTS = {parameter.name: parameter.default for parameter in CARTESIAN_PARAMETERS}
# A third joint turns the tip, so that it can go straight without turning.
TURNING = PLANAR.replace(
    '<joint name="end" type="fixed">', '<joint name="end" type="revolute"><limit lower="-3" upper="3" velocity="2" '
    'effort="1"/><axis xyz="0 0 1"/>',
)  # fmt: skip


def arm(urdf: str = TURNING, **parameters: Any) -> PlanningGroup:
    return PlanningGroup(urdf, CartesianParameters({**DEFAULTS, "tip_link": "tip", **parameters}))


@pytest.fixture(scope="module")
def group() -> PlanningGroup:
    return arm()


def request(group: PlanningGroup, **fields: Any) -> GetCartesianPath.Request:
    """10 cm aside."""
    place = group.tip.tip([0.3, 1.0, -1.3])[:3, 3] + (-0.1, 0.0, 0.0)
    message = GetCartesianPath.Request(group_name="arm", max_step=0.01, waypoints=[waypoint([*place, 0, 0, 0, 1])])
    for name, value in fields.items():
        setattr(message, name, value)
    return message


def answer(group: PlanningGroup, message: GetCartesianPath.Request) -> CartesianMotion:
    def joints_now(names: Any) -> Any:
        return {**START, "end": -1.3}

    def transforms(base: str, frame: str, _stamp_ns: int) -> RigidTransform:
        return RigidTransform.identity(base)

    return follow(read_request(message, group, "arm", (1.0, 1.0), joints_now, transforms), group, 0.1)


@pytest.mark.parametrize(
    "fields",
    [
        {"jump_threshold": -1.0},
        {"revolute_jump_threshold": -1.0},
        {"prismatic_jump_threshold": -1.0},
        {"cartesian_speed_limited_link": "no_such_link"},
        {"max_step": float("inf")},
    ],
    ids=str,
)
def test_what_moveit_does_not_look_at_is_taken(group: PlanningGroup, fields: Any) -> None:
    motion = answer(group, request(group, **fields))
    assert motion.fraction == 1.0
    usual = answer(group, request(group))
    np.testing.assert_allclose(motion.trajectory.positions[-1], usual.trajectory.positions[-1], atol=1e-4)


def test_constraints_are_refused_and_their_name_is_not(group: PlanningGroup) -> None:
    message = request(group)
    message.path_constraints.name = "none"
    assert answer(group, message).fraction == 1.0
    message.path_constraints.joint_constraints = [JointConstraint(joint_name="elbow")]
    assert refused(group, message) == "FAILURE"


def refused(group: PlanningGroup, message: GetCartesianPath.Request) -> str:
    with pytest.raises(CodedError) as caught:
        answer(group, message)
    return code_name(caught.value.moveit_code)


@pytest.mark.parametrize("speed_m_s", [1e-9, 1e-12, 1e-308])
def test_a_motion_ends_within_a_day(group: PlanningGroup, speed_m_s: float) -> None:
    assert refused(group, request(group, max_cartesian_speed=speed_m_s)) == "FAILURE"


@pytest.mark.parametrize("scaling", [1e-5, 1e-7, 1e-9, 1e-12, 1e-300])
def test_a_small_scaling_makes_no_endless_trajectory(group: PlanningGroup, scaling: float) -> None:
    message = request(group, max_velocity_scaling_factor=scaling, max_acceleration_scaling_factor=scaling)
    if scaling < 1e-6:
        assert refused(group, message) == "FAILURE"
    else:
        assert len(answer(group, message).trajectory.times_s) <= 20_002


def test_a_stamp_before_all_time_is_named(group: PlanningGroup) -> None:
    message = request(group)
    message.header.frame_id = "elsewhere"
    message.header.stamp.sec = -1
    assert refused(group, message) == "FRAME_TRANSFORM_FAILURE"


@pytest.mark.parametrize("far_m", [307.0, 1e200, 1e300])
def test_a_waypoint_far_away_says_how_far(group: PlanningGroup, far_m: float) -> None:
    message = request(group)
    message.waypoints[0].position.x = far_m
    with pytest.raises(CodedError, match=r"a line of (305\.777|1e\+[23]00) m"):
        answer(group, message)


def test_a_path_ends_where_its_waypoint_is_out_of_reach(group: PlanningGroup) -> None:
    message = request(group)
    message.waypoints[0].position.x = 50.0
    motion = answer(group, message)
    assert 0 < motion.fraction < 0.05
    assert "waypoint 1 cannot be reached" in motion.reason


def test_a_group_is_no_faster_than_its_parameters() -> None:
    slow = arm(max_velocity_rad_s=[0.5])
    assert {slow.robot.joints[name].velocity for name in slow.tip.joint_names} == {0.5}
    names = ("shoulder", "elbow", "end")
    path = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    motion = timed(names, path, np.full(3, 1.5), np.full(3, 9.0))
    require_whole(motion, arm().robot, names)
    with pytest.raises(MotionRefused, match=r"shoulder would go at 0\.9"):
        require_whole(motion, slow.robot, names)
