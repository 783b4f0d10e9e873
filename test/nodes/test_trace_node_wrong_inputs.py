"""Everything that can be wrong around a request: a named error in time, and the next good request is answered."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from nodes.harness import Client, Process, recording, running
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, Image

from robotracer_ros.geometry.camera import CameraIntrinsics
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.ros.camera_topics import depth_to_image, info_of
from robotracer_ros.ros.images import rgb_to_image
from robotracer_ros.srv import Ask, GetTrace

CODE, ASK = GetTrace.Response, GetTrace.Request
CAMERA = CameraIntrinsics(64, 48, 60.0, 60.0, 31.5, 23.5)
RGB = np.full((48, 64, 3), 90, np.uint8)
GOOD, TWO_D = "move it", "move it flat"
ANSWERS = {
    GOOD: "[(200, 300, 0.9), (500, 200, 0.7), (800, 400, 1.1)]",
    TWO_D: "[(200, 300), (800, 400)]",
    "outside": "[(1004, 300, 1.0), (500, 500, 1.0)]",
    "behind": "[(200, 300, 1.0), (500, 500, 0.0)]",
    "nothing": "I cannot see it.",
    "box": "[(100, 100, 200, 200)]",
    "how high": "It is 20 centimeters high.",
}


class Stream:
    """Publishes what ``frame`` says at 20 Hz, until it says nothing."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.stamp_shift_ns = 0
        self.change_image: Callable[[Image], Image | None] = lambda message: message
        self.change_depth: Callable[[Image], Image | None] = lambda message: message
        self.change_info: Callable[[CameraInfo], CameraInfo | None] = lambda message: message
        self.depth_m = np.ones((48, 64), np.float32)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        camera = self.client.camera
        while not self._stop.wait(0.05):
            stamp = self.client.now_ns() + self.stamp_shift_ns
            camera.publish_messages(
                self.change_image(rgb_to_image(RGB, "camera", stamp)),
                self.change_depth(depth_to_image(self.depth_m, "camera", stamp, "32FC1")),
                self.change_info(info_of(CAMERA, "camera", stamp)),
            )

    def close(self) -> None:
        self._stop.set()
        self._thread.join(2.0)


