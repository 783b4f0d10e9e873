"""Pursuit by its laws: on the path, within the limits, to the end, and to a stand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np
import pytest

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.planning.path import PosePath
from robotracer_ros.planning.pursuit import Drive, Progress, PurePursuit, PursuitSettings

SETTINGS = PursuitSettings()
RATE_HZ = 20.0


def path(places: Sequence[Sequence[float]], yaw: float | None = None) -> PosePath:
    """Through places (x, y), the last one with a yaw, or with that of its arrival."""
    xy = np.array(places, dtype=float)
    if yaw is None:
        yaw = math.atan2(*(xy[-1] - xy[-2])[::-1])
    quaternions = np.tile([0.0, 0.0, math.sin(yaw / 2), math.cos(yaw / 2)], (len(xy), 1))
    return PosePath(np.column_stack([xy, np.zeros(len(xy))]), quaternions, "odom", 0)


def driven(
    wanted: PosePath, pose: Sequence[float] = (0.0, 0.0, 0.0), settings: PursuitSettings = SETTINGS,
    late_steps: int = 0, limit_s: float = 120.0,
) -> tuple[np.ndarray, list[Drive]]:  # fmt: skip
    """Poses (T, 3) of a base that does at once what it is told, and what it was told; it is seen some steps late."""
    pursuit, poses, told = PurePursuit(wanted, settings), [tuple(pose)], []
    for step in range(int(limit_s * RATE_HZ)):
        told.append(pursuit.step(poses[max(0, len(poses) - 1 - late_steps)], step / RATE_HZ))
        if told[-1].done:
            return np.array(poses), told
        x, y, yaw = poses[-1]
        v, w = told[-1].v_m_s / RATE_HZ, told[-1].w_rad_s / RATE_HZ
        poses.append((x + v * math.cos(yaw + w / 2), y + v * math.sin(yaw + w / 2), yaw + w))
    raise AssertionError(f"not there after {limit_s} s: {poses[-1]}")


def away(poses: np.ndarray, wanted: PosePath) -> float:
    """The greatest distance of the poses from the polyline."""
    begin, end = wanted.positions_m[:-1, :2], wanted.positions_m[1:, :2]
    way = end - begin
    share = ((poses[:, None, :2] - begin) * way).sum(axis=2) / np.maximum((way**2).sum(axis=1), 1e-12)
    nearest = begin + np.clip(share, 0, 1)[..., None] * way
    return float(np.linalg.norm(poses[:, None, :2] - nearest, axis=2).min(axis=1).max())


ANGLES = np.linspace(0.0, 1.5 * np.pi, 60)
WAYS = {
    "straight": path([(0, 0), (2, 0)]),
    "circle": path(np.column_stack([0.8 * np.sin(ANGLES), 0.8 - 0.8 * np.cos(ANGLES)])),
    "corner": path([(0, 0), (1, 0), (1, 1)]),
    "turned at the end": path([(0, 0), (1, 0)], yaw=2.5),
    "backward": path([(0, 0), (-1, 0.2)]),
    "there and back": path([(0, 0), (1, 0), (0, 0.05)]),
    "crossing itself": path([(0, 0), (1, 0), (1, 0.6), (0.5, 0.6), (0.5, -0.6)]),
    "begins ahead": path([(0.7, 0.1), (2, 0.1)]),
    "a single place": path([(0.5, 0.5)], yaw=-1.0),
    "repeated places": path([(0, 0), (0, 0), (1, 0), (1, 0)], yaw=0.0),
    "shorter than the lookahead": path([(0, 0), (0.08, 0)]),
}


@pytest.mark.parametrize("late_steps", [0, 2])
@pytest.mark.parametrize("name", WAYS)
def test_it_arrives_and_stands(name: str, late_steps: int) -> None:
    way = WAYS[name]
    poses, told = driven(way, late_steps=late_steps)
    goal, (z, w) = way.positions_m[-1, :2], way.quaternions_xyzw[-1, 2:]
    assert np.linalg.norm(poses[-1, :2] - goal) < 0.02
    assert abs(math.remainder(poses[-1, 2] - 2 * math.atan2(z, w), 2 * math.pi)) < math.radians(5)
    assert (told[-1].v_m_s, told[-1].w_rad_s) == (0.0, 0.0)


@pytest.mark.parametrize("name", WAYS)
def test_it_keeps_to_its_limits(name: str) -> None:
    settings = replace(SETTINGS, max_speed_m_s=0.25, max_turn_rad_s=0.6, max_acceleration_m_s2=0.4)
    _, told = driven(WAYS[name], settings=settings)
    v, w = np.array([(one.v_m_s, one.w_rad_s) for one in told]).T
    slack = 1e-9
    assert (v >= 0).all()
    assert v.max() <= settings.max_speed_m_s + slack
    assert np.abs(w).max() <= settings.max_turn_rad_s + slack
    # The last step may let go of what is too little to move a base.
    assert np.abs(np.diff(v[:-1])).max(initial=0.0) <= settings.max_acceleration_m_s2 / RATE_HZ + slack
    assert np.abs(np.diff(w[:-1])).max(initial=0.0) <= settings.max_turn_acceleration_rad_s2 / RATE_HZ + slack


@pytest.mark.parametrize(
    ("name", "most_m"), [("straight", 0.001), ("circle", 0.02), ("corner", 0.07), ("crossing itself", 0.07)]
)
def test_it_stays_on_the_path(name: str, most_m: float) -> None:
    poses, _ = driven(WAYS[name])
    assert away(poses, WAYS[name]) < most_m


def test_on_a_circle_it_turns_as_the_circle_does() -> None:
    _, told = driven(WAYS["circle"])
    middle = [one.w_rad_s / one.v_m_s for one in told[len(told) // 3 : len(told) // 2]]
    np.testing.assert_allclose(middle, 1 / 0.8, rtol=0.05)


def test_it_is_slower_in_a_bend_than_on_a_straight() -> None:
    fast = replace(SETTINGS, max_speed_m_s=1.0, max_sideways_m_s2=0.1)
    tight = path(np.column_stack([0.4 * np.sin(ANGLES), 0.4 - 0.4 * np.cos(ANGLES)]))
    assert max(one.v_m_s for one in driven(WAYS["straight"], settings=fast)[1]) > 0.6
    assert max(one.v_m_s for one in driven(tight, settings=fast)[1]) < 0.35


def test_it_turns_before_it_drives_away_from_where_it_looks() -> None:
    poses, told = driven(path([(0, 0), (-1, 0)]))
    first = next(index for index, one in enumerate(told) if one.v_m_s > 0)
    assert abs(math.remainder(poses[first, 2] - math.pi, 2 * math.pi)) < 0.3
    assert away(poses, path([(0, 0), (-1, 0)])) < 0.02


def test_it_begins_where_the_path_is_nearest_and_not_at_its_first_place() -> None:
    long = path([(-1, 0), (2, 0)])
    poses, told = driven(long)
    assert poses[:, 0].min() > -0.01
    assert told[0].distance_m == pytest.approx(2.0)


@pytest.mark.parametrize("start", [(0.0, 0.0, 0.0), (-0.02, 0.0, 0.0), (0.0, 0.03, 0.0)])
@pytest.mark.parametrize("name", ["circle", "there and back"])
def test_a_path_that_ends_where_it_begins_is_driven(name: str, start: Sequence[float]) -> None:
    around = np.linspace(0.0, 2 * np.pi, 80)
    ways = {
        "circle": np.column_stack([np.sin(around), 1 - np.cos(around)]),
        "there and back": [(0, 0), (1, 0), (0, 0)],
    }
    way = path(ways[name])
    poses, _ = driven(way, start)
    assert np.linalg.norm(np.diff(poses[:, :2], axis=0), axis=1).sum() > 0.9 * way.length_m - 0.1
    assert np.linalg.norm(poses[-1, :2]) < 0.02


def test_the_distance_left_falls_to_nothing() -> None:
    _, told = driven(WAYS["corner"])
    left = [one.distance_m for one in told]
    assert left[0] == pytest.approx(2.0)
    assert left == sorted(left, reverse=True)
    assert left[-1] < 0.02


def test_after_its_arrival_it_stays_arrived() -> None:
    pursuit = PurePursuit(WAYS["straight"])
    for step in range(1000):
        told = pursuit.step((2.0, 0.0, 0.0), step / RATE_HZ)
    assert told.done
    assert pursuit.step((1.0, 1.0, 1.0), 100.0) == Drive(0.0, 0.0, True, pytest.approx(0.0, abs=1e-9))


def test_held_it_speeds_up_anew() -> None:
    pursuit = PurePursuit(WAYS["straight"])
    fast = [pursuit.step((0.02 * step, 0.0, 0.0), step / RATE_HZ) for step in range(15)][-1]
    assert pursuit.hold() == Drive(0.0, 0.0, False, fast.distance_m)
    slow = pursuit.step((0.3, 0.0, 0.0), 15 / RATE_HZ)
    assert 0 < slow.v_m_s < 0.2 < fast.v_m_s


def test_a_loop_that_was_late_does_not_jump() -> None:
    pursuit = PurePursuit(WAYS["straight"])
    pursuit.step((0.0, 0.0, 0.0), 0.0)
    assert pursuit.step((0.0, 0.0, 0.0), 60.0).v_m_s <= 0.2 * SETTINGS.max_acceleration_m_s2 + 1e-9


def test_a_clock_that_runs_backward_changes_no_speed() -> None:
    pursuit = PurePursuit(WAYS["straight"])
    for step in range(10):
        told = pursuit.step((0.0, 0.0, 0.0), step / RATE_HZ)
    assert pursuit.step((0.0, 0.0, 0.0), -5.0).v_m_s == told.v_m_s


@pytest.mark.parametrize("pose", [(math.nan, 0, 0), (0, math.inf, 0), (0, 0, math.nan), (0, 0), "here"])
def test_a_pose_that_is_none_is_refused_and_changes_nothing(pose: Sequence[float]) -> None:
    pursuit, other = PurePursuit(WAYS["corner"]), PurePursuit(WAYS["corner"])
    for one in (pursuit, other):
        one.step((0.0, 0.0, 0.0), 0.0)
    with pytest.raises(InvalidRequest, match="pose"):
        pursuit.step(pose, 0.05)
    with pytest.raises(InvalidRequest, match="time"):
        pursuit.step((0.0, 0.0, 0.0), math.nan)
    assert pursuit.step((0.01, 0.0, 0.0), 0.1) == other.step((0.01, 0.0, 0.0), 0.1)


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
@pytest.mark.parametrize("name", [field.name for field in fields(PursuitSettings)])
def test_settings_that_are_none_are_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(InvalidRequest, match=name):
        PursuitSettings(**{name: value})


def test_progress_is_moving_or_turning() -> None:
    watch = Progress(radius_m=0.05, angle_rad=0.1, allowance_s=3.0)
    assert not any(watch.stuck((0.02 * step, 0.0, 0.0), float(step)) for step in range(20))
    assert not any(watch.stuck((0.4, 0.0, 0.05 * step), 20.0 + step) for step in range(20))
    stands = [watch.stuck((2.0, 0.0, 0.95), 40.0 + 0.5 * step) for step in range(12)]
    assert not any(stands[:5])
    assert all(stands[9:])
