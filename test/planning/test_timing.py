"""No joint is faster than allowed, and none is needlessly slow."""

from __future__ import annotations

import numpy as np
import pytest
from planning.arms import pose, recorded

pytest.importorskip("pinocchio")

from planning.test_cartesian import cases, start_of

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.planning.cartesian import follow_poses
from robotracer_ros.planning.kinematics import Arm
from robotracer_ros.planning.timing import slowed, timed


def test_one_joint_speeds_up_and_slows_down() -> None:
    line = np.linspace(0, 1, 20)[:, None]
    # By hand: 0.5 s up to 1 rad/s at 2 rad/s², 0.5 s of that speed, 0.5 s down.
    motion = timed(("a",), line, np.array([1.0]), np.array([2.0]), 0.05)
    assert motion.times_s[-1] == pytest.approx(1.5, rel=0.002)
    assert np.abs(motion.velocities).max() <= 1.0 + 1e-6
    assert motion.velocities[0, 0] == motion.velocities[-1, 0] == 0
    np.testing.assert_allclose(motion.positions[[0, -1], 0], [0, 1], atol=1e-6)
    assert (np.diff(motion.times_s) > 0).all()
    assert np.diff(motion.times_s)[:-1] == pytest.approx(0.05)


def test_a_robot_that_stays_needs_no_time() -> None:
    motion = timed(("a", "b"), np.zeros((3, 2)), np.ones(2), np.ones(2))
    assert motion.times_s.tolist() == [0.0]
    assert motion.positions.shape == (1, 2)


def test_corners_keep_to_the_limits() -> None:
    side = np.linspace(0, 0.3, 30)
    there = np.column_stack([side, np.zeros(30)])
    up = np.column_stack([np.full(30, 0.3), side])
    velocity, acceleration = np.array([0.5, 0.4]), np.array([1.0, 2.0])
    motion = timed(("a", "b"), np.concatenate([there, up]), velocity, acceleration, 0.004)
    assert (np.abs(motion.velocities) <= velocity * 1.001).all()
    assert (np.abs(motion.accelerations) <= acceleration * 1.01).all()
    # The positions are those of the velocities.
    steps = np.diff(motion.positions, axis=0)[:-1]
    np.testing.assert_allclose(steps, 0.004 * (motion.velocities[:-2] + motion.velocities[1:-1]) / 2, atol=2e-5)


@pytest.mark.parametrize(
    "case", [case for case in cases() if case["response"]["fraction"] == 1], ids=lambda case: case["name"]
)
def test_motions_take_about_as_long_as_moveits(case) -> None:
    request, answer = case["request"], case["response"]
    arm = Arm(recorded("panda.urdf"), request["link_name"] or "panda_link8")
    limits = recorded("parameters.json")["robot_description_planning"]["joint_limits"]
    waypoints = np.array([pose(waypoint) for waypoint in request["waypoints"]])
    path = follow_poses(arm, start_of(arm, request), waypoints, request["max_step"])
    scaled = {}
    for kind in ("velocity", "acceleration"):
        scaling = request[f"max_{kind}_scaling_factor"]
        of_joints = np.array([limits[name][f"max_{kind}"] for name in arm.joint_names])
        # What MoveIt makes of a scaling that is none.
        scaled[kind] = of_joints * (scaling if 0 < scaling <= 1 else 1.0)
    motion = timed(arm.joint_names, path.joints, **scaled)
    assert motion.times_s[-1] == pytest.approx(answer["duration_s"], rel=0.005, abs=1e-6)
    assert (np.abs(motion.velocities) <= scaled["velocity"] * 1.001).all()
    assert (np.abs(motion.accelerations) <= scaled["acceleration"] * 1.01).all()


def random_path(seed: int) -> FloatArray:
    rng = np.random.default_rng(seed)
    return np.cumsum(rng.normal(size=(rng.integers(3, 25), 3)) * rng.choice([0.002, 0.02, 0.3], size=(1, 3)), axis=0)


