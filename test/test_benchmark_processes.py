"""The processes of a benchmark: on a domain of their own, and gone when they are stopped, whether they obey or not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.programs import processes

PROGRAM = """
import os, signal, time
signal.signal(signal.SIGINT, {handler})
print(os.environ["ROS_DOMAIN_ID"], flush=True)
time.sleep(30)
"""


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Starts a module whose answer to SIGINT is given, and waits for its first line, its domain."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def start(handler: str):
        (tmp_path / "program_to_stop.py").write_text(PROGRAM.format(handler=handler))
        process = processes.start("program_to_stop")
        return process, int(process.stdout.readline())

    return start


def test_a_process_that_obeys_hands_over_what_it_printed(started, monkeypatch) -> None:
    monkeypatch.delenv("ROS_DOMAIN_ID", raising=False)
    processes.join_own_domain()
    process, domain_id = started("lambda *_: (print('obeyed', flush=True), os._exit(0))")
    assert processes.stop(process) == "obeyed\n"
    assert process.returncode == 0
    assert domain_id == int(os.environ["ROS_DOMAIN_ID"])
    assert 1 <= domain_id <= 100


def test_a_process_that_does_not_obey_is_ended(started, monkeypatch) -> None:
    monkeypatch.setenv("ROS_DOMAIN_ID", "7")
    monkeypatch.setattr(processes, "STOP_S", 0.2)
    processes.join_own_domain()
    process, domain_id = started("signal.SIG_IGN")
    assert processes.stop(process) == ""
    assert process.returncode == -9
    assert domain_id == 7, "a domain that the user chose is kept"
