"""Laws of the smoothest curve along rays: straight stays straight, ceilings hold, known depths stay."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robotracer_ros.geometry.ray_curve import _second_differences, smoothest_depths

NONE = np.zeros(0)


def test_a_straight_line_in_space_comes_out_exact() -> None:
    line = np.linspace([0.1, -0.2, 0.8], [-0.3, 0.25, 1.9], 9)
    pixels = line[:, :2] / line[:, 2:] * 600
    way = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(pixels, axis=0), axis=1))])
    depth = line[:, 2].copy()
    depth[1:-1] = np.nan
    np.testing.assert_allclose(smoothest_depths(way, depth, NONE, NONE), line[:, 2], rtol=1e-9)


def test_known_depths_are_not_touched() -> None:
    depth = np.array([1.0, np.nan, 1.3, np.nan, 1.1])
    filled = smoothest_depths(np.arange(5.0), depth, NONE, NONE)
    np.testing.assert_array_equal(filled[[0, 2, 4]], depth[[0, 2, 4]])


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 10_000))
def test_the_curve_stays_in_front_of_every_ceiling_that_moves_a_free_point(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(3, 12))
    way = np.cumsum(rng.uniform(1, 50, count))
    depth = np.full(count, np.nan)
    depth[[0, -1]] = rng.uniform(0.5, 2.0, 2)
    at = np.linspace(way[0], way[-1], 60)
    ceiling = np.where(rng.random(60) < 0.2, np.nan, rng.uniform(0.4, 3.0, 60))
    filled = smoothest_depths(way, depth, at - way[0], ceiling)
    curve = 1 / np.interp(at, way, 1 / filled)
    # Samples that belong to a fixed end for more than three quarters are left to that end.
    free = np.interp(at, way, np.isnan(depth).astype(float)) >= 0.25
    free &= np.isfinite(ceiling)
    assert (filled > 0).all()
    assert (curve[free] <= ceiling[free] * (1 + 1e-6)).all()


@pytest.mark.parametrize("points", [3, 9, 50, 256])
@pytest.mark.parametrize("length_px", [300.0, 900.0, 1800.0])
def test_ceilings_hold_however_long_the_way_and_however_many_the_points(length_px: float, points: int) -> None:
    """Three boards stand between the contacts. The way of a trace is 900 px at 1280x720 and 1800 px at 1920x1080."""
    rng = np.random.default_rng(points)
    for _ in range(4):
        way = np.concatenate([[0.0], np.cumsum(rng.uniform(5, 50, points - 1))])
        way *= length_px / way[-1]
        depth = np.full(points, np.nan)
        depth[[0, -1]] = rng.uniform(0.8, 2.0, 2)
        at = np.linspace(0.0, length_px, 200)
        ceiling = np.interp(at, way[[0, -1]], depth[[0, -1]])
        for start, width, board_m in rng.uniform((0.1, 0.02, 0.3), (0.8, 0.2, 0.7), (3, 3)):
            ceiling[(at > start * length_px) & (at < (start + width) * length_px)] = board_m
        filled = smoothest_depths(way, depth, at, ceiling)
        moved = np.interp(at, way, np.isnan(depth).astype(float)) >= 0.26
        assert (1 / np.interp(at, way, 1 / filled) <= ceiling + 2e-4)[moved].all()


def test_ceilings_stay_with_their_points_where_points_repeat() -> None:
    """Points that repeat are drawn apart; a ceiling behind them must be drawn along."""
    way = np.concatenate([np.zeros(400), [250.0, 500.0, 750.0, 1000.0]])
    depth = np.full(404, np.nan)
    depth[[0, -1]] = 1.2
    filled = smoothest_depths(way, depth, np.array([500.0]), np.array([0.6]))
    np.testing.assert_allclose(filled[401], 0.6, rtol=1e-6)


@pytest.mark.parametrize("seed", range(8))
def test_no_curve_under_the_ceilings_bends_less(seed: int) -> None:
    """A convex problem: were there a better curve anywhere, one would lie on the way to it, near the one found."""
    rng = np.random.default_rng(seed)
    way = np.concatenate([[0.0], np.cumsum(rng.uniform(10, 60, 6))])
    depth = np.full(7, np.nan)
    depth[[0, -1]] = 1.5, 1.2
    ceiling = rng.uniform(0.6, 1.6, 5)
    found = 1 / smoothest_depths(way, depth, way[1:-1], ceiling)
    bending = _second_differences(way)
    least = np.maximum(1 / ceiling, 0.5 / 1.5)
    others = np.tile(found, (20_000, 1))
    reach = 10.0 ** rng.uniform(-4, 0, (20_000, 1))
    others[:, 1:-1] = np.maximum(others[:, 1:-1] + rng.normal(size=(20_000, 5)) * reach, least)
    energy = np.square(others @ bending.T).sum(axis=1)
    best = float(np.square(bending @ found).sum())
    assert energy.min() >= best * (1 - 1e-6) - 1e-15


def test_repeated_points_do_not_break_it() -> None:
    way = np.array([0.0, 0.0, 0.0, 5.0, 5.0])
    filled = smoothest_depths(way, np.array([1.0, np.nan, np.nan, np.nan, 2.0]), NONE, NONE)
    assert np.isfinite(filled).all()
    assert ((filled >= 1.0) & (filled <= 2.0)).all()
    assert np.isfinite(smoothest_depths(np.zeros(3), np.array([1.0, np.nan, 1.0]), NONE, NONE)).all()
