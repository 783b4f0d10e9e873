"""The curve of a log: which rows count, what is drawn, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.training.curve import quantities, read_log, smoothed, write_curve

ROWS = [{"step": 20 * n, "hours": 0.1 * n, "lr": 1e-3, "words": 3.0 / n, **({"patches": 1.0} if n > 2 else {})}
        for n in range(1, 8)]  # fmt: skip


def written(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_picture_is_written(tmp_path):
    pytest.importorskip("matplotlib")
    import cv2

    write_curve(written(tmp_path / "log.jsonl", ROWS), tmp_path / "deeper" / "curve.png")
    picture = cv2.imread(str(tmp_path / "deeper" / "curve.png"))
    assert picture.shape[1] > 500
    assert picture.std() > 1


def test_a_resumed_run_replaces_what_was_told_after_its_state(tmp_path):
    again = [{"step": 40, "words": 9.0}, {"step": 60, "words": 8.0}]
    rows = read_log(written(tmp_path / "log.jsonl", [*ROWS, *again]))
    assert [(row["step"], row["words"]) for row in rows] == [(20, 3.0), (40, 9.0), (60, 8.0)]


def test_quantities_come_in_order_without_book_keeping():
    assert quantities(ROWS) == ["words", "patches"]


def test_smoothing_keeps_what_is_level_and_the_ends():
    np.testing.assert_allclose(smoothed(np.full(50, 2.0)), 2.0)
    slope = np.arange(200.0)
    np.testing.assert_allclose(smoothed(slope)[20:-20], slope[20:-20])
    assert len(smoothed(np.array([1.0]))) == 1


@pytest.mark.parametrize("text", ["", "nothing\n", "{}\n", "[1]\n"])
def test_what_is_no_log_is_refused(tmp_path, text):
    log = tmp_path / "log.jsonl"
    log.write_text(text)
    with pytest.raises(InvalidRequest, match=r"log\.jsonl"):
        read_log(log)
    with pytest.raises(InvalidRequest, match="no log"):
        read_log(tmp_path / "absent.jsonl")
