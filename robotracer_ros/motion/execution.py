"""`execute_trajectory`, watched, and a stop that works."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from action_msgs.msg import GoalStatus
from action_msgs.srv import CancelGoal
from moveit_msgs.action import ExecuteTrajectory
from moveit_msgs.msg import MoveItErrorCodes, RobotTrajectory
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.duration import Duration
from rclpy.exceptions import InvalidHandle
from rclpy.node import Node
from std_msgs.msg import String

from robotracer_ros.errors import MotionError, MotionRefused, RobotracerError
from robotracer_ros.motion.calls import (
    Presence,
    answered,
    constant_name,
    halting,
    status_name,
    wait_until_ready,
)
from robotracer_ros.motion.follower import StopSign
from robotracer_ros.motion.joint_watch import JointWatch
from robotracer_ros.motion.move_group_settings import MoveGroupSettings
from robotracer_ros.motion.pulse import Pulse
from robotracer_ros.planning.robot_description import RobotDescription
from robotracer_ros.planning.trajectory import JointTrajectory
from robotracer_ros.ros.action_client import SafeActionClient
from robotracer_ros.ros.joint_states import JointStates
from robotracer_ros.ros.trajectories import trajectory_to_msg

_LOOK_S: Final = 0.01
# While a robot is being stopped, its rest is looked for in slices; it is told again before each.
_REST_SLICE_S: Final = 0.5
# A robot that rests without a word from its server must rest so long.
_REST_HELD_S: Final = 0.5
# A motion that does not end is told to stop this often, until it is taken for lost: its server may have been replaced.
_CHASE_LOOK_S: Final = 0.1
_LOST_S: Final = 60.0
# On the steady clock a motion may take so many times longer than on the node's, which may be a slow simulation's.
_SLOWEST_SIMULATION: Final = 20.0


class Execution:
    """One robot's motions, one at a time.

    move_group hears of a cancel only when the motion has ended. What stops the robot is the word "stop" on
    ``trajectory_execution_event``, and a cancel at the controller (trajectory_execution_manager.cpp).
    """

    def __init__(self, node: Node, settings: MoveGroupSettings, joint_states: JointStates) -> None:
        self._node, self._settings, self._joint_states = node, settings, joint_states
        group = ReentrantCallbackGroup()
        self._client = SafeActionClient(node, ExecuteTrajectory, settings.execute_action, callback_group=group)
        action = node.resolve_topic_name(settings.execute_action)
        self._what = f"the action {action}"
        self._pulse = Pulse(node, action, settings.server_silence_s)
        self._event = node.create_publisher(String, settings.event_topic, 10)
        self._controller = None
        if settings.controller_action:
            self._controller = node.create_client(
                CancelGoal, f"{settings.controller_action}/_action/cancel_goal", callback_group=group
            )
        self._ending = threading.Lock()
        self._is_chasing = self._is_closed = False

    def require_free(self) -> None:
        """Refuse a motion while the one before may still begin, or go on.

        Raises:
            MotionRefused: it was told to stop, and its server has not ended it.
        """
        if self._is_chasing:
            raise MotionRefused(
                f"{self._what} has not ended the motion before; it is told to stop until it does, or for "
                f"{_LOST_S:g} s; ask again"
            )

    def follow(
        self, trajectory: JointTrajectory, robot: RobotDescription, stop: StopSign, told: Callable[[float], None]
    ) -> None:
        """Have a trajectory executed to its end.

        Raises:
            MotionError: the robot did not follow to the end; it rests, unless the message says otherwise.
            RobotracerError: the reason of ``stop``; the robot rests.
        """
        goal = ExecuteTrajectory.Goal(trajectory=RobotTrajectory(joint_trajectory=trajectory_to_msg(trajectory)))
        if hasattr(goal, "controller_names"):
            goal.controller_names = list(self._settings.controllers)
        watch = JointWatch(self._joint_states, robot, trajectory, self._settings.execution)
        watch.look()
        timeout_s = self._settings.server_timeout_s
        wait_until_ready(self._client.server_is_ready, self._what, timeout_s, stop)
        self._pulse.begin()
        motion = _Motion(self._client.send_goal_async(goal))
        with halting(lambda reason: self._halt(motion, trajectory.joint_names, reason)):
            handle = answered(motion.sent, self._what, timeout_s, stop, self._client.server_is_ready)
            if not handle.accepted:
                raise MotionError(f"{self._what} rejected the trajectory")
            motion.begin(handle)
            self._wait(motion, trajectory, watch, stop, told)
            self._require_success(motion.result.result())
            watch.require_end(stop)

    def close(self) -> None:
        """Let go of the action, the service and the topic, once nothing has to be stopped any more."""
        with self._ending:
            self._is_closed = True
            if not self._is_chasing:
                self._destroy()

    def _destroy(self) -> None:
        self._client.destroy()
        self._pulse.close()
        self._node.destroy_publisher(self._event)
        if self._controller is not None:
            self._node.destroy_client(self._controller)

    def _wait(
        self, motion: _Motion, trajectory: JointTrajectory, watch: JointWatch, stop: StopSign,
        told: Callable[[float], None],
    ) -> None:  # fmt: skip
        settings, clock = self._settings.execution, self._node.get_clock()
        longest_s = float(trajectory.times_s[-1]) * settings.duration_factor + settings.duration_margin_s
        end, steady_end = clock.now() + Duration(seconds=longest_s), time.monotonic() + longest_s * _SLOWEST_SIMULATION
        presence = Presence(self._client.server_is_ready)
        while not motion.result.done():
            stop.obey()
            told(watch.look())
            if presence.is_lost() and not motion.result.done():
                raise MotionError(f"{self._what} went away during the motion")
            if self._pulse.is_lost() and not motion.result.done():
                silence_s = self._settings.server_silence_s
                raise MotionError(
                    f"{self._what}: its process answered nothing within move_group.server_silence_s {silence_s:g} s; "
                    f"has it crashed?"
                )
            if clock.now() > end or time.monotonic() > steady_end:
                raise MotionError(f"{self._what} did not finish within {longest_s:.1f} s")
            stop.wait(_LOOK_S)

    def _require_success(self, answer: Any) -> None:
        code = answer.result.error_code
        if answer.status == GoalStatus.STATUS_SUCCEEDED and code.val == MoveItErrorCodes.SUCCESS:
            return
        words = getattr(code, "message", "")
        raise MotionError(
            f"{self._what} ended {status_name(answer.status)} with "
            f"{constant_name(MoveItErrorCodes, code.val)} ({code.val})" + (f": {words}" if words else "")
        )

    def _halt(self, motion: _Motion, joint_names: tuple[str, ...], reason: RobotracerError) -> None:
        """Stop the robot and see that it rests.

        Raises:
            MotionError: when that cannot be confirmed.
        """
        rests = self._comes_to_rest(motion, joint_names)
        if not motion.is_over:
            self._is_chasing = True
            threading.Thread(target=self._chase, args=(motion,), daemon=True).start()
        if not rests:
            raise MotionError(
                f"{reason}; the robot was told to stop, and that it rests could not be confirmed within "
                f"stop_timeout_s {self._settings.execution.stop_timeout_s:g} s"
            ) from reason

    def _comes_to_rest(self, motion: _Motion, joint_names: tuple[str, ...]) -> bool:
        deadline, rested_s = time.monotonic() + self._settings.execution.stop_timeout_s, None
        while (left_s := deadline - time.monotonic()) > 0:
            self._say_stop(motion)
            speed = self._settings.execution.rest_speed_rad_s
            if not self._joint_states.wait_for_rest(joint_names, speed, min(left_s, _REST_SLICE_S)):
                rested_s = None
                continue
            rested_s = rested_s or time.monotonic()
            held = time.monotonic() - rested_s >= _REST_HELD_S
            # A goal on its way may still begin.
            if motion.is_over or (held and (motion.is_answered or not self._client.server_is_ready())):
                return True
        return False

    def _chase(self, motion: _Motion) -> None:
        """Stop a motion that its server accepts late, or does not end."""
        presence, deadline = Presence(self._client.server_is_ready), time.monotonic() + _LOST_S
        # The node may be destroyed meanwhile.
        with suppress(InvalidHandle):
            while not (motion.is_over or presence.is_lost() or self._pulse.is_lost()) and time.monotonic() < deadline:
                if motion.is_answered:
                    self._say_stop(motion)
                time.sleep(_CHASE_LOOK_S)
        with self._ending:
            self._is_chasing = False
            if self._is_closed:
                self._destroy()

    def _say_stop(self, motion: _Motion) -> None:
        """By every way there is; one that fails leaves the others."""
        for way in (self._say_event, motion.cancel, self._cancel_controller):
            try:
                way()
            except Exception as error:  # noqa: BLE001
                self._node.get_logger().error(f"a way to stop failed: {error!r}", throttle_duration_sec=1.0)

    def _say_event(self) -> None:
        self._event.publish(String(data="stop"))

    def _cancel_controller(self) -> None:
        if self._controller is not None and self._controller.service_is_ready():
            # A goal id and a stamp of zero mean all goals (CancelGoal.srv).
            self._controller.call_async(CancelGoal.Request())


class _Motion:
    """A goal on its way, accepted or finished."""

    def __init__(self, sent: Any) -> None:
        self.sent = sent
        self.result: Any = None
        self._handle: Any = None
        self._is_cancelled = False

    def begin(self, handle: Any) -> None:
        self._handle, self.result = handle, handle.get_result_async()

    @property
    def is_answered(self) -> bool:
        """Whether the server said whether it accepts it."""
        return bool(self.sent.done())

    @property
    def is_over(self) -> bool:
        """Whether it was rejected or has a result."""
        if self.is_answered and not self.sent.result().accepted:
            return True
        return self.result is not None and bool(self.result.done())

    def cancel(self) -> None:
        """Once, as soon as it is accepted."""
        if self._is_cancelled or not self.is_answered or not self.sent.result().accepted:
            return
        if self.result is None:
            self.begin(self.sent.result())
        self._is_cancelled = True
        if not self.result.done():
            self._handle.cancel_goal_async()
