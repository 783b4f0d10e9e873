"""An arm follows paths by MoveIt in this process: straight lines of the Pilz planner, checked like all others."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped
from moveit_msgs.msg import RobotTrajectory
from rclpy.node import Node

from robotracer_ros.errors import InvalidRequest, MotionError, MotionRefused, RobotracerError
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.motion.arm_chain import ArmChain, end_of, is_still
from robotracer_ros.motion.blocking_execution import BlockingExecution
from robotracer_ros.motion.calls import halting
from robotracer_ros.motion.follower import Plan, Progress, StopSign
from robotracer_ros.motion.gripper import Gripper
from robotracer_ros.motion.guard import Guard
from robotracer_ros.motion.joint_watch import JointWatch
from robotracer_ros.motion.move_group_settings import ExecutionSettings
from robotracer_ros.motion.moved_path import Lookup, path_now, pose_matrices
from robotracer_ros.motion.step_order import follow_in_order
from robotracer_ros.planning.manipulation import Reach, Step
from robotracer_ros.planning.motion_check import MotionRules, require_start
from robotracer_ros.planning.robot_description import RobotDescription
from robotracer_ros.planning.trajectory import JointTrajectory
from robotracer_ros.ros.joint_states import JointStates
from robotracer_ros.ros.trajectories import pose_to_msg, trajectory_from_msg, trajectory_to_msg


@dataclass(frozen=True, slots=True)
class MoveItPySettings:
    """Names and bounds.

    Attributes:
        group, tip_link, planning_frame, joint_names: as `MoveGroupSettings`.
        parameters: of the MoveItPy node, as moveit_configs_utils makes them (``MoveItConfigsBuilder(...).to_dict()``),
            with a pipeline named ``pipeline``.
        parameter_files: YAML files with such parameters, where there are no ``parameters``.
        pipeline: MoveIt's name of the Pilz planner.
        planning_time_s: for each line.

    Raises:
        InvalidRequest: for names that are missing, no parameters at all, and times that are not above 0.
    """

    group: str
    tip_link: str
    planning_frame: str = ""
    joint_names: tuple[str, ...] = ()
    parameters: Mapping[str, Any] | None = None
    parameter_files: tuple[str, ...] = ()
    pipeline: str = "pilz_industrial_motion_planner"
    controllers: tuple[str, ...] = ()
    planning_time_s: float = 5.0
    server_timeout_s: float = 5.0
    rules: MotionRules = field(default_factory=MotionRules)
    execution: ExecutionSettings = field(default_factory=ExecutionSettings)

    def __post_init__(self) -> None:
        for name in ("group", "tip_link", "pipeline"):
            if not getattr(self, name):
                raise InvalidRequest(f"{name} must be a name, received ''")
        if not self.parameters and not self.parameter_files:
            raise InvalidRequest(
                "MoveItPy needs parameters or parameter_files of a MoveIt configuration, received none"
            )
        for name in ("planning_time_s", "server_timeout_s"):
            if not 0 < getattr(self, name) < np.inf:
                raise InvalidRequest(f"{name} must be a number above 0, received {getattr(self, name)}")


class MoveItPyFollower:
    """A `PathFollower`.

    MoveItPy has no straight line through several poses, so every waypoint is a LIN motion of its own, from rest to
    rest. While it plans, for at most ``planning_time_s``, it may hold Python's lock; while the robot moves it does not.

    Args:
        robot, joint_states, lookup, gripper: as `MoveGroupFollower`.

    Raises:
        MotionRefused: where MoveIt's Python is not installed.
        MotionError: where it cannot be set up with these parameters.
    """

    def __init__(
        self, node: Node, settings: MoveItPySettings, robot: Callable[[float], RobotDescription],
        joint_states: JointStates, lookup: Lookup, gripper: Gripper,
    ) -> None:  # fmt: skip
        self._settings, self._robot, self._joint_states = settings, robot, joint_states
        self._lookup, self._gripper, self._node = lookup, gripper, node
        self._planning, self._state = _imported("moveit.planning"), _imported("moveit.core.robot_state")
        # Its errors are C++ exceptions of all kinds.
        try:
            self._moveit = self._planning.MoveItPy(**self._arguments())
            self._component = self._moveit.get_planning_component(settings.group)
            self._model = self._moveit.get_robot_model()
            self._executor = self._moveit.get_trajectory_execution_manager()
        except Exception as error:
            raise MotionError(f"MoveItPy cannot be set up for the group {settings.group!r}: {error}") from error
        self._guard = Guard(settings.execution.stop_timeout_s)
        self._is_stuck = False
        self._last: BlockingExecution | None = None

    def plan(self, steps: Sequence[Step], stop: StopSign) -> Plan:
        """Plan and check; nothing moves.

        Raises:
            MotionRefused: naming the step, the waypoint, the amount and the rule.
            MotionError: for a planner that fails in itself.
            RobotracerError: no transform, or the reason of ``stop``.
        """
        settings = self._settings
        chain = self._chain()
        start = self._joint_states.wait(chain.joint_names, settings.execution.joint_state_age_s,
                                        settings.server_timeout_s)  # fmt: skip
        trajectories: list[JointTrajectory] = []
        for step in steps:
            stop.obey()
            if not isinstance(step, Reach):
                self._gripper.require_possible(step)
                continue
            try:
                trajectories.append(self._reach(chain, step, start, stop))
            except MotionRefused as error:
                raise MotionRefused(f"{step.name}: {error}") from error
            start = end_of(trajectories[-1])
        return Plan(tuple(steps), tuple(trajectories))

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
            if not isinstance(step, Reach):
                self._gripper.follow(step, stop)
            elif not is_still(plan.trajectories[number]):
                self._execute(plan.trajectories[number], chain, stop, told)

        with self._guard.running(stop):
            stop.obey()
            self._require_free()
            for first in plan.trajectories[:1]:
                self._require_start(first, chain)
            follow_in_order(plan.steps, progress, follow)

    def close(self) -> None:
        """Stop what moves and end MoveIt in this process, unless it still has to be stopped."""
        if self._guard.end() and (self._last is None or self._last.is_over):
            self._moveit.shutdown()

    def _arguments(self) -> dict[str, Any]:
        settings = self._settings
        given: dict[str, Any] = {"node_name": f"{self._node.get_name()}_moveit_py"}
        if settings.parameters:
            given["config_dict"] = dict(settings.parameters)
        else:
            given["launch_params_filepaths"] = list(settings.parameter_files)
        return given

    def _chain(self) -> ArmChain:
        robot = self._robot(self._settings.server_timeout_s)
        return ArmChain.of(robot, self._settings.tip_link, self._settings.joint_names)

    def _reach(
        self, chain: ArmChain, reach: Reach, start: Mapping[str, float], stop: StopSign
    ) -> JointTrajectory:  # fmt: skip
        frame = self._settings.planning_frame or chain.robot.root
        goals = pose_matrices(path_now(reach.path, frame, self._lookup))
        waypoints = pose_matrices(path_now(reach.path, chain.base_link, self._lookup))
        parts: list[JointTrajectory] = []
        for number, (goal, waypoint) in enumerate(zip(goals, waypoints, strict=True), 1):
            stop.obey()
            if chain.is_there(start, waypoint[None]):
                continue
            try:
                part = chain.checked(
                    self._line(chain, goal, frame, start), waypoint[None], start, self._settings.rules
                )  # fmt: skip
            except MotionRefused as error:
                raise MotionRefused(f"on the way to waypoint {number}: {error}") from error
            parts.append(part)
            start = end_of(part)
        return _joined(parts) if parts else chain.still(start)

    def _line(self, chain: ArmChain, goal: FloatArray, frame: str, start: Mapping[str, float]) -> JointTrajectory:
        settings, rules = self._settings, self._settings.rules
        pose = PoseStamped(pose=pose_to_msg(goal))
        pose.header.frame_id = frame
        try:
            state = self._state.RobotState(self._model)
            # Joints that no one plans for stand where they stand: a gripper's fingers, a waist.
            state.set_to_default_values()
            state.joint_positions = {**self._others(chain), **start}
            state.update()
            parameters = self._planning.PlanRequestParameters(self._moveit, settings.pipeline)
            parameters.planning_pipeline, parameters.planner_id = settings.pipeline, "LIN"
            parameters.planning_time, parameters.planning_attempts = settings.planning_time_s, 1
            parameters.max_velocity_scaling_factor = rules.max_velocity_scaling
            parameters.max_acceleration_scaling_factor = rules.max_acceleration_scaling
            self._component.set_start_state(robot_state=state)
            self._component.set_goal_state(pose_stamped_msg=pose, pose_link=chain.tip_link)
            found = self._component.plan(single_plan_parameters=parameters)
        except Exception as error:
            raise MotionError(f"MoveItPy failed to plan: {error}") from error
        if not found:
            raise MotionRefused(f"{settings.pipeline} finds no straight line for {chain.tip_link}")
        try:
            return trajectory_from_msg(found.trajectory.get_robot_trajectory_msg().joint_trajectory)
        except InvalidRequest as error:
            raise MotionRefused(str(error)) from error

    def _others(self, chain: ArmChain) -> dict[str, float]:
        moving = [name for name, joint in chain.robot.joints.items() if joint.moves]
        return {name: one.position for name, one in self._joint_states.all().items() if name in moving}

    def _require_free(self) -> None:
        if self._is_stuck:
            raise MotionRefused(
                "MoveItPy would execute a trajectory that was taken back, too; deactivate and activate the node"
            )
        if self._last is not None and not self._last.is_over:
            raise MotionRefused("MoveItPy has not ended the motion before, which was told to stop; ask again")

    def _require_start(self, trajectory: JointTrajectory, chain: ArmChain) -> None:
        age_s = self._settings.execution.joint_state_age_s
        current = self._joint_states.positions(chain.joint_names, age_s)
        require_start(trajectory, current, self._settings.rules, chain.robot)

    def _execute(
        self, trajectory: JointTrajectory, chain: ArmChain, stop: StopSign, told: Callable[[float], None]
    ) -> None:
        execution = self._settings.execution
        try:
            self._require_start(trajectory, chain)
        except MotionRefused as error:
            raise MotionError(str(error)) from error
        watch = JointWatch(self._joint_states, chain.robot, trajectory, execution)
        message = RobotTrajectory(joint_trajectory=trajectory_to_msg(trajectory))
        longest_s = float(trajectory.times_s[-1]) * execution.duration_factor + execution.duration_margin_s
        self._last = ours = BlockingExecution(self._executor, message, list(self._settings.controllers))
        with halting(lambda reason: self._halt(ours, trajectory.joint_names, reason)):
            ours.watch(watch, longest_s, stop, told)
            watch.require_end(stop)

    def _halt(self, ours: BlockingExecution, joint_names: tuple[str, ...], reason: RobotracerError) -> None:
        """Stop the robot and see that it rests.

        Raises:
            MotionError: when that cannot be confirmed.
        """
        execution = self._settings.execution
        deadline = time.monotonic() + execution.stop_timeout_s
        is_over = ours.end(deadline)
        self._is_stuck = self._is_stuck or ours.is_left_behind
        left_s = deadline - time.monotonic()
        if not (is_over and self._joint_states.wait_for_rest(joint_names, execution.rest_speed_rad_s, left_s)):
            raise MotionError(
                f"{reason}; the robot was told to stop, and that it rests could not be confirmed within "
                f"stop_timeout_s {execution.stop_timeout_s:g} s"
            ) from reason


def _joined(parts: list[JointTrajectory]) -> JointTrajectory:
    """One after the other; where one ends and the next begins is one point."""
    times, rows, at_s = [], [], 0.0
    for number, part in enumerate(parts):
        skip = slice(1 if number else 0, None)
        times.append(part.times_s[skip] - part.times_s[0] + at_s)
        rows.append([getattr(part, name)[skip] for name in ("positions", "velocities", "accelerations")])
        at_s = float(times[-1][-1])
    positions, velocities, accelerations = (np.concatenate(column) for column in zip(*rows, strict=True))
    return JointTrajectory(parts[0].joint_names, np.concatenate(times), positions, velocities, accelerations)


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MotionRefused(
            f"the follower moveit_py needs MoveIt's Python, and {name} cannot be imported ({error}); install "
            f"ros-$ROS_DISTRO-moveit-py and source ROS, or choose the follower move_group"
        ) from error
