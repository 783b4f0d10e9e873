"""sim_node over DDS: its topics, its controllers and its two services."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("robotracer_ros.sim.engine", reason="MuJoCo is absent")
pytest.importorskip("control_msgs", reason="control_msgs is absent")

from action_msgs.msg import GoalStatus
from control_msgs.action import FollowJointTrajectory, GripperCommand
from nodes.harness import Client, running
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import String
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from robotracer_ros.ros.action_client import SafeActionClient
from robotracer_ros.ros.qos import sensor_qos
from robotracer_ros.ros.trajectories import duration_to_msg
from robotracer_ros.srv import SimReset, SimTruth

ARM = (
    "shoulder_pan_joint", "shoulder_lift_joint", "elbow_joint", "wrist_1_joint", "wrist_2_joint", "wrist_3_joint",
)  # fmt: skip
UP_S = 90.0


class Robot:
    """What a controller's user has: joint states, and the actions."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.states: list[JointState] = []
        client.node.create_subscription(JointState, "joint_states", self.states.append, 10)
        self.follow = SafeActionClient(client.node, FollowJointTrajectory, "follow_joint_trajectory")
        self.grip = SafeActionClient(client.node, GripperCommand, "gripper_cmd")
        self.reset = client.node.create_client(SimReset, "sim_node/reset")
        self.truth = client.node.create_client(SimTruth, "sim_node/truth")
        wait(lambda: self.states, UP_S)
        assert self.follow.wait_for_server(timeout_sec=UP_S)

    def positions(self, names: tuple[str, ...] = ARM) -> np.ndarray:
        now = self.states[-1]
        return np.array([now.position[list(now.name).index(name)] for name in names])

    def speed(self) -> float:
        now = self.states[-1]
        return max(abs(now.velocity[list(now.name).index(name)]) for name in ARM)

    def time_s(self) -> float:
        return seconds(self.states[-1])

    def send(self, client: SafeActionClient, goal: Any) -> Any:
        return answered(client.send_goal_async(goal))

    def moved(self, change: float, seconds: float, joint: str = "shoulder_pan_joint") -> JointTrajectory:
        end = self.positions() + change * np.array([name == joint for name in ARM])
        point = JointTrajectoryPoint(positions=end.tolist(), velocities=[0.0] * 6)
        point.time_from_start = duration_to_msg(seconds)
        return JointTrajectory(joint_names=list(ARM), points=[point])


def seconds(message: Any) -> float:
    return message.header.stamp.sec + message.header.stamp.nanosec * 1e-9


def wait(condition: Any, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.01)


def answered(future: Any, timeout_s: float = 60.0) -> Any:
    done = threading.Event()
    future.add_done_callback(lambda _: done.set())
    assert done.wait(timeout_s)
    return future.result()


@pytest.fixture(scope="module")
def robot(ros: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Robot]:
    client = Client("user")
    folder = tmp_path_factory.mktemp("sim")
    parameters = {"width": 320, "height": 240, "seed": 3, "publish_clock": True}
    with running(folder, parameters, "robotracer_ros.nodes.sim_node") as process:
        yield Robot(client)
        assert process.stop() == 0
    client.close()


def test_it_shows_what_a_robot_shows(robot: Robot) -> None:
    heard: dict[str, Any] = {}
    node = robot.client.node
    for kind, topic in ((Image, "image"), (Image, "depth"), (CameraInfo, "camera_info"),
                        (CameraInfo, "depth_camera_info")):  # fmt: skip
        node.create_subscription(kind, topic, lambda m, t=topic: heard.setdefault(t, m), sensor_qos(1))
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    node.create_subscription(String, "robot_description", lambda m: heard.setdefault("urdf", m), latched)
    wait(lambda: len(heard) == 5, UP_S)
    assert (heard["image"].encoding, heard["depth"].encoding) == ("rgb8", "32FC1")
    assert (heard["image"].width, heard["depth"].height, heard["camera_info"].width) == (320, 240, 320)
    assert {message.header.frame_id for name, message in heard.items() if name != "urdf"} == {
        "camera_color_optical_frame"
    }
    assert (heard["camera_info"].distortion_model, list(heard["camera_info"].d)) == ("plumb_bob", [0.0] * 5)
    assert "tabletop_arm" in heard["urdf"].data
    assert set(robot.states[-1].name) == {*ARM, "finger_joint", "right_finger_joint"}


def test_a_trajectory_is_followed_to_its_end(robot: Robot) -> None:
    goal = FollowJointTrajectory.Goal(trajectory=robot.moved(0.4, 1.5))
    handle = robot.send(robot.follow, goal)
    result = answered(handle.get_result_async())
    assert (result.status, result.result.error_code) == (GoalStatus.STATUS_SUCCEEDED, 0)
    np.testing.assert_allclose(robot.positions(), goal.trajectory.points[-1].positions, atol=0.02)


