from __future__ import annotations

import sys

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.camera import CameraIntrinsics, Distortion
from robotracer_ros.models.spatial_grids import GRID, PICTURE, depth_grid, normalised_picture, ray_grid, spatial_grids


def test_shapes_and_types_are_those_of_one_picture(rgb, intrinsics, depth_m):
    grids = spatial_grids(rgb, intrinsics, depth_m)
    assert {name: grid.shape for name, grid in grids.items()} == {
        "spatial_pixel_values": (3, GRID, GRID),
        "rays": (2, GRID, GRID),
        "has_rays": (),
        "depth": (1, GRID, GRID),
        "depth_valid": (1, GRID, GRID),
        "has_depth": (),
    }
    assert {grid.dtype for grid in grids.values()} == {np.dtype(np.float32)}
    assert all(np.isfinite(grid).all() for grid in grids.values())


def test_what_is_not_given_is_zero_and_says_so(rgb):
    grids = spatial_grids(rgb, None, None)
    assert not any(grids[name].any() for name in ("rays", "has_rays", "depth", "depth_valid", "has_depth"))


def test_a_depth_image_without_a_reading_is_none(rgb):
    for nothing in (np.nan, 0.0, -1.0, np.inf):
        assert spatial_grids(rgb, None, np.full((48, 64), nothing, np.float32))["has_depth"] == 0


def test_a_cell_is_the_mean_of_its_valid_readings():
    depth = np.tile(np.array([[1.0, np.nan], [2.0, np.inf]], np.float32), (GRID, GRID))
    depth[:2, :2] = np.nan
    mean_m, valid = depth_grid(depth)
    assert (valid[0, 0], mean_m[0, 0]) == (0, 0)
    assert valid.sum() == GRID * GRID - 1
    np.testing.assert_allclose(mean_m[valid > 0], 1.5, rtol=1e-5)


@pytest.mark.parametrize("shape", [(48, 64), (GRID, GRID), (480, 640), (37, 500), (721, 90)])
def test_holes_neither_shrink_nor_stretch_a_flat_wall(shape):
    depth = np.full(shape, 0.8, np.float32)
    depth[np.random.default_rng(1).random(shape) < 0.4] = np.nan
    mean_m, valid = depth_grid(depth)
    np.testing.assert_allclose(mean_m[valid > 0], 0.8, rtol=1e-4)
    assert valid.mean() > 0.5


def test_depth_lies_where_the_picture_has_it():
    depth = np.full((480, 640), np.nan, np.float32)
    depth[240:, 320:] = 2.0
    _, valid = depth_grid(depth)
    assert valid[GRID // 2 :, GRID // 2 :].all()
    assert not valid[: GRID // 2].any()
    assert not valid[:, : GRID // 2].any()


def test_rays_are_those_of_the_cells_centres(intrinsics):
    rays = ray_grid(intrinsics)
    # The centre of the last cell, of 64 / GRID by 48 / GRID pixels.
    corner = intrinsics.rays([[64 - 0.5 - 32 / GRID, 48 - 0.5 - 24 / GRID]])[0]
    np.testing.assert_allclose(rays[:, -1, -1], corner, atol=1e-6)


def test_rays_do_not_depend_on_the_resolution():
    camera = CameraIntrinsics(640, 480, 600.0, 610.0, 319.5, 239.5)
    twice = CameraIntrinsics(1280, 960, 1200.0, 1220.0, 639.5, 479.5)
    np.testing.assert_allclose(ray_grid(camera), ray_grid(twice), atol=2e-3)


def test_the_lens_is_undone():
    bent = CameraIntrinsics(640, 480, 600.0, 600.0, 319.5, 239.5, Distortion("plumb_bob", (0.1, 0.0, 0.0, 0.0)))
    straight = CameraIntrinsics(640, 480, 600.0, 600.0, 319.5, 239.5)
    assert (np.abs(ray_grid(bent)) < np.abs(ray_grid(straight)))[:, 0, 0].all()


def test_the_small_picture_is_the_block_mean_of_the_large(rgb):
    large, small = normalised_picture(rgb), spatial_grids(rgb, None, None)["spatial_pixel_values"]
    np.testing.assert_allclose(small, large.reshape(3, GRID, 2, GRID, 2).mean(axis=(2, 4)), atol=1e-6)


def test_a_picture_of_the_right_size_is_only_scaled():
    rgb = np.random.default_rng(0).integers(0, 256, (PICTURE, PICTURE, 3), dtype=np.uint8)
    back = np.rint((normalised_picture(rgb) + 1) * 127.5).astype(np.uint8)
    np.testing.assert_array_equal(back, rgb.transpose(2, 0, 1))


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 4), (0, 4, 3)])
def test_what_is_no_picture_is_refused(shape):
    with pytest.raises(InvalidRequest, match="uint8"):
        normalised_picture(np.zeros(shape, np.uint8))


def test_a_picture_of_floats_is_refused():
    with pytest.raises(InvalidRequest, match="uint8"):
        normalised_picture(np.zeros((4, 4, 3)))


@pytest.mark.parametrize("depth", [np.ones((4, 4), np.uint16), np.ones((4, 4, 1), np.float32), np.ones((0, 3))])
def test_what_is_no_depth_image_is_refused(depth):
    with pytest.raises(InvalidRequest, match="metres"):
        depth_grid(depth)


def test_the_grids_need_no_torch_themselves():
    module = sys.modules["robotracer_ros.models.spatial_grids"]
    assert not {"torch", "transformers"} & set(vars(module))
