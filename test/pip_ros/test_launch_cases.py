"""`ros2 launch` of the stand-in does what the genuine one was recorded to do, launch file by launch file.

Compared are the exit code, all lines of both streams (as sorted lines: the order between processes is a race), and
what each started process saw: its command line, its parameter files to the letter, its environment and its folder.
Every run is a process of its own, and all are started together, three at a time.

Left out, because this package's launch files call nothing of the kind and the stand-in lacks it:
- `LifecycleNode` with its events (cases lifecycle, lifecycle_no_namespace, lifecycle_bad_transition): trace_node
  brings itself up.
- `SetUseSimTime` (the last process of params_forms): upstream's has no effect, as that very record shows.
- `SetParametersFromFile`: imported by each recorded file, used by none.
The import line of the recorded files names them; it is the only line changed. In on_process_exit the pieces in which
output arrived are joined before they are compared: the record itself says that they differ from run to run.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ament_index_python", reason="ROS 2 is not on the path")

import launch

ROOT = Path(__file__).resolve().parents[2]
RECORD = ROOT.parent / "shared" / "golden" / "tf_launch" / "launch.json"
ROS2 = ROOT / "pip_ros" / "bin" / "ros2"

if ROOT / "pip_ros" not in Path(launch.__file__).resolve().parents:
    pytest.skip("the genuine launch is on the path: nothing to prove", allow_module_level=True)
if not RECORD.exists():
    pytest.skip(f"no record at {RECORD.relative_to(ROOT.parent)}", allow_module_level=True)

RECORDED = json.loads(RECORD.read_text(encoding="utf-8"))
LEFT_OUT = {"lifecycle", "lifecycle_no_namespace", "lifecycle_bad_transition"}
LACKING = ("LifecycleNode", "SetUseSimTime", "SetParametersFromFile")
CASES = {case["name"]: case for case in RECORDED["cases"] if case["name"] not in LEFT_OUT}
RUNS = [(name, number) for name, case in CASES.items() for number in range(len(case["runs"]))]
# More than the recorded time-outs need; a run that hangs is killed and fails.
PATIENCE_S = 60.0
# How long a recorder needs, after it has written its record, to set its signal handlers and fall asleep.
SETTLING_S = 0.5


# What Python, the shell and the system put into an environment by themselves.
NOISE = {"LC_CTYPE", "_"}


@dataclass(frozen=True)
class Outcome:
    """What one run did, in the record's words and comparable from machine to machine."""

    exit_code: int
    stdout: list[str]
    stderr: list[str]
    processes: list[dict[str, Any]]


def without_what_lacks(text: str) -> str:
    """A recorded launch file without what the stand-in lacks, every line in its place."""
    for name in LACKING:
        text = re.sub(rf"^(from launch_ros\.actions import .*), {name}\b", r"\1", text, flags=re.MULTILINE)
    return re.sub(r"^.*\bSetUseSimTime\(.*$", "", text, flags=re.MULTILINE)


def install(prefix: Path) -> None:
    """Put the recorded package golden_demo, with all launch files, below `prefix`."""
    index = prefix / "share" / "ament_index" / "resource_index" / "packages"
    index.mkdir(parents=True)
    (index / "golden_demo").touch()
    for path, text in RECORDED["package_files"].items():
        file = prefix / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.replace("#!/usr/bin/env python3", f"#!{sys.executable} -S"), encoding="utf-8")
        file.chmod(0o755)
    folder = prefix / "share" / "golden_demo" / "launch"
    folder.mkdir()
    for name, case in CASES.items():
        for file_name, text in {f"{name}.launch.py": case["launch_file"], **case["other_files"]}.items():
            (folder / file_name).write_text(without_what_lacks(text), encoding="utf-8")


def run(name: str, number: int, prefix: Path, folder: Path) -> Outcome:
    """Do one recorded run in `folder`, which is made."""
    folder.mkdir()
    recorded = CASES[name]["runs"][number]
    launch_file = prefix / "share" / "golden_demo" / "launch" / f"{name}.launch.py"
    words = [str(launch_file) if word == "<LAUNCH_FILE>" else word for word in recorded["command"][1:]]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GOLDEN_")} | {
        "AMENT_PREFIX_PATH": os.pathsep.join([str(prefix), os.environ.get("AMENT_PREFIX_PATH", "")]),
        "GOLDEN_OUT": str(folder),
        "ROS_LOG_DIR": str(folder / "log"),
        "TMPDIR": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    ros2 = subprocess.Popen(
        [sys.executable, str(ROS2), *words], env=environment, cwd=folder, start_new_session=True, **pipes
    )
    try:
        if recorded.get("sigint_sent_to_ros2_launch"):
            await_records(folder, len(recorded["processes"]))
            ros2.send_signal(signal.SIGINT)
        stdout, stderr = ros2.communicate(timeout=PATIENCE_S)
    finally:
        if ros2.poll() is None:
            os.killpg(ros2.pid, signal.SIGKILL)
    records = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("rec_*.json")]
    places = {str(prefix): "<PREFIX>", str(folder): "<CALLER_CWD>"}
    return Outcome(
        ros2.returncode,
        comparable_lines(stdout.splitlines(), places),
        comparable_lines(stderr.splitlines(), places),
        comparable_processes([as_recorded(record, environment) for record in records], places),
    )


