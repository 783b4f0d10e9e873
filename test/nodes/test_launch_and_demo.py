"""What a newcomer starts: the launch file with its arguments, and the demonstration."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from nodes.harness import Client, recording
from nodes.packages_in_name import files_of, named_packages, parameters_of, said_until_called
from rcl_interfaces.srv import GetParameters
from rclpy.parameter import parameter_value_to_python
from virtual_display import virtual_display

from robotracer_ros.errors import BackendUnavailable
from robotracer_ros.geometry.camera import CameraIntrinsics
from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.nodes import demo_player
from robotracer_ros.nodes.demo_report import tell_answer
from robotracer_ros.nodes.demo_scene import TARGET_FRAME, Shown
from robotracer_ros.rgbd_files import read_rgb
from robotracer_ros.ros.executor import spinning
from robotracer_ros.srv import GetTrace


def launched(*arguments: str, file: str = "tracer.launch.py", **environment: str) -> subprocess.Popen[str]:
    command = ["ros2", "launch", "robotracer_ros", file, *arguments]
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


def test_a_checkpoint_is_for_the_model_in_the_node_s_own_process(client: Client) -> None:
    process = launched("model:=no-such-checkpoint", "device:=cpu", "mode:=RGB+encoder")
    try:
        get = client.node.create_client(GetParameters, "/trace_node/get_parameters")
        names = ["backend", *(f"transformers_local.{name}" for name in ("model", "device", "mode"))]
        values = client.call(get, GetParameters.Request(names=names), 30.0).values
    finally:
        print(stopped(process))
    said = [value.string_value for value in values]
    assert said == ["transformers_local", "no-such-checkpoint", "cpu", "RGB+encoder"]


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


@pytest.mark.parametrize(
    ("arguments", "info"),
    [
        (["camera:=realsense_unaligned"], "/camera/camera/depth/camera_info"),
        (["camera_info_topic:=/mine"], "/mine"),
        (["camera_info_topic:=/mine", "depth_camera_info_topic:=/of/depth"], "/of/depth"),
    ],
)
def test_rviz_places_its_cloud_by_the_intrinsics_of_depth(tmp_path: Path, arguments: list[str], info: str) -> None:
    process = launched("rviz:=true", *arguments, **named_packages(tmp_path, {"rviz2": "rviz2"}))
    rviz = tmp_path / "lib" / "rviz2" / "rviz2"
    said_until_called(process, [rviz])
    rules = re.findall(r"-r (\S*camera_info:=\S+)", Path(f"{rviz}.called_with").read_text())
    assert rules[0] == f"/camera_info:={info}"


@pytest.mark.parametrize(
    ("file", "arguments"),
    [("sim.launch.py", ["publish_clock:=True"]), ("demo.launch.py", []), ("demo_nav.launch.py", [])],
)
def test_rviz_sees_a_simulated_camera_in_simulated_time(tmp_path: Path, file: str, arguments: list[str]) -> None:
    names = named_packages(tmp_path, {"rviz2": "rviz2"})
    rviz = tmp_path / "lib" / "rviz2" / "rviz2"
    said_until_called(launched("rviz:=true", "namespace:=robot1", *arguments, file=file, **names), [rviz])
    assert "-r /camera_info:=depth_camera_info" in Path(f"{rviz}.called_with").read_text()
    # The first file is RViz's own.
    assert parameters_of(files_of(rviz)[1:], "rviz2", "/robot1")["use_sim_time"] is True


def test_what_no_argument_says_is_that_of_the_file(client: Client, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "/**/sim_node: {ros__parameters: {seed: 7, split: train}}\n"
        "/**/motion_node: {ros__parameters: {require_approval: true}}\n"
        "/**/trace_node: {ros__parameters: {backend: replay, lift: {contacts: start}}}\n"
    )
    arguments = (f"params_file:={file}", "namespace:=mine", "seed:=8", "planner:=none")
    process = launched(*arguments, file="demo.launch.py")
    try:
        for node, names, wanted in (
            ("sim_node", ["seed", "split"], [8, "train"]), ("motion_node", ["require_approval"], [True]),
            ("trace_node", ["backend", "lift.contacts"], ["replay", "start"]),
        ):  # fmt: skip
            get = client.node.create_client(GetParameters, f"/mine/{node}/get_parameters")
            values = client.call(get, GetParameters.Request(names=names), 60.0).values
            assert [parameter_value_to_python(value) for value in values] == wanted
    finally:
        print(stopped(process))


@pytest.mark.parametrize(
    ("file", "argument", "said"),
    [
        ("demo.launch.py", "seed:=abc", "seed must be a whole number from 0, received 'abc'"),
        ("demo_nav.launch.py", "seed:=abc", "seed must be a number, received 'abc'"),
        ("demo_nav.launch.py", "real_time_factor:=fast", "real_time_factor must be a number, received 'fast'"),
    ],
)
def test_what_is_no_number_is_refused_before_anything_runs(file: str, argument: str, said: str) -> None:
    process = launched(argument, file=file)
    printed = process.communicate(timeout=30.0)[0]
    assert process.returncode != 0
    assert said in printed
    assert "process started" not in printed


@pytest.mark.parametrize("file", ["demo.launch.py", "demo_nav.launch.py"])
def test_a_node_that_ends_ends_the_rest(file: str) -> None:
    process = launched("seed:=99999999999", file=file)
    try:
        printed = process.communicate(timeout=120.0)[0]
    finally:
        process.kill()
    assert "99999999999" in printed


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
        ("model:=nano answers:=a.jsonl", "model and answers belong to different backends"),
        ("use_sim_time:=maybe", "maybe"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_runs(argument: str, said: str) -> None:
    process = launched(*argument.split())
    printed = process.communicate(timeout=30.0)[0]
    assert process.returncode != 0
    assert said in printed
    assert "process started" not in printed


SIMULATORS = ("sim.launch.py", "demo.launch.py", "demo_nav.launch.py")


@pytest.mark.parametrize("file", SIMULATORS)
def test_a_window_without_a_display_is_refused_before_anything_runs(file: str) -> None:
    process = launched("view:=true", file=file, DISPLAY="", WAYLAND_DISPLAY="")
    printed = process.communicate(timeout=30.0)[0]
    assert process.returncode != 0
    assert "view:=true needs a display, and neither DISPLAY nor WAYLAND_DISPLAY is set" in printed
    assert "process started" not in printed


@pytest.mark.parametrize("file", SIMULATORS)
def test_a_window_is_one_of_the_arguments(file: str) -> None:
    process = launched("--show-args", file=file)
    printed = process.communicate(timeout=30.0)[0]
    assert process.returncode == 0
    assert re.search(r"'view':\s+open a window on the simulated world", printed), printed


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
        "model",
        "device",
        "mode",
        "dialect",
        "shared_dir",
        "rviz",
        "log_level",
    ):
        assert f"'{name}'" in printed


def demo(*arguments: str, timeout_s: float = 90.0, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "robotracer_ros.cli", "demo", *arguments]
    surroundings = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False, env=surroundings)


# A table of the test set with one red block and one blue bowl.
TABLE = ("--seed", "326", "put the red block into the blue bowl")


def test_the_demonstration_is_judged_and_writes_its_picture_and_its_cloud(tmp_path: Path) -> None:
    pytest.importorskip("robotracer_ros.sim.stage")
    done = demo("--still", "--truth", "--out", str(tmp_path / "shown"), *TABLE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the scene's own truth; no model is asked" in done.stdout
    assert "No violations" in done.stdout
    assert re.search(r"1\. Referring +red block +\[\(", done.stdout)
    assert re.search(r"answer +[0-9.]+ +the model", done.stdout)
    for about in ("start", "end", "collision"):
        assert re.search(rf"^ +{about} +right  ", done.stdout, re.MULTILINE)
    assert "success: " in done.stdout
    assert read_rgb(tmp_path / "shown" / "overlay.png").shape == (480, 640, 3)
    assert (tmp_path / "shown" / "trace.ply").read_bytes().startswith(b"ply\nformat binary_little_endian")


def test_the_arm_carries_the_block_into_the_bowl(tmp_path: Path) -> None:
    pytest.importorskip("robotracer_ros.sim.engine")
    pytest.importorskip("pinocchio")
    done = demo("--truth", "--out", str(tmp_path), *TABLE, timeout_s=400.0)
    assert done.returncode == 0, done.stdout + done.stderr
    stages = re.findall(r"^ +(asking|observing|planning|checking|moving: \w+)", done.stdout, re.MULTILINE)
    moves = ("open", "approach", "grasp", "lift", "trace", "place", "release", "retreat", "return")
    assert stages[-len(moves) :] == [f"moving: {step}" for step in moves]
    assert "success, by the simulator's own truth: the red block is where it belongs" in done.stdout
    assert read_rgb(tmp_path / "overlay.png").shape == (480, 640, 3)
    assert (tmp_path / "trace.png").stat().st_size > 10_000
    assert (tmp_path / "motion.gif").read_bytes().startswith(b"GIF89a")


def test_a_model_that_knows_nothing_is_told_as_its_own_miss(tmp_path: Path) -> None:
    pytest.importorskip("robotracer_ros.sim.stage")
    pytest.importorskip("transformers")
    from backends.tiny_checkpoints import robotracer

    checkpoint = robotracer(tmp_path / "tiny")
    # Whatever it says first is the end of what it says: a test has no time for hundreds of words without a meaning.
    settings = json.loads((checkpoint / "generation_config.json").read_text())
    words = json.loads((checkpoint / "config.json").read_text())["text_config"]["vocab_size"]
    (checkpoint / "generation_config.json").write_text(json.dumps({**settings, "eos_token_id": list(range(words))}))
    done = demo("--still", "--model", str(checkpoint), "--out", str(tmp_path), *TABLE)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"by {tmp_path / 'tiny'}, in the node's own process" in done.stdout
    assert "missed: with this answer " in done.stdout
    assert "success" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["open the door"], r"put the red block into the blue bowl(.|\n)*the shapes block, cylinder"),
        (["--seed", "3", "put the red block into the blue bowl"], r"it holds green tray(.|\n)*offers\n"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_what_can(arguments: list[str], said: str, tmp_path: Path) -> None:
    pytest.importorskip("robotracer_ros.sim.stage")
    done = demo(*arguments, "--out", str(tmp_path))
    assert done.returncode == 2, done.stdout + done.stderr
    assert re.search(said, done.stderr), done.stderr
    assert "Traceback" not in done.stderr


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
    for out in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/nope"), Path("/proc")):
        done = demo("--out", str(out))
        assert done.returncode == 2
        said = "is a folder that nothing can be written into" if out == Path("/proc") else "cannot be made a folder: "
        assert done.stderr.startswith(f"robotracer demo: --out {out} {said}")
        assert done.stderr.count("\n") == 1
    pytest.importorskip("robotracer_ros.sim.stage")
    (tmp_path / "overlay.png").mkdir()
    done = demo("--still", "--truth", "--out", str(tmp_path), *TABLE)
    assert done.returncode == 2
    assert done.stderr == f"robotracer demo: cannot write {tmp_path / 'overlay.png'}: Is a directory\n"


def test_rviz_that_is_not_installed_is_missed_at_once(tmp_path: Path) -> None:
    done = demo("--rviz", "--out", str(tmp_path), AMENT_PREFIX_PATH=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.startswith("robotracer demo: --rviz: there is no package rviz2")


def test_rviz_without_a_display_is_missed_at_once(rviz2: dict[str, str], tmp_path: Path) -> None:
    done = demo("--rviz", "--out", str(tmp_path), DISPLAY="", WAYLAND_DISPLAY="", **rviz2)
    assert done.returncode == 2
    assert done.stderr.startswith("robotracer demo: --rviz: RViz needs a display, and neither DISPLAY nor WAYLAND_")


def test_a_window_without_a_display_is_missed_at_once(tmp_path: Path) -> None:
    for more in ([], ["--drive"]):
        done = demo("--view", *more, "--out", str(tmp_path), DISPLAY="", WAYLAND_DISPLAY="")
        assert done.returncode == 2
        assert done.stderr.startswith("robotracer demo: --view: no window can be opened: neither DISPLAY nor WAYLAND_")
        assert "or take --rviz, or leave --view out" in done.stderr
        assert done.stdout == ""


@pytest.mark.parametrize("without", [["--still"], ["--rgbd", "frame/", "--answers", "answers.jsonl", "move it"]])
def test_a_window_on_no_robot_is_refused(without: list[str], tmp_path: Path) -> None:
    done = demo("--view", *without, "--out", str(tmp_path))
    assert done.returncode == 2
    assert "--view shows the simulated robot at work, and --still and --rgbd have none" in done.stderr


def test_a_window_stays_open_after_the_drive_until_it_is_closed(tmp_path: Path) -> None:
    pytest.importorskip("robotracer_ros.sim.engine")
    with virtual_display(tmp_path / "display") as display:
        command = [sys.executable, "-m", "robotracer_ros.cli", "demo", "--drive", "--view", "--out", str(tmp_path)]
        surroundings = {**os.environ, **display.environment}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=surroundings)
        try:
            assert process.stdout is not None
            said = []
            for line in process.stdout:
                said.append(line)
                if line == "The window is open; closing it or Ctrl-C ends the demonstration.\n":
                    break
            assert process.poll() is None, "".join(said)
            assert (tmp_path / "driven.png").is_file()
            display.close_windows()
            assert process.wait(30.0) == 0, "".join(said)
        finally:
            process.kill()
            process.wait()


@pytest.fixture
def wall() -> Shown:
    """A camera before a wall, and a wish that nobody answers."""
    camera = CameraIntrinsics(64, 48, 60.0, 60.0, 31.5, 23.5)
    seen = RgbdObservation(np.zeros((48, 64, 3), np.uint8), np.ones((48, 64), np.float32), camera, "camera", 0)
    return Shown(
        seen, RigidTransform(TARGET_FRAME, "camera", np.eye(3), np.zeros(3)), "move it", {"answers": "no.jsonl"}
    )


def tracer(shown: Shown) -> tuple[str, dict[str, str]]:
    return "tracer.launch.py", demo_player.tracer_arguments(shown, rviz=False)


def test_a_launch_that_ends_is_told_with_what_it_said(
    tmp_path: Path, wall: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "ros2"
    program.write_text("#!/bin/sh\necho cannot find it\necho '  anywhere'\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path), os.environ["PATH"]]))
    with (
        pytest.raises(BackendUnavailable) as refused,
        demo_player.launched(*tracer(wall)) as launch,
        spinning(demo_player.Player(wall)) as player,
    ):
        player.ask(launch.poll)
    assert str(refused.value) == "ros2 launch ended, exit code 3; ros2 launch said:\ncannot find it\n  anywhere\n"


def test_a_node_that_gave_up_is_not_waited_for(wall: Shown, capfd: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    with (
        pytest.raises(BackendUnavailable, match=r"no\.jsonl") as refused,
        demo_player.launched(*tracer(wall)) as launch,
        spinning(demo_player.Player(wall)) as player,
    ):
        player.ask(launch.poll)
    assert time.monotonic() - began < 60.0
    assert "ros2 launch said" not in str(refused.value)


def test_a_node_that_takes_too_long_is_given_up(wall: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_player, "_UP_S", 0.3)
    with (
        spinning(demo_player.Player(wall)) as player,
        pytest.raises(BackendUnavailable, match=r"did not come up within 0\.3 s"),
    ):
        player.ask(lambda: None)


def test_each_kind_of_violation_has_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    tell_answer(GetTrace.Response(message="2 of 9 poses TOO_CLOSE; 1 of 9 poses UNOBSERVED"), 1.0, 0.5)
    assert capsys.readouterr().out.endswith("poses.\n    2 of 9 poses TOO_CLOSE\n    1 of 9 poses UNOBSERVED\n")
