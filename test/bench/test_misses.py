"""What is written about misses: a row for each example, a picture for each one that was wrong."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from bench.speakers import FAMILIES, Speaker, true_words

from robotracer_ros.errors import InvalidRequest

pytest.importorskip("robotracer_ros.sim.stage")

from robotracer_ros.bench.asking import Asker
from robotracer_ros.bench.misses import Misses, drawn
from robotracer_ros.families.robotracer import RoboTracer


def written(folder, examples, words):
    misses = Misses(str(folder))
    asker = Asker(RoboTracer(), Speaker(words), "rgb")
    for example in examples:
        misses.add("rgb", example, asker.ask(example))
    return [json.loads(line) for line in (folder / "examples.jsonl").read_text().splitlines()]


def test_the_truth_has_rows_and_no_pictures(tmp_path, examples):
    words = {example.name: true_words(example) for example in examples}
    rows = written(tmp_path / "a" / "b", examples, words.__getitem__)
    assert [row["name"] for row in rows] == [example.name for example in examples]
    assert all(row["right"] and row["error"] is None and row["seconds"] == 0.25 for row in rows)
    assert not list(tmp_path.rglob("*.png"))


def test_each_miss_has_a_picture_and_the_words_that_were_said(tmp_path, examples):
    said = "[(500, 500, 0.5), (10, 10, 0.5)]"
    rows = written(tmp_path, examples, lambda name: said)
    assert {row["answer"] for row in rows} == {said}
    # A wrong length shows in no picture.
    pictures = sorted(path.name for path in tmp_path.glob("*.png"))
    assert pictures == [f"{n:03}_{name}_rgb.png" for n, name in enumerate(FAMILIES) if name != "measure_distance"]
    first = cv2.imread(str(tmp_path / pictures[0]))[:, :, ::-1]
    assert first.shape == examples[0].view.rgb.shape and (first != examples[0].view.rgb).any()
    assert rows[0]["start"] is False and rows[0]["error"] is None
    # Points are no length.
    assert rows[-1]["within 10 %"] is False and rows[-1]["error"] == "UNREADABLE_ANSWER"


def test_an_answer_that_cannot_be_read_shows_the_truth_and_the_reason(tmp_path, examples):
    (row,) = written(tmp_path, examples[:1], lambda name: "no")
    assert row["error"] in ("NO_TRACE", "UNREADABLE_ANSWER") and row["reason"]
    reply = Asker(RoboTracer(), Speaker(lambda name: "no"), "rgb").ask(examples[0])
    picture = drawn(examples[0], reply)
    start = np.rint(examples[0].task.trace.pixels(480, 360)[0]).astype(int)
    around = picture[start[1] - 7 : start[1] + 8, start[0] - 7 : start[0] + 8]
    assert (around == 255).all(axis=2).any()


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidRequest, match="cannot write"):
        Misses(str(tmp_path / "file"))