def await_records(folder: Path, count: int) -> None:
    """Wait until `count` processes have come up."""
    deadline_s = time.monotonic() + PATIENCE_S
    while len(list(folder.glob("rec_*.json"))) < count and time.monotonic() < deadline_s:
        time.sleep(0.05)
    time.sleep(SETTLING_S)


def as_recorded(record: dict[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    """What a process saw, in the keys of the record."""
    env = record["env"]
    return {
        "argv": record["argv"],
        "params_files": record["params_files"],
        "environment_added_or_changed": {
            key: value for key, value in env.items() if environment.get(key) != value and key not in NOISE
        },
        "environment_removed": sorted(set(environment) - set(env) - NOISE),
        "cwd": record["cwd"],
    }


def comparable_lines(lines: list[str], places: Mapping[str, str]) -> list[str]:
    """Sorted lines without what differs between machines and runs."""
    text = "\n".join(lines)
    for place, word in places.items():
        text = text.replace(place, word)
    text = re.sub(r"(pid \[?)(<PID_\d+>|\d+)", r"\1<PID>", text)
    text = re.sub(r"(All log files can be found below ).*", r"\1<LOG_DIR>/<RUN>", text)
    text = re.sub(r"0x(<ADDR>|[0-9a-f]+)", "0x<ADDR>", text)
    text = re.sub(r"searching: \[.*\]", "searching: [...]", text)
    return sorted(text.splitlines())


def comparable_processes(processes: list[dict[str, Any]], places: Mapping[str, str]) -> list[dict[str, Any]]:
    """Processes sorted by their command lines, parameter files in the order in which a command line names them."""
    text = json.dumps(processes)
    for place, word in places.items():
        text = text.replace(place, word)
    temporary = re.compile(r"<PARAMS_FILE_\d+>|<CALLER_CWD>/launch_params_\w{8}")
    comparable = []
    for process in json.loads(text):
        files = process["params_files"]
        comparable.append({key: process[key] for key in ("environment_added_or_changed", "environment_removed", "cwd")})
        comparable[-1]["argv"] = [temporary.sub("<PARAMS_FILE>", word) for word in process["argv"]]
        comparable[-1]["params_files"] = [files[word] for word in process["argv"] if word in files]
    return sorted(comparable, key=lambda process: process["argv"])


def joined_pieces(lines: list[str]) -> list[str]:
    """The lines, all pieces of output that an event handler told of put into one, whose letters are sorted."""
    told = re.compile(r"\[INFO\] \[launch\.user\]: io: b'(.*)'")
    pieces = "".join(match.group(1) for line in lines if (match := told.fullmatch(line)))
    return sorted([*(line for line in lines if not told.fullmatch(line)), f"io: {''.join(sorted(pieces))}"])


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, int], Future[Outcome]]]:
    folder = tmp_path_factory.mktemp("launch")
    install(folder / "prefix")
    # First those that wait for time-outs, so that the others use that time.
    waiting_first = sorted(RUNS, key=lambda run: "sigint_sent_to_ros2_launch" not in CASES[run[0]]["runs"][run[1]])
    with ThreadPoolExecutor(max_workers=3) as pool:
        yield {
            (name, number): pool.submit(run, name, number, folder / "prefix", folder / f"{name}_{number}")
            for name, number in waiting_first
        }
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize(("name", "number"), RUNS, ids=[f"{name}-{number}" for name, number in RUNS])
def test_run_is_as_recorded(
    name: str, number: int, outcomes: dict[tuple[str, int], Future[Outcome]]
) -> None:
    recorded = CASES[name]["runs"][number]
    outcome = outcomes[name, number].result()
    stdout, expected_stdout = outcome.stdout, comparable_lines(recorded["stdout"], {})
    processes = comparable_processes(recorded["processes"], {})
    if name == "params_forms":
        expected_stdout = [line for line in expected_stdout if "[rec-12]" not in line]
        processes = [process for process in processes if "c_set_use_sim_time" not in process["argv"]]
    if name == "on_process_exit":
        stdout, expected_stdout = joined_pieces(stdout), joined_pieces(expected_stdout)
    assert stdout == expected_stdout
    assert outcome.stderr == comparable_lines(recorded["stderr"], {})
    assert outcome.exit_code == recorded["exit_code"]
    assert outcome.processes == processes
