"""The demonstration: a frame played as a camera, trace_node launched beside it, one request, and what came of it."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import rclpy
from ament_index_python import has_resource
from rclpy.client import Client
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import Image
from tf2_ros import StaticTransformBroadcaster

from robotracer_ros.errors import BackendUnavailable, InvalidRequest
from robotracer_ros.geometry.cloud import observed_points, write_ply
from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.geometry.trace import DepthSource
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.overlay import colour_ramp
from robotracer_ros.rgbd_files import FramesFolder, write_rgb
from robotracer_ros.ros.camera_topics import CameraTopics
from robotracer_ros.ros.convert import spatial_trace_from_msg, transform_to_msg
from robotracer_ros.ros.images import image_to_rgb
from robotracer_ros.ros.qos import result_qos
from robotracer_ros.sim.still_life import StillLife
from robotracer_ros.srv import GetTrace

NAMESPACE: Final = "robotracer_demo"
TARGET_FRAME: Final = "base_link"
_RATE_HZ: Final = 10.0
_UP_S: Final = 30.0
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
# Optical axes (REP 103: z forward, x right, y down) in a body frame: x forward, y left, z up.
_BODY_FROM_OPTICAL: Final = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What the camera sees, what is asked, and where the answer comes from.

    Attributes:
        target_from_camera: the mounting that the demonstration broadcasts on /tf_static.
        answers: the recording that trace_node replays.
        told: one line each for the reader, by heading.
    """

    observation: RgbdObservation
    target_from_camera: RigidTransform
    instruction: str
    answers: Path
    told: dict[str, str]


def run(arguments: argparse.Namespace) -> int:
    """Show one request; returns 0 when it was answered.

    Raises:
        InvalidRequest: for a folder or a file that cannot be used, and for RViz where there is none.
        BackendUnavailable: when trace_node does not come up.
    """
    out = _made(Path(arguments.out))
    if arguments.rviz and not has_resource("packages", "rviz2"):
        raise InvalidRequest("--rviz: there is no package rviz2 here; install it into your ROS 2, or leave --rviz out")
    with tempfile.TemporaryDirectory() as folder:
        scene = _recorded_scene(arguments) if arguments.rgbd else _still_life(Path(folder))
        for heading, line in scene.told.items():
            print(f"{heading:>12}  {line}")
        rclpy.init()
        try:
            with _launched(scene, rviz=arguments.rviz) as launch, _player(scene) as player:
                response, took_s = player.ask(launch)
                overlay = player.overlay() if response.success else None
                if response.success and arguments.rviz:
                    print("RViz is open; Ctrl-C ends the demonstration.")
                    launch.wait()
        finally:
            rclpy.try_shutdown()
    if not response.success:
        print(f"\nrefused, error {response.error_code}: {response.message}", file=sys.stderr)
        return 1
    _tell(response, took_s)
    _write(out, scene, response, overlay)
    return 0


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidRequest(f"--out {folder} cannot be made a folder: {error.strerror or error}") from error
    return folder


def _still_life(folder: Path) -> Scene:
    scene = StillLife()
    answers = folder / "answers.jsonl"
    row = {"question_id": 0, "prompt": scene.instruction, "model_prediction": scene.answer()}
    answers.write_text(json.dumps(row) + "\n")
    mounted = RigidTransform(
        TARGET_FRAME,
        scene.table_from_camera.source_frame,
        scene.table_from_camera.rotation,
        scene.table_from_camera.translation_m,
    )
    told = {
        "scene": "a synthetic table, 1280x720, seen from half a metre above it",
        "instruction": scene.instruction,
        "answer": "the scene's own truth in RoboTracer's words: no model is asked here",
    }
    return Scene(scene.observe(), mounted, scene.instruction, answers, told)


def _recorded_scene(arguments: argparse.Namespace) -> Scene:
    frames = FramesFolder.opened(arguments.rgbd)
    observation = frames.observe(0)
    frame = observation.frame_id
    mounted = RigidTransform(TARGET_FRAME, frame, _BODY_FROM_OPTICAL, np.zeros(3))
    size = f"{observation.intrinsics.width}x{observation.intrinsics.height}"
    told = {
        "scene": f"{arguments.rgbd}, {size}; {TARGET_FRAME} sits in the camera: x forward, y left, z up",
        "instruction": arguments.instruction,
        "answer": f"replayed from {arguments.answers}",
    }
    return Scene(observation, mounted, arguments.instruction, Path(arguments.answers).resolve(), told)


