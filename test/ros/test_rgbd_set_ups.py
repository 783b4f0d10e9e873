"""Cameras of other set-ups: remapped, compressed, QoS overridden, depth not registered; and closing."""

from __future__ import annotations

import array
import struct
import threading
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from rclpy.node import Node
from ros.camera import HEIGHT, WIDTH, Camera, camera_info, wait_until
from sensor_msgs.msg import CompressedImage

from robotracer_ros.errors import BadCameraInfo, InvalidRequest, NoImage, NotActive, NoTransform
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.ros.rgbd import RgbdSettings, RgbdSubscriber
from robotracer_ros.ros.stamps import header_of

SHIFT = RigidTransform("cam", "ir", np.eye(3), [0.03, 0.0, 0.0])


@pytest.fixture
def node(make_node: Callable[..., Node]) -> Node:
    return make_node("tracer")


def matched(rgbd: RgbdSubscriber) -> RgbdSubscriber:
    assert wait_until(lambda: all(rgbd.counts().publishers.values())), rgbd.counts()
    return rgbd


def unregistered(camera: Camera, frame: str, size: tuple[int, int], info_focal_px: float = 0.0) -> int:
    """Colour in "cam", depth of another frame or size, and a depth_camera_info when a focal length is given."""
    stamp = camera.now_ns()
    if info_focal_px:
        info = camera_info(*size, info_focal_px)
        info.header = header_of(frame, stamp)
        camera.depth_info.publish(info)
    camera.show_info(stamp)
    camera.show_colour(1, stamp)
    camera.show_depth(700, stamp, frame, size)
    return stamp


def test_depth_of_another_frame_brings_its_own_camera_and_its_place(node: Node, camera: Camera) -> None:
    asked: list[tuple[str, str, int]] = []

    def lookup(target: str, source: str, stamp_ns: int) -> RigidTransform:
        asked.append((target, source, stamp_ns))
        return SHIFT

    rgbd = matched(RgbdSubscriber(node, lookup))
    stamp = unregistered(camera, "ir", (32, 20), 33.0)
    seen = rgbd.newest(2.0, 2.0)
    assert seen.depth_camera is not None
    assert seen.depth_camera.color_from_depth is SHIFT
    assert (seen.depth_camera.intrinsics.width, seen.depth_camera.intrinsics.fx) == (32, 33.0)
    assert asked == [("cam", "ir", stamp)]
    rgbd.close()


def test_depth_of_another_frame_needs_its_info(node: Node, camera: Camera) -> None:
    rgbd = matched(RgbdSubscriber(node, lambda *_: SHIFT))
    unregistered(camera, "ir", (WIDTH, HEIGHT))
    with pytest.raises(BadCameraInfo, match=r"frame 'ir', colour in 'cam'.*/depth_camera_info"):
        rgbd.newest(2.0, 0.3)
    rgbd.close()


def test_depth_of_another_frame_needs_tf(node: Node, camera: Camera) -> None:
    rgbd = matched(RgbdSubscriber(node))
    unregistered(camera, "ir", (WIDTH, HEIGHT), 33.0)
    with pytest.raises(NoTransform, match="'ir'"):
        rgbd.newest(2.0, 1.0)
    rgbd.close()


