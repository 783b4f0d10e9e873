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
from robotracer_ros.planning.trajectory import JointTrajectory

# Planners keep to limits up to rounding; MoveIt's accelerations are up to 0.8 % above theirs.
_LIMIT_SLACK_RAD: Final = 1e-3
_SPEED_SLACK: Final = 1.05
# Between two points the tip is looked at this often, along the cubic through positions and velocities.
_SAMPLES: Final = 5


@dataclass(frozen=True, slots=True)
class MotionRules:
    """How far a motion may go; every name is also a parameter's.

    Attributes:
        min_fraction: the least share of the waypoints that a path must reach.
        max_joint_step_rad: between two points of a trajectory, also metres for a joint that slides.
        max_tip_speed_m_s: of the tip; faster motions are slowed down.
        max_path_deviation_m, max_path_rotation_rad: of the tip from the lines between the waypoints, and of its
            orientation at the end from the last one's.
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
                f"its limit is {velocity[wrong[1]]:.3f} in the URDF"
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


def require_on_path(
    trajectory: JointTrajectory, robot: RobotDescription, tip_link: str, base_link: str, waypoints: FloatArray,
    rules: MotionRules,
) -> None:  # fmt: skip
    """Check by the robot's own geometry that the tip goes where it was asked to go.

    Args:
        waypoints: (W, 4, 4) of the tip seen from the base link; the way begins where the trajectory does.

    Raises:
        MotionRefused: naming the waypoint, the distance and the rule.
    """
    tips = _tips(trajectory, robot, tip_link, base_link)
    corners = np.concatenate([tips[:1, :3, 3], waypoints[:, :3, 3]])
    away, lines = _distance_to_lines(tips[:, :3, 3], corners)
    worst = int(away.argmax())
    if away[worst] > rules.max_path_deviation_m:
        raise MotionRefused(
            f"{tip_link} would leave the path by {away[worst]:.4f} m {worst / (len(tips) - 1):.0%} of the way through, "
            f"near the line to waypoint {lines[worst] + 1}; max_path_deviation_m allows {rules.max_path_deviation_m}"
        )
    for number, waypoint in enumerate(waypoints, 1):
        missed = float(np.linalg.norm(tips[:, :3, 3] - waypoint[:3, 3], axis=1).min())
        if missed > rules.max_path_deviation_m:
            raise MotionRefused(
                f"{tip_link} would pass waypoint {number} at {missed:.4f} m; "
                f"max_path_deviation_m allows {rules.max_path_deviation_m}"
            )
    end, wanted = tips[-1], waypoints[-1]
    off_m = float(np.linalg.norm(end[:3, 3] - wanted[:3, 3]))
    turned = float(np.arccos(np.clip((np.trace(end[:3, :3].T @ wanted[:3, :3]) - 1) / 2, -1, 1)))
    if off_m > rules.max_path_deviation_m or turned > rules.max_path_rotation_rad:
        raise MotionRefused(
            f"{tip_link} would end {off_m:.4f} m and {turned:.4f} rad from waypoint {len(waypoints)}; "
            f"max_path_deviation_m allows {rules.max_path_deviation_m}, max_path_rotation_rad "
            f"{rules.max_path_rotation_rad}"
        )


def slow_enough(
    trajectory: JointTrajectory, robot: RobotDescription, tip_link: str, base_link: str, rules: MotionRules
) -> JointTrajectory:
    """The trajectory, slowed down where its tip would be faster than ``max_tip_speed_m_s``."""
    tips, times_s = _tips(trajectory, robot, tip_link, base_link), _dense(trajectory.times_s)
    speeds = np.linalg.norm(np.diff(tips[:, :3, 3], axis=0), axis=1) / np.diff(times_s)
    return slowed(trajectory, max(1.0, float(speeds.max()) / rules.max_tip_speed_m_s))


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


def _tips(trajectory: JointTrajectory, robot: RobotDescription, tip_link: str, base_link: str) -> FloatArray:
    """(S, 4, 4) of the tip at the trajectory's points and between them."""
    times_s, dense = trajectory.times_s, _dense(trajectory.times_s)
    at = np.clip(np.searchsorted(times_s, dense, side="right") - 1, 0, len(times_s) - 2)
    span = (times_s[at + 1] - times_s[at])[:, None]
    share = (dense - times_s[at])[:, None] / span
    # The cubic that controllers interpolate with, through positions and velocities.
    one, other = trajectory.positions[at], trajectory.positions[at + 1]
    leave, arrive = trajectory.velocities[at] * span, trajectory.velocities[at + 1] * span
    joints = (
        (2 * share**3 - 3 * share**2 + 1) * one + (share**3 - 2 * share**2 + share) * leave
        + (3 * share**2 - 2 * share**3) * other + (share**3 - share**2) * arrive
    )  # fmt: skip
    return robot.place(tip_link, dict(zip(trajectory.joint_names, joints.T, strict=True)), base_link)


def _dense(times_s: FloatArray) -> FloatArray:
    """(S,) the times with `_SAMPLES` steps from one to the next."""
    steps = np.arange(_SAMPLES) / _SAMPLES
    between = times_s[:-1, None] + np.diff(times_s)[:, None] * steps
    return np.append(between.ravel(), times_s[-1])


def _distance_to_lines(points: FloatArray, corners: FloatArray) -> tuple[FloatArray, npt.NDArray[np.intp]]:
    """(N,) from points (N, 3) to the nearest of the lines between corners (C, 3), and (N,) which line it is."""
    begin, way = corners[:-1], np.diff(corners, axis=0)
    length = np.maximum((way**2).sum(axis=1), 1e-18)
    share = np.clip(((points[:, None] - begin) * way).sum(axis=2) / length, 0.0, 1.0)
    nearest = begin + share[:, :, None] * way
    away = np.linalg.norm(points[:, None] - nearest, axis=2)
    return away.min(axis=1), away.argmin(axis=1)
