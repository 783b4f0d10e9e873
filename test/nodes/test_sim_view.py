"""sim_view shows the world that sim_node tells of, and ends alone when its window is closed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from nodes.harness import Client, Process, running

pytest.importorskip("robotracer_ros.sim.engine", reason="MuJoCo is absent")

from geometry_msgs.msg import Point
from sensor_msgs.msg import JointState
from virtual_display import VirtualDisplay, virtual_display

from robotracer_ros.msg import SpatialTrace, TracePoint
from robotracer_ros.ros.qos import result_qos
from robotracer_ros.srv import SimReset, SimTruth

SIM, VIEW = "robotracer_ros.nodes.sim_node", "robotracer_ros.nodes.sim_view"


@pytest.fixture
def display(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[VirtualDisplay]:
    with virtual_display(tmp_path / "display") as one:
        for name, value in one.environment.items():
            monkeypatch.setenv(name, value)
        yield one


def wait_until_said(process: Process, words: str, timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while words not in process.printed:
        assert process.process.poll() is None and time.monotonic() < deadline, process.printed
        time.sleep(0.05)


def changed_px(picture: npt.NDArray[np.uint8], before: npt.NDArray[np.uint8]) -> int:
    return int((np.abs(picture.astype(int) - before).max(axis=2) > 40).sum())


def trace(frame: str) -> SpatialTrace:
    """Through the air over the table."""
    message = SpatialTrace(points=[
        TracePoint(position=Point(x=x, y=0.0, z=0.4), depth_source=TracePoint.MODEL) for x in (0.3, 0.35, 0.4, 0.9)
    ])  # fmt: skip
    message.header.frame_id = frame
    return message


def test_the_window_follows_the_simulator_and_its_end_is_no_end_of_the_simulator(
    client: Client, display: VirtualDisplay, tmp_path: Path
) -> None:
    publisher = client.node.create_publisher(SpatialTrace, "trace_node/trace", result_qos())
    with running(tmp_path, {"seed": 5}, SIM), running(tmp_path, {}, VIEW) as view:
        wait_until_said(view, "the window shows the world tabletop test 5")
        display.wait_for(lambda picture: len(np.unique(picture.reshape(-1, 3), axis=0)) > 1000)
        time.sleep(1.0)
        before = display.picture().copy()
        publisher.publish(trace("base_link"))
        display.wait_for(lambda picture: changed_px(picture, before) > 200)

        # A trace that cannot be placed is left out, and the window lives on.
        publisher.publish(trace("elsewhere"))
        wait_until_said(view, "accepted: base_link, table")
        display.wait_for(lambda picture: changed_px(picture, before) < 50)

        reset = client.node.create_client(SimReset, "sim_node/reset")
        assert client.call(reset, SimReset.Request(seed=6)).success
        wait_until_said(view, "the window shows the world tabletop test 6")

        display.close_windows()
        assert view.process.wait(20.0) == 0
        assert "the window was closed" in view.printed
        assert view.printed.count("cannot be shown") == 1
        truth = client.node.create_client(SimTruth, "sim_node/truth")
        assert client.call(truth, SimTruth.Request()).success


def test_the_arm_in_the_window_moves(client: Client, display: VirtualDisplay, tmp_path: Path) -> None:
    with running(tmp_path, {"seed": 5}, SIM), running(tmp_path, {}, VIEW) as view:
        wait_until_said(view, "the window shows the world tabletop test 5")
        display.wait_for(lambda picture: len(np.unique(picture.reshape(-1, 3), axis=0)) > 1000)
        time.sleep(1.0)
        before = display.picture().copy()
        talker = client.node.create_publisher(JointState, "joint_states", 10)
        deadline = time.monotonic() + 30.0
        while changed_px(display.picture(), before) < 2000:
            assert time.monotonic() < deadline
            # Louder than the simulator's own.
            for _ in range(20):
                talker.publish(JointState(name=["shoulder_pan_joint"], position=[0.0]))
                time.sleep(0.005)
        assert view.stop() == 0


def test_without_a_display_it_says_so_and_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with running(tmp_path, {}, VIEW) as view:
        assert view.process.wait(30.0) == 1
        time.sleep(0.2)
    assert "no window can be opened: neither DISPLAY nor WAYLAND_DISPLAY is set" in view.printed
    assert "Traceback" not in view.printed
    assert view.printed.count("\n") == 1
