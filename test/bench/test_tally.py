"""Counting: every task is in the denominator, and the standard error is the binomial one."""

from __future__ import annotations

import json
import math

import pytest

pytest.importorskip("robotracer_ros.sim.stage")

from robotracer_ros.bench.tables import errors_in_words, table, table_of_tallies
from robotracer_ros.bench.tally import Score, Share, Tally, by_family, by_subset
from robotracer_ros.sim.tasks import Verdict

RIGHT = Verdict(start_ok=True, end_ok=True, collision_free=True)
LATE = Verdict(start_ok=True, end_ok=False, collision_free=True)
POINTED = Verdict(pointing_ok=True)
SCORES = [
    Score("pick_in", ("a",), RIGHT, seconds=1.0),
    Score("pick_in", ("a", "b"), LATE, seconds=3.0),
    Score("point", ("b",), POINTED, seconds=2.0),
    Score("pick_in", (), Verdict(False, False, False), "NO_TRACE"),
]


def test_each_criterion_is_out_of_the_tasks_that_have_it():
    tally = Tally.of(SCORES)
    assert tally.overall == Share(2, 4)
    assert tally.criteria == {
        "start": Share(2, 3), "end": Share(1, 3), "no collision": Share(2, 3), "in mask": Share(1, 1)
    }  # fmt: skip
    assert tally.errors == {"NO_TRACE": 1}
    assert tally.median_s == 2.0


def test_families_and_subsets_are_counted_by_themselves():
    families = by_family(SCORES)
    assert list(families) == ["pick_in", "point"] and families["pick_in"].overall == Share(1, 3)
    subsets = by_subset(SCORES, ("b", "a", "none"))
    assert list(subsets) == ["b", "a"] and subsets["b"].overall == Share(1, 2)


@pytest.mark.parametrize(("right", "asked", "off"), [(0, 5, 0.0), (5, 5, 0.0), (50, 100, 0.05), (1, 4, 0.2165)])
def test_the_standard_error_is_binomial(right, asked, off):
    assert Share(right, asked).standard_error == pytest.approx(off, abs=1e-4)


def test_json_has_no_nan():
    silent = Tally.of([Score("point", (), Verdict(pointing_ok=False), "NO_TRACE")])
    assert math.isnan(silent.median_s)
    said = json.loads(json.dumps(silent.described(), allow_nan=False))
    assert said["median_s"] is None and said["in mask"] == 0.0 and said["n"] == 1


def test_tables_stand_straight_and_leave_out_what_nobody_was_asked():
    shown = table_of_tallies("family", by_family(SCORES)).splitlines()
    assert "order" not in shown[0] and "within" not in shown[0]
    # Figures end below the heads of their columns.
    assert shown[2].index("67 %") + 4 == shown[0].index("start") + 5
    assert shown[2].endswith("1 of 3") and shown[3].endswith("1 of 1") and "33 ± 27 %" in shown[2]
    assert len({line.index("of") for line in shown[2:]}) == 1
    assert table([["a", "b"], ["long", "1"]]).splitlines() == ["a     b", "-------", "long  1"]


def test_errors_are_told_in_one_line():
    assert errors_in_words({}) == "without a usable answer: none"
    assert errors_in_words({"NO_TRACE": 2, "NO_DEPTH": 1}) == "without a usable answer: 2 NO_TRACE, 1 NO_DEPTH"
