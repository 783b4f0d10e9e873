"""An action client that drops no answer and may be destroyed, however many threads its executor has."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

from rclpy.action import ActionClient
from rclpy.exceptions import InvalidHandle
from rclpy.task import Future


class SafeActionClient(ActionClient):
    """rclpy's action client, with the lock that its service client has, and an orderly end.

    rclpy sends a request, and only then notes its number. An answer that another thread takes in between is dropped
    with "Ignoring unexpected goal response", and whoever asked waits for ever; on a busy machine one in some dozens is.

    rclpy's executor lists what it will wait for and asks each thing later; a client destroyed in between ends it with
    RCLError. This one leaves the executor first.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Before the executor hears of the client.
        self._sending = threading.Lock()
        super().__init__(*args, **kwargs)

    def send_goal_async(self, *args: Any, **kwargs: Any) -> Future:
        """As rclpy's."""
        with self._sending:
            return super().send_goal_async(*args, **kwargs)

    def _cancel_goal_async(self, goal_handle: Any) -> Future:
        with self._sending:
            return super()._cancel_goal_async(goal_handle)

    def _get_result_async(self, goal_handle: Any) -> Future:
        with self._sending:
            return super()._get_result_async(goal_handle)

    async def execute(self, taken_data: Any) -> None:
        """Hand out answers, once the numbers of all requests sent so far are noted."""
        with self._sending:
            pass
        await super().execute(taken_data)

    def destroy(self) -> None:
        """Leave the executor, then go."""
        self._node.remove_waitable(self)
        self._client_handle.destroy_when_not_in_use()

    def add_to_wait_set(self, wait_set: Any) -> None:
        """Nothing to wait for, once destroyed."""
        with suppress(InvalidHandle), self._client_handle:
            super().add_to_wait_set(wait_set)
