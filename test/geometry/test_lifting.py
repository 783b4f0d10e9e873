"""Lifting on planes and steps whose depth is known everywhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from geometry.scenes import CAMERA, FACING, LENSES, SLANTED, beside, observed, plane_depth, plane_image, step_image
from hypothesis import given, settings
from hypothesis import strategies as st

from robotracer_ros.errors import BadCameraInfo, InvalidRequest, NoDepth
from robotracer_ros.geometry.camera import CameraIntrinsics, Distortion
from robotracer_ros.geometry.lifting import LiftSettings, carry_onto, lift, lift_without_image
from robotracer_ros.geometry.observation import DepthCamera
from robotracer_ros.geometry.trace import DepthSource, VisualTrace
from robotracer_ros.geometry.transform import RigidTransform

SENSOR, MODEL, INTERPOLATED = DepthSource.SENSOR, DepthSource.MODEL, DepthSource.INTERPOLATED


def trace(pixels: list[tuple[float, float]], depth_m: list[float] | None = None) -> VisualTrace:
    uv = np.array(pixels) / (CAMERA.width, CAMERA.height)
    return VisualTrace(uv, None if depth_m is None else np.array(depth_m))


@pytest.mark.parametrize("lens", LENSES, ids=lambda lens: lens.model)
@pytest.mark.parametrize("plane", [FACING, SLANTED], ids=["facing", "slanted"])
def test_contacts_on_a_plane_are_exact_between_pixels_and_through_every_lens(
    lens: Distortion, plane: tuple[float, float, float]
) -> None:
    camera = replace(CAMERA, distortion=lens)
    pixels = [(100.3, 80.7), (320.5, 240.5), (560.1, 400.9)]
    lifted = lift(trace(pixels), observed(plane_image(plane, camera), camera), LiftSettings(contacts="all"))
    np.testing.assert_allclose(lifted.depth_m, plane_depth(plane, camera.rays(pixels)), rtol=2e-6)
    np.testing.assert_allclose(lifted.points_m, camera.deproject(pixels, lifted.depth_m))
    np.testing.assert_allclose(camera.project(lifted.points_m), pixels, atol=1e-3)


@pytest.mark.parametrize("lens", [LENSES[0], LENSES[1]], ids=lambda lens: lens.model)
@pytest.mark.parametrize(
    ("size", "turned"), [((640, 480), 0.0), ((320, 240), 0.15), ((848, 480), -0.1), ((1280, 720), 0.02)]
)
def test_unregistered_depth_is_registered_where_the_trace_is(
    lens: Distortion, size: tuple[int, int], turned: float
) -> None:
    """The depth camera stands 6 cm aside, sees with another lens and size, and is turned."""
    color_from_depth = beside((0.06, -0.01, 0.004), turned)
    depth_camera = replace(CAMERA.scaled_to(*size), distortion=lens)
    in_color = np.array([*SLANTED, -1.0])
    # n . p + d = 0 with p in the colour frame; carried into the depth camera's.
    normal = color_from_depth.rotation.T @ in_color[:3]
    scale = 1.0 - float(in_color[:3] @ color_from_depth.translation_m)
    image = plane_image(tuple(normal / scale), depth_camera)
    pixels = [(200.3, 180.7), (330.5, 240.5), (420.1, 300.9)]
    camera = observed(image, CAMERA, DepthCamera(depth_camera, color_from_depth))
    lifted = lift(trace(pixels), camera, LiftSettings(contacts="all"))
    np.testing.assert_allclose(lifted.depth_m, plane_depth(SLANTED, CAMERA.rays(pixels)), rtol=1e-5)
    assert (lifted.depth_source == SENSOR).all()


def test_what_the_depth_camera_sees_past_an_edge_is_hidden_from_colour() -> None:
    """From 8 cm aside the depth camera looks behind a board; those readings must not shine through it."""
    near, far = plane_image((0, 0, 1 / 0.6)), plane_image((0, 0, 1 / 1.4))
    color_from_depth = beside((0.08, 0.0, 0.0))
    edge = CAMERA.project(color_from_depth.inverse().apply(CAMERA.deproject([[320.0, 240.0]], 0.6)))[0, 0]
    image = np.where(np.arange(640)[None, :] < edge, near, far)
    camera = observed(image, CAMERA, DepthCamera(CAMERA, color_from_depth))
    lifted = lift(trace([(300, 240), (318, 240), (420, 240)]), camera, LiftSettings(contacts="all"))
    np.testing.assert_allclose(lifted.depth_m, [0.6, 0.6, 1.4], rtol=1e-5)


@pytest.mark.parametrize("step_m", [0.3, 0.03, 0.012])
@pytest.mark.parametrize("offset", [-4, -1, 0, 3])
def test_beside_a_step_the_surface_at_the_pixel_counts(step_m: float, offset: int) -> None:
    image = step_image(0.8, 0.8 + step_m)
    lifted = lift(trace([(320 + offset, 200)]), observed(image))
    np.testing.assert_allclose(lifted.depth_m, 0.8 if offset < 0 else 0.8 + step_m, rtol=1e-6)


def test_flying_pixels_along_an_edge_do_not_reach_the_result() -> None:
    image = step_image()
    image[:, 319:321] = 0.95
    pixels = [(318, 200), (319, 200), (320, 200), (321, 200)]
    lifted = lift(trace(pixels), observed(image), LiftSettings(contacts="all"))
    assert np.isclose(lifted.depth_m[:, None], [0.8, 1.1], rtol=1e-6).any(axis=1).all()
    np.testing.assert_allclose(lifted.depth_m[[0, 3]], [0.8, 1.1], rtol=1e-6)


def test_lone_wild_readings_do_not_reach_the_result() -> None:
    image = plane_image(SLANTED)
    wild = np.random.default_rng(3).random(image.shape)
    image[wild < 0.08] = 0.2
    image[wild > 0.94] = 6.0
    pixels = [(100, 100), (300, 220), (500, 400)]
    lifted = lift(trace(pixels), observed(image), LiftSettings(contacts="all"))
    np.testing.assert_allclose(lifted.depth_m, plane_depth(SLANTED, CAMERA.rays(pixels)), rtol=1e-3)


def test_noise_and_quantisation_average_out() -> None:
    image = plane_image(SLANTED)
    noisy = np.round((image + np.random.default_rng(4).normal(0, 0.004, image.shape)) * 1000) / 1000
    pixels = [(100, 100), (300, 220), (500, 400)]
    lifted = lift(trace(pixels), observed(noisy.astype(np.float32)), LiftSettings(contacts="all"))
    np.testing.assert_allclose(lifted.depth_m, plane_depth(SLANTED, CAMERA.rays(pixels)), atol=0.002)


@pytest.mark.parametrize("size_px", [1, 5, 15, 31])
def test_a_hole_takes_the_surface_around_it(size_px: int) -> None:
    image = plane_image(SLANTED)
    half = size_px // 2
    image[240 - half : 241 + half, 320 - half : 321 + half] = np.nan
    lifted = lift(trace([(320, 240)]), observed(image))
    np.testing.assert_allclose(lifted.depth_m, plane_depth(SLANTED, CAMERA.rays([(320, 240)])), rtol=1e-3)
    assert lifted.depth_source[0] == SENSOR


def test_a_few_readings_within_a_hole_do_not_speak_for_the_surface_around_it() -> None:
    image = plane_image(SLANTED)
    image[225:256, 305:336] = np.nan
    image[237:245:2, 316:326:3] = 0.3
    lifted = lift(trace([(320, 240)]), observed(image))
    np.testing.assert_allclose(lifted.depth_m, plane_depth(SLANTED, CAMERA.rays([(320, 240)])), rtol=1e-3)


def test_in_a_hole_between_two_surfaces_the_models_depth_chooses() -> None:
    image = step_image()
    image[:, 312:328] = np.nan
    for said, true in ((0.85, 0.8), (1.05, 1.1)):
        lifted = lift(trace([(320, 200)], [said]), observed(image))
        np.testing.assert_allclose(lifted.depth_m, true, rtol=1e-6)
        np.testing.assert_allclose(lifted.disagreement_m, abs(said - true), atol=1e-6)


def test_a_hole_too_large_takes_the_models_depth_or_is_an_error() -> None:
    image = step_image()
    image[150:250, 200:450] = np.nan
    with pytest.raises(NoDepth, match=r"point 2 of 2 at pixel \(320, 200\): the depth image has no reading within"):
        lift(trace([(100, 300), (320, 200)]), observed(image))
    lifted = lift(trace([(100, 300), (320, 200)], [0.4, 0.5]), observed(image))
    assert lifted.depth_source.tolist() == [SENSOR, MODEL]
    np.testing.assert_allclose(lifted.depth_m, [0.8, 1.0], rtol=1e-6)


def test_neither_camera_nor_model_is_an_error_and_never_a_guess() -> None:
    with pytest.raises(NoDepth, match="there is no depth image, and the model gave none"):
        lift(trace([(100, 100), (200, 200)]), observed(None))
    with pytest.raises(NoDepth):
        lift(trace([(100, 100), (200, 200)]), observed(np.full((480, 640), np.nan, np.float32)))
    with pytest.raises(NoDepth, match="point 1 of 2"):
        lift_without_image(trace([(100, 100), (200, 200)]), CAMERA)


def test_an_end_that_is_no_contact_needs_the_models_depth_and_the_error_says_so() -> None:
    pixels = [(100, 100), (300, 150), (500, 200)]
    for contacts, point in (("start", 3), ("none", 1)):
        with pytest.raises(NoDepth, match=f"point {point} of 3 .*no contact with contacts='{contacts}'"):
            lift(trace(pixels), observed(step_image()), LiftSettings(contacts=contacts))


def test_without_a_depth_camera_the_models_depth_stands_alone() -> None:
    pixels, depth = [(100, 100), (300, 150), (500, 200)], [0.9, 0.7, 1.1]
    for lifted in (lift(trace(pixels, depth), observed(None)), lift_without_image(trace(pixels, depth), CAMERA)):
        np.testing.assert_array_equal(lifted.depth_m, depth)
        np.testing.assert_allclose(lifted.points_m, CAMERA.deproject(pixels, depth))
        assert (lifted.depth_source == MODEL).all()
        assert np.isnan(lifted.disagreement_m).all()


@settings(max_examples=60, deadline=None)
@given(st.floats(0.7, 1.4), st.floats(-0.2, 0.2))
def test_a_models_scale_and_offset_are_undone(scale: float, offset: float) -> None:
    """The model's depths are the true ones stretched and shifted: every point comes out true, in mid-air too."""
    true = np.array([0.8, 0.7, 0.65, 0.9, 1.1])
    pixels = [(100, 200), (200, 150), (320, 120), (420, 150), (500, 200)]
    said = true * scale + offset
    lifted = lift(trace(pixels, said.tolist()), observed(step_image()))
    np.testing.assert_allclose(lifted.depth_m, true, rtol=1e-5)
    assert lifted.depth_source.tolist() == [SENSOR, MODEL, MODEL, MODEL, SENSOR]
    np.testing.assert_allclose(lifted.disagreement_m[[0, -1]], np.abs(said - true)[[0, -1]], atol=1e-5)
    assert np.isnan(lifted.disagreement_m[1:-1]).all()


