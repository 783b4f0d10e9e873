"""The brake begins where the arm is, and never where a lying driver says."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rclpy.node import Node
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from robotracer_ros.ros.joint_states import JointReading
from robotracer_ros.ros.trajectories import duration_from_msg, duration_to_msg
from robotracer_ros.ros.trajectory_output import Braking, TrajectoryTopic

TRAJECTORY = JointTrajectory(
    joint_names=["a", "b"],
    points=[
        JointTrajectoryPoint(time_from_start=duration_to_msg(t), positions=[0.5 * t, -0.2 * t]) for t in (0.0, 1.0, 2.0)
    ],
)


@pytest.fixture
def node() -> Iterator[Node]:
    one = Node("brake")
    yield one
    one.destroy_node()


BRAKING = Braking(np.array([2.0, 2.0]), np.array([False, False]))
# The first joint turns without end.
ENDLESS = Braking(BRAKING.deceleration, np.array([True, False]))
TURN = 2 * np.pi


def braked(
    node: Node, readings: dict[str, JointReading], braking: Braking = BRAKING
) -> tuple[np.ndarray, float]:  # fmt: skip
    """Where the brake at 1.5 s ends, and after how long."""
    topic = TrajectoryTopic(node, SimpleNamespace(all=lambda: readings))
    sent: list[Any] = []
    topic._publisher = SimpleNamespace(publish=sent.append)
    topic.brake(TRAJECTORY, braking, 1.5)
    (point,) = sent[0].points
    assert list(sent[0].joint_names) == ["a", "b"] and list(point.velocities) == [0.0, 0.0]
    return np.array(point.positions), duration_from_msg(point.time_from_start)


def reading(position: float, velocity: float, age_s: float = 0.0) -> JointReading:
    return JointReading(position, velocity, time.monotonic() - age_s)


def test_it_ends_a_little_ahead_of_where_the_joints_are(node: Node) -> None:
    end, after_s = braked(node, {"a": reading(0.7, 0.5), "b": reading(-0.28, -0.2)})
    assert after_s == pytest.approx(0.25)
    np.testing.assert_allclose(end, [0.7 + 0.5 * 0.125, -0.28 - 0.2 * 0.125])


@pytest.mark.parametrize(
    "told",
    [
        {"a": reading(2.2, 0.5), "b": reading(-0.3, -0.2)},
        {"a": reading(float("nan"), 0.5), "b": reading(-0.3, -0.2)},
        {"a": reading(0.7, 0.5), "b": reading(-0.28, float("nan"))},
        {"a": reading(0.7 - TURN, 0.5), "b": reading(-0.28, -0.2)},
        {"a": reading(0.1, 0.0, age_s=1.0), "b": reading(0.0, 0.0, age_s=1.0)},
        {},
    ],
)
def test_what_cannot_be_believed_is_left_for_the_trajectory(node: Node, told: dict[str, JointReading]) -> None:
    end, _ = braked(node, told)
    np.testing.assert_allclose(end, [0.75 + 0.5 * 0.125, -0.3 - 0.2 * 0.125])


def test_a_joint_without_end_is_braked_at_the_angle_its_driver_tells(node: Node) -> None:
    end, _ = braked(node, {"a": reading(0.7 - TURN, 0.5), "b": reading(-0.28, -0.2)}, ENDLESS)
    np.testing.assert_allclose(end, [0.7 - TURN + 0.5 * 0.125, -0.28 - 0.2 * 0.125])


@pytest.mark.parametrize(
    ("told", "braking", "has_ended"),
    [
        ({"a": reading(1.01, 0.0), "b": reading(-0.4, 0.0)}, BRAKING, True),
        ({"a": reading(1.01 - TURN, 0.0), "b": reading(-0.4, 0.0)}, ENDLESS, True),
        ({"a": reading(1.01 - TURN, 0.0), "b": reading(-0.4, 0.0)}, BRAKING, False),
        ({"a": reading(1.01, 0.0), "b": reading(-0.4 + TURN, 0.0)}, ENDLESS, False),
        ({"a": reading(1.03, 0.0), "b": reading(-0.4, 0.0)}, ENDLESS, False),
        ({"a": reading(1.01, float("nan")), "b": reading(-0.4, 0.0)}, BRAKING, False),
        ({"a": reading(1.01, 0.0)}, BRAKING, False),
    ],
)
def test_it_has_ended_where_the_joints_are_at_the_end_and_rest(
    node: Node, told: dict[str, JointReading], braking: Braking, has_ended: bool
) -> None:
    topic = TrajectoryTopic(node, SimpleNamespace(all=lambda: told))
    topic._publisher = SimpleNamespace(publish=lambda _: None, get_subscription_count=lambda: 1)
    following = topic.begin(TRAJECTORY, braking, 0.02, 0.01, 1.0)
    assert not following.has_ended()
    following._elapsed_s = lambda: 2.1
    assert following.has_ended() == has_ended
