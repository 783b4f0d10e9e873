"""Nodes that spin beside a test, and paths to ask for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
from rclpy.action import ActionServer
from rclpy.exceptions import InvalidHandle
from rclpy.node import Node

from robotracer_ros.errors import RobotracerError
from robotracer_ros.motion.follower import PathFollower, Plan, StopSign
from robotracer_ros.planning.path import PosePath
from robotracer_ros.ros.executor import PoolExecutor


class Spun:
    """A node with threads of its own, in the process of the test."""

    def __init__(self, node: Node, threads: int = 4) -> None:
        self.node = node
        self._executor = PoolExecutor(threads)
        self._executor.add_node(node)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def _spin(self) -> None:
        while not self._over.is_set():
            self._executor.spin_once(timeout_sec=0.05)

    def close(self) -> None:
        self._over.set()
        self._thread.join(5.0)
        self._executor.shutdown(timeout_sec=1.0)
        self.node.destroy_node()


class DestructibleActionServer(ActionServer):
    """rclpy's, for a server that vanishes while its executor waits."""

    def destroy(self) -> None:
        self._node.remove_waitable(self)
        for goal in self._goal_handles.values():
            goal.destroy()
        self._handle.destroy_when_not_in_use()

    def add_to_wait_set(self, wait_set: Any) -> None:
        with suppress(InvalidHandle), self._handle:
            super().add_to_wait_set(wait_set)


@contextmanager
def spinning(name: str) -> Iterator[Node]:
    spun = Spun(Node(name))
    yield spun.node
    spun.close()


class Following:
    """A follower at work in a thread, and what became of it."""

    def __init__(self, follower: PathFollower, plan: Plan) -> None:
        self.stop = StopSign()
        self.told: list[tuple[str, float]] = []
        self.error: BaseException | None = None
        self.ended_s = 0.0
        self._thread = threading.Thread(target=self._follow, args=(follower, plan), daemon=True)
        self._thread.start()

    def _follow(self, follower: PathFollower, plan: Plan) -> None:
        try:
            follower.follow(plan, self.stop, lambda name, share: self.told.append((name, share)))
        except RobotracerError as error:
            self.error = error
        self.ended_s = time.monotonic()

    def wait(self, timeout_s: float = 30.0) -> BaseException | None:
        self._thread.join(timeout_s)
        assert not self._thread.is_alive(), "the follower hangs"
        return self.error


def until(true: Callable[[], Any], timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, "did not come about in time"
        time.sleep(0.005)


def path(poses: Any, frame: str = "panda_link0", stamp_ns: int = 0) -> PosePath:
    """Of ``[x, y, z, qx, qy, qz, qw]``."""
    numbers = np.array(poses, dtype=float)
    return PosePath(numbers[:, :3], numbers[:, 3:] / np.round(np.linalg.norm(numbers[:, 3:], axis=1), 5)[:, None],
                    frame, stamp_ns)  # fmt: skip
