"""Tracing one picture from the command line: JSON, picture and cloud, and refusals of one line."""

from __future__ import annotations

import json
import re

import cv2
import numpy as np
import pytest

from robotracer_ros.cli import main
from robotracer_ros.sim.still_life import DEFAULT_CAMERA, StillLife


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
