"""A checked request made a motion: the straight path, what ends it early, and its timing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from moveit_msgs.msg import MoveItErrorCodes

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.nodes.cartesian_group import PlanningGroup
from robotracer_ros.nodes.cartesian_requests import CartesianRequest
from robotracer_ros.nodes.moveit_errors import CodedError, answered_as
from robotracer_ros.planning.cartesian import JointPath, follow_poses
from robotracer_ros.planning.motion_check import MotionRules, slow_enough
from robotracer_ros.planning.timing import timed
from robotracer_ros.planning.trajectory import JointTrajectory

# Durations of messages hold 68 years.
_LONGEST_S: Final = 86_400.0


@dataclass(frozen=True, slots=True, eq=False)
class CartesianMotion:
    """What a request is answered with.

    Attributes:
        trajectory: from rest to rest, as far as the path can be followed.
        fraction: of the waypoints, above 0.
        reason: why it ends before the last of them; "" where it does not.
    """

    trajectory: JointTrajectory
    fraction: float
    reason: str


def follow(request: CartesianRequest, group: PlanningGroup, period_s: float) -> CartesianMotion:
    """Follow the waypoints in straight lines, as fast as the scaled limits allow.

    Raises:
        CodedError: START_STATE_IN_COLLISION; NO_IK_SOLUTION or PLANNING_FAILED where nothing can be followed;
            FAILURE for a path of too many points, and a motion that would take longer than a day.
    """
    arm = request.arm
    if request.avoid_collisions and (met := arm.self_collision(request.start)):
        raise CodedError(MoveItErrorCodes.START_STATE_IN_COLLISION, f"at the start {met[0]} meets {met[1]}")
    path = _path(request, group)
    velocity, acceleration = group.limits_of(arm.joint_names)
    with answered_as(MoveItErrorCodes.FAILURE):
        trajectory = timed(
            arm.joint_names, path.joints, velocity * request.velocity_scaling,
            acceleration * request.acceleration_scaling, period_s,
        )  # fmt: skip
        if request.max_speed_m_s > 0 and len(trajectory.times_s) > 1:
            rules = MotionRules(max_tip_speed_m_s=request.max_speed_m_s)
            trajectory = slow_enough(trajectory, group.robot, request.slow_link, arm.base_link, rules)
        if trajectory.times_s[-1] > _LONGEST_S:
            raise InvalidRequest(
                f"the motion would take {trajectory.times_s[-1]:g} s; accepted: scalings and a max_cartesian_speed "
                f"that let it end within a day"
            )
    return CartesianMotion(trajectory, path.fraction, path.reason)


def _path(request: CartesianRequest, group: PlanningGroup) -> JointPath:
    path, refusal = _followed(request, group, longest=0.0)
    if request.jumps.relative > 0 and len(path.joints) > 1:
        # The mean is known only once the path is.
        mean = float(np.linalg.norm(np.diff(path.joints, axis=0), axis=1).mean())
        path, refusal = _followed(request, group, longest=request.jumps.relative * mean)
    if not path.fraction > 0:
        code = MoveItErrorCodes.PLANNING_FAILED if refusal.has_spoken else MoveItErrorCodes.NO_IK_SOLUTION
        raise CodedError(code, f"nothing of the path can be followed: {path.reason}")
    return path


def _followed(request: CartesianRequest, group: PlanningGroup, longest: float) -> tuple[JointPath, _Refusal]:
    refusal = _Refusal(request, group, longest)
    with answered_as(MoveItErrorCodes.FAILURE):
        path = follow_poses(request.arm, request.start, request.waypoints, request.max_step_m, refusal)
    return path, refusal


class _Refusal:
    """Why the arm must not go on to the next joint positions of its path; asked of one after the other.

    Args:
        longest: step of all joints together; 0 for any.
    """

    def __init__(self, request: CartesianRequest, group: PlanningGroup, longest: float) -> None:
        self._arm = request.arm
        self._avoid_collisions = request.avoid_collisions
        sliding = np.array([group.robot.joints[name].kind == "prismatic" for name in request.arm.joint_names])
        each = np.where(sliding, request.jumps.prismatic_m, request.jumps.revolute_rad)
        self._each = np.where(each > 0, each, np.inf)
        self._longest = longest or np.inf
        self._before = request.start
        self.has_spoken = False

    def __call__(self, joints: FloatArray) -> str:
        why = self._jump(joints) or self._collision(joints)
        self._before = joints
        self.has_spoken = bool(why)
        return why

    def _jump(self, joints: FloatArray) -> str:
        steps = np.abs(joints - self._before)
        at = int((steps / self._each).argmax())
        if steps[at] > self._each[at]:
            return f"{self._arm.joint_names[at]} would jump by {steps[at]:.4f}; {self._each[at]:g} is allowed"
        length = float(np.linalg.norm(steps))
        if length > self._longest:
            return f"the joints would jump by {length:.4f}; jump_threshold allows {self._longest:.4f}"
        return ""

    def _collision(self, joints: FloatArray) -> str:
        met = self._arm.self_collision(joints) if self._avoid_collisions else None
        return f"{met[0]} would meet {met[1]}" if met else ""
