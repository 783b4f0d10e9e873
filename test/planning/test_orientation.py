"""Laws of how the tool stands: unit, right-handed, continuous, and turning with the path."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn
from transforms3d.quaternions import quat2mat

from robotracer_ros.planning.orientation import (
    TOOL_DOWN_XYZW,
    along_path,
    between,
    constant,
    quaternions_from_axes,
    sign_continuous,
    tangents,
    towards_surface,
)
from robotracer_ros.planning.shaping import collapse, resample

polylines = stn.arrays(
    np.float64, st.tuples(st.integers(2, 8), st.just(3)), elements=st.floats(-1, 1, allow_nan=False, width=32)
).filter(lambda points: len(collapse(points)) > 1)
directions = stn.arrays(np.float64, 3, elements=st.floats(-1, 1)).filter(lambda v: np.linalg.norm(v) > 1e-3)


def matrices(quaternions_xyzw: np.ndarray) -> np.ndarray:
    return np.array([quat2mat(np.roll(quaternion, 1)) for quaternion in quaternions_xyzw])


def turns_rad(quaternions_xyzw: np.ndarray) -> np.ndarray:
    cosines = np.abs(np.einsum("ij,ij->i", quaternions_xyzw[:-1], quaternions_xyzw[1:]))
    return 2 * np.arccos(np.minimum(cosines, 1.0))


@given(polylines)
def test_along_the_path_x_is_the_tangent_and_the_frame_is_right_handed(points):
    waypoints = resample(points, 0.05)
    quaternions = along_path(waypoints)
    assert np.allclose(np.linalg.norm(quaternions, axis=1), 1.0, atol=1e-12)
    axes = matrices(quaternions)
    assert np.allclose(np.linalg.det(axes), 1.0)
    assert np.allclose(axes[:, :, 0], tangents(waypoints), atol=1e-6)


@given(polylines)
def test_signs_are_continuous(points):
    quaternions = along_path(resample(points, 0.05))
    assert (np.einsum("ij,ij->i", quaternions[:-1], quaternions[1:]) >= 0).all()
    assert quaternions[0, 3] >= 0


@given(st.floats(0, 2 * np.pi), st.floats(-1.2, 1.2), st.floats(0.1, 3.0))
def test_away_from_the_vertical_z_is_as_nearly_up_as_the_tangent_allows(heading, pitch, turn):
    s = np.linspace(0, 1, 60)
    path = np.column_stack([np.cos(heading + turn * s), np.sin(heading + turn * s), np.tan(pitch) * turn * s])
    axes, forward = matrices(along_path(path)), tangents(path)
    nearest = np.array([0, 0, 1.0]) - forward[:, 2:] * forward
    assert np.allclose(axes[:, :, 2], nearest / np.linalg.norm(nearest, axis=1, keepdims=True), atol=1e-6)


@pytest.mark.parametrize("lean_m", [0.0, 1e-9, 1e-4, 0.002, -0.002])
def test_up_across_and_down_turns_no_more_than_the_path_does(lean_m):
    corners = np.array([[0, 0, 0], [lean_m, 0, 0.2], [0.3, 0.1, 0.2], [0.3 - lean_m, 0.1, 0]])
    path = resample(corners, 0.02)
    quaternions = along_path(path)
    forward = tangents(path)
    bend = np.arccos(np.clip(np.einsum("ij,ij->i", forward[:-1], forward[1:]), -1, 1))
    assert (turns_rad(quaternions) <= bend + np.deg2rad(20) + 1e-6).all()
    across = np.flatnonzero(np.abs(forward[:, 2]) < 1e-6)
    assert matrices(quaternions[across])[:, 2, 2].min() > 0.99


def test_a_climb_that_sways_about_the_vertical_never_flips():
    height = np.linspace(0, 0.5, 101)
    random = np.random.default_rng(0)
    path = np.column_stack([random.normal(scale=0.0015, size=(101, 2)), height])
    forward = tangents(path)
    bend = np.arccos(np.clip(np.einsum("ij,ij->i", forward[:-1], forward[1:]), -1, 1))
    assert (turns_rad(along_path(path)) <= bend + np.deg2rad(20) + 1e-6).all()


@pytest.mark.parametrize("up", [1.0, -1.0])
def test_a_vertical_path_takes_the_limit_of_one_that_leans_towards_x(up):
    axes = matrices(along_path(np.outer([0, 0.1, 0.2], [0, 0, up])))
    assert np.allclose(axes[:, :, 0], [0, 0, up])
    assert np.allclose(axes[:, :, 2], [-up, 0, 0])


@given(polylines, st.floats(-np.pi, np.pi))
def test_turning_the_path_about_the_vertical_turns_its_orientations(points, yaw):
    waypoints = resample(points, 0.05)
    turn = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1.0]])
    forward = tangents(waypoints)
    level = np.hypot(forward[:, 0], forward[:, 1])
    # A path that doubles back has no smooth turn, and one that is vertical no heading: rounding decides there.
    assume(np.einsum("ij,ij->i", forward[:-1], forward[1:]).min() > -0.99)
    assume((level > 0.17).any() and (np.abs(level - 0.17) > 1e-3).all())
    assert np.allclose(matrices(along_path(waypoints @ turn.T)), turn @ matrices(along_path(waypoints)), atol=1e-5)


def test_a_path_that_turns_back_keeps_its_z():
    path = np.array([[0, 0, 0], [0.1, 0, 0], [0.2, 0, 0], [0.1, 0, 0], [0, 0, 0]])
    axes = matrices(along_path(path))
    assert np.allclose(axes[:, :, 2], [0, 0, 1])
    assert np.allclose(axes[-1, :, 0], [-1, 0, 0])


def test_tool_down_points_z_down_and_keeps_x():
    assert np.allclose(matrices(constant(TOOL_DOWN_XYZW, 3)), np.diag([1.0, -1.0, -1.0]))


@given(directions)
def test_towards_a_surface_z_is_against_its_normal_by_the_smallest_turn_from_tool_down(direction):
    normal = direction / np.linalg.norm(direction)
    quaternion = towards_surface(normal)
    assert np.linalg.norm(quaternion) == pytest.approx(1)
    axes = matrices(quaternion[None])[0]
    assert np.allclose(axes[:, 2], -normal, atol=1e-6)
    turn = axes @ np.diag([1.0, -1.0, -1.0])
    assert np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1)) == pytest.approx(
        np.arccos(np.clip(normal[2], -1, 1)), abs=1e-5
    )


@pytest.mark.parametrize(("normal", "x"), [((0, 0, 1), (1, 0, 0)), ((0, 0, -1), (1, 0, 0))])
def test_level_surfaces_keep_the_tool_along_x(normal, x):
    assert np.allclose(matrices(towards_surface(np.array(normal, dtype=float))[None])[0][:, 0], x)


@given(directions, directions)
def test_between_two_orientations_every_step_is_even_and_the_shorter_way(first, last):
    ends = [towards_surface(direction / np.linalg.norm(direction)) for direction in (first, last)]
    turned = between(ends[0], ends[1], np.linspace(0, 1, 11))
    assert np.allclose(np.linalg.norm(turned, axis=1), 1)
    assert np.allclose(matrices(turned[[0, -1]]), matrices(np.array(ends)), atol=1e-6)
    whole = 2 * np.arccos(min(1.0, abs(float(ends[0] @ ends[1]))))
    assert np.allclose(turns_rad(turned), whole / 10, atol=1e-6)


def test_quaternions_and_matrices_are_inverse():
    random = np.random.default_rng(2)
    quaternions = random.normal(size=(200, 4))
    quaternions /= np.linalg.norm(quaternions, axis=1, keepdims=True)
    assert np.allclose(matrices(quaternions_from_axes(matrices(quaternions))), matrices(quaternions), atol=1e-9)


def test_signs_follow_their_neighbour():
    quaternion = np.array([0.1, 0.2, 0.3, -0.9])
    assert np.allclose(sign_continuous(np.array([quaternion, -quaternion, quaternion])), -quaternion)


def test_every_row_may_turn_between_two_of_its_own():
    rng = np.random.default_rng(5)
    first, last = (rng.normal(size=(6, 4)) for _ in range(2))
    first, last = (ends / np.linalg.norm(ends, axis=1, keepdims=True) for ends in (first, last))
    last[2], last[3] = first[2], -first[3]
    share = np.array([0.0, 0.3, 0.5, 0.7, 0.9, 1.0])
    turned = between(first, last, share)
    one_by_one = [between(a, b, share[i : i + 1])[0] for i, (a, b) in enumerate(zip(first, last, strict=True))]
    np.testing.assert_allclose(turned, one_by_one, atol=1e-12)
    np.testing.assert_allclose(turned[[0, 2, 3]], first[[0, 2, 3]], atol=1e-12)
    assert abs(turned[5] @ last[5]) > 1 - 1e-12
