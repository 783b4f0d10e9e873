"""The robot description: a parameter where it is set, else what ``robot_description`` tells."""

from __future__ import annotations

import threading
from pathlib import Path
from urllib.parse import unquote

from ament_index_python.packages import get_package_share_directory
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from std_msgs.msg import String

from robotracer_ros.errors import InvalidRequest, MotionRefused
from robotracer_ros.planning.robot_description import RobotDescription
from robotracer_ros.planning.tool_body import RobotBody
from robotracer_ros.ros.qos import OVERRIDES, overridable, result_qos


def mesh_path(uri: str) -> Path:
    """The file that a robot description names: ``package://NAME/...``, ``file://...`` or an absolute path.

    Raises:
        InvalidRequest: for another URI, and a package that is not there.
    """
    kind, separator, rest = uri.partition("://")
    if not separator and uri.startswith("/"):
        return Path(uri)
    if kind == "file" and rest.removeprefix("localhost").startswith("/"):
        return Path(unquote(rest.removeprefix("localhost")))
    name, _, inside = rest.partition("/")
    if kind != "package" or not name or not inside:
        raise InvalidRequest("accepted: package://NAME/..., file:///... or an absolute path")
    try:
        return Path(get_package_share_directory(name)) / inside
    except (LookupError, ValueError, OSError) as error:
        raise InvalidRequest(f"the package {name!r} is not there") from error


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
        # Meshes are read once for each description, by whoever asks first.
        self._reading = threading.Lock()
        self._body: tuple[str, RobotBody] | None = None
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

    def body(self, timeout_s: float) -> RobotBody:
        """As `robot`, with the surface of its links; a mesh that cannot be read is left out with a warning.

        Raises:
            MotionRefused: as `robot`.
            InvalidRequest: for collision shapes that are none.
        """
        urdf = self.urdf(timeout_s)
        with self._reading:
            if self._body is None or self._body[0] != urdf:
                body = RobotBody.from_urdf(urdf, mesh_path)
                self._body = (urdf, body)
                if body.unread:
                    links = "".join(f"\n  {link}: {reason}" for link, reason in body.unread.items())
                    self._node.get_logger().warning(
                        f"the robot's shape is not known wherever these links are: what the camera sees of them is an "
                        f"obstacle, and gripper.box_m stands in for a gripper{links}"
                    )
            return self._body[1]

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
