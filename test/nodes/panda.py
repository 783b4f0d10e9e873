"""The Panda that a genuine move_group was asked about, moved by a live cartesian_path_node."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from geometry_msgs.msg import Pose
from moveit_msgs.action import ExecuteTrajectory
from moveit_msgs.msg import MoveItErrorCodes, RobotState
from moveit_msgs.srv import GetCartesianPath
from nodes.controlled_arm import ControlledArm
from nodes.harness import Client, Process, running
from planning.arms import recorded
from std_msgs.msg import String

from robotracer_ros.planning.robot_description import RobotDescription
from robotracer_ros.ros.action_client import SafeActionClient
from robotracer_ros.ros.trajectories import trajectory_from_msg

READY = {f"panda_joint{number}": at for number, at in enumerate((0.0, -0.785, 0.0, -2.356, 0.0, 1.571, 0.785), 1)}
FINGERS = {"panda_finger_joint1": 0.02, "panda_finger_joint2": 0.02}
ACTION = "panda_arm_controller/follow_joint_trajectory"


class Motion:
    """One goal of execute_trajectory, from its answer to its result.

    Attributes:
        states: the feedback.
    """

    def __init__(self, client: SafeActionClient, goal: ExecuteTrajectory.Goal) -> None:
        self.states: list[str] = []
        self._answered, self._ended = threading.Event(), threading.Event()
        self._client = client
        client.send_goal_async(goal, lambda message: self.states.append(message.feedback.state)).add_done_callback(
            self._taken
        )
        assert self._answered.wait(10.0), "execute_trajectory did not answer"

    def _taken(self, future: Any) -> None:
        self.handle = future.result()
        if self.handle.accepted:
            self.handle.get_result_async().add_done_callback(self._finish)
        self._answered.set()

    def _finish(self, future: Any) -> None:
        self._result = future.result()
        self._ended.set()

    @property
    def accepted(self) -> bool:
        return bool(self.handle.accepted)

    def cancel(self) -> None:
        self.handle.cancel_goal_async()

    def ended(self, timeout_s: float = 20.0) -> tuple[int, int, str]:
        """Status of the goal, code and sentence."""
        assert self._ended.wait(timeout_s), "execute_trajectory gave no result"
        answer = self._result.result.error_code
        return self._result.status, answer.val, answer.message


class Panda:
    """The node, the arm it moves, and a client of both."""

    def __init__(self, process: Process, client: Client, arm: ControlledArm) -> None:
        self.process, self.client, self.arm = process, client, arm
        self.robot = RobotDescription.from_urdf(recorded("panda.urdf"))
        self._service = client.node.create_client(GetCartesianPath, "compute_cartesian_path")
        self._action = SafeActionClient(client.node, ExecuteTrajectory, "execute_trajectory")
        self.events = client.node.create_publisher(String, "trajectory_execution_event", 10)

    def ask(self, request: GetCartesianPath.Request) -> GetCartesianPath.Response:
        return self.client.call(self._service, request, 60.0)

    def tips(self, response: GetCartesianPath.Response, link: str) -> Any:
        """(T, 4, 4) by the robot's geometry alone."""
        trajectory = trajectory_from_msg(response.solution.joint_trajectory)
        positions = dict(zip(trajectory.joint_names, trajectory.positions.T, strict=True))
        return self.robot.place(link or "panda_link8", positions)

    def goal(self, scaling: float = 1.0) -> ExecuteTrajectory.Goal:
        """20 cm down from `READY`, as in the recorded executions."""
        asked = {**by_name("line_down_10cm")["request"], "waypoints": [[*DOWN_20_CM]]}
        asked |= dict.fromkeys(("max_velocity_scaling_factor", "max_acceleration_scaling_factor"), scaling)
        answer = self.ask(request_of(asked))
        assert answer.fraction == 1.0, answer.error_code
        return ExecuteTrajectory.Goal(trajectory=answer.solution)

    def stand_ready(self) -> None:
        """At `READY`, and the node knows it."""
        self.arm.place(READY)
        request = request_of(by_name("line_down_10cm")["request"])
        # From where the node believes the arm to be.
        request.start_state = RobotState(is_diff=True)

        def knows() -> bool:
            way = self.ask(request).solution.joint_trajectory
            first = dict(zip(way.joint_names, way.points[0].positions, strict=True)) if way.points else {}
            return all(abs(first.get(name, 9.0) - READY[name]) < 1e-3 for name in READY)

        wait_until(knows, 30.0)

    def execute(self, goal: ExecuteTrajectory.Goal) -> Motion:
        assert self._action.wait_for_server(10.0)
        return Motion(self._action, goal)

    def tell(self, event: str) -> None:
        self.events.publish(String(data=event))


