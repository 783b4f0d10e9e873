"""What a simulated world publishes: joints, frames, its description, its time and its camera."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import String
from tf2_ros import StaticTransformBroadcaster, TransformBroadcaster

from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.ros.camera_topics import CameraTopics, depth_to_image, info_of
from robotracer_ros.ros.convert import transform_to_msg
from robotracer_ros.ros.images import rgb_to_image
from robotracer_ros.ros.qos import result_qos
from robotracer_ros.ros.stamps import stamp_to_msg
from robotracer_ros.sim.world import JointReadings

_CAMERA_TOPICS = ("image", "depth", "camera_info", "depth_camera_info")


class SimPublishers:
    """The topics of a simulated robot and its camera.

    Args:
        node: its namespace and remappings apply.
        urdf: of the robot, published once for all who come.
        bgr: whether the colour image is bgr8.
        clock: whether simulated time is published.
    """

    def __init__(self, node: Node, urdf: str, *, bgr: bool, clock: bool) -> None:
        self._node, self._bgr = node, bgr
        self._camera = CameraTopics(node, depth_encoding="32FC1")
        self._topics = [node.resolve_topic_name(name) for name in _CAMERA_TOPICS]
        self._joints = node.create_publisher(JointState, "joint_states", QoSProfile(depth=10))
        self._clock = node.create_publisher(Clock, "/clock", QoSProfile(depth=1)) if clock else None
        self._frames, self._still_frames = TransformBroadcaster(node), StaticTransformBroadcaster(node)
        self._description = node.create_publisher(String, "robot_description", result_qos())
        self._description.publish(String(data=urdf))

    @property
    def is_watched(self) -> bool:
        """Whether anybody listens to the camera."""
        return any(self._node.count_subscribers(topic) for topic in self._topics)

    def clock(self, stamp_ns: int) -> None:
        """Publish simulated time, if that is wanted."""
        if self._clock is not None:
            self._clock.publish(Clock(clock=stamp_to_msg(stamp_ns)))

    def fixed(self, frames: Sequence[RigidTransform], stamp_ns: int) -> None:
        """Frames that stand still until the next reset."""
        self._still_frames.sendTransform([transform_to_msg(frame, stamp_ns) for frame in frames])

    def state(self, joints: JointReadings, frames: Sequence[RigidTransform], stamp_ns: int) -> None:
        """Joints, and frames that move."""
        message = JointState(name=list(joints.names), position=joints.positions.tolist())
        message.velocity = joints.velocities.tolist()
        message.header.stamp = stamp_to_msg(stamp_ns)
        self._joints.publish(message)
        self._frames.sendTransform([transform_to_msg(frame, stamp_ns) for frame in frames])

    def picture(self, seen: RgbdObservation, stamp_ns: int) -> None:
        """Both images with their camera_info; depth is registered to colour, so both say the same."""
        frame = seen.frame_id
        depth: Any = None if seen.depth_m is None else depth_to_image(seen.depth_m, frame, stamp_ns, "32FC1")
        info = info_of(seen.intrinsics, frame, stamp_ns)
        self._camera.publish_messages(self._colour(seen, stamp_ns), depth, info, info)

    def _colour(self, seen: RgbdObservation, stamp_ns: int) -> Image:
        if not self._bgr:
            return rgb_to_image(seen.rgb, seen.frame_id, stamp_ns)
        message = rgb_to_image(np.ascontiguousarray(seen.rgb[:, :, ::-1]), seen.frame_id, stamp_ns)
        message.encoding = "bgr8"
        return message
