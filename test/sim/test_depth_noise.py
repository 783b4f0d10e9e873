"""Sensor faults: each comes in the amount asked for, where it belongs."""

from __future__ import annotations

import numpy as np
import pytest

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.sim.depth_noise import DepthNoise

CLEAN = DepthNoise(at_one_metre_m=0, step_m=0, holes=0, flying=0, farthest_m=float("inf"))


def flat(depth_m, shape=(200, 300)):
    return np.full(shape, depth_m, np.float32)


def test_without_faults_nothing_changes():
    depth = np.random.default_rng(0).uniform(0.3, 4, (60, 80)).astype(np.float32)
    depth[3:9, 5:20] = np.nan
    np.testing.assert_array_equal(CLEAN.applied_to(depth), depth)


@pytest.mark.parametrize("depth_m", [0.5, 1.0, 2.0])
def test_noise_grows_with_the_square_of_depth(depth_m):
    noise = DepthNoise(at_one_metre_m=0.002, step_m=0, holes=0, flying=0)
    assert noise.applied_to(flat(depth_m)).std() == pytest.approx(0.002 * depth_m**2, rel=0.05)


def test_readings_are_whole_steps():
    measured = DepthNoise(step_m=0.001, holes=0).applied_to(flat(1.0)).astype(np.float64)
    np.testing.assert_allclose(measured / 0.001, np.rint(measured / 0.001), atol=1e-3)


@pytest.mark.parametrize("share", [0.02, 0.2, 1.0])
def test_holes_cover_the_share_asked_for_in_blots(share):
    missing = np.isnan(DepthNoise(holes=share).applied_to(flat(1.0)))
    assert missing.mean() == pytest.approx(share, rel=0.02)
    if share < 0.5:
        beside = missing[:, 1:] & missing[:, :-1]
        assert beside.sum() > 0.6 * missing.sum()


def test_flying_pixels_stand_at_edges_between_front_and_back():
    depth = flat(2.0)
    depth[:, :150] = 1.0
    measured = DepthNoise(0, 0, 0, 0.5).applied_to(depth)
    flying = (measured > 1.01) & (measured < 1.99)
    assert 0.3 < flying[:, 149:151].mean() < 0.6
    assert not flying[:, :149].any() and not flying[:, 151:].any()


def test_beyond_its_reach_there_is_no_reading():
    assert np.isnan(DepthNoise(farthest_m=3).applied_to(flat(3.5))).all()


@pytest.mark.parametrize("wrong", [{"holes": 1.2}, {"flying": -1}, {"step_m": -1}, {"farthest_m": 0}])
def test_shares_and_lengths_out_of_range_are_refused(wrong):
    with pytest.raises(InvalidRequest, match="received"):
        DepthNoise(**wrong)
