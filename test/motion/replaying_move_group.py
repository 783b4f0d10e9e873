"""A move_group that answers what a genuine one answered, with the arm it would move."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
from action_msgs.msg import GoalStatus
from motion.harness import DestructibleActionServer, Spun
from moveit_msgs.action import ExecuteTrajectory
from moveit_msgs.srv import GetCartesianPath
from rclpy.action import CancelResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import String

from robotracer_ros.planning.robot_description import RobotDescription
from robotracer_ros.planning.trajectory import JointTrajectory
from robotracer_ros.ros.trajectories import trajectory_from_msg

_RATE_S = 0.01
# From "stop" to the controller's cancel, as measured on the genuine one.
_STOP_S = 0.03


class FakeArm:
    """Joints that follow trajectories and tell where they are, in a thread of its own.

    Attributes:
        hurry: how many times faster than asked it goes.
        tells: whether joint states are published.
        offset: is added to what the first joint tells.
    """

    def __init__(self, node: Node, joints: dict[str, float]) -> None:
        self.joints = dict(joints)
        self.hurry, self.tells, self.offset = 1.0, True, 0.0
        self.moved_s = 0.0
        self._trajectory: JointTrajectory | None = None
        self._began_s = 0.0
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._publisher = node.create_publisher(JointState, "joint_states", 10)
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()

    @property
    def is_moving(self) -> bool:
        return self._trajectory is not None

    def stand_at(self, joints: dict[str, float]) -> None:
        with self._lock:
            self._trajectory, self.joints = None, dict(joints)

    def begin(self, trajectory: JointTrajectory) -> None:
        with self._lock:
            self._trajectory, self._began_s = trajectory, time.monotonic()

    def halt(self) -> None:
        with self._lock:
            self._trajectory = None

    def close(self) -> None:
        self._over.set()
        self._thread.join(2.0)

    def _live(self) -> None:
        while not self._over.wait(_RATE_S):
            with self._lock:
                velocities = self._advance()
                names = list(self.joints)
                positions = [self.joints[name] + (self.offset if name == names[0] else 0.0) for name in names]
            if self.tells:
                told = JointState(name=names, position=positions, velocity=[velocities.get(n, 0.0) for n in names])
                self._publisher.publish(told)

    def _advance(self) -> dict[str, float]:
        one = self._trajectory
        if one is None:
            return {}
        at_s = (time.monotonic() - self._began_s) * self.hurry
        self.moved_s = time.monotonic()
        ended = at_s >= one.times_s[-1]
        velocities = {}
        for name, positions in zip(one.joint_names, one.positions.T, strict=True):
            self.joints[name] = float(np.interp(at_s, one.times_s, positions))
            ahead = float(np.interp(at_s + 0.01, one.times_s, positions))
            velocities[name] = 0.0 if ended else (ahead - self.joints[name]) / 0.01 * self.hurry
        if ended:
            self._trajectory = None
        return velocities


class ReplayingMoveGroup(Node):
    """Answers every request with one recorded answer, whatever was asked, and keeps what it was asked.

    Attributes:
        answers: to `compute_cartesian_path`, in order, the last one for good; None ends the node as a crash would.
        requests: that arrived.
        goals: trajectories that were sent to be executed.
        mode: of the controller, as in execute.json; "lies" succeeds without a motion, "hangs" never answers.
        outcome: the status and code that the next execution ends with; None for what the mode makes of it.
    """

    def __init__(self, robot: RobotDescription, joints: dict[str, float]) -> None:
        super().__init__("move_group")
        self.robot = robot
        self.arm = FakeArm(self, joints)
        self.answers: list[GetCartesianPath.Response | None] = []
        self.requests: list[GetCartesianPath.Request] = []
        self.goals: list[Any] = []
        self.cancels = 0
        self.mode, self.outcome = "normal", None
        self.delay_s = 0.0
        self.has_ended = threading.Event()
        self._stopped = threading.Event()
        group = self._group = ReentrantCallbackGroup()
        self._service: Any = None
        self._action: Any = None
        self.appear()
        self.create_subscription(String, "trajectory_execution_event", self._hear, 10, callback_group=group)
        self._spun = Spun(self, threads=6)

    def reset(self, answers: list[GetCartesianPath.Response | None], joints: dict[str, float]) -> None:
        self.arm.stand_at(joints)
        self.arm.hurry, self.arm.tells, self.arm.offset = 1.0, True, 0.0
        self.answers, self.mode, self.outcome, self.delay_s = answers, "normal", None, 0.0
        self.requests.clear()
        self.goals.clear()
        self.cancels = 0

    def appear(self) -> None:
        """What has vanished is there again."""
        if self._service is None:
            self._service = self.create_service(
                GetCartesianPath, "compute_cartesian_path", self._plan, callback_group=self._group
            )
        if self._action is None:
            self._action = DestructibleActionServer(
                self, ExecuteTrajectory, "execute_trajectory", self._execute, callback_group=self._group,
                cancel_callback=self._cancel,
            )  # fmt: skip

    def vanish(self, what: str) -> None:
        """The service or the action is gone, as when its process ends."""
        if what == "plan":
            self.destroy_service(self._service)
            self._service = None
        else:
            self._action.destroy()
            self._action = None

    def close(self) -> None:
        self.has_ended.set()
        self._stopped.set()
        self.arm.close()
        self._spun.close()

    def _plan(self, request: GetCartesianPath.Request, response: GetCartesianPath.Response) -> Any:
        self.requests.append(request)
        time.sleep(self.delay_s)
        given = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if given is None:
            self.vanish("plan")
            return response
        return given

    def would_die_of(self, request: GetCartesianPath.Request) -> str:
        """What ends a genuine move_group, or is misunderstood by it."""
        state = request.start_state
        if request.link_name not in self.robot.links:
            return f"link {request.link_name!r}"
        if any(name not in self.robot.joints for name in state.joint_state.name):
            return f"joints {state.joint_state.name}"
        if not np.isfinite(state.joint_state.position).all() or not state.is_diff:
            return "start state"
        if request.jump_threshold or request.prismatic_jump_threshold or request.revolute_jump_threshold:
            return "jump threshold"
        if not 0 < request.max_velocity_scaling_factor <= 1 or not 0 < request.max_acceleration_scaling_factor <= 1:
            return "scaling"
        if not request.max_step > 0 or not request.waypoints or request.header.frame_id not in self.robot.links:
            return "step, waypoints or frame"
        for waypoint in request.waypoints:
            turn = waypoint.orientation
            if abs(np.linalg.norm([turn.x, turn.y, turn.z, turn.w]) - 1) > 1e-9:
                return "quaternion"
        return ""

    def _hear(self, message: String) -> None:
        if message.data == "stop":
            self._stopped.set()

    def _cancel(self, _handle: Any) -> CancelResponse:
        """Answered only when the motion has ended, and to no avail."""
        self.cancels += 1
        while self.arm.is_moving and not self.has_ended.wait(0.02):
            pass
        return CancelResponse.ACCEPT

    def _execute(self, handle: Any) -> ExecuteTrajectory.Result:
        message = handle.request.trajectory.joint_trajectory
        self.goals.append(message)
        self._stopped.clear()
        status, code = self._motion(trajectory_from_msg(message))
        if self.outcome is not None:
            status, code = self.outcome
        result = ExecuteTrajectory.Result()
        result.error_code.val = code
        if self._action is None:
            return result
        handle.succeed() if status == GoalStatus.STATUS_SUCCEEDED else handle.abort()
        return result

    def _motion(self, one: JointTrajectory) -> tuple[int, int]:
        aborted = GoalStatus.STATUS_ABORTED
        begin = dict(zip(one.joint_names, one.positions[0], strict=True))
        if any(abs(self.arm.joints[name] - position) > 0.01 for name, position in begin.items()):
            return aborted, -4
        if self.mode == "reject":
            return aborted, -4
        if self.mode == "lies":
            return GoalStatus.STATUS_SUCCEEDED, 1
        if self.mode == "frozen":
            self.has_ended.wait((1.2 * float(one.times_s[-1]) + 0.5) / self.arm.hurry)
            return aborted, -6
        began_s = time.monotonic()
        self.arm.begin(one)
        while self.arm.is_moving and not self.has_ended.is_set():
            if self.mode == "abort" and (time.monotonic() - began_s) * self.arm.hurry > 1.0:
                self.arm.halt()
                return aborted, -4
            if self._stopped.is_set() and self.mode != "nocancel":
                time.sleep(_STOP_S)
                self.arm.halt()
                return aborted, -7
            time.sleep(0.002)
        if self.mode == "hangs":
            self.has_ended.wait(60.0)
        if self.mode == "never":
            self.has_ended.wait(max(0.0, (1.2 * float(one.times_s[-1]) + 0.5) / self.arm.hurry
                                    - (time.monotonic() - began_s)))  # fmt: skip
            return aborted, -6
        return (aborted, -7) if self._stopped.is_set() else (GoalStatus.STATUS_SUCCEEDED, 1)