def test_depth_of_half_the_size_in_the_same_frame_uses_the_scaled_camera(node: Node, camera: Camera) -> None:
    rgbd = matched(RgbdSubscriber(node))
    unregistered(camera, "cam", (WIDTH // 2, HEIGHT // 2))
    seen = rgbd.newest(2.0, 2.0)
    assert seen.depth_camera is not None
    assert seen.depth_camera.intrinsics.fx == 25.0
    np.testing.assert_array_equal(seen.depth_camera.color_from_depth.translation_m, np.zeros(3))
    rgbd.close()


def test_depth_of_another_shape_in_the_same_frame_needs_its_info(node: Node, camera: Camera) -> None:
    rgbd = matched(RgbdSubscriber(node))
    unregistered(camera, "cam", (WIDTH, HEIGHT // 2))
    with pytest.raises(BadCameraInfo, match=r"64x24.*64x48.*depth_camera_info"):
        rgbd.newest(2.0, 1.0)
    rgbd.close()


def test_depth_of_another_shape_in_the_same_frame_uses_its_info(node: Node, camera: Camera) -> None:
    rgbd = matched(RgbdSubscriber(node))
    info = camera_info(WIDTH, HEIGHT // 2, 33.0)
    info.header = header_of("cam", camera.now_ns())
    camera.depth_info.publish(info)
    unregistered(camera, "cam", (WIDTH, HEIGHT // 2))
    seen = rgbd.newest(2.0, 2.0)
    assert seen.depth_camera is not None
    assert (seen.depth_camera.intrinsics.height, seen.depth_camera.intrinsics.fx) == (HEIGHT // 2, 33.0)
    rgbd.close()


def test_remapping_the_base_name_moves_the_transports(make_node: Callable[..., Node]) -> None:
    arguments = ("-r", "image:=/front/color/image_raw", "-r", "depth:=front/depth", "-r", "__ns:=/robot1")
    node = make_node("remapped", *arguments)
    rgbd = RgbdSubscriber(node, settings=RgbdSettings(image_transport="compressed", depth_transport="compressedDepth"))
    topics = {
        "/front/color/image_raw/compressed",
        "/robot1/front/depth/compressedDepth",
        "/robot1/camera_info",
        "/robot1/depth_camera_info",
    }
    assert set(rgbd.counts().publishers) == topics
    rgbd.close()


def test_compressed_frames_are_decoded(node: Node, camera: Camera) -> None:
    rgbd = RgbdSubscriber(node, settings=RgbdSettings(image_transport="compressed", depth_transport="compressedDepth"))
    colour = camera.node.create_publisher(CompressedImage, "image/compressed", 10)
    depth = camera.node.create_publisher(CompressedImage, "depth/compressedDepth", 10)
    matched(rgbd)
    stamp = camera.now_ns()
    camera.show_info(stamp)
    bgr = np.full((HEIGHT, WIDTH, 3), (10, 20, 30), np.uint8)
    counts = np.full((HEIGHT, WIDTH), 1234, np.uint16)
    for publisher, form, head, pixels in (
        (colour, "rgb8; png compressed bgr8", b"", bgr),
        (depth, "16UC1; compressedDepth png", struct.pack("<iff", 0, 0, 0), counts),
    ):
        data = head + cv2.imencode(".png", pixels)[1].tobytes()
        publisher.publish(CompressedImage(header=header_of("cam", stamp), format=form, data=array.array("B", data)))
    seen = rgbd.newest(2.0, 2.0)
    assert seen.rgb[5, 5].tolist() == [30, 20, 10]
    assert seen.depth_m is not None
    assert seen.depth_m[5, 5] == pytest.approx(1.234)
    rgbd.close()


def test_a_rectified_topic_uses_p(make_node: Callable[..., Node]) -> None:
    node = make_node("rectified", "-r", "image:=image_rect")
    camera = Camera(make_node("camera", "-r", "image:=image_rect"))
    rgbd = matched(RgbdSubscriber(node))
    stamp = camera.now_ns()
    info = camera_info(focal_px=50.0)
    info.header = header_of("cam", stamp)
    info.d, info.p[0] = [0.1, 0.0, 0.0, 0.0, 0.0], 44.0
    camera.info.publish(info)
    camera.show_colour(1, stamp)
    camera.show_depth(1, stamp)
    seen = rgbd.newest(2.0, 2.0)
    assert seen.intrinsics.fx == 44.0
    assert seen.intrinsics.distortion.is_none
    rgbd.close()


def test_qos_can_be_overridden_by_parameters(make_node: Callable[..., Node]) -> None:
    name = "qos_overrides./image.subscription"
    node = make_node("overridden", "-p", f"{name}.reliability:=reliable", "-p", f"{name}.depth:=9")
    rgbd = RgbdSubscriber(node)
    profile = rgbd._colour._subscription.qos_profile
    assert (profile.depth, profile.reliability.name) == (9, "RELIABLE")
    assert node.get_parameter("qos_overrides./camera_info.subscription.durability").value == "volatile"
    rgbd.close()


def test_a_reliable_override_does_not_hear_a_best_effort_camera_and_says_so(make_node: Callable[..., Node]) -> None:
    node = make_node("deaf", "-p", "qos_overrides./image.subscription.reliability:=reliable")
    camera = Camera(make_node("camera"))
    rgbd = RgbdSubscriber(node)
    assert wait_until(lambda: rgbd.counts().publishers["/depth"] == 1)
    camera.show(1, camera.now_ns())
    with pytest.raises(NoImage, match="none with a QoS that matches"):
        rgbd.newest(1.0, 0.3)
    rgbd.close()


def test_closing_ends_a_waiting_request_and_all_subscriptions(node: Node, camera: Camera) -> None:
    rgbd = matched(RgbdSubscriber(node))
    threading.Timer(0.2, rgbd.close).start()
    with pytest.raises(NotActive):
        rgbd.newest(1.0, 10.0)
    rgbd.close()
    assert rgbd.counts().publishers == {}
    assert wait_until(lambda: camera.colour.get_subscription_count() == 0)


def test_opening_again_after_closing(node: Node, camera: Camera) -> None:
    for number in (1, 2, 3):
        rgbd = matched(RgbdSubscriber(node))
        camera.show(number, camera.now_ns())
        assert rgbd.newest(1.0, 2.0).rgb[0, 0, 0] == number
        rgbd.close()


def test_many_threads_ask_at_once(node: Node, camera: Camera) -> None:
    rgbd = matched(RgbdSubscriber(node))
    seen: list[int] = []
    threads = [
        threading.Thread(target=lambda: seen.append(int(rgbd.newest(5.0, 5.0).rgb[0, 0, 0]))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    camera.show(6, camera.now_ns())
    for thread in threads:
        thread.join()
    assert seen == [6] * 8
    rgbd.close()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"image_transport": "theora"}, "theora.*raw, compressed"),
        ({"depth_transport": "zstd"}, "compressedDepth"),
        ({"sync_slop_s": -0.1}, "0 s and more"),
        ({"sync_slop_s": float("nan")}, "0 s and more"),
        ({"depth_unit_m": 0.0}, "above 0 m"),
        ({"queue_depth": 0}, "1 and more"),
    ],
)
def test_wrong_settings_are_named(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        RgbdSettings(**wrong)  # type: ignore[arg-type]
