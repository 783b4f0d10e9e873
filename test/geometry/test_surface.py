"""The surface under a pixel: on floors, at edges with flying pixels, among wild readings, and of small things."""

from __future__ import annotations

import numpy as np
import pytest
from geometry.scenes import SLANTED, pixel_grid, plane_depth, plane_image

from robotracer_ros.geometry.camera import CameraIntrinsics
from robotracer_ros.geometry.lifting import LiftSettings
from robotracer_ros.geometry.readings import RegisteredReadings, Window
from robotracer_ros.geometry.surface import SurfaceReading, read_surface

SIZES = [(640, 480), (320, 240), (1280, 720)]


def camera_of(size: tuple[int, int]) -> CameraIntrinsics:
    return CameraIntrinsics(*size, 0.95 * size[0], 0.95 * size[0], size[0] / 2 - 0.2, size[1] / 2 + 0.3)


def read(image: np.ndarray, camera: CameraIntrinsics, pixel: tuple[float, float]) -> SurfaceReading:
    window = RegisteredReadings(image.astype(np.float32), camera).window(
        np.array(pixel), LiftSettings().radii_px(camera.width)[0]
    )
    reading = read_surface(window, camera.rays([pixel])[0])
    assert reading is not None
    return reading


def depth_error_m(image: np.ndarray, camera: CameraIntrinsics, pixel: tuple[float, float], *true_m: float) -> float:
    return min(abs(read(image, camera, pixel).depth_m - true) for true in true_m)


@pytest.mark.parametrize("height_m", [0.15, 0.3, 0.5])
@pytest.mark.parametrize("size", SIZES)
def test_the_floor_seen_from_a_low_base_is_one_surface(size: tuple[int, int], height_m: float) -> None:
    """From 15 cm up the rows of the floor at 3 m lie decimetres apart, far beyond any gap between surfaces."""
    camera = camera_of(size)
    inverse = camera.rays(pixel_grid(camera))[:, 1].reshape(size[::-1]) / height_m
    image = np.where(inverse > 1 / 8, 1 / np.where(inverse > 0, inverse, 1.0), np.nan)
    noisy = image + np.random.default_rng(1).normal(size=image.shape) * 0.0015 * image**2
    asked = 0
    for depth_m in (0.5, 1.0, 1.5, 2.0, 3.0, 4.0):
        row = height_m / depth_m * camera.fy + camera.cy
        if row > size[1] - 20:
            continue
        asked += 1
        for column in (0.3 * size[0], 0.5 * size[0] + 0.3):
            assert depth_error_m(image, camera, (column, row), depth_m) < 1e-4
            assert depth_error_m(noisy, camera, (column, row), depth_m) < 0.003 * depth_m**2
    assert asked >= 2


def test_an_image_hardly_larger_than_the_square_is_read_too() -> None:
    camera = camera_of((32, 24))
    image = plane_image(SLANTED, camera)
    for pixel in ((0.0, 0.0), (15.5, 12.3), (31.0, 23.0), (4.2, 20.0)):
        assert depth_error_m(image, camera, pixel, float(plane_depth(SLANTED, camera.rays([pixel]))[0])) < 1e-5


@pytest.mark.parametrize("columns", [1, 2, 3])
@pytest.mark.parametrize("mixed", ["half", "any"])
@pytest.mark.parametrize("size", SIZES)
def test_flying_pixels_are_neither_read_nor_change_what_is_read_beside_them(
    size: tuple[int, int], mixed: str, columns: int
) -> None:
    near_m, far_m, first = 0.8, 1.1, size[0] // 2
    camera = camera_of(size)
    image = np.full(size[::-1], far_m)
    image[:, :first] = near_m
    share = np.random.default_rng(2).random((size[1], columns)) if mixed == "any" else 0.5
    image[:, first : first + columns] = near_m + (far_m - near_m) * share
    for row in (60, 111, 170):
        for column in range(first, first + columns):
            assert depth_error_m(image, camera, (column, row), near_m, far_m) < 1e-6
        for off in (1, 2, 3):
            assert depth_error_m(image, camera, (first - off, row), near_m) < 1e-6
            assert depth_error_m(image, camera, (first + columns - 1 + off, row), far_m) < 1e-6


