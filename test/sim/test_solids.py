"""Rays and solids: every hit lies on the body, and nothing nearer does."""

from __future__ import annotations

import numpy as np
import pytest

from robotracer_ros.sim.ray_cast import NOTHING, cast, lit_share
from robotracer_ros.sim.solids import Ball, Box, Cylinder

SOLIDS = {
    "box": Box(np.array([0.1, 0.2, 0.05]), np.array([0.2, 0.1, 0.3]), 0.7),
    "cylinder": Cylinder(np.array([-0.1, 0.0, 0.2]), 0.08, 0.25),
    "ball": Ball(np.array([0.0, 0.1, 0.3]), 0.12),
}


def surface_excess(solid, points_m):
    """Signed: below 0 inside, 0 on the surface, above 0 outside; written apart from the code under test."""
    if isinstance(solid, Ball):
        return np.linalg.norm(points_m - solid.centre_m, axis=1) - solid.radius_m
    local = points_m - solid.centre_m
    if isinstance(solid, Cylinder):
        side = np.hypot(local[:, 0], local[:, 1]) - solid.cylinder_radius_m
        return np.maximum(side, np.abs(local[:, 2]) - solid.height_m / 2)
    turned = np.exp(-1j * solid.yaw_rad) * (local[:, 0] + 1j * local[:, 1])
    straight = np.column_stack([turned.real, turned.imag, local[:, 2]])
    return (np.abs(straight) - solid.size_m / 2).max(axis=1)


def rays(count=4000, seed=3):
    rng = np.random.default_rng(seed)
    eye_m = np.array([0.4, -0.9, 0.7])
    return eye_m, rng.uniform(-0.4, 0.4, (count, 3)) - eye_m + (0, 0, 0.1)


@pytest.mark.parametrize("name", SOLIDS)
def test_hits_lie_on_the_surface_and_the_way_there_is_free(name):
    solid = SOLIDS[name]
    eye_m, directions = rays()
    distance = solid.distances(eye_m, directions)
    hit = np.isfinite(distance)
    assert 100 < hit.sum() < len(hit)
    points_m = eye_m + distance[hit, None] * directions[hit]
    assert np.abs(surface_excess(solid, points_m)).max() < 1e-12
    for share in np.linspace(0.02, 0.98, 25):
        assert surface_excess(solid, eye_m + share * distance[hit, None] * directions[hit]).min() > 0
    for share in np.linspace(0, 3, 301):
        assert surface_excess(solid, eye_m + share * directions[~hit]).min() > -1e-9


@pytest.mark.parametrize("name", SOLIDS)
def test_normals_have_unit_length_and_point_out(name):
    solid = SOLIDS[name]
    eye_m, directions = rays()
    distance = solid.distances(eye_m, directions)
    points_m = (eye_m + distance[:, None] * directions)[np.isfinite(distance)]
    normals = solid.normals(points_m)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-9)
    assert surface_excess(solid, points_m + 1e-6 * normals).min() > 0
    assert surface_excess(solid, points_m - 1e-6 * normals).max() < 0


@pytest.mark.parametrize("name", SOLIDS)
def test_the_ball_around_a_solid_holds_it_and_its_top_is_its_highest_point(name):
    solid = SOLIDS[name]
    grid = np.random.default_rng(0).uniform(-0.5, 0.8, (60_000, 3))
    inside = grid[surface_excess(solid, grid) < 0]
    assert len(inside) > 100
    assert np.linalg.norm(inside - solid.centre_m, axis=1).max() <= solid.radius_m
    assert 0 <= solid.top_m - inside[:, 2].max() < 0.03
    assert not solid.plan_distances_m(inside[:, :2]).any()


@pytest.mark.parametrize("name", SOLIDS)
def test_upright_and_level_rays_are_met_too(name):
    solid = SOLIDS[name]
    middle = solid.centre_m
    for direction in ([0, 0, -1.0], [0, 0, 1.0], [1.0, 0, 0], [0, -1.0, 0]):
        start = middle - np.array(direction)
        assert 0 < solid.distances(start, np.array([direction]))[0] < 1
        assert np.isinf(solid.distances(start + 5.0, np.array([direction]))[0])


def test_solids_behind_the_eye_are_not_met():
    eye_m, directions = rays()
    for solid in SOLIDS.values():
        assert np.isinf(solid.distances(eye_m, -directions)).all()


def test_casting_finds_the_nearest_solid_as_trying_each_does():
    eye_m, directions = rays()
    solids = list(SOLIDS.values())
    hits = cast(solids, eye_m, directions)
    each = np.array([solid.distances(eye_m, directions) for solid in solids])
    np.testing.assert_array_equal(hits.distance, each.min(axis=0))
    met = np.isfinite(hits.distance)
    np.testing.assert_array_equal(hits.solid[met], each.argmin(axis=0)[met])
    assert (hits.solid[~met] == NOTHING).all() and np.isnan(hits.points_m[~met]).all()


def test_shadow_by_culling_equals_shadow_by_trying_everything():
    floor = Box(np.array([0.0, 0.0, -0.5]), np.array([4.0, 4.0, 1.0]))
    solids = [floor, *SOLIDS.values()]
    eye_m, directions = rays(3000)
    hits = cast(solids, eye_m, np.vstack([directions, directions - (0, 0, 0.6)]))
    assert (hits.solid != NOTHING).sum() > 1500
    rng = np.random.default_rng(1)
    to_light = np.array([-0.4, -0.3, 0.85]) + rng.uniform(-0.08, 0.08, (5, 3))
    to_light /= np.linalg.norm(to_light, axis=1, keepdims=True)
    struck = hits.solid != NOTHING
    share = lit_share(solids, [1, 2, 3], hits, to_light)[struck]
    starts = hits.points_m[struck] + 2e-4 * hits.normals[struck]
    hidden = np.zeros((struck.sum(), 5), dtype=bool)
    for index in (1, 2, 3):
        other = hits.solid[struck] != index
        for part, direction in enumerate(to_light):
            hidden[:, part] |= np.isfinite(solids[index].distances(starts, direction)) & other
    np.testing.assert_allclose(share, 1 - hidden.mean(axis=1))
    assert 0.02 < (share < 0.5).mean() < 0.9
