"""Readings of a registered and of an unregistered depth image: windows, and what the lens must not fold in."""

from __future__ import annotations

import numpy as np
import pytest
from geometry.scenes import CAMERA, SLANTED, beside, observed, plane_depth, plane_image

from robotracer_ros.geometry.camera import CameraIntrinsics, Distortion
from robotracer_ros.geometry.observation import DepthCamera
from robotracer_ros.geometry.readings import DepthReadings, readings_of


def both(image: np.ndarray) -> list[DepthReadings]:
    """One depth image, said to be registered, and said to be of another camera in the same place."""
    same_place = DepthCamera(CAMERA, beside((0.0, 0.0, 0.0)))
    readings = [readings_of(observed(image)), readings_of(observed(image, CAMERA, same_place))]
    return [found for found in readings if found is not None]


def test_an_observation_without_depth_has_no_readings() -> None:
    assert readings_of(observed(None)) is None
    assert len(both(plane_image(SLANTED))) == 2


@pytest.mark.parametrize("pixel", [(320.0, 240.0), (100.4, 99.6), (0.0, 0.0), (639.0, 479.0)])
def test_a_window_knows_its_readings_whether_registered_or_not(pixel: tuple[float, float]) -> None:
    image = plane_image(SLANTED)
    image[238, 321] = np.nan
    windows = [readings.window(np.array(pixel), 5) for readings in both(image)]
    for window in windows:
        assert (np.abs(window.pixels - np.floor(np.array(pixel) + 0.5)) <= 5).all()
        np.testing.assert_allclose(window.depth_m, image[window.pixels[:, 1], window.pixels[:, 0]], rtol=1e-6)
        np.testing.assert_allclose(window.depth_m, plane_depth(SLANTED, window.rays), rtol=1e-5)
        np.testing.assert_allclose(window.distance_px, np.linalg.norm(window.pixels - pixel, axis=1))
        missing = 1 if pixel == (320.0, 240.0) else 0
        assert len(window.depth_m) == window.capacity - missing
    np.testing.assert_array_equal(windows[0].pixels, windows[1].pixels)


def test_windows_of_one_region_are_those_registered_one_by_one() -> None:
    depth_camera = DepthCamera(CAMERA.scaled_to(320, 240), beside((0.05, -0.01, 0.003), 0.1))
    image = plane_image((0.3, 0.2, 1.1), depth_camera.intrinsics)
    readings = readings_of(observed(image, CAMERA, depth_camera))
    assert readings is not None
    pixels = np.array([[200.3, 180.7], [330.5, 240.5], [420.1, 300.9]])
    together = readings.around(pixels, 6)
    for pixel in pixels:
        one, other = readings.window(pixel, 6), together.window(pixel, 6)
        assert len(one.depth_m) == one.capacity == 169
        np.testing.assert_array_equal(one.pixels, other.pixels)
        np.testing.assert_allclose(one.depth_m, other.depth_m)
        np.testing.assert_allclose(one.rays, other.rays)


def test_what_colour_cannot_see_is_not_folded_into_its_picture() -> None:
    """The colour lens sees 31 degrees to each side; beyond 55 its polynomial leads back into the picture."""
    color = CameraIntrinsics(640, 480, 600.0, 600.0, 320.0, 240.0, Distortion("plumb_bob", (-0.3, 0.0, 0.0, 0.0, 0.0)))
    wide = CameraIntrinsics(640, 576, 168.0, 168.0, 320.0, 288.0)
    image = np.full((576, 640), 1.5, np.float32)
    image[:, np.abs(np.arange(640) - 320.0) / 168.0 > 1.0] = 0.5
    assert color.project(np.array([[0.75, 0.0, 0.5]]))[0, 0] < 639
    readings = readings_of(observed(image, color, DepthCamera(wide, beside((0.15, 0.0, 0.0)))))
    assert readings is not None
    for column in range(20, 640, 25):
        window = readings.window(np.array([float(column), 240.0]), 4)
        assert len(window.depth_m)
        np.testing.assert_allclose(window.depth_m, 1.5)
