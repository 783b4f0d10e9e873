"""The state of a node on ``/diagnostics``, once a second."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile

from robotracer_ros.errors import RobotracerError
from robotracer_ros.ros.qos import OVERRIDES, overridable

# Absolute, as for every ROS node: one aggregator hears the whole robot.
_TOPIC = "/diagnostics"
# What diagnostic_updater and its aggregator use.
_QUEUE = 10


@dataclass(frozen=True, slots=True)
class Report:
    """How a node is.

    Attributes:
        level: DiagnosticStatus.OK, WARN, ERROR or STALE.
        message: one sentence.
        values: what is worth a number or a word, by name with its unit.
    """

    level: bytes
    message: str
    values: Mapping[str, object] = field(default_factory=dict)


class Diagnostics:
    """Publishes what ``report`` returns as "<name of the node>: <part>".

    The timer has a callback group of its own and follows the system's clock, so that neither a busy node nor a paused
    simulation silences it. A `RobotracerError` of ``report`` is published as an error.

    Args:
        node: the node reported on.
        report: asked for every message; must be quick.
        part: which part of the node reports.
        period_s: seconds between messages.

    Raises:
        InvalidRequest: for QoS overrides that cannot be used.
    """

    def __init__(
        self, node: Node, report: Callable[[], Report], part: str = "tracer", period_s: float = 1.0
    ) -> None:
        self._node = node
        self._report = report
        self._name = f"{node.get_fully_qualified_name()}: {part}"
        with overridable(_TOPIC):
            self._publisher = node.create_publisher(
                DiagnosticArray, _TOPIC, QoSProfile(depth=_QUEUE), qos_overriding_options=OVERRIDES
            )
        self._timer = node.create_timer(
            period_s,
            self.publish,
            callback_group=MutuallyExclusiveCallbackGroup(),
            clock=Clock(clock_type=ClockType.STEADY_TIME),
        )

    def publish(self) -> None:
        """Publish now, not only at the next second."""
        try:
            report = self._report()
        except RobotracerError as error:
            report = Report(DiagnosticStatus.ERROR, str(error))
        status = DiagnosticStatus(level=report.level, name=self._name, message=report.message, hardware_id="none")
        status.values = [KeyValue(key=key, value=_in_words(value)) for key, value in report.values.items()]
        message = DiagnosticArray(status=[status])
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(message)

    def close(self) -> None:
        """Stop publishing."""
        self._node.destroy_timer(self._timer)
        self._node.destroy_publisher(self._publisher)


def _in_words(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
