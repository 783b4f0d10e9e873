"""Servers in a process of their own that a test may kill; the dead stay in the graph, so each has its namespace."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rclpy
from motion.fake_nav2 import FakeNav2
from motion.harness import Spun
from moveit_msgs.action import ExecuteTrajectory
from rclpy.action import ActionServer
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from trajectory_msgs.msg import JointTrajectory

# Where what is to be executed is told, whatever the namespace.
TRAJECTORY = "/executed_trajectory"
TEST = Path(__file__).parents[1]


@contextmanager
def killable(kind: str, namespace: str) -> Iterator[subprocess.Popen[bytes]]:
    """Of the kind "nav2" or "move_group"; killed at the end in any case."""
    paths = os.pathsep.join([str(TEST), str(TEST.parent), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen([sys.executable, __file__, kind, namespace], env={**os.environ, "PYTHONPATH": paths})
    try:
        yield process
    finally:
        process.kill()
        process.wait()


class DeafExecution:
    """Tells the arm of a trajectory, and nothing more."""

    def __init__(self, node: Node) -> None:
        self._publisher = node.create_publisher(JointTrajectory, TRAJECTORY, 10)
        self._server = ActionServer(
            node, ExecuteTrajectory, "execute_trajectory", self._execute, callback_group=ReentrantCallbackGroup()
        )

    def _execute(self, handle: Any) -> ExecuteTrajectory.Result:
        self._publisher.publish(handle.request.trajectory.joint_trajectory)
        threading.Event().wait()
        return ExecuteTrajectory.Result()


def main(kind: str, namespace: str) -> None:
    rclpy.init()
    node = Node("server", namespace=namespace)
    if kind == "nav2":
        FakeNav2(node).takes_s = 60.0
    else:
        DeafExecution(node)
    Spun(node)
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
