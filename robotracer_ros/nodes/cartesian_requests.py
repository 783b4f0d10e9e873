"""What a ``compute_cartesian_path`` request asks for: every field checked, in the arm's own terms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from moveit_msgs.msg import MoveItErrorCodes

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.nodes.cartesian_group import PlanningGroup
from robotracer_ros.nodes.moveit_errors import CodedError, answered_as
from robotracer_ros.planning.kinematics import Arm
from robotracer_ros.ros.stamps import stamp_ns
from robotracer_ros.ros.trajectories import pose_from_msg

# Where the joints are, by name; raises for those that are not known.
JointsNow = Callable[[Sequence[str]], Mapping[str, float]]
# ``base_from_frame`` at a stamp in nanoseconds, 0 for the latest; raises for frames TF does not know.
Transforms = Callable[[str, str, int], RigidTransform]

# Encoders read a little beyond a limit that a joint rests on.
_LIMIT_SLACK_RAD: Final = 1e-3
_MOST_WAYPOINTS: Final = 10_000
_UNUSED: Final = ("joint_constraints", "position_constraints", "orientation_constraints", "visibility_constraints")


@dataclass(frozen=True, slots=True)
class JumpLimits:
    """How far a joint may go between two points of the path; 0 for as far as it likes.

    Attributes:
        relative: times the mean step of the whole path, all joints taken together.
        revolute_rad, prismatic_m: of a single joint.
    """

    relative: float
    revolute_rad: float
    prismatic_m: float


@dataclass(frozen=True, slots=True, eq=False)
class CartesianRequest:
    """A checked request.

    Attributes:
        arm: ends at the link that follows the waypoints.
        joints: where every joint starts that was told of, by name; those of the arm at least.
        start: (N,) joint positions of the arm.
        waypoints: (W, 4, 4) of the link seen from the arm's base link.
        velocity_scaling, acceleration_scaling: above 0, at most 1.
        max_speed_m_s: of ``slow_link``; 0 for no limit.
    """

    arm: Arm
    joints: Mapping[str, float]
    start: FloatArray
    waypoints: FloatArray
    max_step_m: float
    avoid_collisions: bool
    jumps: JumpLimits
    velocity_scaling: float
    acceleration_scaling: float
    slow_link: str
    max_speed_m_s: float


def read_request(
    message: Any, group: PlanningGroup, group_name: str, default_scalings: tuple[float, float],
    joints_now: JointsNow, transforms: Transforms,
) -> CartesianRequest:  # fmt: skip
    """Check a GetCartesianPath request.

    Args:
        group_name: what the group is called.
        default_scalings: of velocity and acceleration, for a request that says 0 or, as in Humble, cannot say.

    Raises:
        CodedError: with MoveIt's code for what is wrong.
    """
    if message.group_name != group_name:
        raise CodedError(
            MoveItErrorCodes.INVALID_GROUP_NAME, f"there is no group {message.group_name!r}; accepted: {group_name!r}"
        )
    arm = group.arm(message.link_name)
    _require_nothing_unknown(message)
    with answered_as(MoveItErrorCodes.FAILURE):
        velocity, acceleration = (
            _scaling(f"max_{kind}_scaling_factor", _told(message, f"max_{kind}_scaling_factor"), default)
            for kind, default in zip(("velocity", "acceleration"), default_scalings, strict=True)
        )
        jumps = _jumps(message)
        max_speed_m_s = _at_least_0("max_cartesian_speed", _told(message, "max_cartesian_speed"))
    slow_link = (max_speed_m_s > 0 and getattr(message, "cartesian_speed_limited_link", "")) or arm.tip_link
    with answered_as(MoveItErrorCodes.INVALID_LINK_NAME, "cartesian_speed_limited_link"):
        group.robot.chain(slow_link, arm.base_link)
    if not message.max_step > 0.0:
        raise CodedError(MoveItErrorCodes.FAILURE, f"max_step is {message.max_step:g} m; accepted: a number above 0")
    poses = _poses(message.waypoints)
    joints = _start(message.start_state, group, arm, joints_now)
    start = _within_limits(arm, np.array([joints[name] for name in arm.joint_names]))
    waypoints = _seen_from_base(poses, message.header, group, arm, start, transforms)
    return CartesianRequest(
        arm, joints, start, waypoints, message.max_step, message.avoid_collisions, jumps, velocity, acceleration,
        slow_link, max_speed_m_s,
    )  # fmt: skip


def _require_nothing_unknown(message: Any) -> None:
    """Refuse what would have to be considered, and is not."""
    if any(getattr(message.path_constraints, kind) for kind in _UNUSED):
        raise CodedError(MoveItErrorCodes.FAILURE, "path_constraints are not considered here; accepted: none")
    if message.start_state.attached_collision_objects:
        raise CodedError(
            MoveItErrorCodes.INVALID_ROBOT_STATE, "start_state has attached objects, which are not considered here; "
            "accepted: none"
        )  # fmt: skip
    if message.start_state.multi_dof_joint_state.joint_names:
        raise CodedError(
            MoveItErrorCodes.INVALID_ROBOT_STATE,
            f"start_state places {', '.join(message.start_state.multi_dof_joint_state.joint_names)}, and every joint "
            f"here has one position; accepted: no multi_dof_joint_state",
        )


def _told(message: Any, name: str) -> float:
    """0 where the distribution's message has no such field."""
    return float(getattr(message, name, 0.0))


