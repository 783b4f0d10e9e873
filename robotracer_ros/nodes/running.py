"""How every node of this package runs until it is told to stop."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

import rclpy
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException
from rclpy.signals import SignalHandlerOptions

from robotracer_ros.errors import RobotracerError
from robotracer_ros.ros.executor import PoolExecutor

# How long the executor waits for work; a signal that arrives meanwhile is seen after that long at the latest.
_SPIN_S: Final = 0.5
_SETTLE_S: Final = 0.05
# In which the results of what has just ended leave the node.
_LAST_WORDS_S: Final = 0.1
# How long a request that runs may still take; launch loses its patience with a process after 5 s.
_LAST_REQUEST_S: Final = 2.0


class RunnableNode(Protocol):
    """An rclpy node that can be told that its end is near."""

    def settle(self, timeout_s: float) -> bool:
        """Begin nothing any more, end what waits, and wait for what runs; whether that ended within ``timeout_s``.

        Called beside the executor, whose callbacks go on.
        """
        ...

    def destroy_node(self) -> None:
        """Free everything."""
        ...


def run(make_node: Callable[[], RunnableNode], args: list[str] | None, *, threads: int) -> int:
    """Spin a node on ``threads`` threads until SIGINT, SIGTERM or a shutdown; returns the exit code.

    The signals are taken here: rclpy's handler raises KeyboardInterrupt wherever the main thread happens to be, in the
    middle of freeing a model too, and a spin without a time-out can sleep through one. A second one ends the process.

    A request that runs is answered if it ends soon. One that hangs in a model is left behind: Python would join its
    thread before the process may end.
    """
    stop = threading.Event()

    def told_to_stop(number: int, _frame: object) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, told_to_stop)
    try:
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
        node = make_node()
    # rclpy raises RuntimeError for arguments it cannot read, and its own for parameters every node has.
    except (RobotracerError, RuntimeError, ParameterException) as error:
        name = error.code_name if isinstance(error, RobotracerError) else type(error).__name__
        rclpy.logging.get_logger("robotracer_ros").fatal(f"cannot start: {name}: {error}")
        rclpy.try_shutdown()
        return 1
    executor = PoolExecutor(threads)
    executor.add_node(node)
    try:
        while rclpy.ok() and not stop.is_set():
            executor.spin_once(timeout_sec=_SPIN_S)
    except ExternalShutdownException:
        node.get_logger().debug("shut down from outside")
    finally:
        # rclpy's own shutdown of an executor waits for no callback.
        has_settled = _settled(node, executor)
        # A callback that has just ended still wakes the executor; one that is gone by then answers with a warning.
        time.sleep(_SETTLE_S)
        executor.shutdown(timeout_sec=1.0)
        node.destroy_node()
        rclpy.try_shutdown()
    if not has_settled:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
    return 0


def _settled(node: RunnableNode, executor: PoolExecutor) -> bool:
    """Whether the node settles; meanwhile it hears whether its robot rests, and answers whoever asked."""
    outcome: list[bool] = []

    def settle() -> None:
        outcome.append(node.settle(_LAST_REQUEST_S))
        time.sleep(_LAST_WORDS_S)

    thread = threading.Thread(target=settle, daemon=True)
    thread.start()
    while thread.is_alive() and rclpy.ok():
        # What the node lets go of while the executor waits for it can end a wait.
        with suppress(Exception):
            executor.spin_once(timeout_sec=_SETTLE_S)
    thread.join()
    return outcome == [True]
