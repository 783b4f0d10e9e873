"""The robot description: a parameter where it is set, else what ``robot_description`` tells."""

from __future__ import annotations

import threading

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from std_msgs.msg import String

from robotracer_ros.errors import InvalidRequest, MotionRefused
from robotracer_ros.planning.robot_description import RobotDescription
from robotracer_ros.ros.qos import OVERRIDES, overridable, result_qos


class DescriptionSource:
    """A URDF, from text or from the topic that robot_state_publisher keeps it on.

    Args:
        urdf: the text of a URDF; "" to hear the topic.

    Raises:
        InvalidRequest: for text that is no robot description.
    """

    def __init__(self, node: Node, urdf: str = "") -> None:
        self._node = node
        self._arrived = threading.Event()
        self._urdf = ""
        self._robot: RobotDescription | None = None
        self._subscription = None
        if urdf:
            self._keep(urdf)
            return
        with overridable(node.resolve_topic_name("robot_description")):
            self._subscription = node.create_subscription(
                String, "robot_description", self._hear, result_qos(), callback_group=ReentrantCallbackGroup(),
                qos_overriding_options=OVERRIDES,
            )  # fmt: skip

    def robot(self, timeout_s: float) -> RobotDescription:
        """The robot, once it was told; waits for at most ``timeout_s``.

        Raises:
            MotionRefused: when nothing arrived in time.
        """
        self._arrived.wait(timeout_s)
        if self._robot is None:
            raise MotionRefused(
                f"no robot description within {timeout_s:g} s: nothing usable was heard on "
                f"{self._node.resolve_topic_name('robot_description')}; set the parameter robot_description, or start "
                f"robot_state_publisher"
            )
        return self._robot

    def urdf(self, timeout_s: float) -> str:
        """As `robot`, the text.

        Raises:
            MotionRefused: as `robot`.
        """
        self.robot(timeout_s)
        return self._urdf

    def close(self) -> None:
        """Stop listening."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None

    def _keep(self, urdf: str) -> None:
        self._robot, self._urdf = RobotDescription.from_urdf(urdf), urdf
        self._arrived.set()

    def _hear(self, message: String) -> None:
        try:
            self._keep(message.data)
        except InvalidRequest as error:
            self._node.get_logger().error(f"the robot description cannot be used: {error}")
