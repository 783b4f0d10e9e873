"""When an arm is where on its path: as fast as the joints' limits allow, and no faster than asked for."""

from __future__ import annotations

from typing import Final

import numpy as np

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray, frozen_floats
from robotracer_ros.planning.blended_path import BlendedPath
from robotracer_ros.planning.path_speed import Steps, fastest
from robotracer_ros.planning.trajectory import JointTrajectory

# Positions nearer than this to the one before are left out, as in MoveIt (min_angle_change); and the end never is.
_NEAR: Final = 1e-3
# Positions nearer than this are one.
_SAME: Final = 1e-6
# Slower or weaker joints would need years.
_LEAST_LIMIT: Final = 1e-12
_MOST_POINTS: Final = 20_000


def timed(
    joint_names: tuple[str, ...],
    joints: FloatArray,
    velocity: FloatArray,
    acceleration: FloatArray,
    period_s: float = 0.1,
) -> JointTrajectory:
    """The fastest motion from rest to rest through joint positions (M, N), a point every ``period_s`` and at the end.

    Straight from position to position, with corners rounded as MoveIt rounds them; `path_speed` says how fast. A motion
    of more than 20,000 points gets so many, farther apart.

    Args:
        velocity, acceleration: (N,) limits of the joints, above 0; infinite velocities are none.

    Raises:
        InvalidRequest: for limits that are not above 0, and positions that are not finite.
    """
    joints = frozen_floats("joints", joints, (None, None))
    velocity = frozen_floats("velocity", velocity, (joints.shape[1],))
    acceleration = frozen_floats("acceleration", acceleration, (joints.shape[1],))
    if not (velocity > _LEAST_LIMIT).all() or not ((acceleration > _LEAST_LIMIT) & np.isfinite(acceleration)).all():
        raise InvalidRequest(
            f"limits of velocity and acceleration are above {_LEAST_LIMIT:g}, received {velocity.tolist()}, "
            f"{acceleration.tolist()}"
        )
    if not np.isfinite(joints).all() or not len(joints) or not period_s > 0:
        raise InvalidRequest("the path must hold finite joint positions, and the period be above 0 s")
    joints = _thinned(joints)
    if len(joints) == 1:
        still = np.zeros_like(joints)
        return JointTrajectory(joint_names, np.zeros(1), joints, still, still)
    path = BlendedPath(joints)
    return _sampled(joint_names, path, fastest(path, velocity, acceleration), period_s)


def slowed(trajectory: JointTrajectory, factor: float) -> JointTrajectory:
    """The same motion in ``factor`` times the time."""
    if not factor >= 1.0 or not np.isfinite(factor):
        raise InvalidRequest(f"a motion can be slowed down by a factor of at least 1, received {factor}")
    return JointTrajectory(
        trajectory.joint_names, trajectory.times_s * factor, trajectory.positions, trajectory.velocities / factor,
        trajectory.accelerations / factor / factor,
    )  # fmt: skip


def _thinned(joints: FloatArray) -> FloatArray:
    kept = [0]
    for index in range(1, len(joints)):
        if np.abs(joints[index] - joints[kept[-1]]).max() > _NEAR:
            kept.append(index)
    last = len(joints) - 1
    if len(kept) > 1:
        kept[-1] = last
    elif np.abs(joints[last] - joints[0]).max() > _SAME:
        kept.append(last)
    return np.asarray(joints[kept])


def _sampled(joint_names: tuple[str, ...], path: BlendedPath, steps: Steps, period_s: float) -> JointTrajectory:
    spans_s = 2 * steps.length / (steps.speed[:-1] + steps.speed[1:])
    begins_s = np.append(0.0, np.cumsum(spans_s))
    duration_s = float(begins_s[-1])
    period_s = max(period_s, duration_s / _MOST_POINTS)
    times_s = np.append(np.arange(0.0, duration_s - 1e-3 * period_s, period_s), duration_s)
    step = np.clip(np.searchsorted(begins_s, times_s, side="right") - 1, 0, len(spans_s) - 1)
    since_s, begin, end = times_s - begins_s[step], steps.speed[step], steps.speed[step + 1]
    change = (end - begin) / spans_s[step]
    speed = begin + change * since_s
    positions, first, second = path.at(steps.piece[step], steps.along[step] + (begin + speed) / 2 * since_s)
    velocities = first * speed[:, None]
    accelerations = first * change[:, None] + second * (speed**2)[:, None]
    velocities[[0, -1]] = 0.0
    return JointTrajectory(joint_names, times_s, positions, velocities, accelerations)
