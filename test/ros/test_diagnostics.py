"""Diagnostics arrive about once a second, under the node's own name, whatever else the node does."""

from __future__ import annotations

import time
from collections.abc import Callable

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.node import Node
from ros.camera import wait_until

from robotracer_ros.errors import NoImage
from robotracer_ros.ros.diagnostics import Diagnostics, Report


def heard(make_node: Callable[..., Node], spin: Callable[..., object]) -> list[DiagnosticArray]:
    received: list[DiagnosticArray] = []
    listener = make_node("listener")
    listener.create_subscription(DiagnosticArray, "/diagnostics", received.append, 10)
    spin(listener)
    return received


def test_once_a_second_with_name_level_and_values(
    make_node: Callable[..., Node], spin: Callable[..., object]
) -> None:
    received = heard(make_node, spin)
    node = make_node("tracer_node", "-r", "__ns:=/robot1")
    Diagnostics(node, lambda: Report(DiagnosticStatus.WARN, "slow", {"answer_s": 1.25, "model": "m-1", "n": 3}))
    spin(node)
    assert wait_until(lambda: len(received) >= 3, 6.0)
    status = received[0].status[0]
    assert (status.name, status.level, status.message) == ("/robot1/tracer_node: tracer", DiagnosticStatus.WARN, "slow")
    assert {value.key: value.value for value in status.values} == {"answer_s": "1.25", "model": "m-1", "n": "3"}
    stamps = [message.header.stamp.sec + message.header.stamp.nanosec * 1e-9 for message in received]
    assert 0.7 < stamps[2] - stamps[1] < 1.6


def test_simulated_time_that_stands_still_does_not_silence_it(
    make_node: Callable[..., Node], spin: Callable[..., object]
) -> None:
    received = heard(make_node, spin)
    node = make_node("paused", "-p", "use_sim_time:=true")
    Diagnostics(node, lambda: Report(DiagnosticStatus.OK, "ready"), period_s=0.1)
    spin(node)
    assert wait_until(lambda: len(received) >= 2)


def test_an_error_of_the_report_is_reported(make_node: Callable[..., Node], spin: Callable[..., object]) -> None:
    def broken() -> Report:
        raise NoImage("no camera")

    received = heard(make_node, spin)
    node = make_node("broken")
    Diagnostics(node, broken, period_s=0.1)
    spin(node)
    assert wait_until(lambda: len(received) >= 1)
    assert (received[0].status[0].level, received[0].status[0].message) == (DiagnosticStatus.ERROR, "no camera")


def test_silent_after_close(make_node: Callable[..., Node], spin: Callable[..., object]) -> None:
    received = heard(make_node, spin)
    node = make_node("closing")
    diagnostics = Diagnostics(node, lambda: Report(DiagnosticStatus.OK, "ready"), period_s=0.05)
    spin(node)
    assert wait_until(lambda: len(received) >= 1)
    diagnostics.close()
    time.sleep(0.2)
    count = len(received)
    time.sleep(0.4)
    assert len(received) == count
