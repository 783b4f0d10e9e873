"""Runs the tests: those without ROS in one process, then each file that talks over DDS in a process of its own.

Each process has a DDS domain of its own. A file that hangs is stopped and counted as failed, whatever processes a file
left behind are ended, and the rest still runs. The last line printed is `N passed, N failed, N skipped`.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

ROS_ROOMS = ("ros", "nodes", "pip_ros", "motion")
# Stands in the environment of a test process and is inherited by all that it starts, whatever session they make
# themselves.
MARK = "ROBOTRACER_TEST_PROCESS"
NO_TESTS_COLLECTED = 5  # pytest's exit code
# Of pytest's options, those whose value is a word of its own and may hold a slash, "::" or ".py".
OPTIONS_WITH_VALUE = (
    "-k", "-m", "-o", "-p", "-c", "-W", "--deselect", "--ignore", "--ignore-glob", "--rootdir", "--basetemp",
)  # fmt: skip
USAGE_ERROR = 2
LINES_SHOWN, WIDTH_SHOWN = 30, 500  # of each failure, at the end of all
GRACE_S = 5.0  # between SIGINT, SIGTERM and SIGKILL


@dataclass(frozen=True)
class Batch:
    """One pytest process: its name in the table, and what it is asked for."""

    name: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """What came of a batch; `note` says what the counts do not."""

    name: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    note: str = ""
    complaints: tuple[str, ...] = ()  # of each failed test its id and how its report ends


def plan(root: Path, arguments: Sequence[str]) -> list[Batch]:
    """The batches that pytest's `arguments` ask for; with no path among them, everything below `root`/test."""
    paths = [argument for argument in arguments if is_test_path(root, argument)]
    others = tuple(argument for argument in arguments if argument not in paths)
    plain: list[str] = []
    alone: list[str] = []
    for path in paths or ["test"]:
        file, _, _ = path.partition("::")
        absolute = (root / file).resolve()
        room = next((room for room in ROS_ROOMS if absolute.is_relative_to(root / "test" / room)), None)
        if room is None:
            plain.append(path)
            alone += sorted(str(f.relative_to(root)) for room in ROS_ROOMS for f in files_of(root, room, absolute))
        elif absolute.is_dir():
            alone += sorted(str(f.relative_to(root)) for f in absolute.rglob("test_*.py"))
        else:
            alone.append(path)
    batches = []
    if plain:
        ignored = tuple(f"--ignore={root / 'test' / room}" for room in ROS_ROOMS)
        batches.append(Batch("without ROS", (*plain, *ignored, *others)))
    return batches + [Batch(path, (path, *others)) for path in dict.fromkeys(alone)]


def is_test_path(root: Path, argument: str) -> bool:
    """Whether an argument of pytest is a file, a folder or a node id rather than an option or its value."""
    return not argument.startswith("-") and (root / argument.partition("::")[0]).exists()


def absent_paths(root: Path, arguments: Sequence[str]) -> list[str]:
    """The arguments that look like a file, a folder or a node id and name none; option values may look so too."""
    found = []
    for before, argument in zip(["", *arguments], arguments, strict=False):
        is_path = not argument.startswith("-") and ("/" in argument or "::" in argument or argument.endswith(".py"))
        if is_path and before not in OPTIONS_WITH_VALUE and not is_test_path(root, argument):
            found.append(argument)
    return found


def files_of(root: Path, room: str, folder: Path) -> Iterator[Path]:
    """The test files of a room, when `folder` holds the room."""
    room_folder = root / "test" / room
    return room_folder.rglob("test_*.py") if room_folder.is_relative_to(folder) else iter(())


def run(root: Path, batch: Batch, limit_s: float, quiet: bool) -> Outcome:
    """Run one batch to its end, or to `limit_s` seconds; when `quiet`, its output is shown in one piece at the end."""
    started = time.monotonic()
    mark = uuid.uuid4().hex
    with reserved_domain() as domain_id, tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.xml"
        output = Path(scratch) / "output"
        command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *batch.arguments]
        # Shows where every thread stands, shortly before the batch is stopped.
        command += ["-o", f"faulthandler_timeout={max(limit_s - GRACE_S, 1.0)}"]
        with output.open("wb") as file:
            process = subprocess.Popen(
                command,
                cwd=root,
                env=isolated_environment(domain_id, mark),
                stdout=file if quiet else None,
                stderr=subprocess.STDOUT if quiet else None,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
            note = wait_for(process, limit_s, mark)
        if quiet:
            print(f"\n--- {batch.name}\n{output.read_text(errors='replace')}", flush=True)
        outcome = counted(batch.name, report, process.returncode)
    strays = end_marked(mark)
    notes = [outcome.note, note, f"ended {strays} process(es) that it left behind" if strays else ""]
    if note:
        outcome = replace(outcome, failed=max(outcome.failed, 1))
    return replace(outcome, seconds=time.monotonic() - started, note="; ".join(filter(None, notes)))


def wait_for(process: subprocess.Popen[bytes], limit_s: float, mark: str) -> str:
    """Wait for a batch, and stop it when its time is over: with SIGINT first, so that pytest writes its report."""
    try:
        process.wait(limit_s)
        return ""
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)
        end_marked(mark)
        process.wait()
        return f"stopped after {limit_s:.0f} s"


