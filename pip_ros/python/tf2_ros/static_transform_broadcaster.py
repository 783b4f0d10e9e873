"""The broadcaster of fixed frames: the whole set on /tf_static, kept for whoever comes late."""

from collections.abc import Iterable

from geometry_msgs.msg import TransformStamped
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile
from tf2_msgs.msg import TFMessage

from tf2_ros.transform_broadcaster import as_list


class StaticTransformBroadcaster:
    """Publishes fixed transforms of `node` on the absolute topic /tf_static.

    A late subscriber receives one retained message per publisher, hence every message carries all that was ever
    sent. tf2_ros 0.36.4 keeps the first value of a child and ignores later ones, as does this; code that has to run
    with other releases sends a changed value through another broadcaster.
    """

    def __init__(self, node: Node, qos: QoSProfile | int | None = None) -> None:
        if qos is None:
            qos = QoSProfile(depth=1, history=HistoryPolicy.KEEP_LAST, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.pub_tf = node.create_publisher(TFMessage, "/tf_static", qos)
        # By child, in order of first appearance; the messages themselves, not copies, as upstream.
        self._transforms: dict[str, TransformStamped] = {}

    def sendTransform(self, transform: TransformStamped | Iterable[TransformStamped]) -> None:  # noqa: N802 - upstream
        """Add the children not known yet and publish the whole set. AttributeError for what is no transform."""
        for item in as_list(transform):
            self._transforms.setdefault(item.child_frame_id, item)
        self.pub_tf.publish(TFMessage(transforms=list(self._transforms.values())))
