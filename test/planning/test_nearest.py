"""The law of the tiled search: it finds what brute force over the whole cloud finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planning.boxes import CARRIED, LENSES, TABLE, VIEW, WALL, camera, observed

from robotracer_ros.geometry.camera import CameraIntrinsics
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.planning.depth_view import DepthView
from robotracer_ros.planning.nearest import nearest_distance
from robotracer_ros.planning.tiles import DepthTiles, GroundTiles


def cloud(view: DepthView) -> np.ndarray:
    points = view.points_in(slice(0, view.camera.height), slice(0, view.camera.width)).reshape(-1, 3)
    return points[np.isfinite(points).all(axis=1)]


def brute_force(points: np.ndarray, others: np.ndarray, reach_m: float) -> np.ndarray:
    distance = np.array([np.linalg.norm(others - point, axis=1).min(initial=np.inf) for point in points])
    return np.where(distance < reach_m, distance, np.inf)


def rough_view(seed: int, lens: str, size: tuple[int, int]) -> DepthView:
    """A wavy, broken surface with holes, noise and flying pixels."""
    random = np.random.default_rng(seed)
    width, height = size
    v, u = np.mgrid[:height, :width]
    depth = 0.7 + 0.1 * np.sin(u / 9 + seed) * np.cos(v / 13) + random.normal(scale=0.003, size=u.shape)
    depth[(u // 20 + v // 15) % 3 == 0] += 0.3
    depth[random.random(depth.shape) < 0.2] = np.nan
    depth[random.random(depth.shape) < 0.01] = 0.4
    intrinsics = CameraIntrinsics(width, height, 80.0, 81.0, width * 0.51, height * 0.48, LENSES[lens])
    return DepthView(depth.astype(np.float32), intrinsics, RigidTransform.identity("camera"))


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from(sorted(LENSES)),
    st.sampled_from([(96, 64), (97, 65), (15, 3), (1, 1)]),
    st.floats(0.005, 2.0),
)
def test_the_nearest_distance_is_that_of_brute_force(seed, lens, size, reach_m):
    view = rough_view(seed, lens, size)
    random = np.random.default_rng(seed + 1)
    others = cloud(view)
    points = random.uniform((-0.6, -0.5, 0.1), (0.6, 0.5, 1.4), size=(90, 3))
    if len(others):
        points[:30] = others[random.integers(0, len(others), 30)] + random.normal(scale=0.02, size=(30, 3))
    found = nearest_distance(points, DepthTiles(view), reach_m)
    assert np.allclose(found, brute_force(points, others, reach_m), rtol=0, atol=1e-12)


@pytest.mark.parametrize("unregistered", [False, True])
@pytest.mark.parametrize("lens", sorted(LENSES))
def test_the_distance_along_the_ground_is_that_of_brute_force(lens, unregistered):
    view = DepthView.of(observed([TABLE, CARRIED, WALL], camera(160, lens), noise_m=0.004, unregistered=unregistered))
    target_from_view = VIEW @ view.view_from_color.inverse()
    standing = target_from_view.apply(cloud(view))
    standing = standing[(standing[:, 2] >= 0.03 - 0.01) & (standing[:, 2] <= 0.12 - 0.01)]
    assert len(standing) > 100
    standing[:, 2] = -0.01
    points = np.random.default_rng(0).uniform((0.2, -0.2, -0.01), (0.7, 0.3, -0.01), size=(150, 3))
    points[:, 2] = -0.01
    found = nearest_distance(points, GroundTiles(DepthTiles(view), target_from_view, -0.01, (0.03, 0.12)), 0.1)
    expected = brute_force(points, standing, 0.1)
    assert np.isfinite(expected).sum() > 20
    assert np.allclose(found, expected, rtol=0, atol=1e-12)


def test_a_k_d_tree_agrees_on_a_whole_image():
    spatial = pytest.importorskip("scipy.spatial")
    view = DepthView.of(observed([TABLE, CARRIED, WALL], camera(640), noise_m=0.002, holes=0.1))
    points = VIEW.inverse().apply(np.random.default_rng(1).uniform((0.2, -0.3, -0.02), (0.7, 0.4, 0.3), size=(2000, 3)))
    expected = spatial.cKDTree(cloud(view)).query(points, distance_upper_bound=0.05)[0]
    assert np.isfinite(expected).sum() > 200
    assert np.allclose(nearest_distance(points, DepthTiles(view), 0.05), expected, rtol=0, atol=1e-12)


def test_every_point_lies_in_the_box_of_its_tile():
    for lens in LENSES:
        tiles = DepthTiles(rough_view(5, lens, (201, 133)))
        points = tiles.points(np.arange(len(tiles.lower_m)))
        with np.errstate(invalid="ignore"):
            assert not (points < tiles.lower_m[:, None] - 1e-12).any()
            assert not (points > tiles.upper_m[:, None] + 1e-12).any()
        assert np.isfinite(points[..., 2]).any(axis=1).all(), "a tile without readings was kept"


def test_an_image_without_a_reading_is_near_to_nothing():
    view = rough_view(0, "none", (64, 48)).without(np.ones((48, 64), dtype=bool))
    assert np.isinf(nearest_distance(np.zeros((3, 3)), DepthTiles(view), 10.0)).all()
