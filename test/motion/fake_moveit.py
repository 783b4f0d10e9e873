"""MoveIt's Python as far as it is called, in its shapes; it plans by Pinocchio and moves a `FakeArm`."""

from __future__ import annotations

import sys
import threading
import time
import types
from typing import Any

import numpy as np
from motion.recorded_answers import URDF
from motion.replaying_move_group import FakeArm
from moveit_msgs.msg import RobotTrajectory

from robotracer_ros.planning.cartesian import follow_poses
from robotracer_ros.planning.kinematics import Arm
from robotracer_ros.planning.timing import timed
from robotracer_ros.ros.trajectories import pose_from_msg, trajectory_from_msg, trajectory_to_msg


class FakeMoveIt:
    """What the modules share: keeps what was asked, and spoils what is answered.

    Attributes:
        spoil: called with every planned message.
        finds: whether a line is found.
        status: what an execution says in the end.
        push_s, begin_s: what a push takes, and an execution before the arm moves.
        pushed: what was pushed and not yet executed.
        stops_failing: so many calls to stop fail.
        can_clear: whether the manager can be told to forget it; Jazzy's cannot.
    """

    def __init__(self, arm: FakeArm) -> None:
        self.arm = arm
        self.asked: list[Any] = []
        self.executed: list[Any] = []
        self.made: list[dict[str, Any]] = []
        self.spoil: Any = lambda message: None
        self.finds, self.status, self.is_shut, self.is_stopped = True, True, False, False
        self.push_s, self.begin_s, self.can_clear = 0.0, 0.0, False
        self.stops_failing = 0
        self.pushing = threading.Event()
        self.pushed: list[Any] = []

    def install(self, monkeypatch: Any) -> None:
        """As the modules moveit.planning and moveit.core.robot_state."""
        planning, core, state = (types.ModuleType(n) for n in ("planning", "core", "robot_state"))
        planning.MoveItPy = lambda **arguments: _MoveItPy(self, arguments)
        planning.PlanRequestParameters = lambda moveit, namespace: types.SimpleNamespace(namespace=namespace)
        state.RobotState = _RobotState
        for name, module in (
            ("moveit", types.ModuleType("moveit")), ("moveit.planning", planning), ("moveit.core", core),
            ("moveit.core.robot_state", state),
        ):  # fmt: skip
            monkeypatch.setitem(sys.modules, name, module)


class _RobotState:
    def __init__(self, model: str) -> None:
        assert model == "model"
        self.joint_positions: dict[str, float] = {}
        self.is_current = False

    def set_to_default_values(self) -> None:
        self.joint_positions = {}

    def update(self) -> None:
        self.is_current = True


class _MoveItPy:
    def __init__(self, fake: FakeMoveIt, arguments: dict[str, Any]) -> None:
        assert set(arguments) <= {"node_name", "config_dict", "launch_params_filepaths"}
        fake.made.append(arguments)
        self._fake = fake

    def get_planning_component(self, group: str) -> _Component:
        if group != "panda_arm":
            raise RuntimeError(f"Group '{group}' not found")
        return _Component(self._fake)

    def get_robot_model(self) -> str:
        return "model"

    def get_trajectory_execution_manager(self) -> _Manager:
        return _ClearingManager(self._fake) if self._fake.can_clear else _Manager(self._fake)

    def shutdown(self) -> None:
        self._fake.is_shut = True


class _Component:
    def __init__(self, fake: FakeMoveIt) -> None:
        self._fake = fake
        self._arm = Arm(URDF, "panda_link8")

    def set_start_state(self, *, robot_state: _RobotState) -> bool:
        assert robot_state.is_current
        self._start = robot_state.joint_positions
        return True

    def set_goal_state(self, *, pose_stamped_msg: Any, pose_link: str) -> bool:
        self._goal, self._link = pose_stamped_msg, pose_link
        return True

    def plan(self, *, single_plan_parameters: Any) -> Any:
        self._fake.asked.append((dict(self._start), self._goal, self._link, single_plan_parameters))
        names = tuple(self._arm.joint_names)
        start = np.array([self._start[name] for name in names])
        found = follow_poses(self._arm, start, pose_from_msg(self._goal.pose)[None], 0.01)
        velocity = self._arm.limits.velocity * single_plan_parameters.max_velocity_scaling_factor
        one = timed(names, found.joints, velocity, np.full(len(names), 5.0))
        message = RobotTrajectory(joint_trajectory=trajectory_to_msg(one))
        self._fake.spoil(message)
        return _Response(self._fake.finds, message)


class _Response:
    def __init__(self, found: bool, message: RobotTrajectory) -> None:
        self._found = found
        self.trajectory = types.SimpleNamespace(get_robot_trajectory_msg=lambda: message)

    def __bool__(self) -> bool:
        return self._found


class _Status:
    def __init__(self, good: bool) -> None:
        self._good, self.status = good, "SUCCEEDED" if good else "ABORTED"

    def __bool__(self) -> bool:
        return self._good


class _Manager:
    def __init__(self, fake: FakeMoveIt) -> None:
        self._fake = fake

    def push(self, *, trajectory: RobotTrajectory, controllers: list[str]) -> bool:
        self._fake.pushing.set()
        time.sleep(self._fake.push_s)
        self._fake.pushed.append(trajectory)
        return True

    def execute_and_wait(self, *, auto_clear: bool) -> _Status:
        pushed, self._fake.pushed = self._fake.pushed, []
        self._fake.executed += pushed
        self._fake.is_stopped = False
        time.sleep(self._fake.begin_s)
        self._fake.arm.begin(trajectory_from_msg(pushed[-1].joint_trajectory))
        while self._fake.arm.is_moving:
            time.sleep(0.005)
        return _Status(self._fake.status and not self._fake.is_stopped)

    def stop_execution(self, auto_clear: bool) -> None:
        if self._fake.stops_failing > 0:
            self._fake.stops_failing -= 1
            raise RuntimeError("not now")
        if self._fake.arm.is_moving:
            self._fake.is_stopped = True
            self._fake.arm.halt()


class _ClearingManager(_Manager):
    def clear(self) -> None:
        self._fake.pushed.clear()
