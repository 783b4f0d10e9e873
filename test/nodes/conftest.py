"""rclpy, a camera and a model server for the tests of this room."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
import rclpy
from nodes.harness import Client
from nodes.model_server import Server, serving

from robotracer_ros.geometry.camera import CameraIntrinsics
from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.geometry.transform import RigidTransform


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--at-rest-within", type=float, metavar="S",
        help="fail when an arm takes longer to rest after a fault; silence counts as if it were noticed in 0.1 s",
    )  # fmt: skip


_CAMERA = CameraIntrinsics(64, 48, 60.0, 60.0, 31.5, 23.5)
_SEEN = RgbdObservation(np.zeros((48, 64, 3), np.uint8), np.ones((48, 64), np.float32), _CAMERA, "camera", 0)


@pytest.fixture(scope="module", autouse=True)
def ros() -> Iterator[None]:
    rclpy.init()
    yield
    rclpy.try_shutdown()


@pytest.fixture
def client(ros: None) -> Iterator[Client]:
    one = Client()
    yield one
    one.close()


@pytest.fixture
def camera(client: Client) -> Iterator[None]:
    """A camera at 20 Hz and its mounting."""
    client.broadcast(RigidTransform("base_link", "camera", np.eye(3), np.zeros(3)))
    stop = threading.Event()

    def publish() -> None:
        while not stop.wait(0.05):
            client.camera.publish(_SEEN, client.now_ns())

    thread = threading.Thread(target=publish, daemon=True)
    thread.start()
    yield
    stop.set()
    thread.join(2.0)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as one:
        yield one