@pytest.mark.parametrize("seed", range(20))
def test_a_motion_uses_its_limits_and_stays_among_its_positions(seed: int) -> None:
    path = random_path(seed)
    velocity, acceleration = np.array([0.5, 1.0, np.inf]), np.array([1.0, 2.0, 0.5])
    motion = timed(("a", "b", "c"), path, velocity, acceleration, 2e-4)
    fast = np.abs(motion.velocities) / velocity
    strong = np.abs(motion.accelerations) / acceleration
    assert max(fast.max(), strong.max()) <= 1.005
    # Nearly always some joint is at a limit, or time would be wasted.
    assert (np.maximum(fast, strong).max(axis=1) > 0.9).mean() > 0.8
    # Told and true accelerations are the same.
    changes = (np.diff(motion.velocities, axis=0) / np.diff(motion.times_s)[:, None])[:-1]
    assert (np.abs(changes) <= acceleration * 1.1).all()
    # Within the hull of the path, and so within its joint limits.
    assert (motion.positions >= path.min(axis=0) - 1e-9).all()
    assert (motion.positions <= path.max(axis=0) + 1e-9).all()
    np.testing.assert_allclose(motion.positions[[0, -1]], path[[0, -1]], atol=1e-9)


def test_a_corner_is_rounded_by_a_circle() -> None:
    motion = timed(("a", "b"), np.array([[0.0, 0.0], [0.2, 0.0], [0.2, 0.1]]), np.ones(2), np.ones(2), 1e-3)
    # Half of the shorter piece, 0.05 rad, is the radius round (0.15, 0.05).
    bend = (motion.positions[:, 0] > 0.15) & (motion.positions[:, 1] < 0.05)
    away = np.linalg.norm(motion.positions[bend] - (0.15, 0.05), axis=1)
    np.testing.assert_allclose(away, 0.05, atol=1e-6)
    assert np.linalg.norm(motion.velocities[bend], axis=1).min() > 0.1
    # Of long pieces as much as passes the corner at 0.1 rad.
    long = timed(("a", "b"), 100.0 * np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]), np.ones(2), np.ones(2), 1e-3)
    assert np.linalg.norm(long.positions - (100.0, 0.0), axis=1).min() == pytest.approx(0.1, abs=1e-3)


def test_a_path_that_turns_back_stops_there() -> None:
    motion = timed(("a",), np.array([[0.0], [0.5], [0.2]]), np.array([10.0]), np.ones(1), 1e-3)
    # By hand: twice as long as the root of 0.5, and of 0.3.
    assert motion.times_s[-1] == pytest.approx(2 * (np.sqrt(0.5) + np.sqrt(0.3)), rel=0.002)
    assert motion.positions.max() == pytest.approx(0.5, abs=1e-5)
    assert np.abs(motion.velocities[motion.positions[:, 0].argmax()]) < 0.01


def test_the_end_is_reached_however_near_it_is() -> None:
    for end in (2e-5, 1e-3, 0.1, 0.1 + 5e-4):
        path = np.append(np.arange(0.0, end, 4e-4), end)[:, None]
        assert timed(("a",), path, np.ones(1), np.ones(1)).positions[-1, 0] == pytest.approx(end, abs=1e-12)


def test_a_slow_motion_has_no_more_points() -> None:
    motion = timed(("a",), np.array([[0.0], [1.0]]), np.array([1e-6]), np.ones(1))
    assert motion.times_s[-1] == pytest.approx(1e6, rel=0.01)
    assert len(motion.times_s) <= 20_002


def test_slower_is_the_same_motion() -> None:
    motion = timed(("a",), np.linspace(0, 1, 20)[:, None], np.ones(1), np.ones(1))
    slow = slowed(motion, 2.0)
    np.testing.assert_array_equal(slow.positions, motion.positions)
    assert slow.times_s[-1] == 2 * motion.times_s[-1]
    np.testing.assert_allclose(slow.velocities, motion.velocities / 2)
    np.testing.assert_allclose(slow.accelerations, motion.accelerations / 4)


@pytest.mark.parametrize("factor", [0.5, 0.0, float("nan"), float("inf")])
def test_no_motion_is_hurried(factor: float) -> None:
    motion = timed(("a",), np.linspace(0, 1, 20)[:, None], np.ones(1), np.ones(1))
    with pytest.raises(InvalidRequest, match="at least 1"):
        slowed(motion, factor)


@pytest.mark.parametrize(
    ("joints", "velocity", "acceleration"),
    [
        (np.full((3, 2), np.nan), np.ones(2), np.ones(2)),
        (np.zeros((0, 2)), np.ones(2), np.ones(2)),
        (np.zeros((3, 2)), np.array([1, 0]), np.ones(2)),
        (np.zeros((3, 2)), np.ones(2), np.array([1, np.inf])),
        (np.zeros((3, 2)), np.ones(2), np.array([1, 1e-300])),
    ],
)
def test_limits_and_paths_that_cannot_be_used_are_refused(joints, velocity, acceleration) -> None:
    with pytest.raises(InvalidRequest):
        timed(("a", "b"), joints, velocity, acceleration)
