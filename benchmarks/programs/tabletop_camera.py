"""The camera of a simulated table in a process of its own, with the transform of its mounting, at a given rate.

python3 -m benchmarks.programs.tabletop_camera 10 0
"""

from __future__ import annotations

import contextlib
import sys
import time

import rclpy
from rclpy.node import Node
from tf2_ros import StaticTransformBroadcaster

from benchmarks.programs.tabletop import BASE_FRAME, tabletop
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.ros.camera_topics import CameraTopics
from robotracer_ros.ros.convert import transform_to_msg


def main() -> int:
    """Publish until told to stop."""
    rate_hz, seed = float(sys.argv[1]), int(sys.argv[2])
    table = tabletop(seed)
    rclpy.init()
    node = Node("camera")
    topics, mounting = CameraTopics(node), StaticTransformBroadcaster(node)
    pose = table.scene.table_from_camera
    mounted = RigidTransform(BASE_FRAME, pose.source_frame, pose.rotation, pose.translation_m)
    mounting.sendTransform(transform_to_msg(mounted, node.get_clock().now().nanoseconds))
    due = time.monotonic()
    with contextlib.suppress(KeyboardInterrupt):
        while rclpy.ok():
            topics.publish(table.observation, node.get_clock().now().nanoseconds)
            due += 1.0 / rate_hz
            time.sleep(max(0.0, due - time.monotonic()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
