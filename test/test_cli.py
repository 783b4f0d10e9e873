"""The command line: figures on real answers, rows that fail alone, and errors of one line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from types import ModuleType

import cv2
import numpy as np
import pytest

from robotracer_ros.cli import main
from robotracer_ros.sim.still_life import DEFAULT_CAMERA, StillLife


def rows_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def lift(*arguments, out):
    status = main(["lift", "--out", str(out), *map(str, arguments)])
    return status, rows_of(out)


# --- the released answers -------------------------------------------------------------------------------------------


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


# --- rows -----------------------------------------------------------------------------------------------------------

ROW = {
    "question_id": 7,
    "image_path": "7/image.png",
    "gt_depth_path": "7/gt_depth.png",
    "gt_depth_intrinsics": [[100.0, 0, 50], [0, 100.0, 40], [0, 0, 1]],
    "prompt": "go",
    "model_prediction": "[(500, 500, 1.000), (600, 500, 2.000)]",
}


def write_rows(folder, *rows):
    path = folder / "answers.jsonl"
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows) + "\n")
    return path


def write_pictures(folder, depth_mm=1500, size=(100, 80), image_size=None):
    (folder / "7").mkdir(parents=True)
    width, height = image_size or size
    cv2.imwrite(str(folder / "7" / "image.png"), np.zeros((height, width, 3), np.uint8))
    cv2.imwrite(str(folder / "7" / "gt_depth.png"), np.full(size[::-1], depth_mm, np.uint16))


def lifted_row(tmp_path, row, *arguments):
    return lift("--answers", write_rows(tmp_path, row), *arguments, out=tmp_path / "out.jsonl")[1][0]


@pytest.mark.parametrize("folder", ["", "raw_data"])
def test_the_size_comes_from_the_pictures_beside_the_answers(tmp_path, folder):
    write_pictures(tmp_path / folder)
    result = lifted_row(tmp_path, ROW)
    np.testing.assert_allclose(result["points_m"], [[0, 0, 1], [0.2, 0, 2]])


@pytest.mark.parametrize("where", ["row", "argument"])
def test_the_size_may_be_said(tmp_path, where):
    row = {**ROW, "width": 100, "height": 80} if where == "row" else ROW
    result = lifted_row(tmp_path, row, *(["--image-size", "100x80"] if where == "argument" else []))
    np.testing.assert_allclose(result["points_m"], [[0, 0, 1], [0.2, 0, 2]])


def test_an_unknown_size_is_an_error_that_says_what_would_tell_it(tmp_path):
    error = lifted_row(tmp_path, ROW)["error"]
    assert error["code_name"] == "INVALID_REQUEST"
    for word in ("size", "7/image.png", "--image-size", "--data"):
        assert word in error["message"]


def test_4x4_intrinsics_are_read_as_3x3_are(tmp_path):
    matrix = np.eye(4)
    matrix[:3, :3] = ROW["gt_depth_intrinsics"]
    row = {**ROW, "gt_depth_intrinsics": matrix.tolist(), "width": 100, "height": 80}
    np.testing.assert_allclose(lifted_row(tmp_path, row)["points_m"][1], [0.2, 0, 2])


def test_intrinsics_of_another_size_than_the_picture_are_refused(tmp_path):
    write_pictures(tmp_path, size=(300, 240))
    error = lifted_row(tmp_path, ROW)["error"]
    assert error["code_name"] == "BAD_CAMERA_INFO" and "300x240" in error["message"]


def test_a_larger_colour_picture_of_the_same_view_changes_nothing(tmp_path):
    write_pictures(tmp_path, image_size=(200, 160))
    np.testing.assert_allclose(lifted_row(tmp_path, ROW)["points_m"], [[0, 0, 1], [0.2, 0, 2]])


def test_pictures_of_different_shape_are_refused(tmp_path):
    write_pictures(tmp_path, image_size=(100, 100))
    error = lifted_row(tmp_path, ROW)["error"]
    assert error["code_name"] == "BAD_IMAGE" and "100x80" in error["message"] and "100x100" in error["message"]


def test_depth_may_be_the_sensor_s_alone_the_model_s_alone_or_both(tmp_path):
    write_pictures(tmp_path, depth_mm=1500)
    data = ("--data", tmp_path)
    depths = {
        depth: [point[2] for point in lifted_row(tmp_path, ROW, *data, "--depth", depth)["points_m"]]
        for depth in ("auto", "model", "sensor")
    }
    assert depths["model"] == [1, 2]
    np.testing.assert_allclose(depths["sensor"], [1.5, 1.5])
    np.testing.assert_allclose(depths["auto"], [1.5, 1.5])


def test_an_absent_depth_picture_is_the_row_s_error(tmp_path):
    row = {**ROW, "width": 100, "height": 80}
    error = lifted_row(tmp_path, row, "--data", tmp_path)["error"]
    assert "7/gt_depth.png" in error["message"] and "--depth model" in error["message"]


BROKEN = {
    "not json": ("{", "INVALID_REQUEST"),
    "not an object": ("[1, 2]", "INVALID_REQUEST"),
    "deep": ("[" * 100_000, "INVALID_REQUEST"),
    "not utf-8": ('{"a": "\\ud800"', "INVALID_REQUEST"),
    "no words": ({**ROW, "model_prediction": None}, "INVALID_REQUEST"),
    "no camera": ({key: value for key, value in ROW.items() if key != "gt_depth_intrinsics"}, "INVALID_REQUEST"),
    "no answer": ({**ROW, "model_prediction": "I cannot"}, "NO_TRACE"),
    "outside": ({**ROW, "model_prediction": "[(1500, 10, 1.0)]"}, "POINT_OUTSIDE_IMAGE"),
    "zero depth": ({**ROW, "model_prediction": "[(10, 10, 0.0)]"}, "NON_POSITIVE_DEPTH"),
    "no depth": ({**ROW, "model_prediction": "[(10, 10)]"}, "NO_DEPTH"),
    "camera of words": ({**ROW, "gt_depth_intrinsics": "K"}, "BAD_CAMERA_INFO"),
    "camera of zeros": ({**ROW, "gt_depth_intrinsics": np.zeros((3, 3)).tolist()}, "BAD_CAMERA_INFO"),
    "camera of nothing": ({**ROW, "gt_depth_intrinsics": [[None] * 3] * 3}, "BAD_CAMERA_INFO"),
    "size of zero": ({**ROW, "width": 0, "height": 0}, "BAD_CAMERA_INFO"),
    "path of a folder": ({**ROW, "gt_depth_path": "..", "image_path": "\0"}, "INVALID_REQUEST"),
}


def test_a_broken_row_stops_no_other(tmp_path, capsys):
    sized = {**ROW, "width": 100, "height": 80}
    rows = []
    for row, _ in BROKEN.values():
        rows += [{"width": 100, "height": 80, **row} if isinstance(row, dict) and "image_path" in row else row, sized]
    rows[2 * list(BROKEN).index("path of a folder")] = BROKEN["path of a folder"][0]
    status, results = lift("--answers", write_rows(tmp_path, *rows), out=tmp_path / "out.jsonl")
    assert status == 0
    for (name, (_, code)), result in zip(BROKEN.items(), results[::2], strict=True):
        assert result["points_m"] is None and result["error"]["code_name"] == code, name
    for result in results[1::2]:
        np.testing.assert_allclose(result["points_m"], [[0, 0, 1], [0.2, 0, 2]])
    assert f"lifted {len(BROKEN)} of {2 * len(BROKEN)} answers; INVALID_REQUEST " in capsys.readouterr().err


def test_recorded_rows_take_the_camera_given(tmp_path):
    scene = StillLife(2)
    row = {"sample_id": "", "instruction": scene.instruction, "text": "?", "answer": scene.answer(), "model": "truth"}
    write_camera(tmp_path)
    _, (result,) = lift(
        "--answers", write_rows(tmp_path, row), "--camera", tmp_path / "camera.json", out=tmp_path / "out.jsonl"
    )
    in_table = scene.table_from_camera.apply(result["points_m"])
    assert np.linalg.norm(in_table - scene.waypoints_m, axis=1).max() < 0.002
    assert result["question_id"] is None


def test_nothing_lifted_is_a_failure_and_stdout_takes_the_lines(tmp_path, capsys):
    status = main(["lift", "--answers", str(write_rows(tmp_path, "{")), "--out", "-"])
    printed = capsys.readouterr()
    assert status == 1
    assert json.loads(printed.out)["error"]["code_name"] == "INVALID_REQUEST"
    assert printed.err == "lifted 0 of 1 answers; INVALID_REQUEST 1\n"


# --- trace ----------------------------------------------------------------------------------------------------------


def write_camera(folder):
    numbers = {key: getattr(DEFAULT_CAMERA, key) for key in ("width", "height", "fx", "fy", "cx", "cy")}
    (folder / "camera.json").write_text(json.dumps(numbers))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A still life in files, with its own true answer recorded."""
    folder = tmp_path_factory.mktemp("scene")
    scene = StillLife(1)
    observation = scene.observe()
    cv2.imwrite(str(folder / "color.png"), observation.rgb[:, :, ::-1])
    cv2.imwrite(str(folder / "depth.png"), np.rint(np.nan_to_num(observation.depth_m) * 1000).astype(np.uint16))
    write_camera(folder)
    row = {"sample_id": "s", "instruction": scene.instruction, "answer": scene.answer(), "model": "truth"}
    (folder / "answers.jsonl").write_text(json.dumps(row))
    return folder, scene


