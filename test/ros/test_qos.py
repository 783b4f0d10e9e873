"""Quality of service that users override: it takes effect; what is none is refused by name and leaves nothing open."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.ros.diagnostics import Diagnostics, Report
from robotracer_ros.ros.qos import service_qos
from robotracer_ros.ros.rgbd import RgbdSubscriber


def _overriding(make_node: Callable[..., Node], endpoint: str, **policies: object) -> Node:
    arguments: list[str] = []
    for name, value in policies.items():
        arguments += ["-p", f"qos_overrides.{endpoint}.{name}:={value}"]
    return make_node("hears", *arguments)


@pytest.mark.parametrize(
    "policies", [{"reliability": "very"}, {"durability": "long"}, {"history": "all"}, {"depth": "deep"}, {"depth": -1}]
)
@pytest.mark.parametrize("topic", ["/image", "/depth", "/camera_info", "/depth_camera_info"])
def test_what_is_no_quality_is_refused_and_nothing_stays_open(
    make_node: Callable[..., Node], topic: str, policies: dict[str, object]
) -> None:
    node = _overriding(make_node, f"{topic}.subscription", **policies)
    before = {subscription.topic_name for subscription in node.subscriptions}
    with pytest.raises(InvalidRequest, match=f"qos_overrides.{topic}"):
        RgbdSubscriber(node)
    assert {subscription.topic_name for subscription in node.subscriptions} == before


def test_what_is_one_takes_effect(make_node: Callable[..., Node]) -> None:
    node = _overriding(make_node, "/image.subscription", reliability="reliable", depth=7, durability="transient_local")
    RgbdSubscriber(node)
    (image,) = (subscription for subscription in node.subscriptions if subscription.topic_name == "/image")
    assert image.qos_profile.reliability == ReliabilityPolicy.RELIABLE
    assert image.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
    assert image.qos_profile.depth == 7


def test_diagnostics_refuse_it_too(make_node: Callable[..., Node]) -> None:
    node = _overriding(make_node, "/diagnostics.publisher", reliability="very")
    with pytest.raises(InvalidRequest, match=r"qos_overrides\./diagnostics"):
        Diagnostics(node, lambda: Report(DiagnosticStatus.OK, "fine"))


def test_a_service_keeps_a_crowd_of_requests() -> None:
    assert service_qos().reliability == ReliabilityPolicy.RELIABLE
    assert service_qos().depth > 100
