"""A body along a path is found too close exactly where brute force finds it."""

from __future__ import annotations

import numpy as np
import pytest
from planning.boxes import TABLE, VIEW, WALL, observed
from transforms3d.quaternions import quat2mat

from robotracer_ros.errors import FrameMismatch, InvalidRequest
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.planning.depth_view import DepthView
from robotracer_ros.planning.path import PosePath
from robotracer_ros.planning.sweep import (
    NearCells,
    between_waypoints,
    readings,
    swept_too_close,
    without_body,
    without_box,
)

CLEARANCE_M = 0.02


def path(height_m: float) -> PosePath:
    """Across the wall, turning."""
    along = np.linspace(0.2, -0.3, 26)
    turn = np.linspace(0, 1, 26)
    quaternions = np.column_stack([np.cos(turn / 2), np.sin(turn / 2), 0 * turn, 0 * turn])
    return PosePath(np.column_stack([0.45 + 0 * along, along, height_m + 0 * along]), quaternions, "base", 0)


def body() -> np.ndarray:
    return np.random.default_rng(3).uniform(-0.5, 0.5, (400, 3)) * [0.06, 0.12, 0.1] - [0, 0, 0.03]


@pytest.mark.parametrize("height_m", [0.10, 0.17, 0.19, 0.22, 0.3])
@pytest.mark.parametrize("unregistered", [False, True])
def test_verdicts_are_those_of_brute_force(height_m, unregistered):
    view = DepthView.of(observed([TABLE, WALL], unregistered=unregistered, noise_m=0.001, holes=0.05))
    base_from_view = VIEW @ view.view_from_color.inverse()
    found = swept_too_close(path(height_m), body(), view, base_from_view, CLEARANCE_M)
    cloud = base_from_view.apply(readings(view))
    wrong = {}
    for index, (at, (x, y, z, w)) in enumerate(
        zip(path(height_m).positions_m, path(height_m).quaternions_xyzw, strict=True)
    ):
        points = body() @ quat2mat([w, x, y, z]).T + at
        near = cloud[(np.abs(cloud - at) < 0.2).all(axis=1)]
        away = np.sqrt(((points[:, None] - near[None, ::]) ** 2).sum(axis=2).min()) if len(near) else np.inf
        if away < CLEARANCE_M:
            wrong[index] = CLEARANCE_M - away
    assert {violation.index for violation in found} == set(wrong)
    for violation in found:
        # Told from some of the points once it is certain: never more than the truth, and not much less.
        assert violation.amount_m <= wrong[violation.index] + 1e-9
    assert bool(found) == (height_m < 0.2)


def test_only_the_waypoints_asked_about_are_looked_at():
    view = DepthView.of(observed([TABLE, WALL]))
    all_of_them = swept_too_close(path(0.15), body(), view, VIEW, CLEARANCE_M)
    asked = np.arange(26) < all_of_them[1].index
    some = swept_too_close(path(0.15), body(), view, VIEW, CLEARANCE_M, asked)
    assert [violation.index for violation in some] == [all_of_them[0].index]
    assert not swept_too_close(path(0.15), body()[:0], view, VIEW, CLEARANCE_M)


def test_cells_never_miss_a_near_point():
    rng = np.random.default_rng(0)
    seen, asked = rng.uniform(0, 0.3, (60, 3)), rng.uniform(0, 0.3, (4000, 3))
    away = np.linalg.norm(asked[:, None] - seen, axis=2).min(axis=1)
    cells = NearCells(seen, asked.min(axis=0), asked.max(axis=0), 0.03)
    held = cells.hold(asked)
    assert held[away < 0.03].all()
    assert not held[away > 0.03 + 2 * np.sqrt(3) * cells.cell_m].any()
    assert not cells.hold(np.array([[9.0, 9.0, 9.0], [-9.0, 0, 0]])).any()