@pytest.mark.parametrize("unit", [1000.0, 100.0, 10.0, 3.281, 0.1])
@pytest.mark.parametrize("true", [[0.8, 0.7, 0.65, 0.9, 1.1], [0.8, 0.7, 0.65, 0.9, 0.81]], ids=["apart", "level"])
def test_a_models_other_unit_is_undone(true: list[float], unit: float) -> None:
    """Also with a third of a unit on top, where the contacts lie apart enough to tell."""
    way, sensor = np.arange(5.0), np.array([true[0], np.nan, np.nan, np.nan, true[-1]])
    np.testing.assert_allclose(carry_onto(np.array(true) * unit, sensor, way), true, rtol=1e-9)
    if true[-1] > 1:
        np.testing.assert_allclose(carry_onto(np.array(true) * unit + unit * 0.03, sensor, way), true, rtol=1e-9)


def test_the_noise_of_contacts_hardly_apart_in_depth_does_not_reach_mid_air() -> None:
    """Contacts 8 cm apart and a model that errs by 3 cm: no slope, which would amplify that, is taken from them."""
    random = np.random.default_rng(0)
    true = np.array([0.8, 0.65, 0.6, 0.65, 0.88])
    sensor = np.array([0.8, np.nan, np.nan, np.nan, 0.88])
    said = true + random.normal(0, 0.03, (200, 5))
    off = [np.abs(carry_onto(row, sensor, np.arange(5.0)) - true).max() for row in said]
    assert np.quantile(off, 0.95) < 0.09