def trace_arguments(folder, instruction, *more):
    files = ["--image", folder / "color.png", "--camera", folder / "camera.json", "--backend", "replay"]
    return ["trace", *map(str, [*files, "--answers", folder / "answers.jsonl", *more]), instruction]


def test_a_trace_comes_out_as_json_with_picture_and_cloud(recorded, tmp_path, capsys):
    folder, scene = recorded
    more = ("--depth", folder / "depth.png", "--overlay", tmp_path / "o.png", "--ply", tmp_path / "s.ply")
    assert main(trace_arguments(folder, scene.instruction, *more)) == 0
    said = json.loads(capsys.readouterr().out)
    in_table = scene.table_from_camera.apply(said["points_m"])
    assert np.linalg.norm(in_table - scene.waypoints_m, axis=1).max() < 0.008
    assert said["depth_source"] == ["SENSOR"] + ["MODEL"] * 6 + ["SENSOR"]
    assert said["answer"] == scene.answer() and said["model"] == "truth"
    assert set(said["seconds"]) == {"observe", "answer", "lift"}
    assert said["depth_disagreement_m"][1] is None
    assert cv2.imread(str(tmp_path / "o.png")).shape == (720, 1280, 3)
    assert (tmp_path / "s.ply").read_bytes().startswith(b"ply\nformat binary_little_endian")


