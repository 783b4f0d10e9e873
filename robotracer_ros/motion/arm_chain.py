"""The part of an arm that a planner moves, and what it may be told to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from robotracer_ros.errors import InvalidRequest, MotionRefused
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.planning.motion_check import (
    MotionRules,
    require_no_jump,
    require_start,
    require_whole,
    scaled,
    slow_enough,
)
from robotracer_ros.planning.path_check import require_on_path
from robotracer_ros.planning.robot_description import RobotDescription
from robotracer_ros.planning.trajectory import JointTrajectory

# A tip nearer to a pose than this is there; a planner that is asked for such a way answers with one point.
_THERE_M = 1e-4
_THERE_RAD = 1e-3
_STILL_S = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class ArmChain:
    """The joints from a base link to a tip link, all of which a planning group moves.

    Attributes:
        joint_names: from the base to the tip.
    """

    robot: RobotDescription
    base_link: str
    tip_link: str
    joint_names: tuple[str, ...]

    @classmethod
    def of(cls, robot: RobotDescription, tip_link: str, joint_names: Sequence[str] = ()) -> ArmChain:
        """The joints that move a tip link.

        Args:
            joint_names: those of the planning group, where it leaves out the first ones (a lift, a waist); () for all.

        Raises:
            MotionRefused: for names the robot does not have, and joints that are not the last ones before the tip.
        """
        try:
            chain = robot.chain(tip_link)
            robot.require_joints(joint_names)
        except InvalidRequest as error:
            raise MotionRefused(str(error)) from error
        moving = [joint for joint in chain if joint.moves]
        names = [joint.name for joint in moving if not joint_names or joint.name in joint_names]
        last = [joint.name for joint in moving[len(moving) - len(names) :]]
        if not names or len(names) < len(joint_names) or names != last:
            raise MotionRefused(
                f"{', '.join(joint_names) or 'no joint'} cannot be moved alone to move {tip_link}; accepted: the last "
                f"of {', '.join(joint.name for joint in moving) or 'its joints, of which it has none'}"
            )
        return cls(robot, moving[-len(names)].parent, tip_link, tuple(names))

    def tip(self, joints: Mapping[str, float]) -> FloatArray:
        """(4, 4) of the tip seen from the base link, for positions of all joints by name."""
        return np.asarray(self.robot.place(self.tip_link, {name: joints[name] for name in self.joint_names},
                                           self.base_link)[0])  # fmt: skip

    def is_there(self, joints: Mapping[str, float], waypoints: FloatArray) -> bool:
        """Whether the tip need not move to be at all of (W, 4, 4) poses seen from the base link."""
        tip = self.tip(joints)
        turned = np.einsum("ij,wij->w", tip[:3, :3], waypoints[:, :3, :3])
        angles = np.arccos(np.clip((turned - 1) / 2, -1, 1))
        away = np.linalg.norm(waypoints[:, :3, 3] - tip[:3, 3], axis=1)
        return bool((away < _THERE_M).all() and (angles < _THERE_RAD).all())

    def still(self, joints: Mapping[str, float]) -> JointTrajectory:
        """A moment without motion."""
        positions = np.tile([joints[name] for name in self.joint_names], (2, 1))
        zero = np.zeros_like(positions)
        return JointTrajectory(self.joint_names, np.array([0.0, _STILL_S]), positions, zero, zero)

    def checked(
        self, trajectory: JointTrajectory, waypoints: FloatArray, start: Mapping[str, float], rules: MotionRules
    ) -> JointTrajectory:
        """The trajectory, slowed down as far as the rules ask for it.

        Args:
            waypoints: (W, 4, 4) of the tip seen from the base link.
            start: where the joints will be when it begins, by name.

        Raises:
            MotionRefused: for a trajectory that must not be followed, with the point or waypoint, amount and rule.
        """
        require_whole(trajectory, self.robot, self.joint_names)
        require_no_jump(trajectory, rules)
        require_start(trajectory, start, rules, self.robot)
        require_on_path(trajectory, self.robot, self.tip_link, self.base_link, waypoints, rules)
        slow = scaled(trajectory, self.robot, rules)
        return slow_enough(slow, self.robot, self.tip_link, self.base_link, rules)


def is_still(trajectory: JointTrajectory) -> bool:
    """Whether nothing moves in it."""
    return not np.ptp(trajectory.positions, axis=0).any()


def end_of(trajectory: JointTrajectory) -> dict[str, float]:
    """Where the joints are at its end, by name."""
    return dict(zip(trajectory.joint_names, trajectory.positions[-1].tolist(), strict=True))
