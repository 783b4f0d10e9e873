"""The buffer applications hold: lookups that wait, futures, and forgetting when simulated time jumps back."""

import threading
import time as wall
from collections.abc import Callable
from typing import Any

from geometry_msgs.msg import TransformStamped
from rclpy.clock import Clock, JumpThreshold, TimeJump
from rclpy.duration import Duration
from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.task import Future
from rclpy.time import Time
from tf2_msgs.srv import FrameGraph

from tf2_ros.buffer_core import BufferCore

NO_WAIT = Duration()

# A smaller step back is jitter of the clock, not a restart.
RESTART = Duration(seconds=-1)


class Buffer(BufferCore):
    """A `BufferCore` whose questions may wait for data that arrives in another thread.

    With a `node` it serves `tf2_frames` beside that node and empties itself when the node's clock jumps back by a
    second or more, or changes its source. Waiting always goes by wall time, so it ends even if simulated time stops.
    """

    def __init__(self, cache_time: Duration | None = None, node: Node | None = None) -> None:
        super().__init__(cache_time)
        self._changed = threading.Condition(self._lock)
        self._pending: list[tuple[Future, str, str, Time]] = []
        if node is not None:
            self._service = node.create_service(FrameGraph, "tf2_frames", self._answer_frames)
            threshold = JumpThreshold(min_forward=None, min_backward=RESTART, on_clock_change=True)
            self._jump_handle = node.get_clock().create_jump_callback(threshold, post_callback=self._on_time_jump)

    def set_transform(self, transform: TransformStamped, authority: str) -> None:
        """Store one sample of a moving edge and wake who waits for it; see `BufferCore.set_transform`."""
        super().set_transform(transform, authority)
        self._announce()

    def set_transform_static(self, transform: TransformStamped, authority: str) -> None:
        """Store a fixed edge and wake who waits for it; see `BufferCore.set_transform_static`."""
        super().set_transform_static(transform, authority)
        self._announce()

    def lookup_transform(
        self, target_frame: str, source_frame: str, time: Time, timeout: Duration = NO_WAIT
    ) -> TransformStamped:
        """`target_from_source` at a time, waiting up to `timeout` for it.

        Raises LookupException, ConnectivityException, ExtrapolationException or InvalidArgumentException, after a
        vain wait too. TypeError for a timeout that is no Duration.
        """
        self.can_transform(target_frame, source_frame, time, timeout)
        return self.lookup_transform_core(target_frame, source_frame, time)

    def lookup_transform_full(
        self,
        target_frame: str,
        target_time: Time,
        source_frame: str,
        source_time: Time,
        fixed_frame: str,
        timeout: Duration = NO_WAIT,
    ) -> TransformStamped:
        """`lookup_transform` between two times, joined in a frame that did not move meanwhile."""
        question = (target_frame, target_time, source_frame, source_time, fixed_frame)
        self.can_transform_full(*question, timeout)
        return self.lookup_transform_full_core(*question)

    def can_transform(
        self,
        target_frame: str,
        source_frame: str,
        time: Time,
        timeout: Duration = NO_WAIT,
        return_debug_tuple: bool = False,
    ) -> int | tuple[int, str]:
        """1 where `lookup_transform` would answer, else 0; with `return_debug_tuple` the reason beside it."""
        answer = self._await(lambda: self.can_transform_core(target_frame, source_frame, time), timeout)
        return answer if return_debug_tuple else answer[0]

    def can_transform_full(
        self,
        target_frame: str,
        target_time: Time,
        source_frame: str,
        source_time: Time,
        fixed_frame: str,
        timeout: Duration = NO_WAIT,
        return_debug_tuple: bool = False,
    ) -> int | tuple[int, str]:
        """1 where `lookup_transform_full` would answer, else 0; with `return_debug_tuple` the reason beside it."""
        question = (target_frame, target_time, source_frame, source_time, fixed_frame)
        answer = self._await(lambda: self.can_transform_full_core(*question), timeout)
        return answer if return_debug_tuple else answer[0]

    def wait_for_transform_async(self, target_frame: str, source_frame: str, time: Time) -> Future:
        """A future of `target_from_source`, fulfilled by the `set_transform` that makes it known."""
        request = (Future(), target_frame, source_frame, time)
        with self._lock:
            # Asked once here, so that a wrong argument fails its caller and not the next sender of a transform.
            self.can_transform_core(target_frame, source_frame, time)
            self._pending.append(request)
        self._fulfil_pending()
        return request[0]

    async def lookup_transform_async(self, target_frame: str, source_frame: str, time: Time) -> TransformStamped:
        """`lookup_transform` for a coroutine: waits without blocking and without a time limit."""
        await self.wait_for_transform_async(target_frame, source_frame, time)
        return self.lookup_transform_core(target_frame, source_frame, time)

    def _await(self, probe: Callable[[], tuple[int, str]], timeout: Duration) -> tuple[int, str]:
        answer = probe()
        if timeout == NO_WAIT:
            return answer
        # The sum is not needed; making it refuses what is no Duration with rclpy's own words.
        Clock().now() + timeout
        deadline_s = wall.monotonic() + timeout.nanoseconds / 1e9
        with self._changed:
            while not (answer := probe())[0]:
                left_s = deadline_s - wall.monotonic()
                if left_s <= 0.0:
                    break
                self._changed.wait(left_s)
        return answer

    def _announce(self) -> None:
        with self._changed:
            self._changed.notify_all()
        self._fulfil_pending()

    def _fulfil_pending(self) -> None:
        """Fulfil the futures that can be, outside the lock: their callbacks are anybody's code."""
        fulfilled: list[tuple[Future, TransformStamped]] = []
        with self._lock:
            waiting = []
            for future, *question in self._pending:
                # rclpy does not count a cancelled future as done.
                if future.done() or future.cancelled():
                    continue
                if self.can_transform_core(*question)[0]:
                    fulfilled.append((future, self.lookup_transform_core(*question)))
                else:
                    waiting.append((future, *question))
            self._pending = waiting
        for future, transform in fulfilled:
            future.set_result(transform)

    def _on_time_jump(self, _jump: TimeJump) -> None:
        get_logger("tf2_buffer").warning("Detected jump back in time. Clearing tf buffer.")
        self.clear()

    def _answer_frames(self, _request: Any, response: FrameGraph.Response) -> FrameGraph.Response:
        response.frame_yaml = self.all_frames_as_yaml()
        return response
