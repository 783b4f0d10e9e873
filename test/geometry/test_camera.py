"""Laws of the camera: project after deproject, ROI and scaling, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robotracer_ros.errors import BadCameraInfo
from robotracer_ros.geometry.camera import CameraIntrinsics, Distortion

LENSES = [
    Distortion(),
    Distortion("plumb_bob", (0.11, -0.24, 0.001, 0.002, 0.05)),
    Distortion("plumb_bob", (-0.34, 0.12, 0.001, -0.0005)),
    Distortion("rational_polynomial", (0.482, -2.672, 0.0005, -0.0003, 1.56, 0.361, -2.484, 1.479)),
    Distortion("equidistant", (0.05, -0.01, 0.003, -0.001)),
    Distortion("equidistant", (0.0, 0.0, 0.0, 0.0)),
]
lenses = pytest.mark.parametrize("lens", LENSES, ids=lambda lens: f"{lens.model}{len(lens.coefficients)}")


def camera(lens: Distortion = LENSES[0]) -> CameraIntrinsics:
    return CameraIntrinsics(1280, 720, 900.0, 905.0, 636.5, 361.25, lens)


@lenses
def test_project_after_deproject_is_the_pixel(lens: Distortion) -> None:
    rng = np.random.default_rng(1)
    pixels = rng.uniform((0, 0), (1279, 719), (500, 2))
    points = camera(lens).deproject(pixels, rng.uniform(0.2, 5.0, 500))
    assert np.isfinite(points).all()
    np.testing.assert_allclose(camera(lens).project(points), pixels, atol=2e-3)


@lenses
def test_deproject_after_project_is_the_point(lens: Distortion) -> None:
    rng = np.random.default_rng(2)
    depth = rng.uniform(0.3, 4.0, 200)
    points = np.column_stack([rng.uniform(-0.5, 0.5, 200) * depth, rng.uniform(-0.3, 0.3, 200) * depth, depth])
    np.testing.assert_allclose(camera(lens).deproject(camera(lens).project(points), depth), points, atol=1e-6)


def test_an_equidistant_lens_bends_as_its_formula_says() -> None:
    """Ideal equidistant: the radius on the image is f times the angle off the axis."""
    lens = camera(Distortion("equidistant", (0, 0, 0, 0)))
    angle = np.radians(40)
    pixel = lens.project([[np.sin(angle), 0, np.cos(angle)]])[0]
    np.testing.assert_allclose(pixel, [636.5 + 900 * angle, 361.25])


def test_a_fisheye_pixel_beyond_90_degrees_has_no_ray() -> None:
    lens = CameraIntrinsics(1280, 720, 300.0, 300.0, 640.0, 360.0, Distortion("equidistant", (0, 0, 0, 0)))
    assert np.isnan(lens.rays([[640 + 300 * np.radians(95), 360.0]])).all()


def test_a_pixel_that_a_folding_lens_reaches_by_no_ray_has_none() -> None:
    """These coefficients turn back 1.2 off the axis: the image they make ends before its corners."""
    folding = Distortion("rational_polynomial", (0.4, -0.2, 0.001, -0.0004, 0.01, 0.7, -0.1, 0.01))
    rays = camera(folding).rays([[0.0, 0.0], [640.0, 360.0]])
    assert np.isnan(rays[0]).all()
    assert np.isfinite(rays[1]).all()


def test_points_not_in_front_of_the_camera_have_no_pixel() -> None:
    for lens in LENSES:
        assert np.isnan(camera(lens).project([[0.1, 0.1, 0.0], [0.1, 0.1, -1.0]])).all()


@lenses
def test_undistorted_pixels_are_those_of_the_camera_without_a_lens(lens: Distortion) -> None:
    pixels = np.array([[10.0, 20.0], [640.0, 360.0], [1200.0, 700.0]])
    straight = camera(lens).undistort_pixels(pixels)
    np.testing.assert_allclose(camera().deproject(straight, 1.0), camera(lens).deproject(pixels, 1.0), atol=1e-9)


@given(st.integers(2, 4000), st.integers(2, 4000))
def test_scaling_keeps_the_share_of_the_image(width: int, height: int) -> None:
    point = [[0.3, -0.2, 1.7]]
    before, after = camera().project(point)[0], camera().scaled_to(width, height).project(point)[0]
    np.testing.assert_allclose(after / (width, height), before / (1280, 720))


def test_contains_counts_to_the_edges_of_the_outer_pixels() -> None:
    pixels = [[-0.5, 0.0], [-0.51, 0.0], [1279.4, 719.4], [1279.5, 0.0], [0.0, np.nan]]
    assert camera().contains(pixels).tolist() == [True, False, True, False, False]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"fx": 0.0}, "K = 0"),
        ({"fy": -1.0}, "focal"),
        ({"cx": float("nan")}, "finite"),
        ({"width": 0}, "0x720"),
    ],
)
def test_an_impossible_camera_is_refused_in_words(changed: dict[str, float], said: str) -> None:
    numbers = {"width": 1280, "height": 720, "fx": 900.0, "fy": 900.0, "cx": 640.0, "cy": 360.0}
    with pytest.raises(BadCameraInfo, match=said):
        CameraIntrinsics(**{**numbers, **changed})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("model", "coefficients", "said"),
    [
        ("thin_prism", (), "plumb_bob"),
        ("plumb_bob", (1.0, 2.0), "4 or 5"),
        ("equidistant", (0.0, 0.0, 0.0, float("inf")), "finite"),
    ],
)
def test_an_unknown_lens_is_refused_in_words(model: str, coefficients: tuple[float, ...], said: str) -> None:
    with pytest.raises(BadCameraInfo, match=said):
        Distortion(model, coefficients)
