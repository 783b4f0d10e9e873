"""What must be true of a joint trajectory before a robot follows it, whoever computed it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import numpy.typing as npt

from robotracer_ros.errors import InvalidRequest, MotionRefused
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.planning.robot_description import RobotDescription, shortest
from robotracer_ros.planning.timing import slowed
from robotracer_ros.planning.tip_motion import moments, tip_poses
from robotracer_ros.planning.trajectory import JointTrajectory

# Planners keep to limits up to rounding; MoveIt's accelerations are up to 0.8 % above theirs.
_LIMIT_SLACK_RAD: Final = 1e-3
_SPEED_SLACK: Final = 1.05


@dataclass(frozen=True, slots=True)
class MotionRules:
    """How far a motion may go; every name is also a parameter's.

    Attributes:
        min_fraction: the least share of the waypoints that a path must reach.
        max_joint_step_rad: between two points of a trajectory, also metres for a joint that slides.
        max_tip_speed_m_s: of the tip; faster motions are slowed down.
        max_path_deviation_m, max_path_rotation_rad: of the tip from its path, straight from waypoint to waypoint and
            turning evenly.
        start_tolerance_rad: from where the joints are to where the trajectory begins.
        max_velocity_scaling, max_acceleration_scaling: shares of the joints' limits, above 0 and at most 1.

    Raises:
        InvalidRequest: naming the rule, what was received and what would be accepted.
    """

    min_fraction: float = 0.99
    max_joint_step_rad: float = 0.5
    max_tip_speed_m_s: float = 0.25
    max_path_deviation_m: float = 0.01
    max_path_rotation_rad: float = 0.05
    start_tolerance_rad: float = 0.01
    max_velocity_scaling: float = 0.1
    max_acceleration_scaling: float = 0.1

    def __post_init__(self) -> None:
        for field in fields(self):
            value, most = getattr(self, field.name), 1.0 if field.name in _SHARES else np.inf
            if not 0 < value <= most or not np.isfinite(value):
                accepted = "above 0 and at most 1" if most == 1.0 else "a number above 0"
                raise InvalidRequest(f"{field.name} must be {accepted}, received {value}")


_SHARES: Final = ("min_fraction", "max_velocity_scaling", "max_acceleration_scaling")


def require_fraction(fraction: float, rules: MotionRules, waypoint_count: int = 0) -> None:
    """Check that a planner reached all of a path; what it says of success is no help, it says so of a fraction of 0.

    Args:
        waypoint_count: of the path, each of which counts the same, as in MoveIt; 0 where it is not known.

    Raises:
        MotionRefused: for less than ``min_fraction``.
    """
    if not fraction >= rules.min_fraction:
        told = f"only {fraction:.3f} of the path can be followed; min_fraction asks for {rules.min_fraction}"
        if waypoint_count and 0 <= fraction < 1:
            # 1/3 of three waypoints is the first of them, rounded as it may be.
            missed = math.floor(fraction * waypoint_count + 1e-6) + 1
            told += f"; the way to waypoint {missed} of {waypoint_count} cannot be followed to its end"
        raise MotionRefused(told)


def require_whole(trajectory: JointTrajectory, robot: RobotDescription, joint_names: Sequence[str]) -> None:
    """Check that a trajectory is complete and possible: every joint named, in time, in its limits, and nothing jumps.

    Args:
        joint_names: the joints that have to be moved, in any order.

    Raises:
        MotionRefused: naming the point, the joint, the amount and what would be accepted.
    """
    names = trajectory.joint_names
    if sorted(names) != sorted(joint_names):
        raise MotionRefused(
            f"the trajectory moves {', '.join(names) or 'no joint'}; it must move {', '.join(joint_names)}"
        )
    if len(trajectory.times_s) < 2:
        raise MotionRefused(f"the trajectory has {len(trajectory.times_s)} points; a motion has at least 2")
    for label in ("positions", "velocities", "accelerations"):
        wrong = _first(~np.isfinite(getattr(trajectory, label)))
        if wrong:
            raise MotionRefused(f"the {label} of {names[wrong[1]]} at point {wrong[0]} are not finite")
    _require_times(trajectory.times_s)
    joints = robot.require_joints(names)
    lower, upper = (np.array([getattr(joint, end) for joint in joints]) for end in ("lower", "upper"))
    beyond = np.maximum(lower - trajectory.positions, trajectory.positions - upper)
    wrong = _first(beyond > _LIMIT_SLACK_RAD)
    if wrong:
        raise MotionRefused(
            f"{names[wrong[1]]} is {beyond[wrong]:.4f} beyond its limits at point {wrong[0]}; the URDF allows "
            f"{lower[wrong[1]]:.4f} to {upper[wrong[1]]:.4f}"
        )
    _require_speed(trajectory, np.array([joint.velocity for joint in joints]))


def _require_times(times_s: FloatArray) -> None:
    if not np.isfinite(times_s).all() or not (np.diff(times_s) > 0).all() or times_s[0] < 0:
        raise MotionRefused(
            f"the times of a trajectory must increase from 0 s on; received {np.round(times_s[:4], 4).tolist()} "
            f"and so on to {times_s[-1]:.4f}"
        )


def _require_speed(trajectory: JointTrajectory, velocity: FloatArray) -> None:
    """By what it says, and by how far it goes in which time."""
    going = np.abs(np.diff(trajectory.positions, axis=0)) / np.diff(trajectory.times_s)[:, None]
    for speeds in (np.abs(trajectory.velocities), going):
        wrong = _first(speeds > _SPEED_SLACK * velocity)
        if wrong:
            raise MotionRefused(
                f"{trajectory.joint_names[wrong[1]]} would go at {speeds[wrong]:.3f} per second at point {wrong[0]}; "
                f"its limit is {velocity[wrong[1]]:.3f}"
            )


def _first(wrong: npt.NDArray[np.bool_]) -> tuple[int, int] | None:
    """The first point, and its first joint, where something is wrong."""
    found = np.argwhere(wrong)
    return (int(found[0, 0]), int(found[0, 1])) if len(found) else None


def require_no_jump(trajectory: JointTrajectory, rules: MotionRules) -> None:
    """Check that no joint turns far between two points.

    A whole turn is one for a continuous joint too: controllers go from number to number.

    Raises:
        MotionRefused: naming the point, the joint, the amount and the rule.
    """
    steps = np.abs(np.diff(trajectory.positions, axis=0))
    wrong = _first(steps > rules.max_joint_step_rad)
    if wrong:
        raise MotionRefused(
            f"{trajectory.joint_names[wrong[1]]} goes {steps[wrong]:.3f} from point {wrong[0]} to the next; "
            f"max_joint_step_rad allows {rules.max_joint_step_rad}"
        )


def require_start(
    trajectory: JointTrajectory, current: Mapping[str, float], rules: MotionRules, robot: RobotDescription | None = None
) -> None:
    """Check that a trajectory begins where the joints are.

    Args:
        robot: tells which joints are continuous, so that whole turns do not count; None for none.

    Raises:
        MotionRefused: for joints of which nothing is known, or that stand elsewhere.
    """
    names = trajectory.joint_names
    endless = robot.endless(names) if robot else np.zeros(len(names), dtype=bool)
    for name, begin, turns in zip(names, trajectory.positions[0], endless, strict=True):
        if name not in current:
            raise MotionRefused(f"where {name} stands is not known; known: {', '.join(current) or 'no joint'}")
        off = abs(float(shortest(current[name] - begin, turns)))
        if not off <= rules.start_tolerance_rad:
            raise MotionRefused(
                f"{name} stands at {current[name]:.4f}, {off:.4f} from where the motion begins, {begin:.4f}; "
                f"start_tolerance_rad allows {rules.start_tolerance_rad}"
            )


def slow_enough(
    trajectory: JointTrajectory, robot: RobotDescription, tip_link: str, base_link: str, rules: MotionRules
) -> JointTrajectory:
    """The trajectory, slowed down where its tip would be faster than ``max_tip_speed_m_s``."""
    spans_s = np.diff(moments(trajectory))
    fastest = max(
        float((np.linalg.norm(np.diff(tips[:, :3, 3], axis=0), axis=1) / spans_s).max())
        for tips in tip_poses(trajectory, robot, tip_link, base_link)
    )
    return slowed(trajectory, max(1.0, fastest / rules.max_tip_speed_m_s))


def scaled(trajectory: JointTrajectory, robot: RobotDescription, rules: MotionRules) -> JointTrajectory:
    """The trajectory, slowed down where a joint would be faster than ``max_velocity_scaling`` of its limit.

    A planner that does not know the scaling, or takes it for none, has not kept to it.
    """
    velocity = rules.max_velocity_scaling * np.array(
        [joint.velocity for joint in robot.require_joints(trajectory.joint_names)]
    )
    going = np.abs(np.diff(trajectory.positions, axis=0)) / np.diff(trajectory.times_s)[:, None]
    fastest = np.maximum(going.max(axis=0), np.abs(trajectory.velocities).max(axis=0))
    shares = np.divide(fastest, velocity, out=np.zeros_like(fastest), where=velocity > 0)
    return slowed(trajectory, max(1.0, float(shares.max())))
