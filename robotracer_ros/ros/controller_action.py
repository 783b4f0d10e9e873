"""A controller that follows joint trajectories as a FollowJointTrajectory action."""

from __future__ import annotations

import threading
import time
from typing import Any, Final

from action_msgs.msg import GoalStatus
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from trajectory_msgs.msg import JointTrajectory as JointTrajectoryMessage

from robotracer_ros.errors import MotionError
from robotracer_ros.ros.action_client import SafeActionClient
from robotracer_ros.ros.trajectory_output import Following

_LOOK_S: Final = 0.02
# How often it is looked whether a controller is still there, which costs more than to look at its answers.
_PRESENCE_S: Final = 0.1


class ControllerAction:
    """The client of one FollowJointTrajectory action.

    Args:
        name: of the action, such as ``arm_controller/follow_joint_trajectory``.
    """

    def __init__(self, node: Node, name: str) -> None:
        # Absent where only traces are wanted.
        from control_msgs.action import FollowJointTrajectory

        self.name = name
        self._goal_type = FollowJointTrajectory.Goal
        group = ReentrantCallbackGroup()
        self._client = SafeActionClient(node, FollowJointTrajectory, name, callback_group=group)

    def begin(self, trajectory: JointTrajectoryMessage, timeout_s: float) -> Following:
        """Send a trajectory.

        Args:
            timeout_s: for the controller to be there, and again to answer.

        Raises:
            MotionError: when there is no such action.
        """
        deadline = time.monotonic() + timeout_s
        while not self._client.server_is_ready():
            if time.monotonic() >= deadline:
                raise MotionError(f"no controller serves the action {self.name}; start it, or set controller_action")
            time.sleep(_LOOK_S)
        return _AtController(self._client, self._goal_type(trajectory=trajectory), self.name, timeout_s)

    def close(self) -> None:
        """Let go of the action."""
        self._client.destroy()


class _AtController:
    """A trajectory at a controller, from the question whether it accepts to its result."""

    def __init__(self, client: SafeActionClient, goal: Any, name: str, timeout_s: float) -> None:
        self._client, self._name = client, name
        self._timeout_s, self._look_at = timeout_s, time.monotonic()
        self._answer_by = self._look_at + timeout_s
        self._lock = threading.Lock()
        self._handle: Any = None
        self._is_unwanted = False
        self._failure = ""
        self._has_ended, self._cancel_answered = threading.Event(), threading.Event()
        self._agreed = False
        client.send_goal_async(goal).add_done_callback(self._answered)

    def has_ended(self) -> bool:
        if self._has_ended.is_set():
            if self._failure:
                raise MotionError(self._failure)
            return True
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + _PRESENCE_S
            if not self._client.server_is_ready():
                raise MotionError(f"the controller {self._name} is gone")
        if self._handle is None and now > self._answer_by:
            raise MotionError(f"the controller {self._name} did not take the trajectory within {self._timeout_s:g} s")
        return False

    def stop(self, timeout_s: float) -> bool:
        if self._has_ended.is_set():
            return True
        with self._lock:
            self._is_unwanted = True
            handle = self._handle
        if handle is not None:
            handle.cancel_goal_async().add_done_callback(self._cancelled)
        self._cancel_answered.wait(timeout_s)
        return self._agreed or self._has_ended.is_set()

    def _answered(self, future: Any) -> None:
        handle = future.result()
        if handle is None or not handle.accepted:
            self._end(f"the controller {self._name} rejects the trajectory")
            return
        with self._lock:
            self._handle, is_unwanted = handle, self._is_unwanted
        handle.get_result_async().add_done_callback(self._finished)
        if is_unwanted:
            handle.cancel_goal_async().add_done_callback(self._cancelled)

    def _cancelled(self, future: Any) -> None:
        answer = future.result()
        self._agreed = answer is not None and bool(answer.goals_canceling)
        self._cancel_answered.set()

    def _finished(self, future: Any) -> None:
        answer = future.result()
        if answer is None:
            self._end(f"the controller {self._name} gave no result")
            return
        result = answer.result
        if answer.status == GoalStatus.STATUS_SUCCEEDED and result.error_code == result.SUCCESSFUL:
            self._end("")
            return
        ended = _STATUS.get(answer.status, f"ended with status {answer.status}")
        said = f": {result.error_string}" if result.error_string else ""
        self._end(f"the controller {self._name} {ended} with error code {result.error_code}{said}")

    def _end(self, failure: str) -> None:
        self._failure = failure
        self._has_ended.set()
        self._cancel_answered.set()


_STATUS: Final = {
    GoalStatus.STATUS_SUCCEEDED: "succeeded, and still answered",
    GoalStatus.STATUS_ABORTED: "aborted",
    GoalStatus.STATUS_CANCELED: "was cancelled by somebody else",
}