DOWN_20_CM = (0.30701957, 0.0, 0.390269558, 0.923955699, -0.382499497, 0.0, 0.0)


@contextmanager
def live_panda(folder: Path, *, action: str = "", topic: bool = False, **parameters: Any) -> Iterator[Panda]:
    """The node with an arm that stands at `READY`, with a controller's action or its topic."""
    urdf, limits = recorded("panda.urdf"), recorded("parameters.json")["robot_description_planning"]["joint_limits"]
    parameters = {
        "robot_description": urdf, "group": "panda_arm", "tip_link": "panda_link8", "planning_frame": "world",
        "max_velocity_rad_s": [limits[name]["max_velocity"] for name in READY],
        "max_acceleration_rad_s2": [limits[name]["max_acceleration"] for name in READY],
        # A busy machine lets everything wait for a second.
        "joint_state_max_age_s": 3.0, "duration_margin_s": 3.0, "stop_timeout_s": 3.0, "controller_timeout_s": 5.0,
        "controller_action": action, **parameters,
    }  # fmt: skip
    arm, client = ControlledArm(urdf, {**READY, **FINGERS}, "panda_hand", action=action, topic=topic), Client()
    try:
        with running(folder, parameters, "robotracer_ros.nodes.cartesian_path_node") as process:
            panda = Panda(process, client, arm)
            # Its first answer waits for what computes it to be loaded.
            assert panda.ask(request_of(by_name("line_down_10cm")["request"])).fraction == 1.0
            yield panda
    finally:
        client.close()
        arm.close()


def by_name(name: str) -> Any:
    """A recorded case of compute_cartesian_path."""
    return next(case for case in recorded("cartesian.json") if case["name"] == name)


def request_of(asked: Any, **changed: Any) -> GetCartesianPath.Request:
    """The message of a recorded request, with other values for some fields."""
    request = GetCartesianPath.Request()
    for name, value in {**asked, **changed}.items():
        if name == "header.frame_id":
            request.header.frame_id = value
        elif name == "start_state":
            request.start_state.is_diff = value["is_diff"]
            joints = value["joints"] or {}
            request.start_state.joint_state.name = list(joints)
            # NaN is the word "nan" in the records.
            request.start_state.joint_state.position = [float(at) for at in joints.values()]
        elif name == "waypoints":
            request.waypoints = [waypoint(values) for values in value]
        else:
            setattr(request, name, value if isinstance(value, bool) or name in _TEXTS else float(value))
    return request


_TEXTS = ("group_name", "link_name", "cartesian_speed_limited_link")


def waypoint(values: list[Any]) -> Pose:
    """Of ``[x, y, z, qx, qy, qz, qw]``."""
    message, numbers = Pose(), list(map(float, values))
    message.position.x, message.position.y, message.position.z = numbers[:3]
    turn = message.orientation
    turn.x, turn.y, turn.z, turn.w = numbers[3:]
    return message


def code(name: str) -> int:
    """The number of one of MoveIt's codes."""
    return getattr(MoveItErrorCodes, name)


def wait_until(holds: Callable[[], Any], timeout_s: float = 10.0) -> None:
    """Wait until something holds, or fail."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
