"""The simulated arm's controllers: trajectories by topic and action, and a gripper."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from rclpy.qos import QoSProfile
from trajectory_msgs.msg import JointTrajectory as JointTrajectoryMessage
from trajectory_msgs.msg import JointTrajectoryPoint

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.planning.robot_description import RobotDescription
from robotracer_ros.planning.trajectory_control import End, Following, Tolerances, TrajectoryControl
from robotracer_ros.ros.goal_end import end_without_success
from robotracer_ros.ros.stamps import stamp_ns, stamp_to_msg
from robotracer_ros.ros.trajectories import duration_from_msg, trajectory_from_msg
from robotracer_ros.sim.arm_spec import EFFORT_N, FINGERS, SERVOED
from robotracer_ros.sim.arm_world import ArmWorld
from robotracer_ros.sim.gripper import GripperGoal

_FEEDBACK_S: Final = 0.05
_AFTER_S: Final = 0.01
_FINGER: Final = FINGERS[0]


class ArmServers:
    """``joint_trajectory``, ``follow_joint_trajectory``, ``gripper_cmd`` and ``parallel_gripper_cmd``.

    Args:
        node: its namespace and remappings apply.
        world: only touched with ``turn`` held.
        turn: whose turn it is with the world.
        to_sim_s: simulated time of a stamp in nanoseconds.
        now_ns: the stamp of this moment.
    """

    def __init__(
        self, node: Node, world: ArmWorld, turn: Any, to_sim_s: Callable[[int], float], now_ns: Callable[[], int]
    ) -> None:
        # Messages that only this robot needs: the perception nodes run without.
        from control_msgs.action import FollowJointTrajectory, GripperCommand, ParallelGripperCommand

        self._node, self._world, self._turn, self._to_sim_s, self._now_ns = node, world, turn, to_sim_s, now_ns
        self._follow, self._close, self._close_parallel = FollowJointTrajectory, GripperCommand, ParallelGripperCommand
        robot = RobotDescription.from_urdf(world.urdf)
        self._limits = [
            np.array([getattr(robot.joints[name], side) for name in SERVOED]) for side in ("lower", "upper")
        ]
        self._ended = threading.Event()
        self._grip: GripperGoal | None = None
        self._following: Following | None = None
        self._taken: dict[int, Following | tuple[int, str]] = {}
        self.begin_again()
        group = ReentrantCallbackGroup()
        node.create_subscription(
            JointTrajectoryMessage, "joint_trajectory", self._hear, QoSProfile(depth=10), callback_group=group
        )
        self._servers = [
            ActionServer(
                node, kind, name, execute, goal_callback=take, cancel_callback=self._cancel, callback_group=group
            )
            for kind, name, execute, take in (
                (FollowJointTrajectory, "follow_joint_trajectory", self._execute_trajectory, self._take),
                (GripperCommand, "gripper_cmd", self._execute_gripper, _take_any),
                (ParallelGripperCommand, "parallel_gripper_cmd", self._execute_parallel, _take_any),
            )
        ]

    def begin_again(self) -> None:
        """After a reset: what was being done is over. Call it with the turn held."""
        if self._following is not None:
            self._following.finish(End.STOPPED, "the world was reset")
        if self._grip is not None:
            self._grip.ended.set()
        readings = self._world.joints()
        here = dict(zip(readings.names, readings.positions.tolist(), strict=True))
        self._control = TrajectoryControl(SERVOED, np.array([here[name] for name in SERVOED]), *self._limits)
        self._grip = self._following = None

    def steer(self) -> None:
        """Command the joints for the next step. Call it with the turn held."""
        now_s, grip = self._world.time_s, self._grip
        # The end of a motion is commanded once more; after that the servos hold by themselves.
        if self._control.has_rested(now_s - _AFTER_S) and (grip is None or grip.ended.is_set()):
            return
        readings = self._world.joints()
        self._world.command(self._control.step(now_s, readings.positions[: len(SERVOED)]))
        if grip is not None:
            finger = readings.names.index(_FINGER)
            grip.watch(now_s, float(readings.positions[finger]), float(readings.velocities[finger]))

    def close(self) -> None:
        """End what waits."""
        self._ended.set()
        for server in self._servers:
            server.destroy()

    def _hear(self, message: JointTrajectoryMessage) -> None:
        """Follow it, or stop for an empty one, as joint_trajectory_controller does."""
        with self._turn:
            if not message.points:
                self._control.stop(self._world.time_s)
                return
            try:
                self._begin(message, Tolerances())
            except InvalidRequest as error:
                self._node.get_logger().error(f"joint_trajectory: {error}")

    def _begin(self, message: JointTrajectoryMessage, tolerances: Tolerances) -> Following:
        now_s, stamp = self._world.time_s, stamp_ns(message.header.stamp)
        begin_s = self._to_sim_s(stamp) if stamp else now_s
        self._following = self._control.begin(trajectory_from_msg(message), begin_s, now_s, tolerances)
        return self._following

    def _take(self, goal: Any) -> GoalResponse:
        """Begin before the client is answered: of two goals, the one that is sent later counts."""
        with self._turn:
            code, words = _refusal(self._follow.Result, goal.trajectory, self._to_sim_s, self._world.time_s)
            try:
                taken = (code, words) if code else self._begin(goal.trajectory, _tolerances(goal))
            except InvalidRequest as error:
                taken = self._follow.Result.INVALID_GOAL, str(error)
            # The message is the one that the goal's handle has.
            self._taken[id(goal)] = taken
        return GoalResponse.ACCEPT

    def _cancel(self, handle: Any) -> CancelResponse:
        """Brake at once; that the goal ended is answered by its own callback."""
        handle.is_cancelled, following = True, getattr(handle, "following", None)
        with self._turn:
            if following is not None:
                self._control.stop(self._world.time_s, following)
        return CancelResponse.ACCEPT

    def _execute_trajectory(self, handle: Any) -> Any:
        result, taken = self._follow.Result(), self._taken.pop(id(handle.request))
        if not isinstance(taken, Following):
            result.error_code, result.error_string = taken
            handle.abort()
            return result
        handle.following = following = taken
        while not following.ended.wait(_FEEDBACK_S) and not self._ended.is_set():
            if handle.is_cancel_requested:
                with self._turn:
                    self._control.stop(self._world.time_s, following)
            handle.publish_feedback(self._feedback())
        result.error_string = following.reason
        if following.end is End.REACHED:
            handle.succeed()
        elif _is_cancelled(handle):
            self._wait_for_rest()
            end_without_success(handle, cancelled=True)
        else:
            result.error_code = {
                End.OFF_PATH: result.PATH_TOLERANCE_VIOLATED, End.NOT_REACHED: result.GOAL_TOLERANCE_VIOLATED,
            }.get(following.end, result.INVALID_GOAL)  # fmt: skip
            handle.abort()
        return result

    def _wait_for_rest(self) -> None:
        """Until a stop has run its course, a second of the wall at most."""
        for _ in range(100):
            with self._turn:
                speed = self._control.wanted(self._world.time_s)[1]
            if not np.abs(speed).max() > 0 or self._ended.wait(0.01):
                return

    def _feedback(self) -> Any:
        with self._turn:
            stamp, readings = self._now_ns(), self._world.joints()
            wanted = self._control.wanted(self._world.time_s)
        message = self._follow.Feedback(joint_names=list(SERVOED))
        message.header.stamp = stamp_to_msg(stamp)
        actual = (readings.positions[: len(SERVOED)], readings.velocities[: len(SERVOED)])
        message.desired, message.actual = _point(*wanted), _point(*actual)
        message.error = _point(wanted[0] - actual[0], wanted[1] - actual[1])
        return message

    def _execute_gripper(self, handle: Any) -> Any:
        command, result = handle.request.command, self._close.Result()
        goal = self._gripped(handle, command.position, command.max_effort)
        position, effort = self._finger()
        result.position, result.effort = position, effort
        result.stalled, result.reached_goal = goal.stalled, goal.reached
        return result

    def _execute_parallel(self, handle: Any) -> Any:
        command, result = handle.request.command, self._close_parallel.Result()
        position = command.position[0] if len(command.position) == 1 else math.nan
        goal = self._gripped(handle, position, command.effort[0] if len(command.effort) else 0.0)
        position, effort = self._finger()
        result.state.name, result.state.position, result.state.effort = [_FINGER], [position], [effort]
        result.stalled, result.reached_goal = goal.stalled, goal.reached
        return result

    def _gripped(self, handle: Any, position_m: float, effort_n: float) -> GripperGoal:
        """Move the fingers until they are there or stalled; an effort of 0 means the gripper's own."""
        try:
            goal = GripperGoal(position_m)
            with self._turn:
                self._world.limit_effort(effort_n or EFFORT_N)
                self._world.command({_FINGER: position_m})
                before, self._grip = self._grip, goal
        except InvalidRequest as error:
            self._node.get_logger().error(f"gripper: {error}")
            handle.abort()
            return GripperGoal(0.0)
        if before is not None:
            before.ended.set()
        while not goal.ended.wait(_FEEDBACK_S) and not self._ended.is_set():
            if handle.is_cancel_requested:
                with self._turn:
                    self._world.command({_FINGER: self._finger_m()})
                goal.ended.set()
        if goal.reached or goal.stalled:
            handle.succeed()
        else:
            end_without_success(handle, cancelled=_is_cancelled(handle))
        return goal

    def _finger(self) -> tuple[float, float]:
        with self._turn:
            return self._finger_m(), self._world.effort_n

    def _finger_m(self) -> float:
        readings = self._world.joints()
        return float(readings.positions[readings.names.index(_FINGER)])