def test_a_robot_that_is_seen_is_no_obstacle_to_itself():
    view = DepthView.of(observed([TABLE, WALL]))
    cloud = VIEW.apply(readings(view))
    on_wall = cloud[cloud[:, 2] > 0.01]
    left = without_body(view, VIEW.inverse().apply(on_wall), 0.005)
    remaining = VIEW.apply(readings(left))
    assert len(remaining) < len(cloud) and (remaining[:, 2] < 0.02).all()
    assert without_body(view, np.zeros((0, 3)), 0.01) is view


def test_a_box_is_cut_out_in_its_own_frame():
    view = DepthView.of(observed([TABLE, WALL]))
    turned = RigidTransform.from_quaternion_xyzw("base", "box", (0, 0, np.sqrt(0.5), np.sqrt(0.5)), (0.45, 0.0, 0.1))
    left = without_box(view, turned.inverse() @ VIEW, np.array([-0.07, -0.1, -0.2]), np.array([0.05, 0.1, 0.2]))
    cloud, remaining = VIEW.apply(readings(view)), VIEW.apply(readings(left))
    local = turned.inverse().apply(cloud)
    inside = ((local >= [-0.07, -0.1, -0.2]) & (local <= [0.05, 0.1, 0.2])).all(axis=1)
    assert 100 < inside.sum() < len(cloud) / 2
    np.testing.assert_allclose(remaining, cloud[~inside], atol=1e-9)
    elsewhere = RigidTransform("box", "camera", np.eye(3), np.array([50.0, 0.0, -1.0]))
    assert len(readings(without_box(view, elsewhere, np.full(3, -0.1), np.full(3, 0.1)))) == len(cloud)


def test_between_waypoints_the_tip_turns_as_it_goes():
    half = np.sqrt(0.5)
    corners = [[0, 0, 0], [0.1, 0, 0], [0.1, 0, 0], [0.1, 0, 0], [0.1, 0.003, 0]]
    turns = np.array([[0, 0, 0, 1], [0, 0, half, half], [0, 0, half, half], [0, 0, -1, 0], [0, 0, 1, 0]])
    dense, to = between_waypoints(PosePath(np.array(corners), turns, "base", 5), 0.02, 0.3)
    assert (dense.frame_id, dense.stamp_ns) == ("base", 5)
    yaw = 2 * np.arctan2(dense.quaternions_xyzw[:, 2], dense.quaternions_xyzw[:, 3])
    way = dense.positions_m[:, 0] < 0.1
    # On the way both go together; then it turns where it stands.
    np.testing.assert_allclose(yaw[way], dense.positions_m[way, 0] / 0.1 * np.pi / 2, atol=1e-9)
    assert np.linalg.norm(np.diff(dense.positions_m, axis=0), axis=1).max() <= 0.02 + 1e-9
    assert np.abs(np.diff(yaw)).max() * 0.3 <= 0.02 + 1e-9
    np.testing.assert_allclose(dense.positions_m[-1], corners[-1])
    assert len(dense) == 2 * 24 + 1 + 1
    # Two given poses that are one take no step of their own.
    assert to.tolist() == [1] * 24 + [3] * 24 + [4, 4]
    alone, to = between_waypoints(PosePath(np.zeros((1, 3)), turns[:1], "base", 5), 0.02, 0.3)
    assert len(alone) == 1 and to.tolist() == [0]
    with pytest.raises(InvalidRequest, match=r"a path of 1e\+06 m is too long to be checked"):
        between_waypoints(PosePath(np.array([[0, 0, 0], [1e6, 0, 0]]), turns[:2], "base", 5), 0.02, 0.3)


def test_bad_input_is_refused():
    view = DepthView.of(observed([TABLE]))
    with pytest.raises(InvalidRequest, match="clearance_m must be above 0 m, received 0"):
        swept_too_close(path(0.2), body(), view, VIEW, 0.0)
    with pytest.raises(FrameMismatch, match="'base', the view is placed in 'map'"):
        swept_too_close(path(0.2), body(), view, RigidTransform("map", "camera", np.eye(3), np.zeros(3)), 0.02)
    with pytest.raises(InvalidRequest, match="too large"):
        NearCells(np.zeros((1, 3)), np.zeros(3), np.full(3, 1e4), 0.01)
