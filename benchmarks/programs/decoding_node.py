"""The other side of benchmarks.idle_cpu: a plain rclpy node that decodes and pairs every frame of a camera.

python3 -m benchmarks.programs.decoding_node
"""

from __future__ import annotations

import contextlib
import sys

import numpy as np
import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, Image

from robotracer_ros.ros.images import image_to_depth_m, image_to_rgb
from robotracer_ros.ros.stamps import stamp_ns

_SLOP_NS = 20_000_000


class DecodingNode(Node):
    """Each callback decodes its image, and pairs it with the latest of the other topic by stamp."""

    def __init__(self) -> None:
        super().__init__("decoding")
        self.frames: dict[str, tuple[int, np.ndarray]] = {}
        self.pairs = 0
        qos = qos_profile_sensor_data
        self.create_subscription(Image, "image", lambda m: self.keep("image", m, image_to_rgb(m)), qos)
        self.create_subscription(Image, "depth", lambda m: self.keep("depth", m, image_to_depth_m(m)), qos)
        self.create_subscription(CameraInfo, "camera_info", lambda m: setattr(self, "info", m), qos)

    def keep(self, topic: str, message: Image, pixels: np.ndarray) -> None:
        """Pair an image with the latest of the other topic."""
        self.frames[topic] = (stamp_ns(message.header.stamp), pixels)
        if len(self.frames) == 2 and abs(self.frames["image"][0] - self.frames["depth"][0]) <= _SLOP_NS:
            self.pairs += 1
            self.frames.clear()


def main() -> int:
    """Run until told to stop, then say how many pairs there were."""
    rclpy.init()
    node = DecodingNode()
    with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(node)
    print(node.pairs, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
