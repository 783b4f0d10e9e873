"""The command line: figures on real answers, the hand-over to commands, help that teaches, errors of one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from types import ModuleType

import cv2
import numpy as np
import pytest

from robotracer_ros.cli import main
from robotracer_ros.commands import demo
from robotracer_ros.errors import BackendUnavailable


def rows_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def lift(*arguments, out):
    status = main(["lift", "--out", str(out), *map(str, arguments)])
    return status, rows_of(out)


def distance_to_box_m(points_m, row):
    """Of (N, 3) points to the box; ``bbox_rotation``'s columns are its axes, ``bbox_extent`` its whole size."""
    local = (np.asarray(points_m) - row["bbox_center"]) @ np.array(row["bbox_rotation"])
    return np.linalg.norm(np.maximum(np.abs(local) - np.array(row["bbox_extent"]) / 2, 0), axis=1)


def successes(lifted, rows, within_m=0.20):
    """(ends, starts) by the authors' rule: any of the last three points near the box, the first near the true start."""
    ends = starts = 0
    for result, row in zip(lifted, rows, strict=True):
        assert result["question_id"] == row["question_id"]
        if result["error"] is None:
            points_m = np.array(result["points_m"])
            ends += bool((distance_to_box_m(points_m[-3:], row) < within_m).any())
            starts += bool(np.linalg.norm(points_m[0] - row["trajectory"][0]) < within_m)
    return ends, starts


def test_the_released_3d_answers_reach_the_published_counts_with_model_depth_alone(shared, tmp_path, capsys):
    answers = shared / "tracespatial-standin" / "robotracer_3d.jsonl"
    status, lifted = lift("--answers", answers, out=tmp_path / "out.jsonl")
    assert status == 0
    assert successes(lifted, rows_of(answers)) == (57, 64)
    assert all(set(result["depth_source"]) == {"MODEL"} for result in lifted)
    assert "lifted 100 of 100 answers" in capsys.readouterr().err


def test_the_released_2d_answers_take_their_depth_from_the_pictures(shared, tmp_path):
    folder = shared / "tracespatial-standin"
    status, lifted = lift("--answers", folder / "robotracer_2d.jsonl", "--data", folder, out=tmp_path / "out.jsonl")
    assert status == 0
    assert [result["error"] for result in lifted] == [None] * 100
    for result, row in zip(lifted, rows_of(folder / "robotracer_2d.jsonl"), strict=True):
        assert result["depth_source"][0] == result["depth_source"][-1] == "SENSOR"
        # The answer's first pixel, read in the picture by other means: the nearest reading's depth is the surface's.
        depth = cv2.imread(str(folder / "raw_data" / row["gt_depth_path"]), cv2.IMREAD_UNCHANGED) / 1000
        column, line = (np.array(result["uv"][0]) * depth.shape[::-1]).astype(int)
        around = depth[max(line - 9, 0) : line + 10, max(column - 9, 0) : column + 10]
        assert around[around > 0].min() - 0.01 <= result["points_m"][0][2] <= around.max() + 0.01


def test_both_depths_together_name_each_point_s_source(shared, tmp_path):
    folder = shared / "tracespatial-standin"
    _, lifted = lift("--answers", folder / "robotracer_3d.jsonl", "--data", folder, out=tmp_path / "out.jsonl")
    assert all(result["depth_source"][0] == "SENSOR" for result in lifted)
    assert all(set(result["depth_source"][1:-1]) <= {"MODEL"} for result in lifted)
    assert all(isinstance(result["depth_disagreement_m"][0], float) for result in lifted)


def test_the_demo_is_handed_its_arguments(monkeypatch):
    handed = []
    shown = ModuleType("robotracer_ros.nodes.demo")
    shown.run = lambda arguments: handed.append(arguments) or 3
    monkeypatch.setitem(sys.modules, "rclpy", ModuleType("rclpy"))
    monkeypatch.setitem(sys.modules, "robotracer_ros.nodes.demo", shown)
    assert main(["demo", "--rgbd", "d", "--answers", "a", "--out", "o", "--rviz", "go"]) == 3
    (given,) = handed
    assert (given.rgbd, given.answers, given.out, given.rviz, given.instruction) == ("d", "a", "o", True, "go")


def test_a_reason_of_several_lines_keeps_them(monkeypatch, capsys):
    def run(arguments):
        raise BackendUnavailable("ros2 launch ended; it said:\n  line one\n    line two\n")

    monkeypatch.setattr(demo, "run", run)
    assert main(["demo"]) == 2
    assert capsys.readouterr().err == "robotracer demo: ros2 launch ended; it said:\n  line one\n    line two\n"


def test_without_ros_the_demo_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "rclpy", None)
    assert main(["demo"]) == 2
    assert "./run demo" in capsys.readouterr().err


def test_half_a_real_frame_is_refused(capsys):
    assert main(["demo", "--rgbd", "d", "go"]) == 2
    assert "--answers" in capsys.readouterr().err
    assert main(["demo", "--rgbd", "d", "--answers", "a"]) == 2
    assert "what to do" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--truth", "--model", "m"], "asks no model"),
        (["--rgbd", "d", "--answers", "a", "--seed", "1", "go"], "--rgbd"),
        (["--drive", "--model", "m"], "--drive sends a base"),
        (["--drive", "--still"], "--drive sends a base"),
        (["--seed", "99999999999"], "--seed goes up to 2147483647"),
    ],
)
def test_what_the_demo_cannot_combine_is_refused(arguments, said, capsys):
    assert main(["demo", *arguments]) == 2
    assert said in capsys.readouterr().err


def run_alone(*arguments):
    command = [sys.executable, "-m", "robotracer_ros.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ, timeout=60, check=False)


@pytest.mark.parametrize("command", ["lift", "trace", "demo"])
def test_help_teaches_by_examples(command):
    shown = run_alone(command, "--help")
    assert shown.returncode == 0 and f"robotracer {command} " in shown.stdout.split("examples:")[1]


def test_help_imports_nothing_heavy(repository):
    program = "import sys; from robotracer_ros.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    program += "print(sorted({'numpy', 'cv2', 'requests', 'rclpy'} & set(sys.modules)))"
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=repository, timeout=60, check=True
    )
    assert shown.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("arguments", [[], ["fly"], ["lift"], ["lift", "--answers=a", "--out=b", "--image-size=4"]])
def test_a_wrong_command_line_exits_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    assert "usage: robotracer" in capsys.readouterr().err