def test_a_cancelled_arm_is_at_rest_at_once(robot: Robot) -> None:
    handle = robot.send(robot.follow, FollowJointTrajectory.Goal(trajectory=robot.moved(-1.5, 3.0)))
    wait(lambda: robot.speed() > 0.5, 20.0)
    called = len(robot.states)
    answered(handle.cancel_goal_async())
    result = answered(handle.get_result_async())
    assert result.status == GoalStatus.STATUS_CANCELED
    wait(lambda: len(robot.states) > called + 40, 20.0)
    before_and_after = robot.states[called - 3 :]
    stamps = np.array([seconds(state) for state in before_and_after])
    speeds = np.array([np.abs(s.velocity[:6]).max() for s in before_and_after])
    # From the last moment at speed on, in simulated time: a busy machine may hand the request over late.
    braking = int(np.flatnonzero(speeds > 0.9 * speeds.max())[-1])
    at_rest = int(np.argmax(speeds < 0.01))
    assert speeds.max() > 0.5
    assert stamps[at_rest] - stamps[braking] < 0.2
    assert (speeds[at_rest + 10 :] < 0.02).all()


def test_another_goal_ends_the_one_before(robot: Robot) -> None:
    first = robot.send(robot.follow, FollowJointTrajectory.Goal(trajectory=robot.moved(0.5, 4.0)))
    second = robot.send(robot.follow, FollowJointTrajectory.Goal(trajectory=robot.moved(0.2, 1.0)))
    assert answered(first.get_result_async()).status == GoalStatus.STATUS_ABORTED
    assert answered(second.get_result_async()).status == GoalStatus.STATUS_SUCCEEDED


def test_feedback_has_the_time_of_the_joint_states(robot: Robot) -> None:
    heard: list[float] = []
    goal, before_s = FollowJointTrajectory.Goal(trajectory=robot.moved(-0.1, 0.3)), robot.time_s()
    handle = answered(robot.follow.send_goal_async(goal, lambda told: heard.append(seconds(told.feedback))))
    answered(handle.get_result_async())
    wait(lambda: heard and robot.time_s() > heard[-1], 20.0)
    assert before_s - 0.5 < heard[0] < robot.time_s()


def test_other_joints_are_refused(robot: Robot) -> None:
    trajectory = robot.moved(0.1, 1.0)
    trajectory.joint_names[0] = "elbow"
    result = answered(robot.send(robot.follow, FollowJointTrajectory.Goal(trajectory=trajectory)).get_result_async())
    assert result.status == GoalStatus.STATUS_ABORTED
    assert result.result.error_code == FollowJointTrajectory.Result.INVALID_JOINTS


def test_a_position_that_is_no_number_moves_nothing(robot: Robot) -> None:
    before, trajectory = robot.positions(), robot.moved(0.1, 1.0)
    trajectory.points[0].positions[2] = float("nan")
    result = answered(robot.send(robot.follow, FollowJointTrajectory.Goal(trajectory=trajectory)).get_result_async())
    assert result.result.error_code == FollowJointTrajectory.Result.INVALID_GOAL
    np.testing.assert_allclose(robot.positions(), before, atol=1e-3)


def test_the_gripper_closes_on_nothing(robot: Robot) -> None:
    goal = GripperCommand.Goal()
    goal.command.position, goal.command.max_effort = 0.01, 20.0
    result = answered(robot.send(robot.grip, goal).get_result_async())
    assert result.result.reached_goal and not result.result.stalled
    assert result.result.position == pytest.approx(0.01, abs=0.003)


def test_a_goal_without_a_time_limit_waits_at_its_end(robot: Robot) -> None:
    # A finger comes to lie on the upper arm.
    goal = FollowJointTrajectory.Goal(trajectory=robot.moved(-1.0, 1.0, "elbow_joint"))
    goal.goal_time_tolerance.sec = -1
    handle = robot.send(robot.follow, goal)
    begun_s, result = robot.time_s(), handle.get_result_async()
    wait(lambda: robot.time_s() > begun_s + 3.0, 60.0)
    assert not result.done(), result.result()
    answered(handle.cancel_goal_async())
    assert answered(result).status == GoalStatus.STATUS_CANCELED


def test_a_goal_that_a_reset_ends_is_told_so(robot: Robot) -> None:
    result = robot.send(robot.follow, FollowJointTrajectory.Goal(trajectory=robot.moved(0.5, 30.0))).get_result_async()
    assert robot.client.call(robot.reset, SimReset.Request(seed=3), 60.0).success
    assert answered(result).status == GoalStatus.STATUS_ABORTED
    assert answered(result).result.error_string == "the world was reset"


def test_it_begins_again_where_it_is_told(robot: Robot) -> None:
    response = robot.client.call(robot.reset, SimReset.Request(seed=5), 60.0)
    assert response.success, response.message
    truth = json.loads(robot.client.call(robot.truth, SimTruth.Request()).truth)
    assert truth["seed"] == 5
    assert all([thing, "table"] in truth["touching"] for thing in
               (f"{one['label']} {one['name']}" for one in truth["things"]))  # fmt: skip
    assert not robot.client.call(robot.reset, SimReset.Request(seed=-1), 60.0).success
