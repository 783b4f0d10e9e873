"""Image messages of any layout, and a camera whose frames can be told apart by their numbers."""

from __future__ import annotations

import array
import time
from collections.abc import Callable

import numpy as np
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image

from robotracer_ros.ros.stamps import header_of

WIDTH, HEIGHT = 64, 48


def image(encoding: str, pixels: np.ndarray, padding: int = 0, bigendian: bool = False) -> Image:
    """A message of (H, W) or (H, W, C) pixels, whose rows end in ``padding`` bytes of rubbish."""
    height, width = pixels.shape[:2]
    rows = np.ascontiguousarray(pixels).reshape(height, -1).view(np.uint8)
    rows = np.hstack([rows, np.full((height, padding), 0xA5, np.uint8)])
    data = array.array("B")
    data.frombytes(rows.tobytes())
    return Image(
        height=height, width=width, encoding=encoding, step=rows.shape[1], is_bigendian=int(bigendian), data=data
    )


def camera_info(width: int = WIDTH, height: int = HEIGHT, focal_px: float = 50.0) -> CameraInfo:
    """An undistorted camera that looks through the middle of its image."""
    cx, cy = (width - 1) / 2, (height - 1) / 2
    info = CameraInfo(width=width, height=height, distortion_model="plumb_bob", d=[0.0] * 5)
    info.k = [focal_px, 0.0, cx, 0.0, focal_px, cy, 0.0, 0.0, 1.0]
    info.p = [focal_px, 0.0, cx, 0.0, 0.0, focal_px, cy, 0.0, 0.0, 0.0, 1.0, 0.0]
    return info


class Camera:
    """Publishes colour of one grey value and depth of one distance, so that a pair is known by its numbers."""

    def __init__(self, node: Node, reliability: ReliabilityPolicy = ReliabilityPolicy.BEST_EFFORT) -> None:
        qos = QoSProfile(depth=10, reliability=reliability)
        self.node = node
        self.colour = node.create_publisher(Image, "image", qos)
        self.depth = node.create_publisher(Image, "depth", qos)
        self.info = node.create_publisher(CameraInfo, "camera_info", qos)
        self.depth_info = node.create_publisher(CameraInfo, "depth_camera_info", qos)

    def now_ns(self) -> int:
        return self.node.get_clock().now().nanoseconds

    def show_colour(self, number: int, stamp_ns: int, frame: str = "cam") -> None:
        message = image("rgb8", np.full((HEIGHT, WIDTH, 3), number, np.uint8))
        message.header = header_of(frame, stamp_ns)
        self.colour.publish(message)

    def show_depth(
        self, number: int, stamp_ns: int, frame: str = "cam", size: tuple[int, int] = (WIDTH, HEIGHT)
    ) -> None:
        message = image("16UC1", np.full(size[::-1], number, "<u2"))
        message.header = header_of(frame, stamp_ns)
        self.depth.publish(message)

    def show_info(self, stamp_ns: int, frame: str = "cam", focal_px: float = 50.0) -> None:
        info = camera_info(focal_px=focal_px)
        info.header = header_of(frame, stamp_ns)
        self.info.publish(info)

    def show(self, number: int, stamp_ns: int, frame: str = "cam") -> None:
        """Colour of ``number``, depth of ``number`` millimetres, and a focal length of ``number`` pixels."""
        self.show_info(stamp_ns, frame, float(number))
        self.show_colour(number, stamp_ns, frame)
        self.show_depth(number, stamp_ns, frame)


def wait_until(condition: Callable[[], bool], timeout_s: float = 5.0) -> bool:
    """Whether ``condition`` came true in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True