def _is_cancelled(handle: Any) -> bool:
    """Whether its cancel was heard of, be it that rclpy has not noted it yet."""
    return getattr(handle, "is_cancelled", False) or handle.is_cancel_requested


def _take_any(_goal: Any) -> GoalResponse:
    return GoalResponse.ACCEPT


def _refusal(
    codes: Any, message: JointTrajectoryMessage, to_sim_s: Callable[[int], float], now_s: float
) -> tuple[int, str]:  # fmt: skip
    """The code and the words for a trajectory of other joints, or one that is over already; 0 otherwise."""
    if sorted(message.joint_names) != sorted(SERVOED):
        return codes.INVALID_JOINTS, (
            f"the joints of the arm are {', '.join(SERVOED)}; received {', '.join(message.joint_names) or 'none'}"
        )
    stamp = stamp_ns(message.header.stamp)
    if stamp and message.points:
        end_s = to_sim_s(stamp) + duration_from_msg(message.points[-1].time_from_start)
        if end_s < now_s:
            return codes.OLD_HEADER_TIMESTAMP, f"the trajectory ended {now_s - end_s:.3f} s ago by its own stamp"
    return 0, ""


def _tolerances(request: Any) -> Tolerances:
    """As control_msgs has it: 0 for the default, negative for none."""
    path, goal = (
        {one.name: math.inf if one.position < 0 else one.position for one in given if one.position}
        for given in (request.path_tolerance, request.goal_tolerance)
    )
    goal_time_s = duration_from_msg(request.goal_time_tolerance)
    if not goal_time_s:
        return Tolerances(path, goal)
    return Tolerances(path, goal, goal_time_s if goal_time_s > 0 else math.inf)


def _point(positions: Any, velocities: Any) -> JointTrajectoryPoint:
    return JointTrajectoryPoint(positions=positions.tolist(), velocities=velocities.tolist())