@contextmanager
def _launched(scene: Scene, *, rviz: bool) -> Iterator[subprocess.Popen[str]]:
    """The launch file that users start, ended with the block."""
    arguments = {
        "namespace": NAMESPACE,
        "target_frame": TARGET_FRAME,
        "backend": "replay",
        "answers": str(scene.answers),
        "rviz": "true" if rviz else "false",
    }
    command = ["ros2", "launch", "robotracer_ros", "tracer.launch.py", *(f"{k}:={v}" for k, v in arguments.items())]
    print(f"{'starting':>12}  {' '.join(command[:4])} ...")
    try:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )
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
        raise BackendUnavailable(f"{error}; ros2 launch said:\n{''.join(log[-20:])}") from error
    finally:
        _end(process)


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


class _Player(Node):
    """The camera, its mounting, and the user."""

    def __init__(self, scene: Scene) -> None:
        super().__init__("player", namespace=NAMESPACE)
        self._scene = scene
        self._camera = CameraTopics(self)
        self._mounting = StaticTransformBroadcaster(self)
        self._mounting.sendTransform(transform_to_msg(scene.target_from_camera, self._now_ns()))
        self._service: Client = self.create_client(GetTrace, "trace_node/get_trace")
        self._pictures: list[Image] = []
        self._drawn = threading.Event()
        self.create_subscription(Image, "trace_node/overlay", self._draw, result_qos())
        self.create_timer(1.0 / _RATE_HZ, lambda: self._camera.publish(scene.observation, self._now_ns()))

    def ask(self, launch: subprocess.Popen[str]) -> tuple[GetTrace.Response, float]:
        """The answer, and the seconds it took, once the node is up and sees the camera."""
        deadline = time.monotonic() + _UP_S
        while True:
            if self._service.wait_for_service(timeout_sec=0.2):
                began = time.monotonic()
                response = self._called(GetTrace.Request(instruction=self._scene.instruction))
                if response.success or response.error_code not in _NOT_YET or time.monotonic() > deadline:
                    return response, time.monotonic() - began
            if launch.poll() is not None:
                raise BackendUnavailable(f"ros2 launch ended, exit code {launch.returncode}")
            if time.monotonic() > deadline:
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


@contextmanager
def _player(scene: Scene) -> Iterator[_Player]:
    node = _Player(scene)
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


def _tell(response: GetTrace.Response, took_s: float) -> None:
    trace = response.trace
    print(f"\n  stage      seconds\n  observe    {trace.observe_s:7.3f}   a matching pair of images, decoded")
    print(f"  transform  {trace.transform_s:7.3f}   TF at the image's stamp")
    print(f"  answer     {trace.answer_s:7.3f}   replayed ({trace.model})")
    print(f"  lift       {trace.lift_s:7.3f}   words to metres")
    print(f"  plan       {trace.plan_s:7.3f}   metres to a path")
    print(f"  all        {took_s:7.3f}   from the call to the answer\n")
    print(f"   u [px]  v [px]  depth [m]  from          x        y        z  [m] in {trace.header.frame_id}")
    for point in trace.points:
        where = f"{point.position.x:8.3f} {point.position.y:8.3f} {point.position.z:8.3f}"
        print(f"  {point.u:7.1f} {point.v:7.1f} {point.depth:10.3f}  {DepthSource(point.depth_source).name:<12}{where}")
    print(f"\n  path: {len(response.path.poses)} poses{'.' if response.message else '. No violations.'}")
    for violation in filter(None, response.message.split("; ")):
        print(f"    {violation}")


def _write(out: Path, scene: Scene, response: GetTrace.Response, overlay: Any) -> None:
    camera_from_target = scene.target_from_camera.inverse()
    trace = spatial_trace_from_msg(response.trace).moved(camera_from_target)
    points_m, colours = observed_points(scene.observation)
    write_rgb(out / "overlay.png", overlay)
    write_ply(out / "trace.ply", points_m, colours, trace.points_m, colour_ramp(len(trace)))
    print(f"  wrote {out / 'overlay.png'} and {out / 'trace.ply'}")
