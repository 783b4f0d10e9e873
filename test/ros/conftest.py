"""A ROS context on a domain of its own, and nodes that are destroyed after the test."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is absent")

import rclpy
from rclpy.executors import Executor, SingleThreadedExecutor
from rclpy.node import Node
from ros.camera import Camera

# The runner gives every file a domain; by hand, one that other processes are unlikely to use.
os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))


@pytest.fixture(scope="session", autouse=True)
def context() -> Iterator[None]:
    rclpy.init()
    yield
    rclpy.shutdown()


@pytest.fixture
def make_node() -> Iterator[Callable[..., Node]]:
    """``make_node(name, *ros_arguments)``; destroyed after the test."""
    nodes: list[Node] = []

    def make(name: str, *ros_arguments: str) -> Node:
        arguments = ["--ros-args", *ros_arguments] if ros_arguments else None
        nodes.append(rclpy.create_node(name, cli_args=arguments))
        return nodes[-1]

    yield make
    for node in nodes:
        node.destroy_node()


@pytest.fixture
def spin() -> Iterator[Callable[..., Executor]]:
    """``spin(node, executor=None)`` in a thread until the test ends."""
    running: list[tuple[Executor, threading.Thread, threading.Event]] = []

    def start(node: Node, executor: Executor | None = None) -> Executor:
        executor = executor or SingleThreadedExecutor()
        executor.add_node(node)
        over = threading.Event()

        def turn() -> None:
            while not over.is_set():
                executor.spin_once(timeout_sec=0.05)

        thread = threading.Thread(target=turn)
        thread.start()
        running.append((executor, thread, over))
        return executor

    yield start
    for executor, thread, over in running:
        over.set()
        thread.join()
        executor.shutdown()


@pytest.fixture
def camera(make_node: Callable[..., Node]) -> Camera:
    return Camera(make_node("camera"))
