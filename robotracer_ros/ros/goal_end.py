"""How an action server ends a goal that did not succeed."""

from __future__ import annotations

import time
from typing import Any, Final

# rclpy notes a cancel right after the cancel callback returned.
_NOTED_WITHIN_S: Final = 1.0
_LOOK_S: Final = 0.005


def end_without_success(handle: Any, *, cancelled: bool) -> None:
    """End a goal as cancelled or as aborted.

    rclpy lets a goal end as cancelled only after the cancel callback has returned, and refuses the cancel of a goal
    that ended before. So whoever was stopped by that callback waits for it here.

    Args:
        handle: the goal's, of rclpy.
        cancelled: whether its cancel callback stopped it. A goal that rclpy then never calls cancelled is aborted.
    """
    deadline = time.monotonic() + _NOTED_WITHIN_S
    while cancelled and not handle.is_cancel_requested and time.monotonic() < deadline:
        time.sleep(_LOOK_S)
    if cancelled and handle.is_cancel_requested:
        handle.canceled()
    elif handle.is_active:
        handle.abort()
