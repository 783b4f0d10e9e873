"""Laws of where waypoints lie: ends and length kept, steps bounded, smoothing bounded and least-squares."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from robotracer_ros.errors import PlanningError
from robotracer_ros.planning.shaping import SAME_POINT_M, collapse, resample, shape, smooth

polylines = stn.arrays(
    np.float64, st.tuples(st.integers(1, 12), st.just(3)), elements=st.floats(-2, 2, allow_nan=False, width=32)
)
spacings = st.floats(0.005, 3.0)


def length_m(points: np.ndarray) -> float:
    return float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())


@given(polylines, spacings)
def test_resampling_keeps_ends_length_and_corners_and_bounds_the_step(points, spacing_m):
    waypoints = resample(points, spacing_m)
    kept = collapse(points)
    assert np.array_equal(waypoints[0], kept[0])
    assert np.array_equal(waypoints[-1], kept[-1])
    assert length_m(waypoints) == pytest.approx(length_m(kept), rel=1e-9, abs=1e-9)
    steps = np.linalg.norm(np.diff(waypoints, axis=0), axis=1)
    assert (steps <= spacing_m * (1 + 1e-6)).all()
    for corner in kept:
        assert (waypoints == corner).all(axis=1).any()


@given(polylines, spacings)
def test_even_resampling_keeps_ends_and_takes_equal_steps_along_the_polyline(points, spacing_m):
    kept = collapse(points)
    waypoints = resample(points, spacing_m, through_corners=False)
    assert np.array_equal(waypoints[0], kept[0])
    assert np.array_equal(waypoints[-1], kept[-1])
    assert len(waypoints) == (1 if len(kept) == 1 else max(1, int(np.ceil(length_m(kept) / spacing_m - 1e-9))) + 1)
    assert (np.linalg.norm(np.diff(waypoints, axis=0), axis=1) <= spacing_m * (1 + 1e-6)).all()


@given(polylines)
def test_collapsing_leaves_no_repeats_and_changes_nothing_twice(points):
    kept = collapse(np.repeat(points, 3, axis=0))
    assert (np.linalg.norm(np.diff(kept, axis=0), axis=1) > 0).all()
    assert np.array_equal(collapse(kept), kept)
    assert np.linalg.norm(kept[-1] - points[-1]) <= SAME_POINT_M


def test_a_slow_drift_is_not_taken_for_standing_still():
    drift = np.zeros((5001, 3))
    drift[:, 0] = np.linspace(0, 0.002, 5001)
    kept = collapse(drift)
    assert kept[-1, 0] == 0.002
    assert len(kept) > 1000


def test_a_straight_line_takes_exactly_the_steps_that_fit():
    assert np.allclose(resample([[0, 0, 0], [0.1, 0, 0]], 0.02)[:, 0], [0, 0.02, 0.04, 0.06, 0.08, 0.1])


@pytest.mark.parametrize("repeats", [1, 2, 7])
def test_a_trace_that_stands_still_is_one_waypoint(repeats):
    assert np.array_equal(shape(np.full((repeats, 3), 0.3), 0.02, 0.05, 100), [[0.3, 0.3, 0.3]])


@given(polylines, st.floats(0.001, 0.5))
def test_smoothing_keeps_the_ends_exactly_and_moves_nothing_further_than_its_length(points, smoothing_m):
    smoothed = smooth(points, smoothing_m)
    assert smoothed.shape == points.shape
    assert np.array_equal(smoothed[[0, -1]], points[[0, -1]])
    assert (np.linalg.norm(smoothed - points, axis=1) <= smoothing_m * (1 + 1e-9)).all()


@pytest.mark.parametrize("count", [3, 4, 5, 6, 40, 200])
@pytest.mark.parametrize("length", [0.002, 0.02, 0.2, 2.0])
def test_smoothing_solves_the_least_squares_problem_it_names(count, length):
    points = np.cumsum(np.random.default_rng(count).normal(scale=0.02, size=(count, 3)), axis=0)
    step = np.linalg.norm(np.diff(points, axis=0), axis=1)
    step = np.maximum(step, 0.1 * step.mean())
    weight = (step[:-1] + step[1:]) / 2
    second = np.zeros((count - 2, count))
    for row in range(count - 2):
        second[row, row], second[row, row + 2] = 1 / step[row] / weight[row], 1 / step[row + 1] / weight[row]
        second[row, row + 1] = -second[row, row] - second[row, row + 2]
    roots = np.sqrt(weight)[:, None]
    stacked = np.vstack([roots * np.eye(count)[1:-1, 1:-1], length**2 * roots * second[:, 1:-1]])
    target = np.vstack([np.zeros((count - 2, 3)), -(length**2) * roots * (second @ points)])
    move = np.linalg.lstsq(stacked, target, rcond=None)[0]
    # Steps of 0.02 m and 2 m of smoothing are the worst that settings allow: there eight digits of sixteen are left.
    assert np.allclose(smooth(points, length)[1:-1] - points[1:-1], move, atol=1e-7 if length > 1 else 1e-10)


def test_moves_that_are_too_long_are_shrunk_alike(monkeypatch):
    points, moves = np.zeros((5, 3)), np.outer([1.0, -4.0, 2.0], [0, 0.03, 0.04])
    points[:, 0] = np.arange(5)
    monkeypatch.setattr("robotracer_ros.planning.shaping._smoothing_moves", lambda *_: moves)
    assert np.allclose(smooth(points, 0.1) - points, np.vstack([np.zeros(3), moves / 2, np.zeros(3)]))
    assert np.allclose(smooth(points, 0.2)[1:-1] - points[1:-1], moves)


def test_smoothing_halves_the_wave_it_says_and_leaves_long_ones():
    along = np.linspace(0, 6, 1201)
    for wavelength_m, expected in ((2 * np.pi * 0.1, 0.5), (3.0, 1 / (1 + (2 * np.pi / 3.0 * 0.1) ** 4))):
        wave = np.zeros((len(along), 3))
        wave[:, 0], wave[:, 1] = along, 0.001 * np.sin(2 * np.pi * along / wavelength_m)
        smoothed = smooth(wave, 0.1)[400:800, 1]
        basis = np.sin(2 * np.pi * along[400:800] / wavelength_m)
        assert smoothed @ basis / (basis @ basis) == pytest.approx(0.001 * expected, rel=0.02)


def test_a_straight_path_is_left_alone_by_smoothing():
    line = np.linspace([0, 0, 0], [1, 2, 3], 50)
    assert np.allclose(smooth(line, 0.2), line, atol=1e-9)


@settings(max_examples=40)
@given(polylines, st.floats(0.05, 0.5), st.floats(0.001, 0.5))
def test_shaping_keeps_the_contacts_and_the_spacing(points, spacing_m, smoothing_m):
    waypoints = shape(points, spacing_m, smoothing_m, 5000)
    kept = collapse(points)
    assert np.array_equal(waypoints[[0, -1]], kept[[0, -1]])
    assert (np.linalg.norm(np.diff(waypoints, axis=0), axis=1) <= spacing_m * (1 + 1e-6)).all()


def test_shaping_commutes_with_rigid_motions(rigid_motion):
    points = np.cumsum(np.random.default_rng(3).normal(scale=0.05, size=(9, 3)), axis=0)
    moved = shape(rigid_motion.apply(points), 0.02, 0.05, 500)
    assert np.allclose(moved, rigid_motion.apply(shape(points, 0.02, 0.05, 500)), atol=1e-9)


@pytest.mark.parametrize("spacing_m", [0.0, -1.0, float("nan"), float("inf")])
def test_a_spacing_that_is_none_is_refused(spacing_m):
    with pytest.raises(PlanningError, match="spacing_m must be above 0"):
        resample([[0, 0, 0], [1, 0, 0]], spacing_m)


def test_a_point_that_is_not_finite_is_named():
    with pytest.raises(PlanningError, match="point 2 of 3 must be finite"):
        resample([[0, 0, 0], [0, float("nan"), 0], [1, 0, 0]], 0.1)


@pytest.mark.parametrize("points", [[], [[1, 2]], [1, 2, 3]])
def test_points_of_another_shape_are_refused(points):
    with pytest.raises(PlanningError, match=r"points \(N, 3\)"):
        collapse(points)


@pytest.mark.parametrize("far_m", [1e3, 1e300, 1.7e308])
@pytest.mark.parametrize("smoothing_m", [0.0, 0.1])
def test_a_path_that_would_never_end_is_refused_before_it_is_made(far_m, smoothing_m):
    with pytest.raises(PlanningError, match="at most 5000"):
        shape([[-far_m, 0, 0], [far_m, 0, 0]], 0.01, smoothing_m, 5000)