def counted(name: str, report: Path, exit_code: int) -> Outcome:
    """The counts in pytest's JUnit report; a process that died without one, or in spite of one, is a failure."""
    if not report.exists():
        return Outcome(name, failed=1, note=f"no report, exit code {exit_code}")
    suites = list(ElementTree.parse(report).getroot().iter("testsuite"))
    tests, failures, errors, skipped = (
        sum(int(suite.get(key, 0)) for suite in suites) for key in ("tests", "failures", "errors", "skipped")
    )
    cases = [case for suite in suites for case in suite]
    complaints = tuple(complaint(case, said) for case in cases for said in case if said.tag in ("failure", "error"))
    outcome = Outcome(name, tests - failures - errors - skipped, failures + errors, skipped, complaints=complaints)
    if exit_code not in (0, NO_TESTS_COLLECTED) and outcome.failed == 0:
        return replace(outcome, failed=1, note=f"exit code {exit_code}")
    return outcome


def complaint(case: ElementTree.Element, said: ElementTree.Element) -> str:
    """A failed test's id and the end of what pytest says of it: what failed stands there, its callers before it."""
    lines = (said.text or said.get("message") or "").strip().splitlines()
    name = f"{case.get('classname')}::{case.get('name')}"
    return "\n".join([name, *(f"    {line[:WIDTH_SHOWN]}" for line in lines[-LINES_SHOWN:])])


def isolated_environment(domain_id: int, mark: str) -> dict[str, str]:
    """This process's environment with a DDS domain that no other test process of this machine uses."""
    environment = dict(os.environ)
    environment.update({MARK: mark, "ROS_DOMAIN_ID": str(domain_id), "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"})
    if environment.get("ROS_DISTRO") == "humble":  # which does not know the variable above
        environment["ROS_LOCALHOST_ONLY"] = "1"
    profile = Path(__file__).resolve().parent.parent / "pip_ros" / "fastdds.xml"
    environment.setdefault("FASTRTPS_DEFAULT_PROFILES_FILE", str(profile))
    return environment


@contextmanager
def reserved_domain() -> Iterator[int]:
    """A DDS domain id from 1 to 100, the range whose ports lie below Linux's ephemeral ones, held by a bound port."""
    start = os.getpid()
    for offset in range(100):
        domain_id = 1 + (start + offset) % 100
        with socket.socket() as holder:
            try:
                holder.bind(("127.0.0.1", 30_000 + domain_id))
            except OSError:
                continue
            yield domain_id
            return
    raise RuntimeError("all 100 DDS domain ids are held by other test processes (TCP ports 30001 to 30100)")


def end_marked(mark: str) -> int:
    """End every process with this mark, with SIGTERM and then SIGKILL; returns how many there were."""
    found = marked(mark)
    for how in (signal.SIGTERM, signal.SIGKILL):
        for pid in marked(mark):
            with suppress(ProcessLookupError):
                os.kill(pid, how)
        deadline = time.monotonic() + GRACE_S
        while marked(mark) and time.monotonic() < deadline:
            time.sleep(0.05)
    return len(found)


def marked(mark: str) -> list[int]:
    """The processes whose environment carries this mark; a zombie's environment is empty, so none is among them."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


def summarise(outcomes: Sequence[Outcome]) -> int:
    """Print the table, what failed, and the totals; the exit status: 0 when something ran and nothing failed."""
    width = max((len(outcome.name) for outcome in outcomes), default=0)
    print(f"\n{'':{width}}  passed  failed  skipped  seconds")
    for o in outcomes:
        print(f"{o.name:{width}}  {o.passed:6}  {o.failed:6}  {o.skipped:7}  {o.seconds:7.1f}  {o.note}".rstrip())
    # Once more at the end, where a log that keeps only its last lines still has it.
    for o in outcomes:
        for said in o.complaints or (o.note,) * (o.failed > 0):
            print(f"\nfailed in {o.name}: {said}")
    passed, failed, skipped = (sum(getattr(o, key) for o in outcomes) for key in ("passed", "failed", "skipped"))
    if passed + failed + skipped == 0:
        print("\nNo test was found.")
    print(f"\n{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 0 if failed == 0 and passed + skipped > 0 else 1


def run_all(root: Path, batches: Sequence[Batch], limit_s: float, jobs: int) -> list[Outcome]:
    """Run the batches, `jobs` at a time, and keep their order; Ctrl-C ends those that run and drops the others."""
    with ThreadPoolExecutor(jobs) as pool:
        futures: list[Future[Outcome]] = [pool.submit(run, root, batch, limit_s, jobs > 1) for batch in batches]
        try:
            return [future.result() for future in futures]
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            stop_children()
            done = [f.result() for f in futures if f.done() and not f.cancelled() and f.exception() is None]
            return [*done, Outcome("interrupted", failed=1)]


def stop_children() -> None:
    """Interrupt the test processes of this one: each leads a session, so a terminal's Ctrl-C does not reach it."""
    for entry in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
        for pid in entry.read_text().split():
            os.kill(int(pid), signal.SIGINT)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line, run, and summarise."""
    parser = argparse.ArgumentParser(prog="./run test", description=__doc__, allow_abbrev=False)
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes at a time (default: 1)")
    parser.add_argument("--limit", type=float, default=1800.0, metavar="S", help="seconds a process may take (1800)")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent, help=argparse.SUPPRESS)
    options, arguments = parser.parse_known_args(argv)
    root = options.root.resolve()
    absent = absent_paths(root, arguments)
    if absent:
        print(f"there is no test file {', '.join(absent)}; paths start at the repository's root", file=sys.stderr)
        return USAGE_ERROR
    return summarise(run_all(root, plan(root, arguments), options.limit, max(options.jobs, 1)))


if __name__ == "__main__":
    sys.exit(main())
