"""Tracing one picture from the command line: JSON, picture and cloud, and refusals of one line."""

from __future__ import annotations

import json
import re

import cv2
import numpy as np
import pytest
from commands import seen_table
from commands.seen_table import CAMERA, INSTRUCTION, TABLE_FROM_CAMERA

from robotracer_ros.cli import main


def write_camera(folder):
    numbers = {key: getattr(CAMERA, key) for key in ("width", "height", "fx", "fy", "cx", "cy")}
    (folder / "camera.json").write_text(json.dumps(numbers))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """The folder of a table in files, with its own true answer recorded."""
    folder = tmp_path_factory.mktemp("table")
    observation = seen_table.observe()
    cv2.imwrite(str(folder / "color.png"), observation.rgb[:, :, ::-1])
    cv2.imwrite(str(folder / "depth.png"), np.rint(np.nan_to_num(observation.depth_m) * 1000).astype(np.uint16))
    write_camera(folder)
    row = {"sample_id": "s", "instruction": INSTRUCTION, "answer": seen_table.answer(), "model": "truth"}
    (folder / "answers.jsonl").write_text(json.dumps(row))
    return folder


def trace_arguments(folder, instruction, *more):
    files = ["--image", folder / "color.png", "--camera", folder / "camera.json", "--backend", "replay"]
    return ["trace", *map(str, [*files, "--answers", folder / "answers.jsonl", *more]), instruction]


def test_a_trace_comes_out_as_json_with_picture_and_cloud(recorded, tmp_path, capsys):
    more = ("--depth", recorded / "depth.png", "--overlay", tmp_path / "o.png", "--ply", tmp_path / "s.ply")
    assert main(trace_arguments(recorded, INSTRUCTION, *more)) == 0
    said = json.loads(capsys.readouterr().out)
    in_table = TABLE_FROM_CAMERA.apply(said["points_m"])
    assert np.linalg.norm(in_table - seen_table.waypoints_m(), axis=1).max() < 0.008
    assert said["depth_source"] == ["SENSOR"] + ["MODEL"] * 6 + ["SENSOR"]
    assert said["answer"] == seen_table.answer() and said["model"] == "truth"
    assert set(said["seconds"]) == {"observe", "answer", "lift"}
    assert said["depth_disagreement_m"][1] is None
    assert cv2.imread(str(tmp_path / "o.png")).shape == (720, 1280, 3)
    assert (tmp_path / "s.ply").read_bytes().startswith(b"ply\nformat binary_little_endian")


def test_without_a_depth_camera_the_model_s_depth_stands_alone(recorded, capsys):
    assert main(trace_arguments(recorded, INSTRUCTION)) == 0
    assert set(json.loads(capsys.readouterr().out)["depth_source"]) == {"MODEL"}


REFUSED = {
    "no such answer": ((("--timeout", "5"), "fly"), "replay|answers"),
    "unknown backend": ((("--backend", "oracle"), INSTRUCTION), "oracle.*replay"),
    "unknown option": ((("--option", "colour=red"), INSTRUCTION), "colour.*answers"),
    "no value": ((("--option", "record"), INSTRUCTION), "NAME=VALUE"),
    "wrong type": (
        (("--backend", "query_api", "--url", "http://localhost:1", "--option", "retries=x"), "go"),
        "retries",
    ),
    "unknown family": ((("--family", "oracle"), INSTRUCTION), "oracle.*robotracer"),
    "no picture": ((("--image", "absent.png"), INSTRUCTION), r"absent\.png"),
    "no overlay": ((("--overlay", "a.xyz"), INSTRUCTION), r"\.png or \.jpg"),
    "no cloud": ((("--ply", "a.ply"), INSTRUCTION), "depth"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_done_is_one_line_and_status_2(recorded, capsys, name):
    (more, instruction), words = REFUSED[name]
    assert main(trace_arguments(recorded, instruction, *more)) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("robotracer trace: ") and printed.err.count("\n") == 1
    assert re.search(words, printed.err)
