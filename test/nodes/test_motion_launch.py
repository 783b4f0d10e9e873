"""motion.launch.py starts what is asked for, and refuses what it cannot start."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest


def launched(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["ros2", "launch", "robotracer_ros", "motion.launch.py", *arguments], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip


def nodes_of(process: subprocess.Popen[str], until: str, timeout_s: float = 90.0) -> str:
    """What it printed up to a line with ``until``, ended by then."""
    said, deadline = "", time.monotonic() + timeout_s
    assert process.stdout is not None
    try:
        while until not in said:
            assert time.monotonic() < deadline and process.poll() is None, said
            said += process.stdout.readline()
    finally:
        process.send_signal(signal.SIGINT)
        try:
            said += process.communicate(timeout=30.0)[0]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
    return said


def test_a_base_gets_motion_node_and_the_stand_in_for_nav2(repository: Path) -> None:
    file = repository / "config" / "motion_nav2.yaml"
    said = nodes_of(launched(f"params_file:={file}", "pursuit:=true", "allow_execution:=true"), "ready: kind ground")
    assert "follower nav2, planning_frame map, allow_execution True, require_approval True" in said
    assert "pursuit_node" in said and "cartesian_path_node" not in said


def test_an_arm_is_previewed_unless_the_file_says_otherwise() -> None:
    said = nodes_of(launched(), "ready: kind arm")
    assert "allow_execution False" in said and "pursuit_node" not in said


@pytest.mark.parametrize(
    ("argument", "said"),
    [("camera:=webcam", "there is no camera preset 'webcam'"), ("params_file:=/no/file", "there is no file /no/file")],
)
def test_what_cannot_be_started_is_refused_in_words(argument: str, said: str) -> None:
    process = launched(argument)
    out, _ = process.communicate(timeout=60.0)
    assert process.returncode != 0 and said in out
