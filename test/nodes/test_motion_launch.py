"""motion.launch.py starts what is asked for, and refuses what it cannot start."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from nodes.harness import Client
from rcl_interfaces.srv import GetParameters


def launched(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["ros2", "launch", "robotracer_ros", "motion.launch.py", *arguments], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip


def nodes_of(
    process: subprocess.Popen[str], until: str, then: Callable[[], str] = str, timeout_s: float = 90.0
) -> str:  # fmt: skip
    """What it printed up to a line with ``until``, and what ``then`` says while it still runs."""
    said, deadline = "", time.monotonic() + timeout_s
    assert process.stdout is not None
    try:
        while until not in said:
            assert time.monotonic() < deadline and process.poll() is None, said
            said += process.stdout.readline()
        said += then()
    finally:
        process.send_signal(signal.SIGINT)
        try:
            said += process.communicate(timeout=30.0)[0]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
    return said


def test_a_base_gets_motion_node_and_the_stand_in_for_nav2(repository: Path) -> None:
    file = repository / "config" / "motion_nav2.yaml"
    said = nodes_of(launched(f"params_file:={file}", "pursuit:=True", "allow_execution:=True"), "ready: kind ground")
    assert "follower nav2, planning_frame map, allow_execution True, require_approval True" in said
    assert "pursuit_node" in said and "cartesian_path_node" not in said


def test_an_arm_is_previewed_unless_the_file_says_otherwise() -> None:
    said = nodes_of(launched(), "ready: kind arm")
    assert "allow_execution False" in said and "pursuit_node" not in said


def test_a_preset_s_camera_is_heard_as_trace_node_hears_it(ros: None) -> None:
    client = Client()
    getter = client.node.create_client(GetParameters, "/lab/motion_node/get_parameters")

    def slop() -> str:
        found = client.call(getter, GetParameters.Request(names=["sync_slop", "use_sim_time"]), 30.0)
        return f"sync_slop {found.values[0].double_value}, use_sim_time {found.values[1].bool_value}"

    try:
        arguments = ("camera:=orbbec", "namespace:=lab", "use_sim_time:=True")
        said = nodes_of(launched(*arguments), "ready: kind arm", slop)
    finally:
        client.close()
    assert "sync_slop 0.04, use_sim_time True" in said


@pytest.mark.parametrize(
    ("argument", "said"),
    [("camera:=webcam", "there is no camera preset 'webcam'"), ("params_file:=/no/file", "there is no file /no/file")],
)
def test_what_cannot_be_started_is_refused_in_words(argument: str, said: str) -> None:
    process = launched(argument)
    out, _ = process.communicate(timeout=60.0)
    assert process.returncode != 0 and said in out
