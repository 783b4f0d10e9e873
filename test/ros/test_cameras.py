"""camera_info becomes the camera of the very image it came with."""

from __future__ import annotations

import numpy as np
import pytest
from ros.camera import camera_info
from sensor_msgs.msg import CameraInfo, RegionOfInterest

from robotracer_ros.errors import BadCameraInfo
from robotracer_ros.ros.cameras import camera_from_info, is_rectified

BENT = [0.1, -0.2, 0.001, 0.002, 0.03]


def info(**changes: object) -> CameraInfo:
    message = camera_info(640, 480, 500.0)
    message.header.frame_id = "cam"
    for name, value in changes.items():
        setattr(message, name, value)
    return message


def numbers(message: CameraInfo, width: int, height: int, rectified: bool = False) -> tuple[float, ...]:
    camera = camera_from_info(message, width, height, rectified)
    assert (camera.width, camera.height) == (width, height)
    return camera.fx, camera.fy, camera.cx, camera.cy


def test_k_and_d_belong_to_the_raw_image() -> None:
    camera = camera_from_info(info(d=BENT), 640, 480)
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (500, 500, 319.5, 239.5)
    assert (camera.distortion.model, camera.distortion.coefficients) == ("plumb_bob", tuple(BENT))


def test_p_belongs_to_the_rectified_image() -> None:
    message = info(d=BENT, p=[450.0, 0.0, 300.0, -30.0, 0.0, 460.0, 200.0, 0.0, 0.0, 0.0, 1.0, 0.0])
    assert numbers(message, 640, 480, rectified=True) == (450, 460, 300, 200)
    assert camera_from_info(message, 640, 480, rectified=True).distortion.is_none


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        ("/camera/image_rect", True),
        ("/camera/image_rect_color", True),
        ("image_rect", True),
        ("/camera/image_raw", False),
        ("/image_rect/image_raw", False),
        ("/camera/depth_rect", False),
    ],
)
def test_the_topic_tells_whether_it_is_rectified(topic: str, expected: bool) -> None:
    assert is_rectified(topic) is expected


@pytest.mark.parametrize(
    ("model", "coefficients", "expected"),
    [
        ("", [], "none"),
        ("", [0.0] * 5, "none"),
        ("plumb_bob", [], "none"),
        ("plumb_bob", [0.0] * 5, "none"),
        ("rational_polynomial", [0.0] * 8, "none"),
        ("plumb_bob", BENT, "plumb_bob"),
        ("plumb_bob", BENT[:4], "plumb_bob"),
        ("rational_polynomial", [0.1] * 8, "rational_polynomial"),
        ("equidistant", [0.1] * 4, "equidistant"),
        ("fisheye", [0.1] * 4, "equidistant"),
        ("equidistant", [0.0] * 4, "equidistant"),
    ],
)
def test_distortion_by_any_of_its_names(model: str, coefficients: list[float], expected: str) -> None:
    assert camera_from_info(info(distortion_model=model, d=coefficients), 640, 480).distortion.model == expected


@pytest.mark.parametrize(
    ("model", "coefficients"),
    [("", BENT), ("omnidirectional", BENT), ("plumb_bob", [0.1] * 8), ("equidistant", []), ("plumb_bob", [np.nan] * 5)],
)
def test_a_distortion_that_is_not_understood_is_never_ignored(model: str, coefficients: list[float]) -> None:
    with pytest.raises(BadCameraInfo):
        camera_from_info(info(distortion_model=model, d=coefficients), 640, 480)


def test_a_region_of_interest_shifts_the_centre() -> None:
    roi = RegionOfInterest(x_offset=100, y_offset=40, width=320, height=200)
    assert numbers(info(roi=roi), 320, 200) == (500, 500, 219.5, 199.5)


def test_binning_divides_after_the_region_has_shifted() -> None:
    # image_geometry: fx' = fx / bx, cx' = (cx - x_offset) / bx.
    roi = RegionOfInterest(x_offset=100, y_offset=40, width=320, height=200)
    assert numbers(info(roi=roi, binning_x=2, binning_y=4), 160, 50) == (250, 125, 109.75, 49.875)


@pytest.mark.parametrize("binning", [0, 1])
def test_binning_0_and_1_mean_none(binning: int) -> None:
    assert numbers(info(binning_x=binning, binning_y=binning), 640, 480) == (500, 500, 319.5, 239.5)


def test_a_resized_image_scales_the_camera() -> None:
    assert numbers(info(), 320, 240) == (250, 250, 159.75, 119.75)


@pytest.mark.parametrize("size", [(640, 360), (480, 640), (637, 480), (1, 480), (0, 0)])
def test_an_image_of_another_shape_is_refused_with_both_sizes(size: tuple[int, int]) -> None:
    with pytest.raises(BadCameraInfo, match=f"640x480.*{size[0]}x{size[1]}"):
        camera_from_info(info(), *size)


@pytest.mark.parametrize("index", [0, 4])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_an_uncalibrated_camera_is_refused(index: int, value: float) -> None:
    message = info()
    message.k[index] = value
    with pytest.raises(BadCameraInfo, match="K"):
        camera_from_info(message, 640, 480)


def test_a_rectified_image_needs_p() -> None:
    with pytest.raises(BadCameraInfo, match="in P"):
        camera_from_info(info(p=[0.0] * 12), 640, 480, rectified=True)


@pytest.mark.parametrize(
    "changes",
    [
        {"width": 0},
        {"height": 0},
        {"roi": RegionOfInterest(x_offset=400, width=320, height=200)},
        {"roi": RegionOfInterest(y_offset=1)},
    ],
)
def test_a_region_beyond_the_sensor_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(BadCameraInfo, match="region"):
        camera_from_info(info(**changes), 320, 200)


def test_a_size_rounded_to_whole_pixels_is_the_same_shape() -> None:
    assert camera_from_info(camera_info(1280, 720), 853, 480).width == 853
