"""A follower is made anew where what it uses changed, and kept otherwise."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is absent")

from rclpy.node import Node

from robotracer_ros.errors import BackendUnavailable, NotActive
from robotracer_ros.motion.follower import StopSign
from robotracer_ros.nodes.chosen_follower import ChosenFollower
from robotracer_ros.nodes.motion_parameters import MOTION_PARAMETERS, MotionParameters
from robotracer_ros.ros.description import DescriptionSource
from robotracer_ros.ros.frames import Frames
from robotracer_ros.ros.joint_states import JointStates

TABLE = {parameter.name: parameter.default for parameter in MOTION_PARAMETERS}
UNUSED = {"approval_timeout_s": 1.0, "allow_execution": True, "clearance_m": 0.02, "lift_m": 0.1}


@pytest.fixture
def chosen() -> Iterator[ChosenFollower]:
    node = Node("choosing")
    with (
        closing(Frames(node)) as frames, closing(JointStates(node)) as joints,
        closing(DescriptionSource(node, "")) as description,
    ):  # fmt: skip
        yield ChosenFollower(node, frames, joints, description)
    node.destroy_node()


def opened(chosen: ChosenFollower, **values: Any) -> Any:
    chosen.open(MotionParameters({**TABLE, **values}))
    return chosen._follower


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ({"follower": "path_topic"}, {"path_topic.topic": "elsewhere", "planning_frame": "odom"}),
        (
            {"follower": "move_group", "gripper.kind": "set_bool", "gripper.name": "grip"},
            {"max_velocity_scaling": 0.2, "tip_link": "hand", "gripper.name": "other", "transform_timeout_s": 2.0},
        ),
        (
            {"follower": "nav2", "kind": "ground", "planning_frame": "map"},
            {"nav2.odometry_age_s": 2.0, "planning_frame": "odom"},
        ),
    ],
)
def test_only_what_it_uses_makes_it_anew(chosen: ChosenFollower, given: dict[str, Any], used: dict[str, Any]) -> None:
    pytest.importorskip("nav2_msgs" if given["follower"] == "nav2" else "moveit_msgs")
    first = opened(chosen, **given)
    assert opened(chosen, **given, **UNUSED) is first
    for name, value in used.items():
        assert opened(chosen, **{**given, name: value}) is not first
        first = opened(chosen, **given)
    chosen.close()
    with pytest.raises(NotActive):
        chosen.plan([], StopSign())
    assert opened(chosen, **given) is not first
    chosen.close()


def test_a_package_that_lacks_is_named(chosen: ChosenFollower, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nav2_msgs", None)
    with pytest.raises(BackendUnavailable, match="the follower nav2 needs nav2_msgs"):
        opened(chosen, follower="nav2", kind="ground", planning_frame="map")
