"""Where a robot's joints stand, as ``joint_states`` tells."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from sensor_msgs.msg import JointState

from robotracer_ros.errors import MotionRefused
from robotracer_ros.planning.robot_description import shortest
from robotracer_ros.ros.qos import OVERRIDES, overridable, sensor_qos
from robotracer_ros.ros.stamps import stamp_ns

_DEPTH: Final = 20
_LOOK_S: Final = 0.01
# A rest is looked at for so long at least: over less, what an encoder rounds is a speed.
_REST_S: Final = 0.1
# Speeds that no driver tells are taken over so long at least, for the same reason; and messages may come in a bunch.
_DIFFERENCE_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class JointReading:
    """One joint, as one message told of it.

    Attributes:
        position: radians or metres.
        velocity: per second; what the position last did where the driver tells no number, NaN before that is known.
        heard_s: on the steady clock.
        stamp_s: of the message; 0 where it has none.
        is_velocity_told: whether the driver told the velocity.
    """

    position: float
    velocity: float
    heard_s: float
    stamp_s: float = 0.0
    is_velocity_told: bool = True

    def stamped_s(self, before: JointReading) -> float:
        """Seconds by the stamps since another reading; 0 where they do not tell."""
        if self.stamp_s > 0 and before.stamp_s > 0:
            return max(self.stamp_s - before.stamp_s, 0.0)
        return 0.0

    def moved(self, before: JointReading) -> float:
        """From another reading to this; no joint turns half around between two messages, but some skip a turn."""
        return float(shortest(self.position - before.position, True))


@dataclass(slots=True)
class _Newest:
    readings: dict[str, JointReading] = field(default_factory=dict)
    since: dict[str, JointReading] = field(default_factory=dict)
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
        """Whether each of these joints is no faster than ``speed``, from now on, by what is told and by where it is.

        At least two messages of each joint, heard from now on, have to say so. Waits for at most ``timeout_s``.
        """
        began = time.monotonic()
        deadline, seen = began + timeout_s, -1
        rest = _Rest(speed)
        while (now := time.monotonic()) < deadline:
            with self._heard:
                if self._newest.count == seen:
                    self._heard.wait(deadline - now)
                seen = self._newest.count
                readings = {name: self._newest.readings.get(name) for name in names}
            for name, reading in readings.items():
                if reading is not None and reading.heard_s >= began:
                    rest.hear(name, reading)
            if rest.resting == set(names):
                return True
        return False

    def close(self) -> None:
        """Stop listening."""
        self._node.destroy_subscription(self._subscription)

    def _hear(self, message: JointState) -> None:
        now, stamp_s = time.monotonic(), stamp_ns(message.header.stamp) * 1e-9
        with self._heard:
            for index, name in enumerate(message.name[: len(message.position)]):
                told = float(message.velocity[index]) if index < len(message.velocity) else math.nan
                reading = JointReading(float(message.position[index]), told, now, stamp_s, math.isfinite(told))
                velocity = self._velocity(name, reading)
                if not reading.is_velocity_told:
                    reading = replace(reading, velocity=velocity)
                self._newest.readings[name] = reading
            self._newest.count += 1
            self._heard.notify_all()

    def _velocity(self, name: str, reading: JointReading) -> float:
        """By the positions."""
        before = self._newest.since.setdefault(name, reading)
        passed_s = reading.stamped_s(before) or reading.heard_s - before.heard_s
        if passed_s < _DIFFERENCE_S:
            return self._newest.readings[name].velocity if name in self._newest.readings else math.nan
        self._newest.since[name] = reading
        return reading.moved(before) / passed_s


class _Rest:
    """Which joints rest: by their word in every message, and by their way over a time that is long enough."""

    def __init__(self, speed: float) -> None:
        self.resting: set[str] = set()
        self._speed = speed
        self._since: dict[str, JointReading] = {}

    def hear(self, name: str, reading: JointReading) -> None:
        before = self._since.setdefault(name, reading)
        passed_s = reading.heard_s - before.heard_s
        is_slow = not reading.is_velocity_told or abs(reading.velocity) <= self._speed
        if is_slow and passed_s < _REST_S:
            return
        # Whichever clock runs slower: a simulation's, or the steady one where stamps jump.
        passed_s = min(reading.stamped_s(before) or passed_s, passed_s)
        # NaN does not rest.
        if is_slow and abs(reading.moved(before)) <= self._speed * passed_s:
            self.resting.add(name)
        else:
            self.resting.discard(name)
        self._since[name] = reading
