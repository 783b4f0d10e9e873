"""Where a robot's joints stand, as ``joint_states`` tells."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from sensor_msgs.msg import JointState

from robotracer_ros.errors import MotionRefused
from robotracer_ros.ros.qos import OVERRIDES, overridable, sensor_qos

_DEPTH: Final = 20
_LOOK_S: Final = 0.01


@dataclass(frozen=True, slots=True)
class JointReading:
    """One joint: radians or metres, per second, and when it was heard on the steady clock, seconds.

    ``velocity`` is what the position did since the reading before where the driver tells none.
    """

    position: float
    velocity: float
    heard_s: float


@dataclass(slots=True)
class _Newest:
    readings: dict[str, JointReading] = field(default_factory=dict)
    count: int = 0


class JointStates:
    """The newest position and velocity of every joint; several publishers may tell of different joints.

    Args:
        node: its remappings apply to ``joint_states``.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._heard = threading.Condition()
        self._newest = _Newest()
        with overridable(node.resolve_topic_name("joint_states")):
            self._subscription = node.create_subscription(
                JointState, "joint_states", self._hear, sensor_qos(_DEPTH), callback_group=ReentrantCallbackGroup(),
                qos_overriding_options=OVERRIDES,
            )  # fmt: skip

    def positions(self, names: tuple[str, ...] | list[str], max_age_s: float) -> dict[str, float]:
        """Of these joints.

        Raises:
            MotionRefused: naming the joints nothing was heard of within ``max_age_s``.
        """
        return {name: reading.position for name, reading in self.readings(names, max_age_s).items()}

    def readings(self, names: tuple[str, ...] | list[str], max_age_s: float) -> dict[str, JointReading]:
        """As `positions`, with velocities.

        Raises:
            MotionRefused: as `positions`.
        """
        with self._heard:
            known = dict(self._newest.readings)
        oldest = time.monotonic() - max_age_s
        silent = [name for name in names if name not in known or known[name].heard_s < oldest]
        if silent:
            heard = ", ".join(sorted(known)) or "no joint"
            raise MotionRefused(
                f"{self._subscription.topic_name} told nothing of {', '.join(silent)} within {max_age_s:g} s; it told "
                f"of {heard}"
            )
        return {name: known[name] for name in names}

    def all(self) -> Mapping[str, JointReading]:
        """Every joint ever heard of."""
        with self._heard:
            return dict(self._newest.readings)

    def wait(self, names: tuple[str, ...] | list[str], max_age_s: float, timeout_s: float) -> dict[str, float]:
        """`positions` as soon as they are there, for at most ``timeout_s`` on the steady clock.

        Raises:
            MotionRefused: as `positions`.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                return self.positions(names, max_age_s)
            except MotionRefused:
                if time.monotonic() >= deadline:
                    raise
            with self._heard:
                self._heard.wait(min(_LOOK_S * 10, max(deadline - time.monotonic(), 0.0)))

    def wait_for_rest(self, names: tuple[str, ...] | list[str], speed: float, timeout_s: float) -> bool:
        """Whether two messages in a row, both heard from now on, tell that no joint is faster than ``speed``.

        Waits for at most ``timeout_s``.
        """
        began = time.monotonic()
        deadline, still, seen = began + timeout_s, 0, -1
        while (now := time.monotonic()) < deadline:
            with self._heard:
                if self._newest.count == seen:
                    self._heard.wait(deadline - now)
                seen = self._newest.count
                readings = [self._newest.readings.get(name) for name in names]
            if all(reading is not None and reading.heard_s >= began for reading in readings):
                moving = any(abs(reading.velocity) > speed for reading in readings if reading is not None)
                still = 0 if moving else still + 1
                if still >= 2:
                    return True
        return False

    def close(self) -> None:
        """Stop listening."""
        self._node.destroy_subscription(self._subscription)

    def _hear(self, message: JointState) -> None:
        now = time.monotonic()
        with self._heard:
            for index, name in enumerate(message.name[: len(message.position)]):
                position, before = float(message.position[index]), self._newest.readings.get(name)
                if index < len(message.velocity):
                    velocity = float(message.velocity[index])
                elif before is not None and now > before.heard_s:
                    velocity = (position - before.position) / (now - before.heard_s)
                else:
                    velocity = 0.0
                self._newest.readings[name] = JointReading(position, velocity, now)
            self._newest.count += 1
            self._heard.notify_all()
