"""What becomes of the processes of a launch where the record is silent: whichever way it ends, none stays behind."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("ament_index_python", reason="ROS 2 is not on the path")

import launch

ROOT = Path(__file__).resolve().parents[2]
ROS2 = ROOT / "pip_ros" / "bin" / "ros2"
PATIENCE_S = 40.0

if ROOT / "pip_ros" not in Path(launch.__file__).resolve().parents:
    pytest.skip("the genuine launch is on the path: nothing to prove", allow_module_level=True)

from launch.process_output import STDERR, STDOUT, ProcessOutput, sinks_of  # noqa: E402 - the stand-in alone has it

HEAD = r"""
import sys
from launch import LaunchDescription
from launch.actions import *
from launch.event_handlers import *
from launch.substitutions import *

def python(*lines, **kwargs):
    return ExecuteProcess(cmd=[sys.executable, '-S', '-u', '-c', '\n'.join(lines)], name='child', **kwargs)

SLEEPER = [
    'import os, time',
    'try: os.write(1, b"up %d\\n" % os.getpid()), time.sleep(60)',
    'except KeyboardInterrupt: print("interrupted")',
]

def fail(context):
    raise RuntimeError('broken on purpose')

def generate_launch_description():
    return LaunchDescription([
"""


class Launch:
    """One `ros2 launch` of a description, whose output is read line by line."""

    def __init__(self, folder: Path, entities: str, *words: str) -> None:
        file = folder / "case.launch.py"
        file.write_text(f"{HEAD}{entities}\n    ])\n", encoding="utf-8")
        self.log_folder = folder / "log"
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, str(ROS2), "launch", str(file), *words],
            env={**os.environ, "ROS_LOG_DIR": str(self.log_folder), "TMPDIR": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

        # Reading lines has no time-out of its own: a launch that hangs is killed, and the test fails on what it reads.
        self.watchdog = threading.Timer(PATIENCE_S, self.kill)
        self.watchdog.start()

    def read_until(self, pattern: str) -> re.Match[str]:
        for line in self.process.stdout or ():
            self.lines.append(line.rstrip("\n"))
            if match := re.search(pattern, line):
                return match
        raise AssertionError(f"no line matches {pattern!r} in {self.lines}")

    def finish(self) -> int:
        self.lines += [line.rstrip("\n") for line in self.process.stdout or ()]
        return self.process.wait()

    def kill(self) -> None:
        self.watchdog.cancel()
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Launch]]:
    started: list[Launch] = []

    def starter(entities: str, *words: str) -> Launch:
        started.append(Launch(tmp_path, entities, *words))
        return started[-1]

    yield starter
    for one in started:
        one.kill()
        if one.process.stdout is not None:
            one.process.stdout.close()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_failure_while_running_ends_what_runs(start: Callable[..., Launch]) -> None:
    one = start(
        "python(*SLEEPER, output='screen'),"
        "RegisterEventHandler(OnProcessIO(on_stdout=lambda event: OpaqueFunction(function=fail))),"
    )
    pid = int(one.read_until(r"\] up (\d+)").group(1))
    assert one.finish() == 1
    assert "[INFO] [child-1]: sending signal 'SIGINT' to process[child-1]" in one.lines
    assert "[child-1] interrupted" in one.lines
    assert not is_alive(pid)


def test_a_failure_while_starting_ends_what_has_been_started(start: Callable[..., Launch]) -> None:
    one = start("python(*SLEEPER, output='screen'), OpaqueFunction(function=fail),")
    pid = int(one.read_until(r"\] up (\d+)").group(1))
    assert one.finish() == 1
    assert "[child-1] interrupted" in one.lines
    assert not is_alive(pid)


def test_sigterm_ends_everything(start: Callable[..., Launch]) -> None:
    one = start("python(*SLEEPER, output='screen'),")
    pid = int(one.read_until(r"\] up (\d+)").group(1))
    one.process.send_signal(signal.SIGTERM)
    assert one.finish() == 0
    assert "[child-1] interrupted" in one.lines
    assert not is_alive(pid)


def test_a_second_interrupt_changes_nothing(start: Callable[..., Launch]) -> None:
    lines = ["import signal, time", "signal.signal(signal.SIGINT, signal.SIG_IGN)", "print('up')", "time.sleep(60)"]
    one = start(f"python(*{lines!r}, output='screen', sigterm_timeout='0.5'),")
    one.read_until(r"\] up")
    one.process.send_signal(signal.SIGINT)
    one.read_until("sending signal 'SIGINT'")
    one.process.send_signal(signal.SIGINT)
    assert one.finish() == 0
    assert "[WARNING] [launch]: user interrupted with ctrl-c (SIGINT) again, ignoring..." in one.lines
    assert sum("sending signal 'SIGINT'" in line for line in one.lines) == 1
    assert sum("sending signal 'SIGTERM'" in line for line in one.lines) == 1


def test_ctrl_c_in_a_terminal_interrupts_each_process_once(tmp_path: Path) -> None:
    """The terminal interrupts the whole process group; a second SIGINT would cut short what the first began."""
    lines = [
        "import signal, time",
        "count = []",
        "signal.signal(signal.SIGINT, lambda *_: count.append(1))",
        "print('up')",
        "while not count: time.sleep(0.05)",
        "time.sleep(0.3)",
        "print('interrupted', len(count), 'times')",
    ]
    file = tmp_path / "case.launch.py"
    file.write_text(f"{HEAD}python(*{lines!r}, output='screen'),\n    ])\n", encoding="utf-8")
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["ROS_LOG_DIR"] = str(tmp_path / "log")
        os.execv(sys.executable, [sys.executable, str(ROS2), "launch", str(file)])
    text = read_terminal(terminal, "up")
    os.write(terminal, b"\x03")
    text += read_terminal(terminal, None)
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0
    assert "[child-1] interrupted 1 times" in text
    assert "sending signal" not in text


def read_terminal(terminal: int, wanted: str | None) -> str:
    """Read until `wanted` is there, or until the other side hangs up."""
    text = ""
    deadline_s = time.monotonic() + PATIENCE_S
    while wanted is None or f"] {wanted}" not in text:
        assert time.monotonic() < deadline_s, text
        try:
            text += os.read(terminal, 4096).decode()
        except OSError:  # Linux's way to say that nobody holds the other side any more
            break
    return text


def test_the_end_does_not_wait_for_a_daemon_that_holds_the_pipes(start: Callable[..., Launch]) -> None:
    one = start(
        "ExecuteProcess(cmd=['sh', '-c', 'echo started; sleep 30 & echo daemon $!'], output='screen', name='child'),"
    )
    daemon = int(one.read_until(r"daemon (\d+)").group(1))
    began_s = time.monotonic()
    assert one.finish() == 0
    took_s = time.monotonic() - began_s
    assert is_alive(daemon)
    os.kill(daemon, signal.SIGKILL)
    assert took_s < 10


def test_a_reader_that_goes_away_does_not_stop_the_launch(start: Callable[..., Launch], tmp_path: Path) -> None:
    done = tmp_path / "done"
    one = start(
        "python('import time; time.sleep(0.5); print(1); print(2)', output='screen'),"
        f"RegisterEventHandler(OnProcessExit(on_exit=ExecuteProcess(cmd=['touch', {str(done)!r}]), handle_once=True)),"
    )
    one.read_until("process started")
    assert one.process.stdout is not None
    one.process.stdout.close()
    assert one.process.wait(PATIENCE_S) == 0
    assert done.exists()


def test_a_command_that_cannot_be_started_is_told_of_and_the_rest_goes_on(start: Callable[..., Launch]) -> None:
    one = start("ExecuteProcess(cmd=['/no/such/program']), python('print(1)', output='screen'),")
    assert one.finish() == 0
    assert "[ERROR] [program-1]: exception occurred while executing process:" in one.lines
    assert any("/no/such/program" in line for line in one.lines)
    assert "[child-2] 1" in one.lines


def test_a_respawning_process_ends_with_the_launch(start: Callable[..., Launch]) -> None:
    one = start("python('print(1)', output='screen', respawn=True, respawn_delay=30.0),")
    one.read_until("finished cleanly")
    one.process.send_signal(signal.SIGINT)
    assert one.finish() == 0
    assert sum("process started" in line for line in one.lines) == 1


def test_a_handler_that_answers_once_does_so_while_the_process_comes_back(start: Callable[..., Launch]) -> None:
    one = start(
        "RegisterEventHandler(OnProcessExit(target_action=lambda action: True, handle_once=True,"
        " on_exit=lambda event, context: LogInfo(msg=f'ended {event.returncode}'))),"
        "python('raise SystemExit(3)', respawn=True, respawn_max_retries=1),"
    )
    assert one.finish() == 0
    assert sum(line.endswith("ended 3") for line in one.lines) == 1
    assert sum("process started" in line for line in one.lines) == 2


def test_the_handler_registered_last_answers_first(start: Callable[..., Launch]) -> None:
    handlers = "".join(f"RegisterEventHandler(OnShutdown(on_shutdown=LogInfo(msg='{word}')))," for word in "abc")
    one = start(handlers)
    assert one.finish() == 0
    assert [line[-1] for line in one.lines if "launch.user" in line] == ["c", "b", "a"]


def test_what_is_not_shown_is_in_the_log(start: Callable[..., Launch]) -> None:
    one = start("python('print(\"hidden\")', 'import sys', 'print(\"seen\", file=sys.stderr)'),")
    assert one.finish() == 0
    (log,) = one.log_folder.glob("*/launch.log")
    text = log.read_text(encoding="utf-8")
    assert "[child-1] seen" in one.lines and not any("hidden" in line for line in one.lines)
    assert "[child-1]: hidden" in text and "[child-1]: seen" in text and "process started with pid" in text


def test_what_a_group_sets_ends_with_it(start: Callable[..., Launch]) -> None:
    show = "LogInfo(msg=['a=', LaunchConfiguration('a', default='-'), ' b=', LaunchConfiguration('b', default='-')])"
    one = start(
        "SetLaunchConfiguration('a', '1'),"
        f"GroupAction([{show}], forwarding=False, launch_configurations={{'b': '2'}}),"
        f"GroupAction([SetLaunchConfiguration('a', '3'), {show}]),"
        f"{show},"
    )
    assert one.finish() == 0
    said = [line.partition("launch.user]: ")[2] for line in one.lines if "launch.user" in line]
    assert said == ["a=- b=2", "a=3 b=-", "a=1 b=-"]


@pytest.mark.parametrize(
    ("entities", "words", "reason"),
    [
        ("DeclareLaunchArgument('a', description='why'),", [], r"missing required argument 'a' .*'why'.*given: \[\]"),
        ("DeclareLaunchArgument('a', choices=['b']),", ["a:=c"], r'"c" is not valid\. Valid options are: \[\'b\'\]'),
        ("IncludeLaunchDescription('/a.launch.xml'),", [], "launch files in XML and YAML need a ROS 2 installation"),
        ("python('', output='loud'),", [], r"output 'loud' is not known; it may be one of \['both', 'log', 'screen'\]"),
        ("python('', sigterm_timeout='soon'),", [], "sigterm_timeout is 'soon'; it must be a number of seconds"),
        ("ExecuteProcess(cmd=[]),", [], "the command of a process has no words"),
    ],
)
def test_what_cannot_be_launched_fails_by_name(
    start: Callable[..., Launch], entities: str, words: list[str], reason: str
) -> None:
    one = start(entities, *words)
    assert one.finish() == 1
    assert re.search(reason, "\n".join(one.lines))


def test_lines_are_cut_where_they_end_and_characters_stay_whole(capsys: pytest.CaptureFixture[str]) -> None:
    output = ProcessOutput("p-1", sinks_of("screen"), lambda line: f"<{line}>")
    for piece in ("gr\u00fc\u00dfe".encode()[:3], "gr\u00fc\u00dfe".encode()[3:], b"\n\nla", b"st"):
        output.feed(STDOUT, piece)
    output.feed(STDERR, b"\xff broken\n")
    output.finish()
    assert capsys.readouterr().out == "<gr\u00fc\u00dfe>\n<>\n<\\xff broken>\n<last>\n"


@pytest.mark.parametrize("output", [{"stdin": "log"}, {"stdout": "loud"}])
def test_output_words_are_checked(output: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"the streams are 'stdout' and 'stderr'|may be one of"):
        sinks_of(output)
