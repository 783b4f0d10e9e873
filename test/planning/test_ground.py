"""Laws of ground paths: flat, no roll, no pitch, looking where they go."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from robotracer_ros.planning.ground import headings, projected
from robotracer_ros.planning.shaping import resample

polylines = stn.arrays(
    np.float64, st.tuples(st.integers(1, 8), st.just(3)), elements=st.floats(-3, 3, allow_nan=False, width=32)
)


@given(polylines, st.floats(-1, 1))
def test_a_ground_path_is_flat_and_turns_about_the_vertical_only(points, ground_z_m):
    waypoints = resample(projected(points, ground_z_m), 0.1)
    quaternions = headings(waypoints, None)
    assert (waypoints[:, 2] == ground_z_m).all()
    assert (quaternions[:, :2] == 0).all()
    assert np.allclose(np.linalg.norm(quaternions, axis=1), 1)
    assert (np.einsum("ij,ij->i", quaternions[:-1], quaternions[1:]) >= 0).all()


@given(st.floats(-np.pi, np.pi))
def test_the_base_looks_along_a_straight_path_to_its_end(yaw):
    quaternions = headings(np.outer(np.linspace(0, 1, 6), [np.cos(yaw), np.sin(yaw), 0]), None)
    found = 2 * np.arctan2(quaternions[:, 2], quaternions[:, 3])
    assert np.allclose(np.exp(1j * found), np.exp(1j * yaw))


def test_the_last_yaw_is_the_one_it_is_reached_with():
    quaternions = headings(np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0]], dtype=float), None)
    assert np.allclose(2 * np.arctan2(quaternions[:, 2], quaternions[:, 3]), [0, np.pi / 4, np.pi / 2])


def test_points_above_each_other_are_one_place_on_the_ground():
    waypoints = resample(projected(np.array([[1, 2, 0.1], [1, 2, 0.9], [1, 2, 0.5]]), 0.0), 0.1)
    assert np.array_equal(waypoints, [[1, 2, 0]])


def test_a_single_place_takes_the_yaw_the_base_has():
    half, roll = np.deg2rad(35), 0.1
    yawed = np.array([0, 0, np.sin(half), np.cos(half)])
    rolled = np.array([np.cos(half), np.sin(half), 0, 0])
    quaternion = headings(np.zeros((1, 3)), tuple(np.cos(roll) * yawed + np.sin(roll) * rolled))[0]
    assert 2 * np.arctan2(quaternion[2], quaternion[3]) == pytest.approx(2 * half)
    assert np.array_equal(headings(np.zeros((1, 3)), None), [[0, 0, 0, 1]])
