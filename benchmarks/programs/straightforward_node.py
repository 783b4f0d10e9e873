"""The other side of benchmarks.service_call: the node one writes first.

Every image is received as a message and paired by its stamp; a request decodes both images, makes float depth and the
whole cloud, carries the cloud into the target frame and looks the trace's points up in it.
"""

from __future__ import annotations

import ast
import contextlib
import sys

import cv2
import numpy as np
import rclpy
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Path
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.duration import Duration
from rclpy.executors import MultiThreadedExecutor
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from rclpy.time import Time
from sensor_msgs.msg import CameraInfo, Image
from tf2_ros import Buffer, TransformListener
from transforms3d.quaternions import quat2mat

from robotracer_ros.srv import GetTrace


class StraightforwardNode(Node):
    """Subscribes, pairs, and does everything over the whole image."""

    def __init__(self) -> None:
        super().__init__("straightforward")
        self.answer = self.declare_parameter("answer", "").value
        self.images: dict[tuple[int, int], Image] = {}
        self.depths: dict[tuple[int, int], Image] = {}
        self.pair: tuple[Image, Image] | None = None
        self.info: CameraInfo | None = None
        self.buffer = Buffer(node=self)
        self.listener = TransformListener(self.buffer, self)
        self.create_subscription(Image, "image", lambda m: self.keep(m, self.images), qos_profile_sensor_data)
        self.create_subscription(Image, "depth", lambda m: self.keep(m, self.depths), qos_profile_sensor_data)
        self.create_subscription(CameraInfo, "camera_info", self.keep_info, qos_profile_sensor_data)
        self.path = self.create_publisher(Path, "~/path", 1)
        group = ReentrantCallbackGroup()
        self.create_service(GetTrace, "~/get_trace", self.get_trace, callback_group=group)

    def keep(self, message: Image, queue: dict[tuple[int, int], Image]) -> None:
        """Pair by equal stamps, as an approximate synchroniser does with images of one camera."""
        stamp = (message.header.stamp.sec, message.header.stamp.nanosec)
        queue[stamp] = message
        if stamp in self.images and stamp in self.depths:
            self.pair = (self.images[stamp], self.depths[stamp])
            self.images.clear()
            self.depths.clear()
        while len(queue) > 10:
            del queue[min(queue)]

    def keep_info(self, message: CameraInfo) -> None:
        """The newest intrinsics."""
        self.info = message

    def get_trace(self, request: GetTrace.Request, response: GetTrace.Response) -> GetTrace.Response:
        """Decode, make the cloud, transform it, look the points up, publish."""
        if self.pair is None or self.info is None:
            return response
        image, depth = self.pair
        rgb = cv2.cvtColor(np.frombuffer(image.data, np.uint8).reshape(image.height, image.width, 3), cv2.COLOR_BGR2RGB)
        metres = np.frombuffer(depth.data, np.uint16).reshape(depth.height, depth.width).astype(np.float32) * 0.001
        k = self.info.k
        v, u = np.mgrid[: depth.height, : depth.width]
        cloud = np.stack([(u - k[2]) * metres / k[0], (v - k[5]) * metres / k[4], metres], axis=-1).reshape(-1, 3)
        transform = self.buffer.lookup_transform(
            request.target_frame, image.header.frame_id, Time.from_msg(image.header.stamp), Duration(seconds=1)
        ).transform
        q, t = transform.rotation, transform.translation
        cloud = cloud @ quat2mat([q.w, q.x, q.y, q.z]).T + (t.x, t.y, t.z)
        colours = rgb.reshape(-1, 3)
        path = Path()
        path.header.frame_id, path.header.stamp = request.target_frame, image.header.stamp
        for x, y, _ in ast.literal_eval(self.answer):
            index = int(y / 1000 * depth.height) * depth.width + int(x / 1000 * depth.width)
            pose = PoseStamped(header=path.header)
            pose.pose.position.x, pose.pose.position.y, pose.pose.position.z = cloud[index].tolist()
            pose.pose.orientation.w = 1.0
            path.poses.append(pose)
        self.path.publish(path)
        response.success, response.path = len(colours) == len(cloud), path
        return response


def main() -> int:
    """Run until told to stop."""
    rclpy.init()
    executor = MultiThreadedExecutor(num_threads=4)
    executor.add_node(StraightforwardNode())
    with contextlib.suppress(KeyboardInterrupt):
        executor.spin()
    return 0


if __name__ == "__main__":
    sys.exit(main())
