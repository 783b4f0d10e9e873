"""The node ends while the arm moves, and a controller that takes no cancellation is stopped by its topic."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("pinocchio")
pytest.importorskip("moveit_msgs")

from nodes.panda import ACTION, Panda, code, live_panda, wait_until

SLOW = 0.05


@pytest.fixture
def panda(ros: None, tmp_path: Path) -> Iterator[Panda]:
    with live_panda(tmp_path, action=ACTION, topic=True) as one:
        yield one


def under_way(panda: Panda) -> bool:
    return panda.arm.positions["panda_joint6"] > 1.6


def test_the_topic_stops_what_a_controller_does_not_and_the_nodes_end_stops_the_arm(panda: Panda) -> None:
    panda.arm.mode = "nocancel"
    motion = panda.execute(panda.goal(SLOW))
    wait_until(lambda: under_way(panda))
    motion.cancel()
    _, answered, told = motion.ended()
    assert answered == code("PREEMPTED"), told
    wait_until(lambda: panda.arm.cancellations == 1)
    assert panda.arm.positions["panda_joint6"] < 1.9  # of 2.1
    assert len(panda.arm.on_topic) == 1
    wait_until(lambda: not panda.arm.is_followed)

    panda.arm.mode = "normal"
    panda.stand_ready()
    motion = panda.execute(panda.goal(SLOW))
    wait_until(lambda: under_way(panda))
    panda.process.process.send_signal(signal.SIGINT)
    assert panda.process.process.wait(20.0) == 0
    assert panda.arm.speed() == 0
    assert panda.arm.positions["panda_joint6"] < 1.9
    assert panda.arm.cancellations == 2
    assert "PREEMPTED: the node is being shut down" in panda.process.printed
    assert motion.ended()[1] == code("PREEMPTED")
