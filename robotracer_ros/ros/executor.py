"""Executors: one whose callbacks run in a pool of threads, and that rests while they do, and one for a block."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final, TypeVar

import rclpy
from rclpy.context import Context
from rclpy.exceptions import InvalidHandle
from rclpy.executors import Executor, ShutdownException, SingleThreadedExecutor, TimeoutException
from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.task import Task

AnyNode = TypeVar("AnyNode", bound=Node)

# With every thread busy, how long to wait for one before signals are looked at again.
_BUSY_S: Final = 0.2


class PoolExecutor(Executor):
    """What rclpy's MultiThreadedExecutor is, without its busy loop.

    That one hands a callback to its pool and goes on at once. Until the pool's thread gets hold of the interpreter,
    which may take 5 ms, it finds the same callback ready again and hands it over again, thousands of times a second. A
    clock of 100 Hz beside transforms of 50 Hz keep it there for good: a whole core is spent, and transforms queue up
    behind the copies until they come too late. Here the loop waits until the callback has been taken up.

    An exception of a callback is logged and ends neither the executor nor the node.

    Args:
        threads: how many callbacks run at the same time.
        context: rclpy's default one when None.
    """

    def __init__(self, threads: int, *, context: Context | None = None) -> None:
        super().__init__(context=context)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="callback")

    def spin_once(self, timeout_sec: float | None = None) -> None:
        """Wait for one callback and have it run.

        Raises:
            ExternalShutdownException: when the context has been shut down.
        """
        try:
            task, _, _ = self.wait_for_ready_callbacks(timeout_sec=timeout_sec)
        except (ShutdownException, TimeoutException):
            return
        taken_up = threading.Event()
        self._pool.submit(_run, task, taken_up)
        taken_up.wait(_BUSY_S)


def _run(task: Task, taken_up: threading.Event) -> None:
    taken_up.set()
    task()
    error = task.exception() if task.done() else None
    if isinstance(error, InvalidHandle):
        get_logger("robotracer_ros").debug(f"what a callback was for was destroyed before it ran: {error}")
    elif error is not None:
        words = "".join(traceback.format_exception(error))
        get_logger("robotracer_ros").error(f"a callback failed:\n{words}")


@contextmanager
def spinning(node: AnyNode) -> Iterator[AnyNode]:
    """A node that spins in a thread of its own until the block ends, and is destroyed then."""
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    ended = threading.Event()

    def spin() -> None:
        while not ended.is_set() and rclpy.ok():
            executor.spin_once(timeout_sec=0.1)

    thread = threading.Thread(target=spin, daemon=True)
    thread.start()
    try:
        yield node
    finally:
        ended.set()
        thread.join(timeout=2.0)
        executor.shutdown(timeout_sec=1.0)
        node.destroy_node()
