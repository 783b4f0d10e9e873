"""Carries an arm's steps out in a simulated world: the same planning as on a robot, without ROS in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from transforms3d.quaternions import mat2quat, quat2mat

from robotracer_ros.errors import MotionRefused
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.planning.cartesian import follow_poses
from robotracer_ros.planning.grasp import GripperShape
from robotracer_ros.planning.handling import Tool
from robotracer_ros.planning.kinematics import Arm
from robotracer_ros.planning.manipulation import Grip, Reach, Step
from robotracer_ros.planning.motion_check import MotionRules, require_fraction, slow_enough
from robotracer_ros.planning.path import PosePath
from robotracer_ros.planning.pick_and_place import TipPose
from robotracer_ros.planning.timing import timed
from robotracer_ros.planning.tool_body import RobotBody
from robotracer_ros.planning.trajectory import JointTrajectory
from robotracer_ros.planning.trajectory_follower import TrajectoryFollower
from robotracer_ros.sim.arm_world import TIP_LINK, ArmWorld
from robotracer_ros.sim.mount import BASE_FRAME

# The arm of the package: what its joints may do in a second, and the gripper it carries.
ACCELERATION_RAD_S2: Final = 10.0
GRIPPER: Final = GripperShape(max_width_m=0.11)
_MAX_STEP_M: Final = 0.01
_TICK_S: Final = 0.002
# For the fingers to close, and for things to come to rest.
_GRIP_S: Final = 0.8
_SETTLE_S: Final = 1.0
FINGER: Final = "finger_joint"


@dataclass(frozen=True, slots=True, eq=False)
class ArmPlan:
    """Steps with a trajectory for each `Reach`, in order."""

    steps: tuple[Step, ...]
    trajectories: tuple[JointTrajectory, ...]

    @property
    def duration_s(self) -> float:
        """Of all trajectories."""
        return sum(float(trajectory.times_s[-1]) for trajectory in self.trajectories)


class ArmPlayer:
    """Plans and plays steps for the arm of a world.

    Args:
        world: whose arm moves; `ArmWorld.load` may be called between plays.
        rules: how far a motion may go.
    """

    def __init__(self, world: ArmWorld, rules: MotionRules) -> None:
        self._world, self._rules = world, rules
        self._arm = Arm(world.urdf, TIP_LINK, BASE_FRAME)
        self._body = RobotBody.from_urdf(world.urdf)
        self._robot = self._body.robot

    def tool(self) -> Tool:
        """The gripper as it stands now, in the arm's base frame."""
        positions = self._positions()
        tip = self._arm.tip(self._joints())
        w, x, y, z = mat2quat(tip[:3, :3])
        pose = TipPose(tip[:3, 3], np.array([x, y, z, w]), np.zeros(3))

        def body_at(width_m: float) -> FloatArray:
            return self._body.tool_points(TIP_LINK, {**positions, FINGER: width_m / 2})

        body_m = self._body.tool_points(TIP_LINK, positions)
        return Tool(GRIPPER, body_m, pose, self._body.points(positions), body_at=body_at)

    def plan(self, steps: Sequence[Step]) -> ArmPlan:
        """Joint trajectories for steps in the arm's base frame, from where it stands.

        Raises:
            MotionRefused: for a way that the arm cannot follow, naming the step and why.
        """
        joints, trajectories = self._joints(), []
        for step in steps:
            if isinstance(step, Reach):
                path = follow_poses(self._arm, joints, _matrices(step.path), _MAX_STEP_M, self._meets_itself)
                try:
                    require_fraction(path.fraction, self._rules)
                except MotionRefused as error:
                    raise MotionRefused(f"{step.name}: {error}: {path.reason}") from error
                trajectories.append(self._timed(path.joints))
                joints = path.joints[-1]
        return ArmPlan(tuple(steps), tuple(trajectories))

    def play(self, plan: ArmPlan) -> None:
        """Let the arm do it, and wait until everything rests."""
        trajectories = iter(plan.trajectories)
        for step in plan.steps:
            if isinstance(step, Grip):
                gap_m = 2 * self._positions()[FINGER] if step.relative else 0.0
                self._world.command({FINGER: (gap_m + step.width_m) / 2})
                self._world.advance(_GRIP_S)
            else:
                self._follow(next(trajectories))
        self._world.advance(_SETTLE_S)

    def _follow(self, trajectory: JointTrajectory) -> None:
        world, follower = self._world, TrajectoryFollower(trajectory.positions[0])
        begin_s = world.time_s
        follower.follow(trajectory, begin_s, begin_s)
        while world.time_s < follower.end_s:
            world.command(dict(zip(trajectory.joint_names, follower.at(world.time_s)[0].tolist(), strict=True)))
            world.advance(_TICK_S)

    def _timed(self, joints: FloatArray) -> JointTrajectory:
        limits = self._arm.limits.velocity * self._rules.max_velocity_scaling
        acceleration = np.full(len(limits), ACCELERATION_RAD_S2 * self._rules.max_acceleration_scaling)
        fastest = timed(self._arm.joint_names, joints, limits, acceleration)
        return slow_enough(fastest, self._robot, TIP_LINK, BASE_FRAME, self._rules) if len(joints) > 1 else fastest

    def _meets_itself(self, joints: FloatArray) -> str:
        pair = self._arm.self_collision(joints)
        return "" if pair is None else f"{pair[0]} meets {pair[1]}"

    def _positions(self) -> dict[str, float]:
        readings = self._world.joints()
        return dict(zip(readings.names, readings.positions.tolist(), strict=True))

    def _joints(self) -> FloatArray:
        positions = self._positions()
        return np.array([positions[name] for name in self._arm.joint_names])


def _matrices(path: PosePath) -> FloatArray:
    """(M, 4, 4) poses of a path."""
    poses = np.tile(np.eye(4), (len(path), 1, 1))
    poses[:, :3, 3] = path.positions_m
    for pose, (x, y, z, w) in zip(poses, path.quaternions_xyzw, strict=True):
        pose[:3, :3] = quat2mat([w, x, y, z])
    return poses
