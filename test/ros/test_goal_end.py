"""A cancelled goal ends as cancelled, also where it was stopped before rclpy noted the cancel."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from action_msgs.msg import GoalStatus
from rclpy.action import ActionServer, CancelResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node

from robotracer_ros.action import FollowTrace
from robotracer_ros.ros.action_client import SafeActionClient
from robotracer_ros.ros.executor import PoolExecutor
from robotracer_ros.ros.goal_end import end_without_success

WITHIN_S = 20.0


def answered(future: Any) -> Any:
    deadline = time.monotonic() + WITHIN_S
    while not future.done():
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return future.result()


@pytest.mark.parametrize(("is_cancelled", "status"), [(True, "STATUS_CANCELED"), (False, "STATUS_ABORTED")])
def test_a_goal_that_its_cancel_stopped_ends_as_cancelled(
    make_node: Callable[..., Node], spin: Callable[..., Any], is_cancelled: bool, status: str
) -> None:
    node, stopped = make_node("server"), threading.Event()

    def cancel(_: Any) -> CancelResponse:
        stopped.set()
        # The goal's thread is ahead of rclpy now.
        time.sleep(0.2)
        return CancelResponse.ACCEPT

    def execute(handle: Any) -> FollowTrace.Result:
        stopped.wait(WITHIN_S if is_cancelled else 0.0)
        end_without_success(handle, cancelled=is_cancelled)
        return FollowTrace.Result()

    group = ReentrantCallbackGroup()
    server = ActionServer(node, FollowTrace, "follow", execute, cancel_callback=cancel, callback_group=group)
    client = SafeActionClient(node, FollowTrace, "follow", callback_group=group)
    spin(node, PoolExecutor(4))
    assert client.wait_for_server(timeout_sec=WITHIN_S)
    handle = answered(client.send_goal_async(FollowTrace.Goal()))
    if is_cancelled:
        assert len(answered(handle.cancel_goal_async()).goals_canceling) == 1
    assert answered(handle.get_result_async()).status == getattr(GoalStatus, status)
    client.destroy()
    server.destroy()


def test_a_cancel_that_never_comes_ends_as_aborted() -> None:
    ended: list[str] = []
    handle = SimpleNamespace(
        is_cancel_requested=False, is_active=True, abort=lambda: ended.append("aborted"),
        canceled=lambda: ended.append("cancelled"),
    )  # fmt: skip
    end_without_success(handle, cancelled=True)
    assert ended == ["aborted"]
