"""The demonstration's surroundings: the launch file as users start it, a camera on topics, and the user who asks."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from rclpy.client import Client
from rclpy.node import Node
from sensor_msgs.msg import Image
from tf2_ros import StaticTransformBroadcaster

from robotracer_ros.errors import BackendUnavailable
from robotracer_ros.nodes.demo_scene import TARGET_FRAME, Shown
from robotracer_ros.ros.camera_topics import CameraTopics
from robotracer_ros.ros.convert import transform_to_msg
from robotracer_ros.ros.images import image_to_rgb
from robotracer_ros.ros.qos import result_qos
from robotracer_ros.srv import GetTrace

NAMESPACE: Final = "robotracer_demo"
RVIZ: Final = "rviz2"
VIEWER: Final = "sim_view"
_RATE_HZ: Final = 10.0
_LOOK_S: Final = 0.2
# A window that is not there by then is not coming.
_WINDOW_S: Final = 10.0
# The node imports torch and loads a model meanwhile; on a busy small machine that takes half a minute.
_UP_S: Final = 180.0
_ANSWER_S: Final = 60.0
# Answers of a node that is still coming up, or whose first frame is still on its way.
_NOT_YET: Final = (
    GetTrace.Response.NOT_ACTIVE,
    GetTrace.Response.NO_IMAGE,
    GetTrace.Response.UNMATCHED_IMAGES,
    GetTrace.Response.STALE_IMAGE,
    GetTrace.Response.BAD_CAMERA_INFO,
    GetTrace.Response.NO_TRANSFORM,
)
# In the words of a node that will not come up by itself.
GIVEN_UP: Final = "the last transition failed: "


def tracer_arguments(shown: Shown, *, rviz: bool) -> dict[str, str]:
    """Those of tracer.launch.py for what is shown."""
    return {
        "namespace": NAMESPACE,
        "target_frame": TARGET_FRAME,
        **shown.launch,
        "rviz": "true" if rviz else "false",
    }


@contextmanager
def launched(file: str, arguments: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A launch file that users start, ended with the block."""
    command = ["ros2", "launch", "robotracer_ros", file, *(f"{k}:={v}" for k, v in arguments.items() if v)]
    print(f"{'starting':>12}  {' '.join(command[:4])} ...", flush=True)
    try:
        # With a terminal to read from, launch leaves it to that to end the nodes, and a new session has none.
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise BackendUnavailable(f"ros2 launch cannot be started: {error}") from error
    log: list[str] = []
    reader = threading.Thread(target=lambda: log.extend(process.stdout or ()), daemon=True)
    reader.start()
    try:
        yield process
    except BackendUnavailable as error:
        # What a launch that has just ended said may still be on its way.
        reader.join(timeout=1.0)
        raise BackendUnavailable(_with_log(str(error), log)) from error
    finally:
        _end(process)


def windows_of(arguments: argparse.Namespace) -> list[str]:
    """The nodes of the windows that the command line asks for."""
    return [name for name, wanted in ((RVIZ, arguments.rviz), (VIEWER, arguments.view)) if wanted]


def linger(launch: subprocess.Popen[str], watcher: Node, windows: Sequence[str]) -> None:
    """Leave what was launched to whoever looks at it: until Ctrl-C, or until the windows are closed.

    Args:
        watcher: a node of the namespace that the windows are in.
        windows: `RVIZ`, `VIEWER`, both or none.
    """

    def is_open() -> bool:
        there = watcher.get_node_names_and_namespaces()
        return launch.poll() is None and any((name, watcher.get_namespace()) in there for name in windows)

    try:
        deadline = time.monotonic() + (_WINDOW_S if windows else 0.0)
        while not is_open() and launch.poll() is None and time.monotonic() < deadline:
            time.sleep(_LOOK_S)
        if is_open():
            what = "RViz" if VIEWER not in windows else "The window"
            print(f"{what} is open; closing it or Ctrl-C ends the demonstration.", flush=True)
        while is_open():
            time.sleep(_LOOK_S)
    except KeyboardInterrupt:
        # The end that was announced: what came of the demonstration stays what it was.
        print()


def _with_log(reason: str, log: Sequence[str]) -> str:
    """The reason, and what launch said where that tells more; that the node is not up yet tells nothing."""
    said = [line for line in log if "NOT_ACTIVE" not in line]
    if any(reason in line for line in said):
        return reason
    return f"{reason}; ros2 launch said:\n{''.join(said[-20:])}"


def _end(process: subprocess.Popen[str]) -> None:
    """SIGINT to launch, which passes it on; then harder, to all it started."""
    for sign, patience_s in ((signal.SIGINT, 10.0), (signal.SIGKILL, 5.0)):
        if process.poll() is not None:
            return
        os.killpg(process.pid, sign) if sign is signal.SIGKILL else process.send_signal(sign)
        try:
            process.wait(timeout=patience_s)
        except subprocess.TimeoutExpired:
            continue


class Player(Node):
    """The camera, its mounting, and the user."""

    def __init__(self, shown: Shown) -> None:
        super().__init__("player", namespace=NAMESPACE)
        self._shown = shown
        self._camera = CameraTopics(self)
        self._mounting = StaticTransformBroadcaster(self)
        self._mounting.sendTransform(transform_to_msg(shown.target_from_camera, self._now_ns()))
        self._service: Client = self.create_client(GetTrace, "trace_node/get_trace")
        self._pictures: list[Image] = []
        self._drawn = threading.Event()
        self.create_subscription(Image, "trace_node/overlay", self._draw, result_qos())
        self.create_timer(1.0 / _RATE_HZ, lambda: self._camera.publish(shown.observation, self._now_ns()))

    def ask(self, is_running: Callable[[], int | None]) -> tuple[GetTrace.Response, float, float]:
        """The answer, the seconds until the node was up and saw the camera, and those that the answer took then.

        ``is_running`` gives the launch's exit code once it has ended.

        Raises:
            BackendUnavailable: when the node does not come up or does not answer.
        """
        began = time.monotonic()
        while True:
            if self._service.wait_for_service(timeout_sec=0.2):
                asked = time.monotonic()
                response = self._called(GetTrace.Request(instruction=self._shown.instruction))
                if response.success or response.error_code not in _NOT_YET:
                    return response, asked - began, time.monotonic() - asked
                if GIVEN_UP in response.message:
                    raise BackendUnavailable(response.message.partition(GIVEN_UP)[2])
                if time.monotonic() - began > _UP_S:
                    return response, asked - began, time.monotonic() - asked
            code = is_running()
            if code is not None:
                raise BackendUnavailable(f"ros2 launch ended, exit code {code}")
            if time.monotonic() - began > _UP_S:
                raise BackendUnavailable(f"trace_node did not come up within {_UP_S:g} s")
            time.sleep(0.1)

    def overlay(self) -> Any:
        """(H, W, 3) uint8, as the node drew it."""
        if not self._drawn.wait(10.0):
            raise BackendUnavailable("trace_node published no overlay")
        return image_to_rgb(self._pictures[-1])

    def _called(self, request: GetTrace.Request) -> GetTrace.Response:
        answered = threading.Event()
        future = self._service.call_async(request)
        future.add_done_callback(lambda _: answered.set())
        if not answered.wait(_ANSWER_S):
            raise BackendUnavailable(f"trace_node did not answer within {_ANSWER_S:g} s")
        response: GetTrace.Response = future.result()
        return response

    def _draw(self, message: Image) -> None:
        self._pictures.append(message)
        self._drawn.set()

    def _now_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)
