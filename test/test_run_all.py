"""The test runner, on small trees of tests that pass, fail, hang, crash and leave processes behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import run_all


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository with one plain test and two ROS rooms."""
    for name in ("geometry/test_a.py", "ros/test_b.py", "ros/test_c.py", "nodes/test_d.py"):
        file = tmp_path / "test" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("def test_it(): pass\n")
    return tmp_path


def result(tree: Path, *arguments: str) -> tuple[int, str]:
    """The exit status and the last line of the runner in a process of its own."""
    status, printed = printed_by(tree, *arguments)
    return status, printed.rstrip().splitlines()[-1]


def printed_by(tree: Path, *arguments: str) -> tuple[int, str]:
    """The exit status and all that the runner prints."""
    command = [sys.executable, run_all.__file__, "--root", str(tree), *arguments]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # half the time
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
    return done.returncode, done.stdout


def is_running(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has waited for does not."""
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


def test_plan_gives_each_ros_file_a_process(tree: Path) -> None:
    names = [batch.name for batch in run_all.plan(tree, [])]
    assert names == ["without ROS", "test/nodes/test_d.py", "test/ros/test_b.py", "test/ros/test_c.py"]


def test_plan_follows_the_paths_given(tree: Path) -> None:
    assert [b.name for b in run_all.plan(tree, ["test/geometry", "-k", "it"])] == ["without ROS"]
    assert [b.name for b in run_all.plan(tree, ["test/ros"])] == ["test/ros/test_b.py", "test/ros/test_c.py"]
    batches = run_all.plan(tree, ["test/ros/test_b.py::test_it", "-x"])
    assert [b.arguments for b in batches] == [("test/ros/test_b.py::test_it", "-x")]


@pytest.mark.parametrize("absent", ["test/nosuch.py", "nosuch.py", "test/nosuch", "test/nosuch.py::test_it"])
def test_a_file_that_is_not_there_runs_nothing(tree: Path, capsys: pytest.CaptureFixture[str], absent: str) -> None:
    assert run_all.main(["--root", str(tree), "test/ros", absent, "-k", "it"]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(f"there is no test file {absent};")
    assert printed.out == ""


def test_values_of_options_are_no_files() -> None:
    values = ["-k", "a or b.py", "-o", "cache_dir=/nowhere", "--deselect", "test/nosuch.py::test_it", "-x", "--tb=a/b"]
    assert run_all.absent_paths(Path("/nowhere"), values) == []


def test_all_pass(tree: Path) -> None:
    assert result(tree) == (0, "4 passed, 0 failed, 0 skipped")


def test_failures_errors_and_skips_are_counted_and_the_rest_still_runs(tree: Path) -> None:
    (tree / "test/geometry/test_a.py").write_text("def test_it(): assert False\n")
    (tree / "test/ros/test_b.py").write_text("import does_not_exist\n")
    (tree / "test/ros/test_c.py").write_text("import pytest\ndef test_it(): pytest.skip('absent')\n")
    assert result(tree, "--jobs", "2") == (1, "1 passed, 2 failed, 1 skipped")


def test_what_failed_is_named_once_more_at_the_end(tree: Path) -> None:
    (tree / "test/geometry/test_a.py").write_text("def test_it():\n    found = 41\n    assert found == 42\n")
    (tree / "test/ros/test_b.py").write_text("import does_not_exist\n")
    (tree / "test/ros/test_c.py").write_text("import os\ndef test_it(): os.kill(os.getpid(), 9)\n")
    _, printed = printed_by(tree)
    _, _, end = printed.partition("passed  failed  skipped")
    assert "failed in without ROS: test.geometry.test_a::test_it" in end
    assert "assert 41 == 42" in end
    assert "does_not_exist" in end
    assert "failed in test/ros/test_c.py: no report, exit code -9" in end


def test_a_hanging_file_is_stopped_and_failed(tree: Path) -> None:
    (tree / "test/ros/test_b.py").write_text("import time\ndef test_it(): time.sleep(100)\n")
    status, line = result(tree, "--limit", "2", "test/ros")
    assert status == 1
    assert line == "1 passed, 1 failed, 0 skipped"


def test_a_crash_is_a_failure(tree: Path) -> None:
    (tree / "test/ros/test_b.py").write_text("import os\ndef test_it(): os.kill(os.getpid(), 9)\n")
    assert result(tree, "test/ros") == (1, "1 passed, 1 failed, 0 skipped")


def test_nothing_found_is_a_failure(tree: Path) -> None:
    assert result(tree, "-k", "no_such_test") == (1, "0 passed, 0 failed, 0 skipped")


def test_processes_left_behind_are_ended(tree: Path) -> None:
    (tree / "test/ros/test_b.py").write_text(
        "import subprocess, pathlib\n"
        "def test_it():\n"
        "    stray = subprocess.Popen(['sleep', '100'], start_new_session=True)\n"
        "    pathlib.Path('stray').write_text(str(stray.pid))\n"
    )
    assert result(tree, "test/ros/test_b.py")[0] == 0
    assert not is_running(int((tree / "stray").read_text()))


def test_domains_held_at_once_differ() -> None:
    with run_all.reserved_domain() as one, run_all.reserved_domain() as another:
        assert one != another
        assert {one, another} <= set(range(1, 101))
