"""No joint is faster than allowed, and none is needlessly slow."""

from __future__ import annotations

import numpy as np
import pytest
from planning.arms import pose, recorded

pytest.importorskip("pinocchio")
pytest.importorskip("toppra")

from planning.test_cartesian import cases, start_of

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.planning.cartesian import follow_poses
from robotracer_ros.planning.kinematics import Arm
from robotracer_ros.planning.timing import slowed, timed


def test_one_joint_speeds_up_and_slows_down() -> None:
    line = np.linspace(0, 1, 20)[:, None]
    # By hand: 0.5 s up to 1 rad/s at 2 rad/s², 0.5 s of that speed, 0.5 s down.
    motion = timed(("a",), line, np.array([1.0]), np.array([2.0]), 0.05)
    assert motion.times_s[-1] == pytest.approx(1.5, rel=0.02)
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
    assert motion.times_s[-1] == pytest.approx(answer["duration_s"], rel=0.2, abs=1e-6)
    assert (np.abs(motion.velocities) <= scaled["velocity"] * 1.001).all()
    assert (np.abs(motion.accelerations) <= scaled["acceleration"] * 1.01).all()


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
    ],
)
def test_limits_and_paths_that_cannot_be_used_are_refused(joints, velocity, acceleration) -> None:
    with pytest.raises(InvalidRequest):
        timed(("a", "b"), joints, velocity, acceleration)
