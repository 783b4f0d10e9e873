"""Whether a mobile base rests, as its odometry tells."""

from __future__ import annotations

import math
import threading
import time
from typing import Final

from nav_msgs.msg import Odometry
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node

from robotracer_ros.ros.qos import OVERRIDES, overridable, sensor_qos

_DEPTH: Final = 10
# Of a base that rests: metres and radians per second.
_STILL_M_S: Final = 0.01
_STILL_RAD_S: Final = 0.02


class OdometryWatch:
    """The newest speed of a base.

    Args:
        topic: nav_msgs/Odometry; the node's remappings apply.
    """

    def __init__(self, node: Node, topic: str) -> None:
        self._node = node
        self._heard = threading.Condition()
        self._heard_s = -math.inf
        self._count = 0
        self._is_still = False
        self._has_moved = False
        with overridable(node.resolve_topic_name(topic)):
            self._subscription = node.create_subscription(
                Odometry, topic, self._hear, sensor_qos(_DEPTH), callback_group=ReentrantCallbackGroup(),
                qos_overriding_options=OVERRIDES,
            )  # fmt: skip

    @property
    def topic(self) -> str:
        """Its resolved name."""
        return str(self._subscription.topic_name)

    def begin(self) -> None:
        """From now on it is told whether the base moves."""
        with self._heard:
            self._has_moved = False

    @property
    def has_moved(self) -> bool:
        """Whether any message since told of a movement."""
        return self._has_moved

    def age_s(self) -> float:
        """Since the last message, on the steady clock; infinite before the first."""
        with self._heard:
            return time.monotonic() - self._heard_s

    def wait_for_rest(self, timeout_s: float) -> bool:
        """Whether two messages in a row, both heard from now on, tell that the base does not move."""
        deadline, still = time.monotonic() + timeout_s, 0
        with self._heard:
            while still < 2:
                seen = self._count
                if not self._heard.wait_for(lambda seen=seen: self._count != seen, deadline - time.monotonic()):
                    return False
                still = still + 1 if self._is_still else 0
        return True

    def close(self) -> None:
        """Stop listening."""
        self._node.destroy_subscription(self._subscription)

    def _hear(self, message: Odometry) -> None:
        ahead, turn = message.twist.twist.linear, message.twist.twist.angular
        with self._heard:
            # NaN does not rest.
            self._is_still = math.hypot(ahead.x, ahead.y) <= _STILL_M_S and abs(turn.z) <= _STILL_RAD_S
            self._has_moved = self._has_moved or not self._is_still
            self._heard_s, self._count = time.monotonic(), self._count + 1
            self._heard.notify_all()
