"""Lifting rows: where camera, size and depth come from, and rows that fail alone."""

from __future__ import annotations

import json
from collections import Counter

import cv2
import numpy as np
import pytest
from commands import seen_table
from commands.seen_table import CAMERA, INSTRUCTION, TABLE_FROM_CAMERA

from robotracer_ros.cli import main

ROW = {
    "question_id": 7,
    "image_path": "7/image.png",
    "gt_depth_path": "7/gt_depth.png",
    "gt_depth_intrinsics": [[100.0, 0, 50], [0, 100.0, 40], [0, 0, 1]],
    "prompt": "go",
    "model_prediction": "[(500, 500, 1.000), (600, 500, 2.000)]",
}


def rows_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def lift(*arguments, out):
    status = main(["lift", "--out", str(out), *map(str, arguments)])
    return status, rows_of(out)


def write_camera(folder):
    numbers = {key: getattr(CAMERA, key) for key in ("width", "height", "fx", "fy", "cx", "cy")}
    (folder / "camera.json").write_text(json.dumps(numbers))


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
    "camera of googols": ({**ROW, "gt_depth_intrinsics": [[10**400] * 3] * 3}, "BAD_CAMERA_INFO"),
    "size of googols": ({**ROW, "width": 10**400, "height": 80}, "BAD_CAMERA_INFO"),
    "half a size": ({**ROW, "width": 100, "height": None}, "BAD_CAMERA_INFO"),
    "size in words": ({**ROW, "width": "100", "height": "80"}, "BAD_CAMERA_INFO"),
}


def test_a_broken_row_stops_no_other(tmp_path, capsys):
    sized = {**ROW, "width": 100, "height": 80}
    rows = []
    for row, _ in BROKEN.values():
        rows += [{"width": 100, "height": 80, **row} if isinstance(row, dict) else row, sized]
    status, results = lift("--answers", write_rows(tmp_path, *rows), out=tmp_path / "out.jsonl")
    assert status == 0
    for (name, (_, code)), result in zip(BROKEN.items(), results[::2], strict=True):
        assert result["points_m"] is None and result["error"]["code_name"] == code, name
    for result in results[1::2]:
        np.testing.assert_allclose(result["points_m"], [[0, 0, 1], [0.2, 0, 2]])
    counted = capsys.readouterr().err.strip().split("; ")
    codes = Counter(code for _, code in BROKEN.values())
    assert counted[0] == f"lifted {len(BROKEN)} of {2 * len(BROKEN)} answers"
    assert set(counted[1:]) == {f"{code} {count}" for code, count in codes.items()}


def test_recorded_rows_take_the_camera_given(tmp_path):
    row = {"sample_id": "", "instruction": INSTRUCTION, "text": "?", "answer": seen_table.answer(), "model": "truth"}
    write_camera(tmp_path)
    _, (result,) = lift(
        "--answers", write_rows(tmp_path, row), "--camera", tmp_path / "camera.json", out=tmp_path / "out.jsonl"
    )
    in_table = TABLE_FROM_CAMERA.apply(result["points_m"])
    assert np.linalg.norm(in_table - seen_table.waypoints_m(), axis=1).max() < 0.002
    assert result["question_id"] is None


@pytest.mark.parametrize("path", ["x" * 5000, "\ud800", "\0", "..", "7", 3, None, ["a"]])
def test_a_path_that_is_none_is_a_file_that_is_not_there(tmp_path, path):
    write_pictures(tmp_path)
    error = lifted_row(tmp_path, {**ROW, "image_path": path, "gt_depth_path": path})["error"]
    assert error["code_name"] == "INVALID_REQUEST" and "size" in error["message"]


def test_nothing_lifted_is_a_failure_and_stdout_takes_the_lines(tmp_path, capsys):
    status = main(["lift", "--answers", str(write_rows(tmp_path, "{")), "--out", "-"])
    printed = capsys.readouterr()
    assert status == 1
    assert json.loads(printed.out)["error"]["code_name"] == "INVALID_REQUEST"
    assert printed.err == "lifted 0 of 1 answers; INVALID_REQUEST 1\n"
