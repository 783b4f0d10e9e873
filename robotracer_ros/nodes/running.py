"""How every node of this package runs until it is told to stop."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from typing import Final

import rclpy
from rclpy.executors import ExternalShutdownException, MultiThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from robotracer_ros.errors import RobotracerError

# How long the executor waits for work; a signal that arrives meanwhile is seen after that long at the latest.
_SPIN_S: Final = 0.2
_SETTLE_S: Final = 0.05


def run(make_node: Callable[[], Node], args: list[str] | None, *, threads: int) -> int:
    """Spin a node on ``threads`` threads until SIGINT, SIGTERM or a shutdown; returns the exit code.

    The signals are taken here: rclpy's handler raises KeyboardInterrupt wherever the main thread happens to be, in the
    middle of freeing a model too, and a spin without a time-out can sleep through one. A second one ends the process.
    """
    stop = threading.Event()

    def told_to_stop(number: int, _frame: object) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, told_to_stop)
    try:
        node = make_node()
    except RobotracerError as error:
        rclpy.logging.get_logger("robotracer_ros").fatal(f"{error.code_name}: {error}")
        rclpy.try_shutdown()
        return 1
    executor = MultiThreadedExecutor(num_threads=threads)
    executor.add_node(node)
    try:
        while rclpy.ok() and not stop.is_set():
            executor.spin_once(timeout_sec=_SPIN_S)
    except ExternalShutdownException:
        node.get_logger().debug("shut down from outside")
    finally:
        # A callback that has just ended still wakes the executor; one that is gone by then answers with a warning.
        time.sleep(_SETTLE_S)
        executor.shutdown(timeout_sec=1.0)
        node.destroy_node()
        rclpy.try_shutdown()
    return 0
