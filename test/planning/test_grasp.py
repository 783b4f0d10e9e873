"""A box is taken across its narrower side, over its middle, however it is turned."""

from __future__ import annotations

import numpy as np
import pytest

from robotracer_ros.errors import PlanningError
from robotracer_ros.planning.grasp import Grasp, GripperShape, grasps_from_above


def surface(size: tuple[float, float, float], at: tuple[float, float], yaw: float, foot_m: float = 0.0) -> np.ndarray:
    """(K, 3) the top and the two sides of a box that a camera at -x, -y sees."""
    rng = np.random.default_rng(1)
    points = rng.uniform(-0.5, 0.5, (3000, 3))
    points[:1000, 2], points[1000:2000, 0], points[2000:, 1] = 0.5, -0.5, -0.5
    points = points * size + [0, 0, size[2] / 2 + foot_m]
    cos, sin = np.cos(yaw), np.sin(yaw)
    return points @ np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]]) + [*at, 0]


def best(*arguments, **named) -> Grasp:
    return grasps_from_above(*arguments, **named)[0]


@pytest.mark.parametrize("yaw", [0.0, 0.4, 1.2, -0.7])
@pytest.mark.parametrize("size", [(0.03, 0.09, 0.05), (0.09, 0.03, 0.05), (0.05, 0.05, 0.12)])
def test_a_box_is_taken_over_its_middle_across_its_narrower_side(size, yaw):
    grasp = best(surface(size, (0.4, -0.1), yaw), GripperShape(max_width_m=0.08), 0.0)
    assert np.linalg.norm(grasp.position_m[:2] - [0.4, -0.1]) < 0.003
    assert grasp.width_m == pytest.approx(min(size[:2]), abs=0.004)
    # The fingers close along the tool's y.
    closing = np.array([-np.sin(grasp.yaw_rad), np.cos(grasp.yaw_rad)])
    across = np.array([np.cos(yaw), np.sin(yaw)] if size[0] < size[1] else [-np.sin(yaw), np.cos(yaw)])
    if size[0] != size[1]:
        assert abs(closing @ across) > np.cos(0.05)
    assert grasp.position_m[2] == pytest.approx(size[2] - 0.03, abs=0.006)


def test_a_flat_thing_is_taken_just_above_what_it_stands_on():
    grasp = best(surface((0.04, 0.06, 0.03), (0, 0), 0.0, foot_m=0.2), GripperShape(), 0.2)
    assert 0.2 + 0.01 <= grasp.position_m[2] <= 0.2 + 0.016
    assert grasp.above_foot_m >= 0.01


def test_the_nearer_of_two_like_yaws_is_taken():
    points = surface((0.03, 0.09, 0.05), (0, 0), 0.3)
    for near in (-2.8, 0.3, 2.8):
        yaw = best(points, GripperShape(), 0.0, near).yaw_rad
        assert abs((yaw - near + np.pi) % (2 * np.pi) - np.pi) <= np.pi / 2 + 0.02


def test_the_tool_points_down_and_turns_by_the_yaw():
    x, y, z, w = Grasp(np.zeros(3), 0.5, 0.04, 0.04, 0.0).quaternion_xyzw
    # R = Rz(yaw) diag(1, -1, -1)
    assert 1 - 2 * (x * x + y * y) == pytest.approx(-1)
    assert np.arctan2(2 * (x * y + z * w), 1 - 2 * (y * y + z * z)) == pytest.approx(0.5)


def test_what_is_too_wide_or_hardly_seen_is_refused():
    with pytest.raises(PlanningError, match=r"0\.1\d\d m wide, the gripper opens to gripper\.max_width_m 0\.09 m"):
        best(surface((0.12, 0.15, 0.05), (0, 0), 0.2), GripperShape(), 0.0)
    with pytest.raises(PlanningError, match="7 readings"):
        grasps_from_above(np.zeros((7, 3)), GripperShape(), 0.0)
    with pytest.raises(PlanningError, match=r"not seen what the object .* stands on; .* within object_radius_m"):
        best(surface((0.03, 0.09, 0.05), (0, 0), 0.2), GripperShape(), float("nan"))
    with pytest.raises(PlanningError, match="max_width_m must be above 0 m, received nan"):
        GripperShape(max_width_m=float("nan"))


def test_a_ball_is_taken_over_its_middle_with_room_for_its_far_side():
    rng = np.random.default_rng(0)
    normals = rng.normal(size=(6000, 3))
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    # What a camera that looks down at 45 degrees along +x sees of a ball on a table 0.1 m high.
    seen = normals[normals @ np.array([-1, 0, 1]) > 0.1] * 0.03 + [0.5, 0.2, 0.13]
    grasp = best(seen, GripperShape(), 0.1)
    assert np.linalg.norm(grasp.position_m[:2] - [0.5, 0.2]) < 0.007
    assert grasp.open_m > 0.055 and grasp.foot_m == 0.1
    # The far side is not seen; the fingers close in that direction and so find the middle.
    assert abs(np.sin(grasp.yaw_rad)) > 0.99


def test_a_box_is_taken_two_ways_a_cube_four_and_a_cylinder_twelve():
    counts = [len(grasps_from_above(surface(size, (0, 0), 0.3), GripperShape(), 0.0)) for size in
              ((0.03, 0.09, 0.05), (0.05, 0.05, 0.05))]  # fmt: skip
    angle = np.linspace(0, 2 * np.pi, 500)
    round_ = np.column_stack([0.03 * np.cos(angle), 0.03 * np.sin(angle), 0.05 + 0 * angle])
    assert [*counts, len(grasps_from_above(round_, GripperShape(), 0.0))] == [2, 4, 12]
