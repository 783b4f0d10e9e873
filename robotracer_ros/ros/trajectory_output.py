"""Where joint trajectories go to be followed: the topic ``joint_trajectory``, with a brake."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
from rclpy.node import Node
from rclpy.qos import QoSProfile
from trajectory_msgs.msg import JointTrajectory as JointTrajectoryMessage
from trajectory_msgs.msg import JointTrajectoryPoint

from robotracer_ros.errors import MotionError
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.planning.robot_description import shortest
from robotracer_ros.ros.joint_states import JointStates
from robotracer_ros.ros.qos import OVERRIDES, overridable
from robotracer_ros.ros.trajectories import duration_from_msg, duration_to_msg

_DEPTH: Final = 10
_LOOK_S: Final = 0.02
# A stop shorter than this is a blow, whatever the limits allow.
_SHORTEST_BRAKE_S: Final = 0.05
# Older than this, a joint state says little of where a moving joint is.
_FRESH_S: Final = 0.1
# Farther than this from where the trajectory is by now, joint states are not believed: a brake that begins elsewhere
# would throw the arm there.
_BELIEVED_RAD: Final = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Braking:
    """What is known of (N,) joints that have to be stopped.

    Attributes:
        deceleration: per second squared.
        endless: which are continuous, so that whole turns do not count.
    """

    deceleration: FloatArray
    endless: npt.NDArray[np.bool_]


class Following(Protocol):
    """One trajectory on its way."""

    def has_ended(self) -> bool:
        """Whether the robot has followed to the end.

        Raises:
            MotionError: when it will not.
        """
        ...

    def stop(self, timeout_s: float) -> bool:
        """Ask for rest; whether whoever moves the robot agrees within ``timeout_s``."""
        ...


class TrajectoryTopic:
    """The topic ``joint_trajectory``, as controllers of ros2_control hear it. A new message replaces what runs.

    Args:
        node: its clock is the one that trajectories run by; its remappings apply.
        joint_states: tells when a robot has arrived, and from where it brakes.
    """

    def __init__(self, node: Node, joint_states: JointStates) -> None:
        self._node = node
        self._joint_states = joint_states
        with overridable(node.resolve_topic_name("joint_trajectory")):
            self._publisher = node.create_publisher(
                JointTrajectoryMessage, "joint_trajectory", QoSProfile(depth=_DEPTH), qos_overriding_options=OVERRIDES
            )

    @property
    def name(self) -> str:
        """The topic's resolved name."""
        return self._publisher.topic_name

    @property
    def is_heard(self) -> bool:
        """Whether anybody subscribes."""
        return bool(self._publisher.get_subscription_count())

    def begin(
        self, trajectory: JointTrajectoryMessage, braking: Braking, goal_tolerance: float, rest_speed: float,
        timeout_s: float,
    ) -> Following:  # fmt: skip
        """Publish a trajectory, once somebody listens.

        Args:
            braking: of the trajectory's joints.
            goal_tolerance: from where a joint is to its last position, for the robot to have arrived.
            rest_speed: no faster, a joint rests.

        Raises:
            MotionError: when nobody subscribes within ``timeout_s``.
        """
        deadline = time.monotonic() + timeout_s
        while not self.is_heard:
            if time.monotonic() >= deadline:
                raise MotionError(f"nobody subscribes to {self.name}; start the controller, or remap joint_trajectory")
            time.sleep(_LOOK_S)
        self._publisher.publish(trajectory)
        return _OnTopic(self, self._node, self._joint_states, trajectory, braking, (goal_tolerance, rest_speed))

    def brake(self, trajectory: JointTrajectoryMessage, braking: Braking, elapsed_s: float) -> None:
        """Publish a short trajectory in whose course the joints come to rest.

        It begins where ``joint_states`` last told, or, where that is old or away from the trajectory, where the
        trajectory is after ``elapsed_s``.
        """
        names = list(trajectory.joint_names)
        now, readings = time.monotonic(), self._joint_states.all()
        positions, velocities = _planned(trajectory, elapsed_s)
        known = [readings.get(name) for name in names]
        if all(reading is not None and now - reading.heard_s < _FRESH_S for reading in known):
            told = np.array([reading.position for reading in known if reading is not None])
            told_velocities = np.array([reading.velocity for reading in known if reading is not None])
            is_near = np.abs(shortest(told - positions, braking.endless)) <= _BELIEVED_RAD
            if is_near.all() and np.isfinite(told_velocities).all():
                positions, velocities = told, told_velocities
        time_s = max(float((np.abs(velocities) / braking.deceleration).max(initial=0.0)), _SHORTEST_BRAKE_S)
        point = JointTrajectoryPoint(time_from_start=duration_to_msg(time_s))
        point.positions = (positions + velocities * time_s / 2).tolist()
        point.velocities = [0.0] * len(names)
        self._publisher.publish(JointTrajectoryMessage(joint_names=names, points=[point]))

    def close(self) -> None:
        """Stop publishing."""
        self._node.destroy_publisher(self._publisher)


class _OnTopic:
    """A trajectory that was published; it has arrived when joint states say so."""

    def __init__(
        self, topic: TrajectoryTopic, node: Node, joint_states: JointStates, trajectory: JointTrajectoryMessage,
        braking: Braking, tolerances: tuple[float, float],
    ) -> None:  # fmt: skip
        self._topic, self._clock, self._joint_states = topic, node.get_clock(), joint_states
        self._trajectory, self._braking = trajectory, braking
        self._goal_tolerance, self._rest_speed = tolerances
        self._began = self._clock.now()

    def has_ended(self) -> bool:
        if not self._topic.is_heard:
            raise MotionError(f"whoever subscribed to {self._topic.name} is gone")
        last = self._trajectory.points[-1]
        if self._elapsed_s() < duration_from_msg(last.time_from_start):
            return False
        readings = self._joint_states.all()
        return all(
            name in readings
            and abs(shortest(readings[name].position - goal, turns)) <= self._goal_tolerance
            and abs(readings[name].velocity) <= self._rest_speed
            for name, goal, turns in zip(
                self._trajectory.joint_names, last.positions, self._braking.endless, strict=True
            )
        )

    def stop(self, timeout_s: float) -> bool:
        self._topic.brake(self._trajectory, self._braking, self._elapsed_s())
        return self._topic.is_heard

    def _elapsed_s(self) -> float:
        return (self._clock.now() - self._began).nanoseconds * 1e-9


def _planned(trajectory: JointTrajectoryMessage, elapsed_s: float) -> tuple[FloatArray, FloatArray]:
    """(N,) where a trajectory is at a time, and how fast; at rest before its first point and behind its last."""
    times_s = np.array([duration_from_msg(point.time_from_start) for point in trajectory.points])
    positions = np.array([point.positions for point in trajectory.points])
    at = int(np.searchsorted(times_s, elapsed_s, side="right"))
    if at in (0, len(times_s)):
        return positions[min(at, len(times_s) - 1)], np.zeros(positions.shape[1])
    velocities = (positions[at] - positions[at - 1]) / (times_s[at] - times_s[at - 1])
    return positions[at - 1] + velocities * (elapsed_s - times_s[at - 1]), velocities
