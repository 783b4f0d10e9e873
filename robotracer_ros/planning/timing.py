"""When an arm is where on its path: as fast as the joints' limits allow, and no faster than asked for."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from robotracer_ros.errors import InvalidRequest, PlanningError
from robotracer_ros.geometry.arrays import FloatArray, frozen_floats
from robotracer_ros.planning.trajectory import JointTrajectory

# Points of joint space nearer than this are one; a spline through both would bend without end.
_SAME_RAD: Final = 1e-6
# Of the grid on which the speed is sought, for each point of the path.
_GRID_PER_POINT: Final = 4
_LEAST_GRID: Final = 100
# Of the finished motion, to see what it asks of the joints.
_SAMPLES_PER_POINT: Final = 40


def timed(
    joint_names: tuple[str, ...],
    joints: FloatArray,
    velocity: FloatArray,
    acceleration: FloatArray,
    period_s: float = 0.1,
) -> JointTrajectory:
    """The fastest motion from rest to rest through joint positions (M, N), a point every ``period_s`` and at the end.

    Time-optimal path parameterisation by reachability analysis (Pham and Pham 2018, the library toppra) along a cubic
    spline through the positions.

    Args:
        velocity, acceleration: (N,) limits of the joints, above 0; infinite velocities are none.

    Raises:
        InvalidRequest: for limits that are not above 0, and positions that are not finite.
        PlanningError: where no speed keeps to the limits.
    """
    joints = frozen_floats("joints", joints, (None, None))
    velocity = frozen_floats("velocity", velocity, (joints.shape[1],))
    acceleration = frozen_floats("acceleration", acceleration, (joints.shape[1],))
    if not (velocity > 0).all() or not ((acceleration > 0) & np.isfinite(acceleration)).all():
        raise InvalidRequest(
            f"limits of velocity and acceleration are above 0, received {velocity.tolist()}, {acceleration.tolist()}"
        )
    if not np.isfinite(joints).all() or not len(joints) or not period_s > 0:
        raise InvalidRequest("the path must hold finite joint positions, and the period be above 0 s")
    joints = _without_repeats(joints)
    if len(joints) == 1:
        still = np.zeros_like(joints)
        return JointTrajectory(joint_names, np.zeros(1), joints, still, still)
    found = _fastest(joints, velocity, acceleration)
    # Between the grid's points the spline bends more than the grid saw.
    dense = _sampled(joint_names, found, float(found.duration) / (_SAMPLES_PER_POINT * len(joints)))
    over = max(
        float((np.abs(dense.velocities) / velocity).max()),
        float(np.sqrt((np.abs(dense.accelerations) / acceleration).max())),
        1.0,
    )
    return slowed(_sampled(joint_names, found, period_s / over), over)


def slowed(trajectory: JointTrajectory, factor: float) -> JointTrajectory:
    """The same motion in ``factor`` times the time."""
    if not factor >= 1.0 or not np.isfinite(factor):
        raise InvalidRequest(f"a motion can be slowed down by a factor of at least 1, received {factor}")
    return JointTrajectory(
        trajectory.joint_names, trajectory.times_s * factor, trajectory.positions, trajectory.velocities / factor,
        trajectory.accelerations / factor**2,
    )  # fmt: skip


def _without_repeats(joints: FloatArray) -> FloatArray:
    kept = [0]
    for index in range(1, len(joints)):
        if np.abs(joints[index] - joints[kept[-1]]).max() > _SAME_RAD:
            kept.append(index)
    return np.asarray(joints[kept])


def _fastest(joints: FloatArray, velocity: FloatArray, acceleration: FloatArray) -> Any:
    """A trajectory of toppra."""
    # Only an arm without MoveIt needs it.
    import toppra

    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(joints, axis=0), axis=1))])
    # Lines meet in corners: a clamped cubic spline rounds them within the distance of two points.
    path = toppra.SplineInterpolator(along, joints, "natural" if len(joints) > 2 else "not-a-knot")
    bound = np.minimum(velocity, 1e3)
    limits = [
        toppra.constraint.JointVelocityConstraint(np.column_stack([-bound, bound])),
        toppra.constraint.JointAccelerationConstraint(np.column_stack([-acceleration, acceleration])),
    ]
    grid = np.linspace(0.0, along[-1], max(_LEAST_GRID, _GRID_PER_POINT * len(joints)))
    algorithm = toppra.algorithm.TOPPRA(limits, path, gridpoints=grid, parametrizer="ParametrizeConstAccel")
    found = algorithm.compute_trajectory(0.0, 0.0)
    if found is None:
        raise PlanningError("no speed along this path keeps to the joints' limits")
    return found


def _sampled(joint_names: tuple[str, ...], found: Any, period_s: float) -> JointTrajectory:
    duration_s = float(found.duration)
    times_s = np.append(np.arange(0.0, duration_s - 1e-3 * period_s, period_s), duration_s)
    positions, velocities, accelerations = (np.asarray(found(times_s, order)) for order in range(3))
    velocities[[0, -1]] = 0.0
    return JointTrajectory(joint_names, times_s, positions, velocities, accelerations)
