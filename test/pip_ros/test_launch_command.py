"""The stand-in of the `ros2` command: what it finds, what it passes on, and what it says when it cannot."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("ament_index_python", reason="ROS 2 is not on the path")

import launch

ROOT = Path(__file__).resolve().parents[2]
ROS2 = ROOT / "pip_ros" / "bin" / "ros2"

if ROOT / "pip_ros" not in Path(launch.__file__).resolve().parents:
    pytest.skip("the genuine launch is on the path: nothing to prove", allow_module_level=True)

LAUNCH_FILE = """
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, LogInfo
from launch.substitutions import LaunchConfiguration, ThisLaunchFileDir

def generate_launch_description():
    return LaunchDescription([
        DeclareLaunchArgument('a', default_value=[LaunchConfiguration('b', default='1'), 'x'], choices=['1x', '2x']),
        LogInfo(msg=['a=', LaunchConfiguration('a'), ' in ', ThisLaunchFileDir()]),
    ])
"""
Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    prefix = tmp_path_factory.mktemp("prefix")
    (prefix / "share/ament_index/resource_index/packages").mkdir(parents=True)
    (prefix / "share/ament_index/resource_index/packages/demo").touch()
    for folder in ("launch", "sub/one", "sub/two"):
        (prefix / "share/demo" / folder).mkdir(parents=True)
    (prefix / "share/demo/launch/a.launch.py").write_text(LAUNCH_FILE)
    (prefix / "share/demo/launch/bare.launch.py").write_text(
        "from launch import LaunchDescription\ngenerate_launch_description = LaunchDescription\n"
    )
    (prefix / "share/demo/sub/one/twice.launch.py").touch()
    (prefix / "share/demo/sub/two/twice.launch.py").touch()
    (prefix / "lib/demo").mkdir(parents=True)
    program = prefix / "lib/demo/program"
    program.write_text(f"#!{sys.executable} -S\nimport sys\nprint(sys.argv[1:])\nsys.exit(int(sys.argv[-1]))\n")
    program.chmod(0o755)
    (prefix / "lib/demo/data.txt").touch()
    return prefix


@pytest.fixture
def ros2(prefix: Path, tmp_path: Path) -> Callable[..., Done]:
    places = os.pathsep.join([str(prefix), os.environ.get("AMENT_PREFIX_PATH", "")])
    environment = {**os.environ, "AMENT_PREFIX_PATH": places, "ROS_LOG_DIR": str(tmp_path)}

    def call(*words: str) -> Done:
        cmd = [sys.executable, str(ROS2), *words]
        return subprocess.run(
            cmd, env=environment, cwd=prefix, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30
        )

    return call


def test_a_package_and_a_file(ros2: Callable[..., Done], prefix: Path) -> None:
    done = ros2("launch", "demo", "a.launch.py", "b:=1", "b:=2")
    assert done.returncode == 0
    assert f"[INFO] [launch.user]: a=2x in {prefix}/share/demo/launch" in done.stdout.splitlines()


def test_a_path_that_is_relative(ros2: Callable[..., Done], prefix: Path) -> None:
    done = ros2("launch", "share/demo/launch/a.launch.py")
    assert f"[INFO] [launch.user]: a=1x in {prefix}/share/demo/launch" in done.stdout.splitlines()


@pytest.mark.parametrize("words", [["-s", "demo", "a.launch.py"], ["demo", "a.launch.py", "--show-args"]])
def test_arguments_are_shown_wherever_the_option_stands(ros2: Callable[..., Done], words: list[str]) -> None:
    done = ros2("launch", *words)
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "Arguments (pass arguments as '<name>:=<value>'):",
        "",
        "    'a':",
        "        no description given. Valid choices are: ['1x', '2x']",
        "        (default: LaunchConfig('b') + 'x')",
    ]


def test_a_file_without_arguments_says_so(ros2: Callable[..., Done]) -> None:
    assert "No arguments." in ros2("launch", "-s", "demo", "bare.launch.py").stdout


def test_debug_shows_the_traceback(ros2: Callable[..., Done]) -> None:
    assert "Traceback" in ros2("launch", "--debug", "demo", "a.launch.py", "a:=3").stdout
    assert "Traceback" not in ros2("launch", "demo", "a.launch.py", "a:=3").stdout


def test_run_passes_arguments_and_exit_code(ros2: Callable[..., Done]) -> None:
    done = ros2("run", "demo", "program", "--flag", "two words", "--ros-args", "7")
    assert done.stdout.strip() == str(["--flag", "two words", "--ros-args", "7"])
    assert done.returncode == 7


def test_run_with_a_prefix(ros2: Callable[..., Done]) -> None:
    done = ros2("run", "--prefix", "env -u HOME", "demo", "program", "0")
    assert (done.stdout.strip(), done.returncode) == ("['0']", 0)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["topic", "list"], "there is no 'topic' here. This is a small stand-in"),
        (["launch"], "which launch file?"),
        (["launch", "nope"], "there is no launch file 'nope'"),
        (["launch", "nope", "a:=1"], "there is no launch file 'nope'"),
        (["launch", "nope", "a.launch.py"], "Package 'nope' not found: \"package 'nope' not found, searching: ["),
        (["launch", "demo", "nope.py"], "file 'nope.py' was not found in the share directory of package 'demo'"),
        (["launch", "demo", "twice.launch.py"], "file 'twice.launch.py' was found more than once"),
        (["launch", "demo", "a.launch.py", "a=1"], "malformed launch argument 'a=1', expected format"),
        (["run", "nope", "program"], "Package 'nope' not found"),
        (["run", "bad name!", "program"], "'bad name!' is not a valid package name"),
        (["run", "demo", "data.txt"], "No executable found: 'demo' has no 'data.txt'; it has: program"),
    ],
)
def test_what_cannot_be_done_is_named(ros2: Callable[..., Done], words: list[str], reason: str) -> None:
    done = ros2(*words)
    assert done.returncode not in (0, None)
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_verb_there_is_help(ros2: Callable[..., Done]) -> None:
    done = ros2()
    assert done.returncode == 0
    assert "{launch,run}" in done.stdout
