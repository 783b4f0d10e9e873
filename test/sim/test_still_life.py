"""The still life: its picture, its truth and its words agree with each other."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.families import open_family
from robotracer_ros.geometry.camera import CameraIntrinsics, Distortion
from robotracer_ros.geometry.lifting import lift
from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.query import ModelAnswer
from robotracer_ros.sim.arrangement import BLOCK_SIDE_M
from robotracer_ros.sim.depth_noise import DepthNoise
from robotracer_ros.sim.solids import Box
from robotracer_ros.sim.still_life import DEFAULT_CAMERA, StillLife, looking_at

SMALL = DEFAULT_CAMERA.scaled_to(320, 180)
SEEDS = range(4)


@cache
def seen(seed):
    """A still life and its full view, cast once for all tests."""
    scene = StillLife(seed)
    return scene, scene.view()


@pytest.fixture(scope="module")
def scene():
    return StillLife(0)


@pytest.fixture(scope="module")
def view(scene):
    return scene.view(SMALL)


def test_depth_is_exact(scene, view):
    """Each reading, carried into the table frame, lies on the surface of what its label names."""
    rows, columns = np.nonzero(np.isfinite(view.depth_m))
    points_m = SMALL.deproject(np.column_stack([columns, rows]), view.depth_m[rows, columns])
    in_table = scene.table_from_camera.apply(points_m)
    labels = view.labels[rows, columns]
    on_table = (labels == -1) & (np.abs(in_table[:, :2]) < (0.649, 0.399)).all(axis=1) & (in_table[:, 2] > -0.005)
    assert on_table.sum() > 5000 and np.abs(in_table[on_table, 2]).max() < 1e-5
    for index, thing in enumerate(scene.things):
        mine = in_table[labels == index]
        assert len(mine) > 20, thing.name
        boxes = [part for part in thing.parts if isinstance(part, Box)]
        if len(boxes) == len(thing.parts):
            excess = np.min([_box_excess(box, mine) for box in boxes], axis=0)
            assert np.abs(excess).max() < 1e-5, thing.name
        origin = thing.table_from_thing.translation_m
        assert np.linalg.norm(mine[:, :2] - origin[:2], axis=1).max() < thing.reach_m + 1e-5


def _box_excess(box, points_m):
    local = (points_m - box.centre_m) @ box.table_from_box
    return (np.abs(local) - box.size_m / 2).max(axis=1)


def test_the_same_seed_gives_the_same_picture_and_another_seed_another(scene, view):
    again, other = StillLife(0).view(SMALL), StillLife(1).view(SMALL)
    assert np.array_equal(again.rgb, view.rgb) and np.array_equal(again.depth_m, view.depth_m, equal_nan=True)
    assert not np.array_equal(other.rgb, view.rgb)
    assert not np.array_equal(other.labels, view.labels)


def test_the_instruction_names_what_is_there_in_its_colour(scene, view):
    block, tray = scene.things[0], scene.things[1]
    assert scene.instruction == f"put the {block.name} on the {tray.name}"
    primaries = {"red": 0, "green": 1, "blue": 2}
    checked = 0
    for seed in SEEDS:
        other, picture = seen(seed)
        for index, thing in enumerate(other.things):
            colour = thing.name.split()[0]
            if colour in primaries and not thing.name.endswith("tin"):
                mean = picture.rgb[picture.labels == index].mean(axis=0)
                assert mean.argmax() == primaries[colour], thing.name
                checked += 1
    assert checked >= 3


@pytest.mark.parametrize("seed", SEEDS)
def test_the_trace_starts_on_the_block_and_ends_on_the_tray(seed):
    scene, view = seen(seed)
    labels = view.labels
    (x0, y0), *_, (x1, y1) = np.rint(scene.trace().pixels(1280, 720)).astype(int)
    assert labels[y0, x0] == 0
    assert labels[y1, x1] == 1


@pytest.mark.parametrize("seed", range(25))
def test_the_block_touches_nothing_on_its_way(seed):
    """Points all over the block, moved along the trace, stay out of every other body."""
    scene = StillLife(seed)
    block = scene.things[0].parts[0]
    corners = np.array(np.meshgrid(*[np.linspace(-0.5, 0.5, 5)] * 3)).reshape(3, -1).T * (BLOCK_SIDE_M - 1e-6)
    body = block.centre_m + corners @ block.table_from_box.T
    shifts = scene.waypoints_m - scene.waypoints_m[0]
    where = np.linspace(0, len(shifts) - 1, 200)
    moved = np.column_stack([np.interp(where, np.arange(len(shifts)), column) for column in shifts.T])
    swept = (body + moved[:, None]).reshape(-1, 3)
    assert swept[:, 2].min() >= 0
    for thing in scene.things[1:]:
        for part in thing.parts:
            beside = part.plan_distances_m(swept[:, :2]) > 0
            assert (beside | (swept[:, 2] > part.top_m - 2e-6)).all(), thing.name
    resting = body[:, 2].min() + shifts[-1, 2]
    assert resting == pytest.approx(scene.things[1].parts[0].top_m, abs=1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_its_answer_is_read_as_its_trace(seed):
    scene = StillLife(seed)
    read = open_family("robotracer").read(ModelAnswer(scene.answer(), "still life", 0.0))
    trace = scene.trace()
    assert np.abs(read.uv - trace.uv).max() <= 0.0005 + 1e-12
    assert np.abs(read.depth_m - trace.depth_m).max() <= 0.0005 + 1e-12


@pytest.mark.parametrize("noise", [None, DepthNoise(seed=4)], ids=["exact", "noisy"])
@pytest.mark.parametrize("seed", SEEDS)
def test_lifting_its_answer_gives_its_waypoints(seed, noise):
    scene, view = seen(seed)
    depth_m = view.depth_m if noise is None else noise.applied_to(view.depth_m)
    observation = RgbdObservation(view.rgb, depth_m, DEFAULT_CAMERA, scene.table_from_camera.source_frame, 0)
    visual = open_family("robotracer").read(ModelAnswer(scene.answer(), "still life", 0.0))
    lifted = scene.table_from_camera.apply(lift(visual, observation).points_m)
    # The traced point hovers 3 mm above what the sensor sees behind it, which is 5 mm farther along the ray.
    assert np.linalg.norm(lifted - scene.waypoints_m, axis=1).max() < (0.008 if noise is None else 0.012)


def test_an_observation_is_the_view_with_the_camera_s_faults(scene, view):
    noise = DepthNoise(seed=2)
    exact, faulty = scene.observe(SMALL, stamp_ns=7), scene.observe(SMALL, noise)
    np.testing.assert_array_equal(exact.depth_m, view.depth_m)
    np.testing.assert_array_equal(faulty.depth_m, noise.applied_to(view.depth_m))
    assert exact.stamp_ns == 7 and exact.frame_id == scene.table_from_camera.source_frame


def test_any_lens_sees_the_same_scene(scene):
    """A distorted camera's readings lie where the ideal camera's do."""
    lens = CameraIntrinsics(320, 180, 228.0, 228.0, 160.0, 90.0, Distortion("plumb_bob", (-0.15, 0.03, 0.001, 0.0)))
    view = scene.view(lens)
    rows, columns = np.nonzero(view.labels == 0)
    in_table = scene.table_from_camera.apply(
        lens.deproject(np.column_stack([columns, rows]), view.depth_m[rows, columns])
    )
    assert len(in_table) > 20
    assert np.abs(_box_excess(scene.things[0].parts[0], in_table)).max() < 1e-4


def test_a_ray_that_meets_nothing_has_no_reading():
    """A camera that looks over the wall's edge into the open."""
    fisheye = CameraIntrinsics(64, 64, 12.0, 12.0, 31.5, 31.5, Distortion("equidistant", (0.0, 0.0, 0.0, 0.0)))
    observation = StillLife(0).observe(fisheye)
    assert np.isnan(observation.depth_m).any() and np.isfinite(observation.depth_m).any()


def test_a_camera_may_stand_elsewhere_but_must_see_the_way():
    moved = StillLife(0, looking_at((0.25, -0.7, 0.6), (0.0, 0.0, 0.05)))
    labels = moved.view().labels
    (x, y), *_ = np.rint(moved.trace().pixels(1280, 720)).astype(int)
    assert labels[y, x] == 0
    with pytest.raises(InvalidRequest, match="from this camera"):
        StillLife(0, looking_at((0.0, -0.7, 0.5), (0.0, -3.0, 0.5)))
    with pytest.raises(InvalidRequest, match="upright"):
        looking_at((0, 0, 1), (0, 0, 0))
