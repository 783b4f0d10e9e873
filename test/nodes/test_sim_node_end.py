"""sim_node ends in words where it cannot go on, and lets nobody wait when it ends."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

pytest.importorskip("robotracer_ros.sim.engine", reason="MuJoCo is absent")
pytest.importorskip("control_msgs", reason="control_msgs is absent")

from nodes.harness import Client, running
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image

from robotracer_ros.nodes.sim_node import SimNode
from robotracer_ros.ros.executor import spinning
from robotracer_ros.ros.qos import sensor_qos
from robotracer_ros.srv import SimReset

MODULE = "robotracer_ros.nodes.sim_node"


def test_without_pictures_it_ends_once_somebody_wants_one(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUJOCO_GL", "glfw")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    client.node.create_subscription(Image, "image", lambda _: None, sensor_qos(1))
    with running(tmp_path, {"seed": 3}, MODULE) as process:
        assert process.process.wait(90.0) == 1
        time.sleep(0.2)
    assert "the simulated world cannot go on: FatalError: " in process.printed


def test_a_mujoco_that_cannot_draw_is_told_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "pencil")
    with running(tmp_path, {}, MODULE) as process:
        assert process.process.wait(60.0) == 1
        time.sleep(0.2)
    assert "BACKEND_UNAVAILABLE" in process.printed and "MUJOCO_GL=pencil" in process.printed
    assert "Traceback" not in process.printed


def test_a_reset_of_a_world_that_ended_is_answered(client: Client) -> None:
    with spinning(SimNode(parameter_overrides=[Parameter("seed", value=3)])) as node:
        assert node.settle(30.0)
        reset = client.node.create_client(SimReset, "sim_node/reset")
        response = client.call(reset, SimReset.Request(seed=4), 20.0)
    assert not response.success and "sim_node ends" in response.message
