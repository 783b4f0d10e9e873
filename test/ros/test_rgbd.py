"""One request, one matching pair: newest, fresh, of one stamp and one run, and a named error when there is none."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import rclpy
from rclpy.executors import MultiThreadedExecutor, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import ReliabilityPolicy
from ros.camera import HEIGHT, WIDTH, Camera, wait_until
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image

from robotracer_ros.errors import (
    BadCameraInfo,
    BadImage,
    NoImage,
    RobotracerError,
    StaleImage,
    UnmatchedImages,
)
from robotracer_ros.ros.rgbd import RgbdSettings, RgbdSubscriber
from robotracer_ros.ros.stamps import stamp_to_msg

MS, S = 10**6, 10**9


@pytest.fixture
def node(make_node: Callable[..., Node]) -> Node:
    return make_node("tracer")


@pytest.fixture
def rgbd(node: Node, camera: Camera) -> Iterator[RgbdSubscriber]:
    made = RgbdSubscriber(node)
    matched(made)
    yield made
    made.close()


def matched(rgbd: RgbdSubscriber) -> None:
    assert wait_until(lambda: all(rgbd.counts().publishers.values())), rgbd.counts()


def refusal(rgbd: RgbdSubscriber, kind: type[RobotracerError], timeout_s: float = 0.1, max_age_s: float = 1.0) -> str:
    with pytest.raises(kind) as caught:
        rgbd.newest(max_age_s, timeout_s)
    return str(caught.value)


def test_the_newest_pair_with_the_info_of_its_stamp(rgbd: RgbdSubscriber, camera: Camera) -> None:
    now = camera.now_ns()
    for number in range(1, 6):
        camera.show(number, now + number * MS * 33 - 200 * MS)
        time.sleep(0.01)
    assert wait_until(lambda: rgbd.newest(1.0, 1.0).rgb[0, 0, 0] == 5)
    seen = rgbd.newest(1.0, 1.0)
    assert (seen.frame_id, seen.stamp_ns, seen.intrinsics.fx) == ("cam", now - 35 * MS, 5.0)
    assert seen.rgb.shape == (HEIGHT, WIDTH, 3)
    np.testing.assert_allclose(seen.depth_m, 0.005, rtol=1e-6)
    assert seen.depth_camera is None
    assert rgbd.counts().observations >= 2
    assert 0.0 < rgbd.counts().last_age_s < 1.0


def test_fifty_requests_in_a_row_each_get_their_own_frame(rgbd: RgbdSubscriber, camera: Camera) -> None:
    for number in range(1, 51):
        stamp = camera.now_ns()
        threading.Timer(0.005, camera.show, [number, stamp]).start()
        assert wait_until(lambda stamp=stamp: rgbd.newest(1.0, 1.0).stamp_ns == stamp)
        seen = rgbd.newest(1.0, 1.0)
        assert (seen.rgb[0, 0, 0], seen.intrinsics.fx) == (number, float(number))
        assert seen.depth_m is not None
        assert seen.depth_m[0, 0] == pytest.approx(number * 0.001)


@pytest.mark.parametrize("kind", [SingleThreadedExecutor, MultiThreadedExecutor])
def test_an_executor_neither_wakes_nor_turns_while_frames_wait(
    node: Node, rgbd: RgbdSubscriber, camera: Camera, kind: type[SingleThreadedExecutor]
) -> None:
    executor = kind()
    executor.add_node(node)
    executor.spin_once(timeout_sec=0.05)
    for _ in range(5):
        camera.show(7, camera.now_ns())
        started, used = time.monotonic(), time.thread_time()
        executor.spin_once(timeout_sec=0.1)
        assert time.monotonic() - started > 0.09, "something woke the executor"
        assert time.thread_time() - used < 0.03, "the executor turned without end"
    assert rgbd._colour.stash.received == 0
    assert rgbd.newest(1.0, 0.5).rgb[0, 0, 0] == 7
    executor.shutdown()


def test_a_request_inside_the_only_thread_of_an_executor_does_not_lock_up(
    node: Node, rgbd: RgbdSubscriber, camera: Camera, spin: Callable[..., object]
) -> None:
    seen: list[int] = []
    node.create_timer(0.05, lambda: seen.append(int(rgbd.newest(5.0, 2.0).rgb[0, 0, 0])))
    threading.Timer(0.1, camera.show, [9, camera.now_ns()]).start()
    spin(node)
    assert wait_until(lambda: len(seen) >= 3)
    assert set(seen) == {9}


def test_a_waiting_request_returns_with_the_frame_that_arrives(rgbd: RgbdSubscriber, camera: Camera) -> None:
    started = time.monotonic()
    threading.Timer(0.2, lambda: camera.show(3, camera.now_ns())).start()
    assert rgbd.newest(1.0, 5.0).rgb[0, 0, 0] == 3
    assert 0.15 < time.monotonic() - started < 1.5


@pytest.mark.parametrize("reliability", [ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT])
def test_publishers_of_either_reliability_are_heard(
    node: Node, make_node: Callable[..., Node], reliability: ReliabilityPolicy
) -> None:
    camera = Camera(make_node("other_camera"), reliability)
    rgbd = RgbdSubscriber(node)
    matched(rgbd)
    camera.show(4, camera.now_ns())
    assert rgbd.newest(1.0, 2.0).rgb[0, 0, 0] == 4
    rgbd.close()


def test_a_camera_that_starts_late_is_found(node: Node, make_node: Callable[..., Node]) -> None:
    rgbd = RgbdSubscriber(node)
    assert "0 publishers" in refusal(rgbd, NoImage)
    camera = Camera(make_node("late_camera"))
    matched(rgbd)
    camera.show(5, camera.now_ns())
    assert rgbd.newest(1.0, 2.0).rgb[0, 0, 0] == 5
    rgbd.close()


def test_a_camera_that_stops_becomes_stale(rgbd: RgbdSubscriber, camera: Camera) -> None:
    camera.show(6, camera.now_ns())
    assert rgbd.newest(0.5, 1.0).rgb[0, 0, 0] == 6
    time.sleep(0.6)
    words = refusal(rgbd, StaleImage, max_age_s=0.5)
    assert "s old; accepted: up to 0.5 s" in words
    assert "has the camera stopped" in words
    camera.show(7, camera.now_ns())
    assert rgbd.newest(0.5, 1.0).rgb[0, 0, 0] == 7


def test_silence_names_every_silent_topic(rgbd: RgbdSubscriber, camera: Camera) -> None:
    words = refusal(rgbd, NoImage)
    assert "/image (sensor_msgs/msg/Image, 1 publisher, 0 received)" in words
    assert "/depth (sensor_msgs/msg/Image, 1 publisher, 0 received)" in words
    camera.show_colour(1, camera.now_ns())
    assert wait_until(lambda: "/image" not in refusal(rgbd, NoImage, 0.0))


def test_a_publisher_of_another_type_is_named(node: Node) -> None:
    # One DDS participant cannot have two types under one name, so the other publisher needs a context of its own.
    context = rclpy.Context()
    rclpy.init(context=context)
    other = rclpy.create_node("other", context=context)
    other.create_publisher(Clock, "image", 10)
    rgbd = RgbdSubscriber(node)
    assert wait_until(lambda: "of type rosgraph_msgs/msg/Clock" in refusal(rgbd, NoImage, 0.0))
    rgbd.close()
    other.destroy_node()
    rclpy.shutdown(context=context)


def test_images_without_camera_info(rgbd: RgbdSubscriber, camera: Camera) -> None:
    camera.show_colour(1, stamp := camera.now_ns())
    camera.show_depth(1, stamp)
    assert "/camera_info" in refusal(rgbd, BadCameraInfo, 0.5)
    camera.show_info(stamp)
    assert rgbd.newest(5.0, 1.0).rgb[0, 0, 0] == 1


def test_an_uncalibrated_camera_is_told_at_once(rgbd: RgbdSubscriber, camera: Camera) -> None:
    camera.show(0, camera.now_ns())
    started = time.monotonic()
    assert "uncalibrated" in refusal(rgbd, BadCameraInfo, 3.0)
    assert time.monotonic() - started < 1.5


def test_unmatched_images_tell_how_far_apart_they_are(rgbd: RgbdSubscriber, camera: Camera) -> None:
    now = camera.now_ns()
    camera.show_info(now)
    camera.show_colour(1, now)
    camera.show_depth(1, now - 40 * MS)
    words = refusal(rgbd, UnmatchedImages, 0.3)
    assert "within 0.02 s" in words
    assert "0.0400 s apart" in words


def test_depth_that_stopped_is_stale_and_named(rgbd: RgbdSubscriber, camera: Camera) -> None:
    now = camera.now_ns()
    camera.show_depth(1, now - 5 * S)
    camera.show_colour(1, now)
    assert "/depth is 5." in refusal(rgbd, StaleImage, 0.2)


@pytest.mark.parametrize(
    ("offset_ns", "words"), [(2 * S, "ahead of this node's clock"), (-7200 * S, "publish /clock and set use_sim_time")]
)
def test_stamps_of_another_clock_have_words_of_their_own(
    rgbd: RgbdSubscriber, camera: Camera, offset_ns: int, words: str
) -> None:
    camera.show(1, camera.now_ns() + offset_ns)
    assert words in refusal(rgbd, StaleImage, 0.3)


def test_an_unset_stamp_is_recognised(rgbd: RgbdSubscriber, camera: Camera) -> None:
    camera.show(1, 0)
    assert "its stamp is 0" in refusal(rgbd, StaleImage, 0.3)


def test_an_image_without_pixels_is_named(rgbd: RgbdSubscriber, camera: Camera) -> None:
    now = camera.now_ns()
    camera.show(1, now - 33 * MS)
    empty = Image(encoding="rgb8")
    empty.header.stamp, empty.header.frame_id = stamp_to_msg(now), "cam"
    camera.show_info(now)
    camera.show_depth(1, now)
    camera.colour.publish(empty)
    assert wait_until(lambda: rgbd._choose(now, 1.0).colour.stamp_ns == now)
    assert "no pixels" in refusal(rgbd, BadImage)
    camera.show(2, camera.now_ns())
    assert wait_until(lambda: rgbd._choose(now, 1.0).colour.stamp_ns > now)
    assert rgbd.newest(1.0, 1.0).rgb[0, 0, 0] == 2


def test_a_bag_that_starts_over_does_not_stall(
    make_node: Callable[..., Node], spin: Callable[..., object]
) -> None:
    node = make_node("simulated", "-p", "use_sim_time:=true")
    camera = Camera(make_node("player"))
    clock = camera.node.create_publisher(Clock, "/clock", 10)
    rgbd = RgbdSubscriber(node)
    matched(rgbd)
    spin(node)
    assert wait_until(lambda: node.count_publishers("/clock") == 1)
    assert wait_until(lambda: clock.get_subscription_count() == 1)
    for loop in range(3):
        for frame in range(5):
            stamp = 1000 * S + frame * 66 * MS
            clock.publish(Clock(clock=stamp_to_msg(stamp)))
            assert wait_until(lambda stamp=stamp: node.get_clock().now().nanoseconds == stamp)
            number = 1 + 10 * loop + frame
            camera.show(number, stamp)
            assert wait_until(lambda number=number: rgbd.newest(0.5, 1.0).rgb[0, 0, 0] == number)
            seen = rgbd.newest(0.5, 1.0)
            assert seen.depth_m is not None
            assert (seen.stamp_ns, seen.intrinsics.fx) == (stamp, float(number))
            assert seen.depth_m[0, 0] == pytest.approx(number * 0.001)
    rgbd.close()


def test_stamps_that_jump_back_unseen_between_two_requests(rgbd: RgbdSubscriber, camera: Camera) -> None:
    now = camera.now_ns()
    camera.show(1, now)
    assert rgbd.newest(5.0, 1.0).stamp_ns == now
    for number in (2, 3, 4):
        camera.show(number, now - 3 * S + number * 33 * MS)
        time.sleep(0.02)
    assert wait_until(lambda: rgbd.newest(5.0, 1.0).rgb[0, 0, 0] == 4)


def test_simulated_time_without_a_clock_is_recognised(make_node: Callable[..., Node], camera: Camera) -> None:
    rgbd = RgbdSubscriber(make_node("simulated", "-p", "use_sim_time:=true"))
    matched(rgbd)
    camera.show(1, camera.now_ns())
    assert "nothing came on /clock" in refusal(rgbd, StaleImage, 0.5)
    rgbd.close()


def test_colour_alone(node: Node, camera: Camera) -> None:
    rgbd = RgbdSubscriber(node, settings=RgbdSettings(use_depth=False))
    matched(rgbd)
    camera.show_info(stamp := camera.now_ns())
    camera.show_colour(8, stamp)
    seen = rgbd.newest(1.0, 1.0)
    assert (seen.rgb[0, 0, 0], seen.depth_m, seen.depth_camera) == (8, None, None)
    assert set(rgbd.counts().publishers) == {"/image", "/camera_info"}
    rgbd.close()
