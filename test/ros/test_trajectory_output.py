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
from robotracer_ros.ros.trajectory_output import TrajectoryTopic

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


def braked(node: Node, readings: dict[str, JointReading]) -> tuple[np.ndarray, float]:
    """Where the brake at 1.5 s ends, and after how long."""
    topic = TrajectoryTopic(node, SimpleNamespace(all=lambda: readings))
    sent: list[Any] = []
    topic._publisher = SimpleNamespace(publish=sent.append)
    topic.brake(TRAJECTORY, np.array([2.0, 2.0]), 1.5)
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
        {"a": reading(0.1, 0.0, age_s=1.0), "b": reading(0.0, 0.0, age_s=1.0)},
        {},
    ],
)
def test_what_cannot_be_believed_is_left_for_the_trajectory(node: Node, told: dict[str, JointReading]) -> None:
    end, _ = braked(node, told)
    np.testing.assert_allclose(end, [0.75 + 0.5 * 0.125, -0.3 - 0.2 * 0.125])
