"""A live trace_node in a process of its own, and a client beside it that plays the camera, TF and the user."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rclpy
import yaml
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from tf2_ros import StaticTransformBroadcaster

from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.ros.camera_topics import CameraTopics
from robotracer_ros.ros.convert import transform_to_msg
from robotracer_ros.srv import Ask, GetTrace


class Client:
    """The user's node: publishes the camera, broadcasts TF, calls the services."""

    def __init__(self, name: str = "client", parameters: list[Any] | None = None) -> None:
        self.node = Node(name, parameter_overrides=parameters or [])
        self.camera = CameraTopics(self.node, reliable=True)
        self._static = StaticTransformBroadcaster(self.node)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._stopped = False
        self._thread.start()
        self._get_trace = self.node.create_client(GetTrace, "trace_node/get_trace")
        self._ask = self.node.create_client(Ask, "trace_node/ask")

    def _spin(self) -> None:
        while not self._stopped and rclpy.ok():
            self._executor.spin_once(timeout_sec=0.1)

    def now_ns(self) -> int:
        return self.node.get_clock().now().nanoseconds

    def broadcast(self, *transforms: RigidTransform) -> None:
        self._static.sendTransform([transform_to_msg(t, self.now_ns()) for t in transforms])

    def call(self, client: Any, request: Any, timeout_s: float = 20.0) -> Any:
        assert client.wait_for_service(timeout_sec=timeout_s), f"no service {client.srv_name}"
        future = client.call_async(request)
        done = threading.Event()
        future.add_done_callback(lambda _: done.set())
        assert done.wait(timeout_s), f"{client.srv_name} did not answer within {timeout_s} s"
        return future.result()

    def trace(self, instruction: str, *, timeout_s: float = 20.0, **fields: Any) -> GetTrace.Response:
        request = GetTrace.Request(instruction=instruction, **fields)
        return self.call(self._get_trace, request, timeout_s)

    def ask(self, question: str, *, timeout_s: float = 20.0, **fields: Any) -> Ask.Response:
        return self.call(self._ask, Ask.Request(question=question, **fields), timeout_s)

    def wait_until_active(self, timeout_s: float = 20.0) -> None:
        """Requests are answered NOT_ACTIVE, or by no service at all, until the node has come up."""
        deadline = time.monotonic() + timeout_s
        while (last := self.trace("", timeout_s=timeout_s)).error_code == GetTrace.Response.NOT_ACTIVE:
            assert time.monotonic() < deadline, last.message
            time.sleep(0.05)

    def close(self) -> None:
        self._stopped = True
        self._thread.join(timeout=2.0)
        self._executor.shutdown(timeout_sec=1.0)
        self.node.destroy_node()


class Process:
    """A running node and what it printed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(self.process.stdout)

    @property
    def printed(self) -> str:
        return "".join(self.lines)

    def stop(self) -> int:
        """SIGINT, then harder; returns the exit code of the first."""
        # Taking torch down takes a second of a free core, and ten where the cores are busy.
        for stop, patience_s in ((signal.SIGINT, 30.0), (signal.SIGTERM, 3.0), (signal.SIGKILL, 3.0)):
            if self.process.poll() is None:
                self.process.send_signal(stop)
            try:
                return self.process.wait(timeout=patience_s)
            except subprocess.TimeoutExpired:
                continue
        return -9


@contextmanager
def running(
    tmp_path: Path, parameters: Mapping[str, Any], module: str = "robotracer_ros.nodes.trace_node",
    remappings: Mapping[str, str] | None = None,
) -> Iterator[Process]:  # fmt: skip
    """Run a node with ``parameters`` until the block ends; its answers are recorded ones unless those say otherwise."""
    file = tmp_path / f"parameters_{time.monotonic_ns()}.yaml"
    file.write_text(yaml.safe_dump({"/**": {"ros__parameters": {"backend": "replay", **parameters}}}))
    command = [sys.executable, "-m", module, "--ros-args", "--params-file", str(file)]
    for name, other in (remappings or {}).items():
        command += ["--remap", f"{name}:={other}"]
    process = Process(
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    )
    try:
        yield process
    finally:
        process.stop()
        print(process.printed)


def recording(path: Path, answers: Mapping[str, str]) -> str:
    """Write a recording for the backend replay, answers by instruction, and return its path."""
    common = {"sample_id": "", "text": "", "model": "test", "latency_s": 0.0, "truncated": False}
    rows = [{**common, "instruction": instruction, "answer": answer} for instruction, answer in answers.items()]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)
