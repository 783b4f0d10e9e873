"""One camera topic whose messages wait in the middleware, neither copied nor decoded, until they are asked for."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any, Final

from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node

from robotracer_ros.ros.pairing import Sample, Stash
from robotracer_ros.ros.qos import OVERRIDES, overridable, sensor_qos
from robotracer_ros.ros.serialized import read_header

# A publisher faster than its messages can be taken must not hold the taker for ever.
_MOST_TAKEN_AT_ONCE: Final = 64


class UnwatchedGroup(CallbackGroup):
    """A callback group that no executor waits for.

    An executor of rclpy asks the group before it puts an entity into its wait set. As the answer is no, a frame that
    arrives wakes nobody: the middleware keeps the last few and drops older ones, which costs an idle node next to
    nothing. Whoever wants them takes them (`Feed.collect`).

    Events of the subscription, such as rclpy's own about incompatible QoS, must stay out of the wait set as well: they
    bring the reader's status condition into it, frames that wait keep that condition true in rmw_fastrtps, and the
    executor would turn on it without end. `Feed.described` tells of incompatible QoS instead.
    """

    def can_execute(self, entity: object) -> bool:
        """Whether an executor may wait for ``entity`` and run it: never."""
        return False

    def beginning_execution(self, entity: object) -> bool:
        """Whether an executor may run ``entity`` now: never."""
        return False

    def ending_execution(self, entity: object) -> None:
        """Never called, as nothing is executed."""


class Feed:
    """The newest messages of one topic, serialized.

    Args:
        node: owns the subscription.
        topic: its name, relative or resolved.
        message_type: a message that begins with a header.
        queue_depth: how many messages the middleware keeps while nobody asks; QoS overrides change it.
        kept: how many of those collected are kept here, so that a topic may lag behind another by as many frames.
        group: an `UnwatchedGroup`.
        lock: held while ``stash`` changes; feeds that are matched with each other share one.

    Raises:
        InvalidRequest: for QoS overrides that cannot be used.
    """

    def __init__(
        self,
        node: Node,
        topic: str,
        message_type: type[Any],
        *,
        queue_depth: int,
        kept: int,
        group: UnwatchedGroup,
        lock: threading.RLock,
    ) -> None:
        self._node = node
        self._lock = lock
        self.message_type = message_type
        self.stash = Stash(kept)
        with overridable(node.resolve_topic_name(topic)):
            self._subscription = node.create_subscription(
                message_type,
                topic,
                self._arrived,
                sensor_qos(queue_depth),
                callback_group=group,
                qos_overriding_options=OVERRIDES,
                raw=True,
            )
        self.topic: str = self._subscription.topic_name

    def collect(self) -> None:
        """Take what waits in the middleware into ``stash``; call it with the lock held.

        Raises:
            BadImage: for a message whose header cannot be read.
        """
        for _ in range(_MOST_TAKEN_AT_ONCE):
            with self._subscription.handle:
                taken = self._subscription.handle.take_message(self.message_type, True)
            if taken is None:
                return
            self._arrived(*taken)

    @property
    def matched_publishers(self) -> int:
        """How many publishers this subscription hears."""
        return int(self._subscription.get_publisher_count())

    def described(self) -> str:
        """The topic with its type and publishers, and what keeps those from being heard, in words."""
        mine = f"{self.message_type.__module__.split('.')[0]}/msg/{self.message_type.__name__}"
        publishers = self._node.get_publishers_info_by_topic(self.topic)
        words = f"{self.topic} ({mine}, {len(publishers)} publisher{'' if len(publishers) == 1 else 's'}"
        foreign = sorted({info.topic_type for info in publishers} - {mine})
        if foreign:
            words += f", of type {', '.join(foreign)}"
        elif publishers and not self.matched_publishers:
            words += ", none with a QoS that matches"
        return f"{words}, {self.stash.received} received)"

    def close(self) -> None:
        """Give up the subscription."""
        self._node.destroy_subscription(self._subscription)

    def _arrived(self, data: bytes, info: Mapping[str, int]) -> None:
        # Also the callback of the subscription, for an executor that takes messages without asking the group.
        header = read_header(data)
        # Some middlewares leave the time of reception at 0; the sender's comes next.
        arrival_ns = info["received_timestamp"] or info["source_timestamp"] or time.time_ns()
        with self._lock:
            self.stash.add(Sample(header.stamp_ns, header.frame_id, arrival_ns, data))