def test_contacts_at_one_depth_give_a_scale_and_no_wild_slope() -> None:
    way = np.arange(4.0)
    carried = carry_onto(np.array([1.0, 0.8, 0.8, 1.001]), np.array([1.1, np.nan, np.nan, 1.105]), way)
    np.testing.assert_allclose(carried, [1.1, 0.882, 0.882, 1.105], atol=0.004)


def test_a_straight_2d_trace_over_one_plane_is_straight_in_space() -> None:
    pixels = [(100.0, 100.0), (220.0, 160.0), (400.0, 250.0), (500.0, 300.0)]
    camera = observed(plane_image(FACING))
    lifted = lift(trace(pixels), camera, LiftSettings(clearance_m=0.0))
    np.testing.assert_allclose(lifted.depth_m, 1.0, rtol=1e-6)
    assert lifted.depth_source.tolist() == [SENSOR, INTERPOLATED, INTERPOLATED, SENSOR]


def test_a_2d_trace_passes_in_front_of_what_stands_between_with_clearance() -> None:
    image = plane_image((0, 0, 1 / 1.2))
    image[:, 280:360] = 0.7
    pixels = [(100.0, 200.0), (200.0, 190.0), (320.0, 185.0), (440.0, 190.0), (540.0, 200.0)]
    lifted = lift(trace(pixels), observed(image), LiftSettings(clearance_m=0.05))
    assert lifted.depth_m[2] <= 0.65 + 1e-6
    np.testing.assert_allclose(lifted.depth_m[[0, -1]], 1.2, rtol=1e-6)
    # Between the points too: the segment crosses the board's edges in front of it.
    along = np.linspace(0, 4, 400)
    dense = np.column_stack([np.interp(along, range(5), lifted.points_m[:, axis]) for axis in range(3)])
    seen = CAMERA.project(dense)
    board = (seen[:, 0] > 284) & (seen[:, 0] < 356)
    assert (dense[board, 2] <= 0.65 + 2e-3).all()