def test_without_a_depth_camera_the_model_s_depth_stands_alone(recorded, capsys):
    folder, scene = recorded
    assert main(trace_arguments(folder, scene.instruction)) == 0
    assert set(json.loads(capsys.readouterr().out)["depth_source"]) == {"MODEL"}


REFUSED = {
    "no such answer": (lambda scene: (("--timeout", "5"), "fly"), "replay|answers"),
    "unknown backend": (lambda scene: (("--backend", "oracle"), scene.instruction), "oracle.*replay"),
    "unknown option": (lambda scene: (("--option", "colour=red"), scene.instruction), "colour.*answers"),
    "no value": (lambda scene: (("--option", "record"), scene.instruction), "NAME=VALUE"),
    "wrong type": (
        lambda scene: (("--backend", "query_api", "--url", "http://localhost:1", "--option", "retries=x"), "go"),
        "retries",
    ),
    "unknown family": (lambda scene: (("--family", "oracle"), scene.instruction), "oracle.*robotracer"),
    "no picture": (lambda scene: (("--image", "absent.png"), scene.instruction), r"absent\.png"),
    "no overlay": (lambda scene: (("--overlay", "a.xyz"), scene.instruction), r"\.png or \.jpg"),
    "no cloud": (lambda scene: (("--ply", "a.ply"), scene.instruction), "depth"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_done_is_one_line_and_status_2(recorded, capsys, name):
    folder, scene = recorded
    ask, words = REFUSED[name]
    more, instruction = ask(scene)
    assert main(trace_arguments(folder, instruction, *more)) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("robotracer trace: ") and printed.err.count("\n") == 1
    assert re.search(words, printed.err)


# --- demo and help --------------------------------------------------------------------------------------------------


def test_the_demo_is_handed_its_arguments(monkeypatch):
    handed = []
    demo = ModuleType("robotracer_ros.nodes.demo")
    demo.run = lambda arguments: handed.append(arguments) or 3
    monkeypatch.setitem(sys.modules, "rclpy", ModuleType("rclpy"))
    monkeypatch.setitem(sys.modules, "robotracer_ros.nodes.demo", demo)
    assert main(["demo", "--rgbd", "d", "--answers", "a", "--out", "o", "--rviz", "go"]) == 3
    (given,) = handed
    assert (given.rgbd, given.answers, given.out, given.rviz, given.instruction) == ("d", "a", "o", True, "go")


def test_without_ros_the_demo_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "rclpy", None)
    assert main(["demo"]) == 2
    assert "./run demo" in capsys.readouterr().err


def test_half_a_real_frame_is_refused(capsys):
    assert main(["demo", "--rgbd", "d"]) == 2
    assert "--answers" in capsys.readouterr().err


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
