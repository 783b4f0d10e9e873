"""Solids agree with the meshes that are drawn, and distances seen from above with their outlines."""

from __future__ import annotations

import numpy as np
import pytest

from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.sim.catalogue import SHAPES
from robotracer_ros.sim.meshes import mesh
from robotracer_ros.sim.scene import SceneObject
from robotracer_ros.sim.tasks.solids import (
    extent_m,
    gap_m,
    on_resting_face,
    outline_points_m,
    own_frame,
    plan_distance_m,
    resting_place_m,
    signed_distance_m,
)

MESHED = [shape for shape, kind in SHAPES.items() if kind.meshed]
HOLDING = [shape for shape, kind in SHAPES.items() if kind.holds]


def standing(shape: str, x_m: float = 0.1, y_m: float = -0.05, yaw_rad: float = 0.6) -> SceneObject:
    size_m = np.array(SHAPES[shape].sizes_m).mean(axis=0)
    return SceneObject(shape, "red", size_m, np.array([x_m, y_m, size_m[2] / 2]), yaw_rad, 1)


def turned(thing: SceneObject, local_m: FloatArray) -> FloatArray:
    cos, sin = np.cos(thing.yaw_rad), np.sin(thing.yaw_rad)
    return local_m @ np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]]).T + thing.centre_m


def surface_points(thing: SceneObject) -> FloatArray:
    corners, faces = mesh(thing.shape, np.asarray(thing.size_m))
    shares = np.random.default_rng(0).dirichlet(np.ones(3), (len(faces), 8))
    return turned(thing, np.einsum("fnk,fkd->fnd", shares, corners[faces]).reshape(-1, 3))


@pytest.mark.parametrize("shape", MESHED)
def test_points_of_the_mesh_lie_on_the_surface(shape: str) -> None:
    thing = standing(shape)
    # 40 sides cut into the round by 0.3 % of the radius.
    assert np.abs(signed_distance_m(thing, surface_points(thing))).max() < 0.0005


@pytest.mark.parametrize("shape", SHAPES)
def test_the_distance_changes_no_faster_than_the_place(shape: str) -> None:
    thing, rng = standing(shape), np.random.default_rng(1)
    points_m = thing.centre_m + rng.uniform(-0.15, 0.15, (2000, 3))
    steps_m = rng.normal(0, 0.004, points_m.shape)
    change = np.abs(signed_distance_m(thing, points_m + steps_m) - signed_distance_m(thing, points_m))
    assert (change <= np.linalg.norm(steps_m, axis=1) + 1e-9).all()


@pytest.mark.parametrize("shape", ["block", "cylinder", "ball"])
def test_the_middle_of_a_full_solid_is_inside_and_its_top_on_it(shape: str) -> None:
    thing = standing(shape)
    top = np.add(thing.centre_m, (0, 0, thing.size_m[2] / 2))
    inside, on_top, above = signed_distance_m(thing, np.array([thing.centre_m, top, np.add(top, (0, 0, 0.03))]))
    assert inside == pytest.approx(-min(thing.size_m) / 2)
    assert on_top == pytest.approx(0, abs=1e-12)
    assert above == pytest.approx(0.03)


@pytest.mark.parametrize("shape", [*MESHED])
def test_vessels_are_hollow_and_their_floors_are_not(shape: str) -> None:
    thing = standing(shape)
    place = resting_place_m(thing) if SHAPES[shape].holds else thing.centre_m
    over, under = np.add(place, (0, 0, 0.004)), np.array([*thing.centre_m[:2], 0.001])
    air, floor = signed_distance_m(thing, np.array([over, under]))
    assert air > 0 > floor


@pytest.mark.parametrize("shape", HOLDING)
def test_the_resting_place_is_on_the_face_that_holds_things(shape: str) -> None:
    thing = standing(shape)
    place = resting_place_m(thing)[None]
    assert abs(signed_distance_m(thing, place)[0]) < 1e-6
    assert on_resting_face(thing, place)[0]
    outside = thing.centre_m + 0.98 * turned(thing, np.array([[thing.size_m[0] / 2, 0, 0]])) - 0.98 * thing.centre_m
    assert not on_resting_face(thing, outside - (0, 0, 0.2 * thing.size_m[2]))[0]


@pytest.mark.parametrize("one", ["block", "tray", "bowl"])
@pytest.mark.parametrize("other", ["block", "tray", "cup"])
def test_gaps_are_those_between_the_outlines(one: str, other: str) -> None:
    first, second = standing(one, yaw_rad=0.3), standing(other, -0.25, 0.15, 1.1)
    edges = [dense_outline(thing) for thing in (first, second)]
    brute_m = np.linalg.norm(edges[0][:, None] - edges[1][None], axis=2).min()
    assert gap_m(first, second) == pytest.approx(brute_m, abs=0.0005)
    assert gap_m(first, second) == pytest.approx(gap_m(second, first))


@pytest.mark.parametrize("shape", SHAPES)
def test_extents_reach_to_the_outline(shape: str) -> None:
    thing = standing(shape)
    for angle in np.linspace(0, 2 * np.pi, 9):
        way = np.array([np.cos(angle), np.sin(angle)])
        reach_m = ((dense_outline(thing) - thing.centre_m[:2]) @ way).max()
        assert extent_m(thing, way) == pytest.approx(reach_m, abs=0.0005)


@pytest.mark.parametrize("shape", SHAPES)
def test_outline_points_lie_in_the_box_and_touch_it(shape: str) -> None:
    thing = standing(shape)
    local = np.abs(own_frame(thing, outline_points_m(thing))) / (thing.size_m / 2)
    assert local.max() < 1 + 1e-9
    assert local.max(axis=0).min() > 0.9


def dense_outline(thing: SceneObject) -> FloatArray:
    """(N, 2) points of the edge seen from above."""
    if SHAPES[thing.shape].round_:
        angles = np.linspace(0, 2 * np.pi, 500)
        return thing.centre_m[:2] + thing.size_m[0] / 2 * np.column_stack([np.cos(angles), np.sin(angles)])
    share = np.linspace(-1, 1, 150)
    sides = [(share, np.full(150, y)) for y in (-1.0, 1.0)] + [(np.full(150, x), share) for x in (-1.0, 1.0)]
    local = np.concatenate([np.column_stack([x, y, np.zeros(150)]) for x, y in sides]) * thing.size_m / 2
    points_m = turned(thing, local)[:, :2]
    assert np.abs(plan_distance_m(thing, points_m)).max() < 1e-9
    return points_m