def _at_least_0(name: str, value: float) -> float:
    if not 0.0 <= value < np.inf:
        raise InvalidRequest(f"{name} is {value:g}; accepted: 0 for none, or a number above")
    return value


def _scaling(name: str, value: float, default: float) -> float:
    if not 0.0 <= value <= 1.0:
        raise InvalidRequest(f"{name} is {value:g}; accepted: above 0 and at most 1, or 0 for {default:g}")
    return value or default


def _jumps(message: Any) -> JumpLimits:
    # Below 0 there is none, as in MoveIt.
    limits = JumpLimits(
        *(_at_least_0(name, max(_told(message, name), 0.0))
          for name in ("jump_threshold", "revolute_jump_threshold", "prismatic_jump_threshold"))
    )  # fmt: skip
    if 0.0 < limits.relative <= 1.0:
        raise InvalidRequest(
            f"jump_threshold is {limits.relative:g}, and on every path some step is as long as the mean; accepted: 0 "
            f"for none, or a number above 1"
        )
    return limits


def _poses(waypoints: Sequence[Any]) -> list[FloatArray]:
    if not 0 < len(waypoints) <= _MOST_WAYPOINTS:
        raise CodedError(
            MoveItErrorCodes.INVALID_GOAL_CONSTRAINTS,
            f"a path has 1 to {_MOST_WAYPOINTS} waypoints, received {len(waypoints)}",
        )
    poses = []
    for number, waypoint in enumerate(waypoints, 1):
        with answered_as(MoveItErrorCodes.INVALID_GOAL_CONSTRAINTS, f"waypoint {number} cannot be used"):
            poses.append(pose_from_msg(waypoint))
    return poses


def _start(state: Any, group: PlanningGroup, arm: Arm, joints_now: JointsNow) -> dict[str, float]:
    """Positions by name: those given, and where the rest of the arm's joints are now."""
    names, positions = list(state.joint_state.name), list(state.joint_state.position)
    if len(names) != len(positions):
        raise CodedError(
            MoveItErrorCodes.INVALID_ROBOT_STATE, f"start_state has {len(names)} names and {len(positions)} positions"
        )
    for name, position in zip(names, positions, strict=True):
        if name not in group.positioned:
            raise CodedError(
                MoveItErrorCodes.INVALID_ROBOT_STATE,
                f"start_state names {name!r}, which is no joint of the robot that moves; accepted: "
                f"{', '.join(group.positioned)}",
            )
        if not np.isfinite(position):
            raise CodedError(
                MoveItErrorCodes.INVALID_ROBOT_STATE, f"start_state places {name} at {position}; accepted: a number"
            )
    given = dict(zip(names, positions, strict=True))
    missing = [name for name in arm.joint_names if name not in given]
    with answered_as(MoveItErrorCodes.ROBOT_STATE_STALE):
        now = joints_now(missing) if missing else {}
    for name, position in now.items():
        if not np.isfinite(position):
            raise CodedError(MoveItErrorCodes.ROBOT_STATE_STALE, f"joint_states place {name} at {position}")
    return {**now, **given}


def _within_limits(arm: Arm, start: FloatArray) -> FloatArray:
    held = np.clip(start, arm.limits.lower, arm.limits.upper)
    beyond = np.abs(start - held)
    at = int(beyond.argmax())
    if beyond[at] > _LIMIT_SLACK_RAD:
        raise CodedError(
            MoveItErrorCodes.START_STATE_INVALID,
            f"the start holds {arm.joint_names[at]} at {start[at]:.4f}, beyond its limits "
            f"{arm.limits.lower[at]:.4f} to {arm.limits.upper[at]:.4f}",
        )
    return held


def _seen_from_base(
    poses: list[FloatArray], header: Any, group: PlanningGroup, arm: Arm, start: FloatArray, transforms: Transforms
) -> FloatArray:
    """(W, 4, 4). In the frame of the link itself each pose is seen from the one before, as in MoveIt."""
    frame = header.frame_id or group.planning_frame
    if frame == arm.tip_link:
        chained = [arm.tip(start)]
        for pose in poses:
            chained.append(chained[-1] @ pose)
        return np.array(chained[1:])
    with answered_as(MoveItErrorCodes.FRAME_TRANSFORM_FAILURE):
        at_ns = stamp_ns(header.stamp)
        if at_ns < 0:
            raise InvalidRequest(f"the stamp of the header is {at_ns * 1e-9:g} s; accepted: a time from 0 s on")
        base_from_frame = transforms(arm.base_link, frame, at_ns)
    carry = np.eye(4)
    carry[:3, :3], carry[:3, 3] = base_from_frame.rotation, base_from_frame.translation_m
    return carry @ np.array(poses)
