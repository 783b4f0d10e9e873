"""The listener: what arrives on /tf and /tf_static goes into a buffer."""

from threading import Thread

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile
from tf2_msgs.msg import TFMessage

from tf2_ros.buffer_core import BufferCore

AUTHORITY = "default_authority"


class TransformListener:
    """Two subscriptions of `node` that feed `buffer`; the names are absolute, so a namespace leaves them alone.

    Both live in a reentrant callback group: another thread of the executor can serve them while a callback waits for
    a transform. They belong to the node and outlive this object; `unregister` removes them.

    `spin_thread` gives the node an executor in a thread of its own. As with the genuine package the node leaves any
    executor it was in, and a process that neither shuts rclpy down nor unregisters does not end.
    """

    def __init__(
        self,
        buffer: BufferCore,
        node: Node,
        *,
        spin_thread: bool = False,
        qos: QoSProfile | int | None = None,
        static_qos: QoSProfile | int | None = None,
    ) -> None:
        self.buffer = buffer
        self.node = node
        self.group = ReentrantCallbackGroup()
        self.tf_sub = node.create_subscription(
            TFMessage, "/tf", self.callback, _qos(qos, DurabilityPolicy.VOLATILE), callback_group=self.group
        )
        self.tf_static_sub = node.create_subscription(
            TFMessage,
            "/tf_static",
            self.static_callback,
            _qos(static_qos, DurabilityPolicy.TRANSIENT_LOCAL),
            callback_group=self.group,
        )
        self._executor: SingleThreadedExecutor | None = None
        if spin_thread:
            self._executor = SingleThreadedExecutor(context=node.context)
            self._executor.add_node(node)
            Thread(target=_spin, args=(self._executor,), name="tf2_listener").start()

    def callback(self, data: TFMessage) -> None:
        """Store the moving edges of one message."""
        for transform in data.transforms:
            self.buffer.set_transform(transform, AUTHORITY)

    def static_callback(self, data: TFMessage) -> None:
        """Store the fixed edges of one message."""
        for transform in data.transforms:
            self.buffer.set_transform_static(transform, AUTHORITY)

    def unregister(self) -> None:
        """Remove both subscriptions from the node, and end the thread if there is one."""
        self.node.destroy_subscription(self.tf_sub)
        self.node.destroy_subscription(self.tf_static_sub)
        if self._executor is not None:
            self._executor.shutdown()


def _qos(chosen: QoSProfile | int | None, durability: DurabilityPolicy) -> QoSProfile | int:
    if chosen is not None:
        return chosen
    return QoSProfile(depth=100, history=HistoryPolicy.KEEP_LAST, durability=durability)


def _spin(executor: SingleThreadedExecutor) -> None:
    try:
        executor.spin()
    except ExternalShutdownException:
        # rclpy was shut down elsewhere: the ordinary end of this thread.
        return