@pytest.mark.parametrize("wild_m", [(0.2, 0.2), (6.0, 6.0), (0.2, 6.0)])
@pytest.mark.parametrize("size", [(640, 480), (1280, 720)])
def test_a_fifth_of_wild_readings_does_not_reach_the_result(size: tuple[int, int], wild_m: tuple[float, float]) -> None:
    random = np.random.default_rng(3)
    camera = camera_of(size)
    image = plane_image(SLANTED, camera)
    wild = random.random(image.shape) < 0.2
    image[wild] = random.choice(wild_m, int(wild.sum()))
    rows, columns = np.nonzero(wild)
    some = random.choice(len(rows), 40, replace=False)
    on_wild = np.column_stack([columns[some], rows[some]]).astype(float)
    for pixel in np.concatenate([on_wild, random.uniform(0.05, 0.95, (40, 2)) * size]):
        assert depth_error_m(image, camera, pixel, float(plane_depth(SLANTED, camera.rays([pixel]))[0])) < 0.002


@pytest.mark.parametrize(
    ("width_px", "behind_m"),
    [*((width, (1.0, 1.0)) for width in (1, 2, 3, 4, 8)), *((width, (0.5, 1.0)) for width in (4, 5, 8))],
)
def test_a_thin_thing_is_read_and_not_what_stands_beside_it(width_px: int, behind_m: tuple[float, float]) -> None:
    """Before a wall, and between something nearer and something farther, where flying pixels would be."""
    camera = camera_of((640, 480))
    image = np.full((480, 640), behind_m[1])
    image[:, :320] = behind_m[0]
    image[:, 320 : 320 + width_px] = 0.7
    for column in range(320, 320 + width_px):
        assert depth_error_m(image, camera, (column, 200), 0.7) < 1e-6


@pytest.mark.parametrize("size_px", [2, 3, 4, 6])
def test_a_small_thing_is_read_and_not_the_wall_behind_it(size_px: int) -> None:
    camera = camera_of((640, 480))
    image = np.full((480, 640), 1.0)
    image[200 : 200 + size_px, 320 : 320 + size_px] = 0.7
    for column in range(320, 320 + size_px):
        assert depth_error_m(image, camera, (column, 201), 0.7) < 1e-6


def test_two_steep_surfaces_of_one_slant_are_parted_at_their_step() -> None:
    camera = camera_of((640, 480))
    rays = camera.rays(pixel_grid(camera)).reshape(480, 640, 2)
    near = 1.0 / (1.25 + rays[..., 1])
    image = near.copy()
    image[:, 320:] += 0.05
    for row in (100, 240, 400):
        assert depth_error_m(image, camera, (318, row), near[row, 318]) < 1e-5
        assert depth_error_m(image, camera, (321, row), near[row, 321] + 0.05) < 1e-3


@pytest.mark.parametrize("radius_m", [0.015, 0.03, 0.1])
def test_on_a_ball_no_facet_is_taken_for_flying_pixels(radius_m: float) -> None:
    """A round thing parts into facets that lie between others in depth; its own depth must come out everywhere."""
    camera = camera_of((640, 480))
    rays = camera.rays(pixel_grid(camera)).reshape(480, 640, 2)
    square = (rays**2).sum(axis=-1) + 1
    root = 0.7**2 - square * (0.7**2 - radius_m**2)
    image = np.where(root > 0, (0.7 - np.sqrt(np.maximum(root, 0))) / square, 1.0)
    for along in np.linspace(-0.9, 0.9, 13):
        column = round(camera.cx + along * radius_m / 0.7 * camera.fx)
        assert depth_error_m(image, camera, (column, 240), image[240, column]) < 0.003


def window_of(depth_m: list[float]) -> Window:
    """A square of nine by nine with readings only in its first row, from the left."""
    count = len(depth_m)
    pixels = np.column_stack([np.arange(count), np.zeros(count, dtype=np.int64)])
    return Window((pixels - 4) / 600.0, np.array(depth_m), np.linalg.norm(pixels - 4.0, axis=1), pixels, 81)


def test_readings_too_few_for_a_surface_are_not_averaged_over_two() -> None:
    reading = read_surface(window_of([0.8, 1.2]), np.zeros(2))
    assert reading is not None
    assert reading == (1.2, 1 / 81)
    assert read_surface(window_of([0.8, 1.2]), np.zeros(2), hint_m=0.7) == (0.8, 1 / 81)


def test_no_reading_gives_none_and_equal_windows_give_equal_readings() -> None:
    assert read_surface(window_of([]), np.zeros(2)) is None
    random = np.random.default_rng(5)
    camera = camera_of((640, 480))
    image = random.uniform(0.4, 3.0, (480, 640))
    assert read(image, camera, (320.0, 240.0)) == read(image, camera, (320.0, 240.0))
