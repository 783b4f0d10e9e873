"""A camera in a process of its own: 1280x720 bgr8 and 16UC1 with camera_info, best effort, at a given rate.

python3 -m benchmarks.programs.camera 30
"""

from __future__ import annotations

import contextlib
import sys
import time

import numpy as np
import rclpy
from rclpy.node import Node

from robotracer_ros.geometry.camera import CameraIntrinsics
from robotracer_ros.ros.camera_topics import CameraTopics, depth_to_image, info_of
from robotracer_ros.ros.images import rgb_to_image

CAMERA = CameraIntrinsics(1280, 720, 640.0, 640.0, 639.5, 359.5)
FRAME = "camera"


def main() -> int:
    """Publish until told to stop."""
    rate_hz = float(sys.argv[1])
    rclpy.init()
    node = Node("camera")
    topics = CameraTopics(node)
    noise = np.random.default_rng(0)
    slant = 0.9 + 0.0002 * np.arange(1280)
    depth = (slant + noise.normal(scale=0.001, size=(720, 1280))).astype(np.float32)
    image = rgb_to_image(noise.integers(0, 255, (720, 1280, 3), dtype=np.uint8), FRAME, 0)
    image.encoding = "bgr8"
    depth_image, info = depth_to_image(depth, FRAME, 0), info_of(CAMERA, FRAME, 0)
    due = time.monotonic()
    with contextlib.suppress(KeyboardInterrupt):
        while rclpy.ok():
            stamp = node.get_clock().now().to_msg()
            for message in (info, image, depth_image):
                message.header.stamp = stamp
            topics.publish_messages(image, depth_image, info)
            due += 1.0 / rate_hz
            time.sleep(max(0.0, due - time.monotonic()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
