"""Long steps of the set-up: what they say, and leave, when they succeed, fail and are interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

PROGRAM = """
set -euo pipefail
dot_ros=$1
source "$2"
take_lock
forget made
step "Making it" made "After mending it, start again." bash -c "$3"
remember made wanted
release_lock
"""


def started(repository: Path, folder: Path, command: str) -> subprocess.Popen[str]:
    """A shell that runs `command` as a step in `folder`, in a process group of its own, as on a terminal."""
    steps = repository / "pip_ros" / "setup" / "steps.bash"
    return subprocess.Popen(
        ["bash", "-c", PROGRAM, "run", str(folder), str(steps), command],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell cannot trap what whoever started it made it ignore.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def test_a_step_that_succeeds_leaves_its_stamp_and_its_log(repository: Path, tmp_path: Path) -> None:
    process = started(repository, tmp_path, "echo made")
    said = process.communicate(timeout=20.0)[1]
    assert process.returncode == 0
    assert "Making it ..." in said
    assert "done in" in said
    assert (tmp_path / "log" / "made.log").read_text() == "made\n"
    assert (tmp_path / "stamps" / "made").read_text() == "wanted\n"


def test_a_step_that_fails_shows_its_log_and_the_advice(repository: Path, tmp_path: Path) -> None:
    process = started(repository, tmp_path, "echo no room left; exit 7")
    said = process.communicate(timeout=20.0)[1]
    assert process.returncode == 1
    assert "(exit code 7): Making it" in said
    assert "no room left" in said
    assert "After mending it" in said
    assert not (tmp_path / "stamps" / "made").exists()


@pytest.mark.parametrize("tidies_up", [False, True])
def test_a_step_that_is_interrupted_has_not_failed(repository: Path, tmp_path: Path, tidies_up: bool) -> None:
    tidying = "trap 'kill $!; exit 1' INT; sleep 20 & echo begun; wait" if tidies_up else "echo begun; exec sleep 20"
    process = started(repository, tmp_path, tidying)
    log = tmp_path / "log" / "made.log"
    deadline = time.monotonic() + 10.0
    while not (log.exists() and log.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate(timeout=10.0)[1]
    assert process.returncode == 130
    assert "run: interrupted: Making it\n     Start again" in said
    assert "failed" not in said
    assert "After mending it" not in said
    assert not (tmp_path / "stamps" / "made").exists()
