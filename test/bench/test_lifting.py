"""The comparison of two ways of lifting: distances that are known, and a sensor that mends what a model misjudges."""

from __future__ import annotations

import json

import numpy as np
import pytest
from bench.speakers import FAMILIES, Speaker

from robotracer_ros.errors import InvalidRequest

pytest.importorskip("robotracer_ros.sim.stage")

from robotracer_ros.bench import lifting
from robotracer_ros.bench.asking import Asker
from robotracer_ros.bench.input_modes import RICHEST
from robotracer_ros.families.robotracer import RoboTracer
from robotracer_ros.geometry.trace import VisualTrace
from robotracer_ros.sim.tasks import TRACE, points_in_table


def test_the_distance_to_a_way_is_that_to_its_nearest_segment():
    way = np.array([[0.0, 0, 0], [1, 0, 0], [1, 2, 0]])
    points = np.array([[0.5, 0, 0.3], [-3, 4, 0], [1.5, 1, 0], [1, 2.5, 0], [1, 0, 0]])
    # The second is nearest to the corner where the way begins: 5, and to its end: 4.47.
    expected = [0.3, np.hypot(4, 2), 0.5, 0.5, 0.0]
    assert lifting.distance_to_way_m(points, way) == pytest.approx(expected)


def test_a_shifted_truth_lies_as_far_off_as_it_was_shifted(examples):
    for example in examples:
        if example.task.kind != TRACE:
            continue
        truth = example.task.trace
        points_m = points_in_table(example.scene, truth.uv, truth.depth_m)
        exact = lifting.offs_of(example, points_m)
        assert exact.start == 0 and exact.middle == pytest.approx(0, abs=1e-9)
        moved = lifting.offs_of(example, points_m + np.array([0.0, 0.0, 0.02]))
        assert moved.start == pytest.approx(0.02)
        assert moved.middle <= 0.02 + 1e-9
        hovers = example.task.family == "hover"
        assert np.isnan(moved.end) if hovers else moved.end == pytest.approx(0.02)


def far_words(example, off_m: float) -> str:
    truth = example.task.trace
    return RoboTracer().render(VisualTrace(truth.uv, truth.depth_m + off_m)) if example.task.kind == TRACE else "none"


def test_the_sensor_mends_a_depth_that_is_off(examples):
    words = {example.name: far_words(example, 0.06) for example in examples}
    lifted, lost = lifting.compare(examples, Asker(RoboTracer(), Speaker(words.__getitem__), RICHEST))
    assert (len(lifted), lost) == (4, 0)
    said = json.loads(json.dumps(lifting.described(lifted, lost), allow_nan=False))
    quartiles = said["centimetres"][lifting.ALL]
    assert quartiles["model"]["start"][1] == pytest.approx(6.0, abs=1.2)
    assert quartiles["model"]["end"][1] == pytest.approx(6.0, abs=1.2)
    # Where the camera sees the contacts, it puts what lies between right too.
    assert all(quartiles["fused"][place][1] < 1.0 for place in lifting.PLACES)
    assert said["lifted"] == {lifting.ALL: 4, lifting.FOUND: 4}
    assert "fused depth" in lifting.in_words(lifted, lost)


def test_answers_that_cannot_be_lifted_are_counted_beside(examples):
    flat = "[(500, 500), (510, 500), (520, 510)]"
    words = dict.fromkeys((example.name for example in examples), flat)
    words[examples[FAMILIES.index("push")].name] = "I cannot"
    lifted, lost = lifting.compare(examples, Asker(RoboTracer(), Speaker(words.__getitem__), RICHEST))
    # Without a depth of its own the model's way of lifting has none.
    assert (lifted, lost) == ([], 4)
    assert lifting.described(lifted, lost)["centimetres"][lifting.ALL]["model"]["end"] is None
    assert "can be lifted: 4" in lifting.in_words(lifted, lost)


def test_other_input_modes_are_refused(examples, truth):
    with pytest.raises(InvalidRequest, match=r"rgb\+intrinsics\+depth"):
        lifting.compare(examples, Asker(RoboTracer(), truth, "rgb"))
