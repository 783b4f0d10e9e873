"""An arm follows paths by a running move_group: MoveIt's straight lines, checked, and its execution, watched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from moveit_msgs.msg import DisplayTrajectory, RobotTrajectory
from rclpy.node import Node

from robotracer_ros.errors import MotionError, MotionRefused
from robotracer_ros.motion.arm_chain import ArmChain, end_of, is_still
from robotracer_ros.motion.cartesian_client import CartesianClient, start_state
from robotracer_ros.motion.execution import Execution
from robotracer_ros.motion.follower import Plan, Progress, StopSign
from robotracer_ros.motion.gripper import Gripper
from robotracer_ros.motion.guard import Guard
from robotracer_ros.motion.move_group_settings import MoveGroupSettings
from robotracer_ros.motion.moved_path import Lookup
from robotracer_ros.motion.step_order import follow_in_order
from robotracer_ros.planning.manipulation import Reach, Step
from robotracer_ros.planning.motion_check import require_start
from robotracer_ros.planning.robot_description import RobotDescription
from robotracer_ros.planning.trajectory import JointTrajectory
from robotracer_ros.ros.joint_states import JointStates
from robotracer_ros.ros.trajectories import trajectory_to_msg

__all__ = ["MoveGroupFollower", "MoveGroupSettings"]

# The robot, waiting for its description for at most so many seconds; `DescriptionSource.robot`.
RobotSource: TypeAlias = Callable[[float], RobotDescription]


class MoveGroupFollower:
    """A `PathFollower`.

    Args:
        node: spun elsewhere; the methods here wait for answers it hears.
        robot: every name is checked against it before it is sent.
        lookup: TF, for paths in other frames than the planning frame.
        gripper: follows the `Grip` steps.
    """

    def __init__(
        self, node: Node, settings: MoveGroupSettings, robot: RobotSource, joint_states: JointStates, lookup: Lookup,
        gripper: Gripper,
    ) -> None:  # fmt: skip
        self._settings, self._robot, self._joint_states, self._gripper = settings, robot, joint_states, gripper
        self._planner = CartesianClient(node, settings, lookup)
        self._execution = Execution(node, settings, joint_states)
        self._guard = Guard(settings.execution.stop_timeout_s)

    def plan(self, steps: Sequence[Step], stop: StopSign) -> Plan:
        """Plan and check; nothing moves.

        Raises:
            MotionRefused: naming the step, the waypoint, the amount and the rule.
            MotionError: for a move_group that is not there, goes away, or takes too long.
            RobotracerError: no transform, or the reason of ``stop``.
        """
        chain = self._chain()
        current = self._current(chain, self._settings.server_timeout_s)
        trajectories: list[JointTrajectory] = []
        for step in steps:
            stop.obey()
            if isinstance(step, Reach):
                start = end_of(trajectories[-1]) if trajectories else current
                try:
                    trajectory = self._planner.plan(chain, step, start, not trajectories, stop)
                except MotionRefused as error:
                    raise MotionRefused(f"{step.name}: {error}") from error
                trajectories.append(trajectory)
            else:
                self._gripper.require_possible(step)
        display = DisplayTrajectory(model_id=chain.robot.name, trajectory_start=start_state(chain, current))
        display.trajectory = [RobotTrajectory(joint_trajectory=trajectory_to_msg(one)) for one in trajectories]
        return Plan(tuple(steps), tuple(trajectories), display)

    def follow(self, plan: Plan, stop: StopSign, progress: Progress) -> None:
        """Let the arm follow a plan to its end.

        Raises:
            MotionRefused: before anything moved: the joints are elsewhere than where the plan begins.
            MotionError: the robot did not follow to the end, or its rest could not be confirmed.
            RobotracerError: the reason of ``stop``; the robot rests.
        """
        chain = self._chain()

        def follow(number: int, step: Step, told: Callable[[float], None]) -> None:
            stop.obey()
            if isinstance(step, Reach):
                self._reach(plan.trajectories[number], chain, stop, told)
            else:
                self._gripper.follow(step, stop)

        with self._guard.running(stop):
            stop.obey()
            self._execution.require_free()
            for first in plan.trajectories[:1]:
                self._require_start(first, chain)
            follow_in_order(plan.steps, progress, follow)

    def close(self) -> None:
        """Let go of topics, services and actions; the gripper is left to whoever made it."""
        if self._guard.end():
            self._planner.close()
            self._execution.close()

    def _chain(self) -> ArmChain:
        robot = self._robot(self._settings.server_timeout_s)
        return ArmChain.of(robot, self._settings.tip_link, self._settings.joint_names)

    def _require_start(self, trajectory: JointTrajectory, chain: ArmChain) -> None:
        require_start(trajectory, self._current(chain, 0.0), self._settings.rules, chain.robot)

    def _current(self, chain: ArmChain, timeout_s: float) -> dict[str, float]:
        """Where the joints are now."""
        try:
            return self._joint_states.wait(
                chain.joint_names, self._settings.execution.joint_state_age_s, timeout_s
            )  # fmt: skip
        except MotionRefused as error:
            raise MotionRefused(f"{error}; joint_state_age_s allows no more") from error

    def _reach(
        self, trajectory: JointTrajectory, chain: ArmChain, stop: StopSign, told: Callable[[float], None]
    ) -> None:
        if is_still(trajectory):
            return
        try:
            self._require_start(trajectory, chain)
        except MotionRefused as error:
            raise MotionError(str(error)) from error
        self._execution.follow(trajectory, chain.robot, stop, told)
