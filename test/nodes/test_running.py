"""The end of every node: it hears and answers until it has settled."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is absent")

# A node that hears itself, is asked to stop, and has to hear more before it rests, or else never does.
NODE = """
import os, signal, sys, threading
from rclpy.node import Node
from std_msgs.msg import String
from robotracer_ros.nodes.running import run

class Listener(Node):
    def __init__(self):
        super().__init__("listener")
        self.heard = threading.Semaphore(0)
        self.publisher = self.create_publisher(String, "said", 10)
        self.create_subscription(String, "said", lambda _: self.hear(), 10)
        self.create_timer(0.02, lambda: self.publisher.publish(String(data="x")))
        self.count = 0

    def hear(self):
        self.count += 1
        self.heard.release()
        if self.count == 10:
            os.kill(os.getpid(), signal.SIGINT)

    def settle(self, timeout_s):
        if len(sys.argv) > 1:
            raise ValueError("it cannot settle")
        while self.heard.acquire(blocking=False):
            pass
        heard = [self.heard.acquire(timeout=timeout_s) for _ in range(5)]
        print("settled" if all(heard) else "deaf", flush=True)
        return all(heard)

    def destroy_node(self):
        super().destroy_node()
        print("destroyed", flush=True)

sys.exit(run(Listener, [], threads=2))
"""


def ended(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    file = tmp_path / "listener.py"
    file.write_text(NODE)
    return subprocess.run([sys.executable, file, *arguments], capture_output=True, text=True, timeout=60.0)


def test_a_node_hears_until_it_has_settled(tmp_path: Path) -> None:
    process = ended(tmp_path)
    assert (process.stdout.split(), process.returncode) == (["settled", "destroyed"], 0), process.stderr
    assert not process.stderr


def test_a_node_that_cannot_settle_ends_all_the_same(tmp_path: Path) -> None:
    process = ended(tmp_path, "fails")
    assert process.stdout.split() == ["destroyed"] and process.returncode == 0
    assert "ValueError: it cannot settle" in process.stderr