@pytest.mark.parametrize("points", [3, 9, 50])
@pytest.mark.parametrize(("plane", "slant_m"), [(FACING, 1e-6), (SLANTED, 0.015)], ids=["facing", "slanted"])
def test_a_2d_trace_over_a_plane_stays_near_the_clearance(
    plane: tuple[float, float, float], slant_m: float, points: int
) -> None:
    """The plane is no obstacle to itself: without clearance the trace lies on it, with 3 cm it rises by little more."""
    uv = np.column_stack([np.linspace(0.15, 0.85, points), np.linspace(0.4, 0.6, points)])
    image = plane_image(plane)
    for clearance_m, most_m in ((0.0, slant_m), (0.03, 0.075 if plane == FACING else 0.11)):
        lifted = lift(VisualTrace(uv), observed(image), LiftSettings(clearance_m=clearance_m))
        above = plane_depth(plane, CAMERA.rays(lifted.pixels)) - lifted.depth_m
        assert above.min() > -1e-6
        assert above.max() < most_m
        assert above[points // 2] >= clearance_m - 1e-6


@pytest.mark.parametrize("width_px", [2, 4, 10])
def test_a_2d_trace_passes_in_front_of_a_thin_board_wherever_it_stands(width_px: int) -> None:
    uv = np.column_stack([np.linspace(0.15, 0.85, 50), np.full(50, 0.4)])
    for first in range(300, 309):
        image = plane_image((0, 0, 1 / 1.2))
        image[:, first : first + width_px] = 0.6
        lifted = lift(VisualTrace(uv), observed(image))
        assert np.interp(first, lifted.pixels[:, 0], lifted.depth_m) < 0.6


@pytest.mark.parametrize("last", range(512, 522))
def test_a_2d_trace_passes_the_far_edge_of_a_board_near_its_end(last: int) -> None:
    """Wherever the board's edge lies between two squares, the curve is still in front of it there."""
    uv = np.column_stack([np.linspace(100, 540, 50) / 640, np.full(50, 0.42)])
    image = plane_image((0, 0, 1 / 1.2))
    image[:, 480 : last + 1] = 0.7
    lifted = lift(VisualTrace(uv), observed(image))
    assert 1 / np.interp(last, lifted.pixels[:, 0], 1 / lifted.depth_m) < 0.7


def test_a_mixed_trace_keeps_the_models_depths_and_fills_the_others() -> None:
    pixels = [(100, 200), (200, 150), (320, 120), (500, 200)]
    lifted = lift(trace(pixels, [0.8, np.nan, 0.6, 1.1]), observed(step_image()))
    assert lifted.depth_source.tolist() == [SENSOR, INTERPOLATED, MODEL, SENSOR]
    np.testing.assert_allclose(lifted.depth_m[[0, 2, 3]], [0.8, 0.6, 1.1], rtol=1e-5)


@pytest.mark.parametrize(
    ("contacts", "sources"),
    [
        ("ends", [SENSOR, MODEL, SENSOR]),
        ("start", [SENSOR, MODEL, MODEL]),
        ("all", [SENSOR, SENSOR, SENSOR]),
        ("none", [MODEL, MODEL, MODEL]),
    ],
)
def test_which_points_are_contacts_is_a_setting(contacts: str, sources: list[DepthSource]) -> None:
    lifted = lift(
        trace([(100, 100), (150, 80), (200, 90)], [0.8, 0.7, 0.6]),
        observed(step_image()),
        LiftSettings(contacts=contacts),
    )
    assert lifted.depth_source.tolist() == sources


@pytest.mark.parametrize("quarter_turns", [0, 1, 2, 3])
def test_a_turned_camera_gives_the_same_points_in_the_robots_frame(quarter_turns: int) -> None:
    """The mounting only changes the transform: a camera on its side or upside down lifts the same scene alike."""
    angle = quarter_turns * np.pi / 2
    c, s = np.cos(angle), np.sin(angle)
    upright_from_turned = RigidTransform("base", "camera", np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]]), np.zeros(3))
    points = np.array([[0.1, 0.05, 0.0], [-0.12, 0.02, 0.0]])
    points[:, 2] = 1 / SLANTED[2] * (1 - points[:, 0] * SLANTED[0] - points[:, 1] * SLANTED[1])
    size = (CAMERA.width, CAMERA.height) if quarter_turns % 2 == 0 else (CAMERA.height, CAMERA.width)
    camera = CameraIntrinsics(*size, 600.0, 600.0, size[0] / 2, size[1] / 2)
    normal = upright_from_turned.rotation.T @ np.array(SLANTED)
    pixels = camera.project(upright_from_turned.inverse().apply(points))
    lifted = lift(VisualTrace(pixels / size), observed(plane_image(tuple(normal), camera), camera))
    np.testing.assert_allclose(lifted.moved(upright_from_turned).points_m, points, atol=1e-5)


