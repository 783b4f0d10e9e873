"""The driving base of a simulated floor on topics: cmd_vel in, odometry out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from geometry_msgs.msg import Twist
from nav_msgs.msg import Odometry
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from rclpy.qos import QoSProfile

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.ros.stamps import header_of
from robotracer_ros.sim.floor_spec import BASE_FRAME
from robotracer_ros.sim.floor_world import ODOM_FRAME, FloorWorld

_EVERY_S: Final = 0.02


class DriveServers:
    """Carries velocities to a `FloorWorld`, and tells where it went.

    Args:
        turn: held by whoever touches the world.
        now_ns: the stamp of this moment.
    """

    def __init__(self, node: Node, world: FloorWorld, turn: Any, now_ns: Callable[[], int]) -> None:
        self._node, self._world, self._turn, self._now_ns = node, world, turn, now_ns
        self._due_s = 0.0
        self._odometry = node.create_publisher(Odometry, "odom", QoSProfile(depth=10))
        self._velocity = node.create_subscription(
            Twist, "cmd_vel", self._drive, QoSProfile(depth=10), callback_group=MutuallyExclusiveCallbackGroup()
        )

    def steer(self) -> None:
        """Publish odometry when it is due; velocities count from when they came."""
        if self._world.time_s >= self._due_s:
            self._due_s = self._world.time_s + _EVERY_S
            self._odometry.publish(self._told())

    def begin_again(self) -> None:
        """The base stands where odom begins."""
        self._due_s = 0.0

    def close(self) -> None:
        """Nothing waits."""

    def _drive(self, twist: Twist) -> None:
        try:
            with self._turn:
                self._world.drive(twist.linear.x, twist.angular.z)
        except InvalidRequest as error:
            self._node.get_logger().error(f"cmd_vel: {error}")

    def _told(self) -> Odometry:
        pose, (v, w) = self._world.odom_from_base(), self._world.velocity
        message = Odometry(header=header_of(ODOM_FRAME, self._now_ns()), child_frame_id=BASE_FRAME)
        place, turned = message.pose.pose.position, message.pose.pose.orientation
        place.x, place.y, place.z = pose.translation_m.tolist()
        turned.x, turned.y, turned.z, turned.w = pose.quaternion_xyzw.tolist()
        message.twist.twist.linear.x, message.twist.twist.angular.z = v, w
        return message
