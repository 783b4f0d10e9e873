"""Joint positions that carry an arm's tip along straight lines from pose to pose."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from transforms3d.axangles import axangle2mat
from transforms3d.quaternions import mat2quat

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray, frozen_floats
from robotracer_ros.planning.kinematics import Arm

# MoveIt's relation of the two steps (cartesian_path_service_capability.cpp): so many radians for a metre.
RAD_PER_M: Final = 3.5
# Between two points the tip may leave the line by so much, metres and radians (MoveIt's CartesianPrecision).
_PRECISION: Final = (1e-3, 1e-2)
# A step whose middle lies farther off, or whose end is not found, is halved, so often before the joints are said to
# jump.
_HALVINGS: Final = 10
# Of a path; more would take the better part of a minute.
_MOST_POINTS: Final = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class JointPath:
    """How an arm follows poses, as far as it can.

    Attributes:
        joints: (M, N) positions, the first those of the start.
        fraction: from 0 to 1, of the waypoints: every one counts the same, however far it is from the one before.
        reason: why it ends before the last waypoint; "" where it does not.
    """

    joints: FloatArray
    fraction: float
    reason: str


def follow_poses(
    arm: Arm,
    start: FloatArray,
    waypoints: FloatArray,
    max_step_m: float,
    refused: Callable[[FloatArray], str] = lambda joints: "",
) -> JointPath:
    """Follow waypoints (W, 4, 4), seen from the arm's base link, in straight lines from where ``start`` holds the tip.

    The tip turns about one fixed axis from waypoint to waypoint, and at most 3.5 rad for a metre of ``max_step_m``.

    Args:
        start: (N,) joint positions.
        max_step_m: the longest way between two points of the result; may be infinite.
        refused: why the arm must not be at joint positions (N,); "" where it may.

    Raises:
        InvalidRequest: for numbers that are not finite, a step that is not above 0 or that makes too many points, and a
            start beyond the joint limits or refused.
    """
    start = frozen_floats("start", start, (len(arm.joint_names),))
    waypoints = frozen_floats("waypoints", waypoints, (None, 4, 4))
    _require_usable(arm, start, waypoints, max_step_m)
    reason = refused(start)
    if reason:
        raise InvalidRequest(f"the start cannot be used: {reason}")
    points = [start]
    pose = arm.tip(start)
    for number, waypoint in enumerate(waypoints):
        line = Line(pose, waypoint)
        steps = line.steps(max_step_m)
        for step in range(1, steps + 1):
            found = _between(arm, line, points[-1], ((step - 1) / steps, step / steps), _HALVINGS)
            reason = next((why for joints in found if (why := refused(joints))), "") if found else ""
            if not found or reason:
                reason = reason or f"waypoint {number + 1} cannot be reached: no joint positions lead straight on to it"
                return JointPath(np.array(points), (number + (step - 1) / steps) / len(waypoints), reason)
            points += found
            if len(points) > _MOST_POINTS:
                raise InvalidRequest(
                    f"the path makes more than {_MOST_POINTS} points up to waypoint {number + 1}; accepted: a longer "
                    f"max_step than {max_step_m:g} m, or a shorter path"
                )
        pose = waypoint
    return JointPath(np.array(points), 1.0, "")


class Line:
    """The straight way from one pose (4, 4) to another, turning about one axis."""

    def __init__(self, begin: FloatArray, end: FloatArray) -> None:
        self._begin = begin
        self._way = end[:3, 3] - begin[:3, 3]
        # By the quaternion: a matrix that turns by little hardly tells about which axis.
        turn = mat2quat(begin[:3, :3].T @ end[:3, :3])
        sine = float(np.linalg.norm(turn[1:]))
        self._axis = turn[1:] / sine if sine > 0 else np.array([0.0, 0.0, 1.0])
        self._angle = 2 * float(np.arctan2(sine, turn[0]))

    def steps(self, max_step_m: float) -> int:
        """How many are needed; 0 between two poses that are the same.

        Raises:
            InvalidRequest: for more than 10,000.
        """
        way_m = math.hypot(*self._way.tolist())
        if way_m < _PRECISION[0] * 1e-3 and self._angle < _PRECISION[1] * 1e-3:
            return 0
        steps = max(way_m, self._angle / RAD_PER_M) / max_step_m
        if not steps < _MOST_POINTS:
            raise InvalidRequest(
                f"a line of {way_m:g} m that turns by {self._angle:.3g} rad, in steps of {max_step_m:g} m, makes more "
                f"than {_MOST_POINTS} points"
            )
        # A way of whole steps takes one more, as in MoveIt, however its length was rounded.
        return 1 + int(steps + 1e-6)

    def at(self, share: float) -> FloatArray:
        """(4, 4) the pose at a share of the way."""
        pose = np.eye(4)
        pose[:3, :3] = self._begin[:3, :3] @ axangle2mat(self._axis, share * self._angle)
        pose[:3, 3] = self._begin[:3, 3] + share * self._way
        return pose


def _between(
    arm: Arm, line: Line, before: FloatArray, shares: tuple[float, float], halvings: int
) -> list[FloatArray]:  # fmt: skip
    """Joint positions up to the second of ``shares``, several where the joints turn far; none where none lead on."""
    first, last = shares
    joints = arm.solve(line.at(last), before)
    middle = (first + last) / 2
    # From far off the solver may not find what it finds step by step.
    if np.isfinite(joints).all() and not _off(arm.tip((before + joints) / 2), line.at(middle)):
        return [joints]
    if not halvings:
        return []
    found = _between(arm, line, before, (first, middle), halvings - 1)
    rest = _between(arm, line, found[-1], (middle, last), halvings - 1) if found else []
    return [*found, *rest] if rest else []


def _off(tip: FloatArray, wanted: FloatArray) -> bool:
    """Whether the tip is farther from a pose than a path allows."""
    way_m = float(np.linalg.norm(tip[:3, 3] - wanted[:3, 3]))
    turn = np.clip((np.trace(tip[:3, :3].T @ wanted[:3, :3]) - 1) / 2, -1, 1)
    return way_m > _PRECISION[0] or float(np.arccos(turn)) > _PRECISION[1]


def _require_usable(arm: Arm, start: FloatArray, waypoints: FloatArray, max_step_m: float) -> None:
    if not len(waypoints):
        raise InvalidRequest("a path needs at least one waypoint, received none")
    if not np.isfinite(start).all() or not np.isfinite(waypoints).all():
        raise InvalidRequest("the start and the waypoints must be finite numbers")
    if not max_step_m > 0:
        raise InvalidRequest(f"max_step must be above 0 m, received {max_step_m}")
    beyond = np.flatnonzero((start < arm.limits.lower) | (start > arm.limits.upper))
    if len(beyond):
        at = int(beyond[0])
        raise InvalidRequest(
            f"the start holds {arm.joint_names[at]} at {start[at]:.4f}, beyond its limits "
            f"{arm.limits.lower[at]:.4f} to {arm.limits.upper[at]:.4f}"
        )
