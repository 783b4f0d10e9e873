"""The window that holds a ball, and the surface depth beside holes and edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planning.boxes import CARRIED, LENSES, TABLE, camera, observed

from robotracer_ros.geometry.camera import CameraIntrinsics
from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.planning.depth_view import DepthView


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(LENSES)),
    st.tuples(st.floats(-0.8, 0.8), st.floats(-0.6, 0.6), st.floats(0.05, 2.0)),
    st.floats(0.005, 0.5),
)
def test_the_window_holds_every_pixel_that_sees_into_the_ball(lens, centre, radius_m):
    view = DepthView(np.ones((120, 160), np.float32), camera(160, lens), RigidTransform.identity("camera"))
    rows, columns = view.window(np.array(centre), radius_m)
    v, u = np.mgrid[:120, :160]
    rays = view.camera.rays(np.column_stack([u.ravel(), v.ravel()]))
    directions = np.column_stack([rays, np.ones(len(rays))])
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    along = directions @ centre
    with np.errstate(invalid="ignore"):
        sees = (np.linalg.norm(along[:, None] * directions - centre, axis=1) <= radius_m) & (along > 0)
    held = np.zeros((120, 160), dtype=bool)
    held[rows, columns] = True
    assert not (sees & ~held.ravel()).any()


def flat_view(depth: np.ndarray) -> DepthView:
    height, width = depth.shape
    intrinsics = CameraIntrinsics(width, height, 50.0, 50.0, width / 2, height / 2)
    return DepthView(depth.astype(np.float32), intrinsics, RigidTransform.identity("camera"))


def test_surface_depth_reads_the_pixel_and_bridges_holes_up_to_the_radius():
    depth = np.ones((20, 30))
    depth[:, 10:21] = np.nan
    found = flat_view(depth).surface_depth(np.array([[3.0, 4.0], [12.4, 9.0], [15.0, 9.0], [19.0, 19.4]]), 4)
    assert np.array_equal(found, [1, 1, np.nan, 1], equal_nan=True)


def test_beside_an_edge_the_farther_surface_counts():
    depth = np.ones((20, 30))
    depth[:, 15:] = 2.0
    found = flat_view(depth).surface_depth(np.array([[12.0, 9], [14, 9], [15, 9], [20, 9]]), 4)
    assert np.array_equal(found, [1, 2, 2, 2])


@pytest.mark.parametrize("pixel", [(-0.6, 5), (29.5, 5), (5, -1), (5, 19.5), (np.nan, 5), (1e300, 5), (-np.inf, 5)])
def test_off_the_image_there_is_no_surface(pixel):
    assert np.isnan(flat_view(np.ones((20, 30))).surface_depth(np.array([pixel]), 3)).all()


def test_at_the_image_border_only_pixels_of_the_image_are_read():
    depth = np.full((20, 30), np.nan)
    depth[0, 0] = 1.5
    assert flat_view(depth).surface_depth(np.array([[1.0, 1.0]]), 3)[0] == 1.5
    assert np.isnan(flat_view(depth).surface_depth(np.array([[29.0, 19.0]]), 3)[0])


def test_no_pixels_give_no_depths():
    assert flat_view(np.ones((20, 30))).surface_depth(np.zeros((0, 2)), 3).shape == (0,)


def test_an_unregistered_view_stands_where_its_camera_does():
    observation = observed([TABLE, CARRIED], unregistered=True)
    view = DepthView.of(observation)
    assert (view.camera.height, view.camera.width) == view.depth_m.shape
    assert np.allclose(view.view_from_color.inverse().translation_m, (0.05, 0.0, 0.01))


def test_colour_alone_has_no_view():
    observation = RgbdObservation(np.zeros((240, 320, 3), np.uint8), None, camera(), "camera", 1)
    assert DepthView.of(observation) is None


def test_taking_readings_out_leaves_the_others():
    view = flat_view(np.ones((20, 30)))
    mask = np.zeros((20, 30), dtype=bool)
    mask[2:4] = True
    remaining = view.without(mask)
    assert np.array_equal(np.isnan(remaining.depth_m), mask)
    assert np.isfinite(view.depth_m).all()


@pytest.mark.parametrize("lens", sorted(LENSES))
def test_a_cropped_view_sees_the_same_points(lens):
    depth = np.random.default_rng(5).uniform(0.5, 2.0, (120, 160)).astype(np.float32)
    view = DepthView(depth, camera(160, lens), RigidTransform.identity("camera"))
    rows, columns = slice(30, 90), slice(20, 150)
    part = view.cropped(rows, columns)
    whole = slice(0, 60), slice(0, 130)
    np.testing.assert_allclose(part.points_in(*whole), view.points_in(rows, columns), atol=1e-12)


def test_the_window_of_several_balls_holds_each_of_theirs():
    view = DepthView(np.ones((120, 160), np.float32), camera(160, sorted(LENSES)[0]), RigidTransform.identity("camera"))
    centres, radii = np.array([[0.1, 0.05, 0.9], [-0.2, 0.1, 1.2], [0.0, -0.1, 0.7]]), np.array([0.03, 0.1, 0.05])
    rows, columns = view.window_of(centres, radii)
    for centre, radius in zip(centres, radii, strict=True):
        own_rows, own_columns = view.window(centre, radius)
        assert rows.start <= own_rows.start and own_rows.stop <= rows.stop
        assert columns.start <= own_columns.start and own_columns.stop <= columns.stop
