"""Qualities of service: what cameras are heard with, and what results are published with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rclpy.exceptions import ParameterException
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions, QoSPolicyKind

from robotracer_ros.errors import InvalidRequest

_REQUESTS_AT_ONCE: Final = 200

# For every endpoint: users may override these by parameters named qos_overrides.<topic>.<endpoint>.<policy>.
OVERRIDES: Final = QoSOverridingOptions(
    (QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH, QoSPolicyKind.RELIABILITY, QoSPolicyKind.DURABILITY)
)


@contextmanager
def overridable(topic: str) -> Iterator[None]:
    """For the creation of an endpoint of ``topic``, a resolved name, with `OVERRIDES`.

    Raises:
        InvalidRequest: naming the parameters, for what no quality of service can be made of.
    """
    try:
        yield
    except (RuntimeError, TypeError, ValueError, ParameterException) as error:
        said = str(error).partition(", at ")[0]
        raise InvalidRequest(
            f"{topic} cannot be opened: {said}; check the parameters qos_overrides.{topic}.*; accepted: reliability "
            f"reliable or best_effort, durability volatile or transient_local, history keep_last or keep_all, depth "
            f"from 1"
        ) from error


def sensor_qos(depth: int) -> QoSProfile:
    """Best effort and volatile, the only profile that hears every camera driver."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.VOLATILE,
    )


def result_qos() -> QoSProfile:
    """Reliable and transient local with the last message kept, so that a viewer that starts late sees it too."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=1,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL,
    )


def service_qos() -> QoSProfile:
    """Reliable and volatile, with room for requests that arrive at once.

    The default of ROS keeps 10: of 20 requests in the same moment it drops half, and their callers wait for ever.
    """
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=_REQUESTS_AT_ONCE,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.VOLATILE,
    )
