"""What a trace and an observation refuse, and what they keep."""

from __future__ import annotations

import numpy as np
import pytest

from robotracer_ros.errors import (
    BadImage,
    FrameMismatch,
    InvalidRequest,
    NonPositiveDepth,
    PointOutsideImage,
)
from robotracer_ros.geometry.camera import CameraIntrinsics
from robotracer_ros.geometry.observation import DepthCamera, RgbdObservation
from robotracer_ros.geometry.trace import SpatialTrace, VisualTrace
from robotracer_ros.geometry.transform import RigidTransform

CAMERA = CameraIntrinsics(8, 6, 10.0, 10.0, 4.0, 3.0)
RGB = np.zeros((6, 8, 3), np.uint8)


@pytest.mark.parametrize("uv", [(1.004, 0.5), (0.5, -0.003), (float("nan"), 0.5), (float("inf"), 0.5)])
def test_a_point_outside_the_image_is_named(uv: tuple[float, float]) -> None:
    with pytest.raises(PointOutsideImage, match="point 2 of 3"):
        VisualTrace(np.array([(0.5, 0.5), uv, (2.0, 2.0)]))


@pytest.mark.parametrize("depth", [0.0, -1.0, float("inf")])
def test_a_depth_that_is_none_is_named(depth: float) -> None:
    with pytest.raises(NonPositiveDepth, match="point 2 of 2"):
        VisualTrace(np.array([(0.5, 0.5), (0.5, 0.6)]), np.array([1.0, depth]))


def test_no_depth_at_all_is_none_and_some_depth_keeps_its_gaps() -> None:
    uv = np.array([(0.5, 0.5), (0.5, 0.6)])
    assert VisualTrace(uv, np.array([np.nan, np.nan])).depth_m is None
    np.testing.assert_array_equal(VisualTrace(uv, np.array([np.nan, 1.0])).depth_m, [np.nan, 1.0])


def test_an_empty_trace_and_uneven_columns_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="at least one point"):
        VisualTrace(np.zeros((0, 2)))
    with pytest.raises(InvalidRequest, match=r"depth_m must have shape \(2,\)"):
        VisualTrace(np.full((2, 2), 0.5), np.array([1.0]))


def test_pixels_stay_on_the_image_to_its_far_corner() -> None:
    trace = VisualTrace(np.array([(0.0, 0.0), (0.5, 0.25), (1.0, 1.0)]))
    np.testing.assert_array_equal(trace.pixels(640, 480), [(0, 0), (320, 120), (639, 479)])


def test_a_trace_moves_only_from_its_own_frame() -> None:
    one = np.ones(1)
    trace = SpatialTrace(np.ones((1, 3)), "camera", 7, np.ones((1, 2)), one, one.astype(np.uint8), one, one)
    moved = trace.moved(RigidTransform("base", "camera", np.eye(3), np.array([1.0, 2.0, 3.0])))
    assert (moved.frame_id, moved.stamp_ns, moved.points_m.tolist()) == ("base", 7, [[2.0, 3.0, 4.0]])
    with pytest.raises(FrameMismatch, match="camera"):
        trace.moved(RigidTransform.identity("base"))


@pytest.mark.parametrize(
    "depth",
    [
        np.zeros((6, 8), np.float32),
        np.full((6, 8), -1, np.float32),
        np.full((6, 8), np.inf, np.float32),
        np.ones((6, 8), np.float64),
        np.ones((3, 4), np.float32),
    ],
)
def test_depth_that_is_not_metres_or_nan_is_refused(depth: np.ndarray) -> None:
    with pytest.raises(BadImage, match="depth_m must"):
        RgbdObservation(RGB, depth, CAMERA, "camera", 0)


def test_a_picture_of_another_size_than_its_camera_is_refused() -> None:
    with pytest.raises(BadImage, match=r"\(6, 8, 3\)"):
        RgbdObservation(RGB[:5], None, CAMERA, "camera", 0)


def test_all_nan_depth_is_an_observation() -> None:
    assert np.isnan(RgbdObservation(RGB, np.full((6, 8), np.nan, np.float32), CAMERA, "c", 0).depth_m).all()


def test_a_depth_camera_must_lead_into_the_colour_frame() -> None:
    wrong = DepthCamera(CAMERA, RigidTransform("elsewhere", "depth", np.eye(3), np.zeros(3)))
    with pytest.raises(FrameMismatch, match="elsewhere"):
        RgbdObservation(RGB, np.ones((6, 8), np.float32), CAMERA, "camera", 0, wrong)


@pytest.mark.parametrize("wrong", [float("nan"), -0.1, 1.5])
def test_a_confidence_outside_its_range_is_refused_and_its_point_named(wrong: float) -> None:
    with pytest.raises(InvalidRequest, match="point 2 of 3 has confidence"):
        VisualTrace(np.full((3, 2), 0.5), confidence=np.array([1.0, wrong, 0.0]))