@pytest.fixture(scope="module")
def node(ros: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("node")
    parameters = {
        "backend": "replay",
        "replay.answers": recording(folder / "answers.jsonl", ANSWERS),
        "observation_timeout_s": 0.6,
        "transform_timeout_s": 0.3,
        "max_age_s": 0.5,
        "target_frame": "base_link",
    }
    with running(folder, parameters) as process:
        yield process
    assert process.process.returncode == 0, "the node must end cleanly at SIGINT"


@pytest.fixture
def stream(client: Client, node: Process) -> Iterator[Stream]:
    client.broadcast(RigidTransform("base_link", "camera", np.eye(3), np.array([0.0, 0.0, 0.5])))
    client.wait_until_active()
    one = Stream(client)
    yield one
    one.close()


def refused(client: Client, stream: Stream, code: int, said: str, instruction: str = GOOD, **fields) -> None:
    """One bad request within 3 s, then a good one."""
    began = time.monotonic()
    response = client.trace(instruction, **fields)
    took = time.monotonic() - began
    assert (response.success, response.error_code) == (False, code), response.message
    assert said in response.message, response.message
    assert not response.trace.points
    assert not response.path.poses
    assert took < 3.0
    heal(stream)
    answered(client)


def heal(stream: Stream) -> None:
    stream.stamp_shift_ns = 0
    stream.depth_m = np.ones((48, 64), np.float32)
    stream.change_image = stream.change_depth = stream.change_info = lambda message: message  # type: ignore[assignment]


def answered(client: Client) -> GetTrace.Response:
    """A good request, asked again while frames from before are still the newest."""
    deadline = time.monotonic() + 5.0
    while not (response := client.trace(GOOD)).success:
        assert time.monotonic() < deadline, response.message
    return response


def changed(**fields: object) -> Callable[[object], object]:
    def change(message: object) -> object:
        for name, value in fields.items():
            setattr(message, name, value)
        return message

    return change


def settle() -> None:
    """Until the frames published before a change are older than max_age_s and out of the queues."""
    time.sleep(0.6)


def test_a_good_request_is_answered(client: Client, stream: Stream) -> None:
    response = answered(client)
    assert [p.depth_source for p in response.trace.points] == [1, 2, 1]
    assert response.trace.camera_frame == "camera"
    assert response.trace.answer == ANSWERS[GOOD]
    assert response.path.header.frame_id == "base_link"
    assert 0 <= response.trace.observe_s < 5 and 0 <= response.trace.plan_s < 5


@pytest.mark.parametrize(
    ("mode", "instruction", "sources"),
    [(ASK.TRACE_3D, GOOD, [1, 2, 1]), (ASK.TRACE_2D, TWO_D, [1, 1]), (ASK.POINTS, GOOD, [1, 1, 1])],
)
def test_every_mode_says_where_its_depths_come_from(
    client: Client, stream: Stream, mode: int, instruction: str, sources: list[int]
) -> None:
    answered(client)
    response = client.trace(instruction, mode=mode)
    assert [point.depth_source for point in response.trace.points] == sources, response.message


def test_a_camera_that_stopped(client: Client, stream: Stream) -> None:
    stream.change_image = stream.change_depth = stream.change_info = lambda message: None
    settle()
    refused(client, stream, CODE.STALE_IMAGE, "has the camera stopped")


def test_stale_images(client: Client, stream: Stream) -> None:
    stream.stamp_shift_ns = -5 * 10**9
    settle()
    refused(client, stream, CODE.STALE_IMAGE, "old")


def test_unmatched_images(client: Client, stream: Stream) -> None:
    stream.change_depth = lambda message: None
    settle()
    response = client.trace(GOOD)
    assert response.error_code in (CODE.UNMATCHED_IMAGES, CODE.STALE_IMAGE), response.message
    heal(stream)
    answered(client)


def test_missing_transform(client: Client, stream: Stream) -> None:
    refused(client, stream, CODE.NO_TRANSFORM, "'tool7'", target_frame="tool7")


def test_missing_transform_is_told_when_the_camera_stops_meanwhile(client: Client, stream: Stream) -> None:
    answered(client)
    change = client.node.create_client(SetParameters, "trace_node/set_parameters")

    def accept_images_of(max_age_s: float) -> None:
        parameter = Parameter("max_age_s", value=max_age_s).to_parameter_msg()
        assert client.call(change, SetParameters.Request(parameters=[parameter])).results[0].successful

    accept_images_of(0.2)
    threading.Timer(0.05, lambda: setattr(stream, "change_image", lambda message: None)).start()
    response = client.trace(GOOD, target_frame="tool7")
    accept_images_of(0.5)
    assert response.error_code == CODE.NO_TRANSFORM, response.message
    heal(stream)
    answered(client)


def test_zero_size_image(client: Client, stream: Stream) -> None:
    stream.change_image = changed(width=0, height=0, step=0, data=b"")  # type: ignore[assignment]
    settle()
    refused(client, stream, CODE.BAD_IMAGE, "0x0")


def test_an_image_shorter_than_it_says(client: Client, stream: Stream) -> None:
    stream.change_image = changed(data=b"12345")  # type: ignore[assignment]
    settle()
    refused(client, stream, CODE.BAD_IMAGE, "5")


def test_unknown_encoding(client: Client, stream: Stream) -> None:
    stream.change_image = changed(encoding="yuv_of_mars")  # type: ignore[assignment]
    settle()
    refused(client, stream, CODE.UNSUPPORTED_ENCODING, "rgb8")


def test_a_depth_image_in_colour(client: Client, stream: Stream) -> None:
    stream.change_depth = changed(encoding="rgb8", step=192, data=bytes(192 * 48))  # type: ignore[assignment]
    settle()
    refused(client, stream, CODE.UNSUPPORTED_ENCODING, "16UC1")


@pytest.mark.parametrize("value", [np.nan, 0.0, -1.0, np.inf])
def test_depth_without_a_reading(client: Client, stream: Stream, value: float) -> None:
    stream.depth_m = np.full((48, 64), value, np.float32)
    settle()
    refused(client, stream, CODE.NO_DEPTH, "point 1 of 2", TWO_D)


def test_depth_without_a_reading_leaves_the_models(client: Client, stream: Stream) -> None:
    stream.depth_m = np.full((48, 64), np.nan, np.float32)
    settle()
    assert {p.depth_source for p in answered(client).trace.points} == {2}


def test_an_uncalibrated_camera(client: Client, stream: Stream) -> None:
    stream.change_info = changed(k=[0.0] * 9)  # type: ignore[assignment]
    settle()
    refused(client, stream, CODE.BAD_CAMERA_INFO, "K")


@pytest.mark.parametrize(
    ("instruction", "code", "said"),
    [
        ("", CODE.INVALID_REQUEST, "empty"),
        ("   ", CODE.INVALID_REQUEST, "empty"),
        ("x" * 1_000_000, CODE.INVALID_REQUEST, "1000000"),
        ("never recorded", CODE.NO_RECORDED_ANSWER, "never recorded"),
        ("outside", CODE.POINT_OUTSIDE_IMAGE, "1004"),
        ("behind", CODE.NON_POSITIVE_DEPTH, "point 2 of 2"),
        ("nothing", CODE.NO_TRACE, "I cannot see it"),
        ("box", CODE.UNREADABLE_ANSWER, "4 numbers"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_bad_instructions_and_answers(client: Client, stream: Stream, instruction: str, code: int, said: str) -> None:
    refused(client, stream, code, said, instruction)


def test_an_unknown_mode(client: Client, stream: Stream) -> None:
    refused(client, stream, CODE.INVALID_REQUEST, "TRACE_2D", mode=7)


def test_a_question_is_answered_with_its_length(client: Client, stream: Stream) -> None:
    answered(client)
    response = client.ask("how high")
    assert (response.success, response.answer) == (True, ANSWERS["how high"])
    assert response.value_m == pytest.approx(0.2)
    empty = client.ask("")
    assert (empty.success, empty.error_code) == (False, Ask.Response.INVALID_REQUEST)
    assert np.isnan(empty.value_m)


def test_a_second_request_is_told_that_the_node_is_busy(client: Client, stream: Stream) -> None:
    answered(client)
    stream.change_depth = lambda message: None
    settle()
    first: list[GetTrace.Response] = []
    waiting = threading.Thread(target=lambda: first.append(client.trace(GOOD)))
    waiting.start()
    time.sleep(0.2)
    second = client.trace(GOOD)
    waiting.join()
    assert {first[0].error_code, second.error_code} >= {CODE.BUSY}
    heal(stream)
    answered(client)


def test_unregistered_depth_without_its_camera_info(client: Client, stream: Stream) -> None:

    def elsewhere(message: Image) -> Image:
        message.header.frame_id = "depth_camera"
        return message

    stream.change_depth = elsewhere
    settle()
    response = client.trace(GOOD)
    assert not response.success
    assert "depth_camera" in response.message
    heal(stream)
    answered(client)