def test_confidence_follows_the_model_and_the_sensor() -> None:
    pixels = [(100, 200), (320, 120), (500, 200)]
    sure = VisualTrace(np.array(pixels) / (640, 480), np.array([0.8, 0.7, 1.1]), np.array([0.9, 0.5, 0.2]))
    clean = lift(sure, observed(step_image()))
    np.testing.assert_allclose(clean.confidence, [0.9, 0.5, 0.2], rtol=1e-5)
    holes = step_image()
    holes[::2] = np.nan
    assert (lift(sure, observed(holes)).confidence < clean.confidence)[[0, 2]].all()
    off = replace(sure, depth_m=np.array([0.9, 0.7, 1.2]))
    assert lift(off, observed(step_image())).confidence[1] < clean.confidence[1]


def test_a_pixel_the_lens_cannot_reach_is_an_error_that_names_it() -> None:
    lens = Distortion("rational_polynomial", (0.4, -0.2, 0.001, -0.0004, 0.01, 0.7, -0.1, 0.01))
    wide = CameraIntrinsics(1280, 720, 900.0, 905.0, 636.5, 361.25, lens)
    with pytest.raises(BadCameraInfo, match="point 1"):
        lift_without_image(VisualTrace(np.array([[0.0, 0.0]]), np.array([1.0])), wide)


@pytest.mark.parametrize(
    "wrong",
    [
        {"window": 0.0},
        {"window": 0.1, "reach": 0.05},
        {"window": "a"},
        {"reach": None},
        {"reach": float("nan")},
        {"clearance_m": -0.1},
        {"clearance_m": float("nan")},
        {"clearance_m": [0.1]},
        {"contacts": "both"},
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest, match="received"):
        LiftSettings(**wrong)  # type: ignore[arg-type]


def test_contacts_at_the_corners_of_the_image() -> None:
    corners = VisualTrace(np.array([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [1.0, 0.0]]))
    lifted = lift(corners, observed(plane_image(SLANTED)), LiftSettings(contacts="all"))
    np.testing.assert_allclose(lifted.depth_m, plane_depth(SLANTED, CAMERA.rays(lifted.pixels)), rtol=1e-5)


@pytest.mark.parametrize("points", [3, 9, 50, 256])
@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080)])
def test_a_2d_trace_passes_in_front_of_a_board_on_large_images(size: tuple[int, int], points: int) -> None:
    """A board at 0.6 m before a wall at 1.2 m, and a trace over 70 % of the image's width."""
    camera = CameraIntrinsics(*size, 0.95 * size[0], 0.95 * size[0], size[0] / 2, size[1] / 2)
    image = np.full(size[::-1], 1.2, np.float32)
    image[:, int(0.45 * size[0]) : int(0.55 * size[0])] = 0.6
    uv = np.column_stack([np.linspace(0.15, 0.85, points), np.linspace(0.4, 0.45, points)])
    lifted = lift(VisualTrace(uv), observed(image, camera))
    over = (uv[:, 0] > 0.46) & (uv[:, 0] < 0.54)
    assert over.any()
    assert (lifted.depth_m[over] <= 0.57 + 1e-3).all()
