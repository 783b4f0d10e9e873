"""What a newcomer starts: the launch file with its arguments, and the demonstration."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import pytest
from nodes.harness import Client, recording
from rcl_interfaces.srv import GetParameters

from robotracer_ros.errors import BackendUnavailable
from robotracer_ros.nodes import demo as shown
from robotracer_ros.rgbd_files import read_rgb
from robotracer_ros.srv import GetTrace


def launched(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    command = ["ros2", "launch", "robotracer_ros", "tracer.launch.py", *arguments]
    surroundings = {**os.environ, **environment}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=surroundings)


def stopped(process: subprocess.Popen[str]) -> str:
    """What it printed until Ctrl-C, which it obeys."""
    process.send_signal(signal.SIGINT)
    try:
        return process.communicate(timeout=15.0)[0]
    finally:
        process.kill()


def test_arguments_reach_the_node(client: Client, tmp_path: Path) -> None:
    answers = recording(tmp_path / "answers.jsonl", {"move it": "[(1, 2, 0.5)]"})
    process = launched(
        "namespace:=robot1",
        "camera:=realsense_unaligned",
        "depth_topic:=/my/depth",
        "target_frame:=torso",
        f"answers:={answers}",
    )
    try:
        get = client.node.create_client(GetParameters, "/robot1/trace_node/get_parameters")
        names = ["target_frame", "backend", "replay.answers", "use_sim_time", "sync_slop", "timeout_s"]
        values = client.call(get, GetParameters.Request(names=names), 30.0).values
        assert [values[i].string_value for i in range(3)] == ["torso", "replay", answers]
        assert values[3].bool_value is False
        assert [value.double_value for value in values[4:]] == [0.04, 30.0]
        deadline = time.monotonic() + 15.0
        subscribed: dict[str, list[str]] = {}
        wanted = {"/camera/camera/color/image_raw", "/my/depth", "/camera/camera/depth/camera_info"}
        while not wanted <= set(subscribed) and time.monotonic() < deadline:
            subscribed = dict(client.node.get_subscriber_names_and_types_by_node("trace_node", "/robot1"))
            time.sleep(0.1)
        assert wanted <= set(subscribed)
        process.send_signal(signal.SIGINT)
        assert process.wait(15.0) == 0, process.communicate()[0]
    finally:
        process.kill()
        printed = process.communicate()[0]
    assert "ready: ask /robot1/trace_node/get_trace" in printed
    assert "Traceback" not in printed


def readme_arguments(repository: Path) -> dict[str, str]:
    """The launch arguments of the command in the README that names a model server."""
    (command,) = re.findall(
        r"ros2 launch robotracer_ros tracer\.launch\.py (camera:=(?:\\\n|.)*)", (repository / "README.md").read_text()
    )
    return dict(word.split(":=", 1) for word in command.replace("\\\n", " ").split())


def test_the_command_of_the_readme_brings_the_node_up(repository: Path, client: Client, tmp_path: Path) -> None:
    given = readme_arguments(repository)
    assert given["backend"] == "query_api"
    assert given["rviz"] == "true"
    # The two things of which this machine has its own, or none.
    given |= {"shared_dir": str(tmp_path), "rviz": "false"}
    process = launched(*(f"{name}:={value}" for name, value in given.items()))
    try:
        client.wait_until_active(30.0)
    finally:
        print(stopped(process))


def test_a_server_that_shares_no_folder_needs_none(client: Client) -> None:
    process = launched("backend:=query_api", "url:=http://127.0.0.1:1", "dialect:=roborefer")
    try:
        client.wait_until_active(30.0)
    finally:
        print(stopped(process))


@pytest.fixture
def rviz2(tmp_path: Path) -> dict[str, str]:
    """An environment with an RViz that only writes down what it was called with."""
    program = tmp_path / "lib" / "rviz2" / "rviz2"
    marker = tmp_path / "share" / "ament_index" / "resource_index" / "packages" / "rviz2"
    for file in (program, marker):
        file.parent.mkdir(parents=True)
    marker.write_text("")
    program.write_text('#!/bin/sh\necho "$*" > "$0.called_with"\n')
    program.chmod(0o755)
    return {"AMENT_PREFIX_PATH": os.pathsep.join([str(tmp_path), os.environ["AMENT_PREFIX_PATH"]])}


@pytest.mark.parametrize(("frame", "fixed"), [("torso", "-f torso "), ("", "")])
def test_rviz_looks_at_the_frame_of_the_answers(
    client: Client, tmp_path: Path, rviz2: dict[str, str], frame: str, fixed: str
) -> None:
    answers = recording(tmp_path / "answers.jsonl", {"move it": "[(1, 2, 0.5)]"})
    process = launched("rviz:=true", f"answers:={answers}", *([f"target_frame:={frame}"] if frame else []), **rviz2)
    try:
        client.wait_until_active(30.0)
    finally:
        print(stopped(process))
    called_with = (tmp_path / "lib" / "rviz2" / "rviz2.called_with").read_text()
    assert re.match(rf"-d \S+/rviz/tracer\.rviz {fixed}--ros-args", called_with)


def test_a_preset_that_does_not_exist_is_named_with_those_that_do() -> None:
    process = launched("camera:=webcam")
    printed = process.communicate(timeout=30.0)[0]
    assert process.returncode != 0
    assert "webcam" in printed
    assert "realsense" in printed


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("rviz:=true", "needs the package rviz2"),
        ("params_file:=nowhere.yaml", "there is no file nowhere.yaml"),
        ("log_level:=loud", "loud"),
        ("use_sim_time:=maybe", "maybe"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_runs(argument: str, said: str) -> None:
    process = launched(argument)
    printed = process.communicate(timeout=30.0)[0]
    assert process.returncode != 0
    assert said in printed
    assert "process started" not in printed


def test_show_args_explains_every_argument() -> None:
    process = launched("--show-args")
    printed = process.communicate(timeout=30.0)[0]
    assert process.returncode == 0
    for name in (
        "params_file",
        "namespace",
        "use_sim_time",
        "image_topic",
        "target_frame",
        "backend",
        "dialect",
        "shared_dir",
        "rviz",
        "log_level",
    ):
        assert f"'{name}'" in printed


def demo(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "robotracer_ros.cli", "demo", *arguments]
    surroundings = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, timeout=90.0, check=False, env=surroundings)


def test_the_demonstration_writes_its_picture_and_its_cloud(tmp_path: Path) -> None:
    done = demo("--out", str(tmp_path / "shown"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No violations" in done.stdout
    assert re.search(r"answer +[0-9.]+ +replayed \(answers\)", done.stdout)
    assert read_rgb(tmp_path / "shown" / "overlay.png").shape == (720, 1280, 3)
    assert (tmp_path / "shown" / "trace.ply").read_bytes().startswith(b"ply\nformat binary_little_endian")


@pytest.fixture
def answers(tmp_path: Path) -> str:
    return recording(tmp_path / "answers.jsonl", {"put the banana on the box": "[(370, 246), (560, 400), (700, 718)]"})


def test_a_real_frame_is_shown(shared: Path, tmp_path: Path, answers: str) -> None:
    folder = shared / "rgbd" / "clutter"
    done = demo("--rgbd", str(folder), "--answers", answers, "put the banana on the box", "--out", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    # The picture is the frame, drawn over.
    drawn, seen = (
        cv2.cvtColor(read_rgb(path), cv2.COLOR_RGB2GRAY) for path in (tmp_path / "overlay.png", folder / "color.png")
    )
    changed = (drawn != seen).mean()
    assert 0.01 < changed < 0.3


def test_an_instruction_without_an_answer_fails_in_words(shared: Path, tmp_path: Path, answers: str) -> None:
    folder = shared / "rgbd" / "clutter"
    done = demo("--rgbd", str(folder), "--answers", answers, "open the door", "--out", str(tmp_path))
    assert done.returncode == 1
    assert "open the door" in done.stderr
    assert "put the banana" in done.stderr
    assert not (tmp_path / "overlay.png").exists()


def test_what_the_demonstration_cannot_write_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/nope")):
        done = demo("--out", str(out))
        assert done.returncode == 2
        assert done.stderr.startswith(f"robotracer demo: --out {out} cannot be made a folder: ")
        assert done.stderr.count("\n") == 1
    (tmp_path / "overlay.png").mkdir()
    done = demo("--out", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr == f"robotracer demo: cannot write {tmp_path / 'overlay.png'}: Is a directory\n"


def test_rviz_that_is_not_installed_is_missed_at_once(tmp_path: Path) -> None:
    done = demo("--rviz", "--out", str(tmp_path), AMENT_PREFIX_PATH=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.startswith("robotracer demo: --rviz: there is no package rviz2")


def test_a_launch_that_ends_is_told_from_one_that_takes_too_long(
    tmp_path: Path, ros: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "ros2"
    program.write_text("#!/bin/sh\necho cannot find it\necho '  anywhere'\nexit 3\n")
    program.chmod(0o755)
    done = demo("--out", str(tmp_path), PATH=os.pathsep.join([str(tmp_path), os.environ["PATH"]]))
    assert done.returncode == 2
    said = "robotracer demo: ros2 launch ended, exit code 3; ros2 launch said:\ncannot find it\n  anywhere\n"
    assert done.stderr == said

    monkeypatch.setattr(shown, "_UP_S", 0.3)
    waiting = subprocess.Popen(["sleep", "30"])
    scene = shown._still_life(tmp_path)
    try:
        with shown._player(scene) as player, pytest.raises(BackendUnavailable, match=r"did not come up within 0\.3 s"):
            player.ask(waiting)
    finally:
        waiting.kill()
        waiting.wait()


def test_each_kind_of_violation_has_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    shown._tell(GetTrace.Response(message="2 of 9 poses TOO_CLOSE; 1 of 9 poses UNOBSERVED"), 0.5)
    assert capsys.readouterr().out.endswith("poses.\n    2 of 9 poses TOO_CLOSE\n    1 of 9 poses UNOBSERVED\n")
