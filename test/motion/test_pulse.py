"""A planner that is killed while the controller goes on, and one that is busy."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from control_msgs.action import FollowJointTrajectory
from motion.crashing import TRAJECTORY, killable
from motion.harness import DestructibleActionServer, Following, path, spinning, until
from motion.recorded_answers import CASES, READY, URDF, answer
from motion.replaying_move_group import ReplayingMoveGroup
from rclpy.action import ActionClient, CancelResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from trajectory_msgs.msg import JointTrajectory

from robotracer_ros.errors import InvalidRequest, MotionError
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.motion.follower import StopSign
from robotracer_ros.motion.gripper import NoGripper
from robotracer_ros.motion.move_group import MoveGroupFollower, MoveGroupSettings
from robotracer_ros.motion.move_group_settings import ExecutionSettings
from robotracer_ros.motion.pulse import Pulse
from robotracer_ros.planning.manipulation import Reach
from robotracer_ros.planning.motion_check import MotionRules
from robotracer_ros.planning.robot_description import RobotDescription
from robotracer_ros.ros.joint_states import JointStates
from robotracer_ros.ros.trajectories import trajectory_from_msg

ROBOT = RobotDescription.from_urdf(URDF)
BASELINE = CASES["line_down_10cm"]
PATIENT = ExecutionSettings(joint_state_age_s=3.0, max_joint_deviation_rad=0.3, stop_timeout_s=10.0)
# Twenty seconds of motion: a controller that is not stopped moves for longer than a test looks.
SLOW = MotionRules(max_velocity_scaling=0.1, max_tip_speed_m_s=0.005)
CONTROLLER = "arm/follow_joint_trajectory"


@pytest.fixture(scope="module")
def arm() -> Iterator[ReplayingMoveGroup]:
    """Plans in this process; what a killed one sent it is executed by its arm all the same."""
    server = ReplayingMoveGroup(ROBOT, READY)
    server.reset([answer(BASELINE)], READY)
    server.create_subscription(
        JointTrajectory, TRAJECTORY, lambda message: server.arm.begin(trajectory_from_msg(message)), 10,
        callback_group=ReentrantCallbackGroup(),
    )  # fmt: skip

    def run(handle: Any) -> FollowJointTrajectory.Result:
        until(lambda: handle.is_cancel_requested, 60.0)
        server.arm.halt()
        handle.canceled()
        return FollowJointTrajectory.Result()

    controller = DestructibleActionServer(
        server, FollowJointTrajectory, CONTROLLER, run, callback_group=ReentrantCallbackGroup(),
        cancel_callback=lambda _: CancelResponse.ACCEPT,
    )  # fmt: skip
    yield server
    controller.destroy()
    server.close()


def test_a_planner_that_is_killed_ends_the_motion(arm: ReplayingMoveGroup) -> None:
    with spinning("client") as node, killable("move_group", "crash") as process:
        joint_states = JointStates(node)
        settings = MoveGroupSettings(
            group="panda_arm", tip_link="panda_link8", rules=SLOW, execution=PATIENT, server_timeout_s=30.0,
            plan_timeout_s=30.0, execute_action="crash/execute_trajectory", controller_action=CONTROLLER,
            server_silence_s=2.0,
        )  # fmt: skip
        follower = MoveGroupFollower(
            node, settings, lambda _: ROBOT, joint_states, lambda target, source, _: RigidTransform.identity(target),
            NoGripper(),
        )  # fmt: skip
        until(lambda: READY.keys() <= joint_states.all().keys(), 20.0)
        sender = ActionClient(arm, FollowJointTrajectory, CONTROLLER)
        until(sender.server_is_ready, 20.0)
        sender.send_goal_async(FollowJointTrajectory.Goal())
        until(follower._execution._controller.service_is_ready, 20.0)
        # Its process may know of the client later than the client knows of it, and its answer would be lost.
        until(follower._execution._client.server_is_ready, 30.0)
        time.sleep(3.0)
        plan = follower.plan([Reach("down", path(BASELINE["request"]["waypoints"]))], StopSign())
        following = Following(follower, plan)
        until(lambda: arm.arm.is_moving or following.error, 30.0)
        until(lambda: follower._execution._pulse._answered or following.error, 20.0)
        # As long as it lives it is not taken for dead.
        time.sleep(3.0)
        assert following.error is None and arm.arm.is_moving
        process.kill()
        error = following.wait()
        assert isinstance(error, MotionError) and "could not be confirmed" not in str(error)
        assert "/crash/execute_trajectory: its process answered nothing within" in str(error)
        assert "move_group.server_silence_s 2 s" in str(error)
        assert not arm.arm.is_moving
        follower.close()
        joint_states.close()


def test_a_busy_process_that_never_answered_is_not_missed() -> None:
    with spinning("client") as node, killable("move_group", "mute") as process:
        pulse = Pulse(node, "/mute/execute_trajectory", 1.0)
        until(lambda: node.get_publishers_info_by_topic("/mute/execute_trajectory/_action/status"), 30.0)
        pulse.begin()
        until(lambda: pulse.is_lost() or pulse._answered, 20.0)
        assert not pulse.is_lost()
        process.kill()
        process.wait()
        until(pulse.is_lost, 10.0)
        pulse.begin()
        for _ in range(30):
            assert not pulse.is_lost()
            time.sleep(0.1)
        pulse.close()


def test_the_own_process_and_a_silence_of_zero_are_not_asked(arm: ReplayingMoveGroup) -> None:
    with spinning("client") as node:
        until(lambda: node.get_publishers_info_by_topic("/execute_trajectory/_action/status"), 20.0)
        for silence_s in (0.0, 1.0):
            pulse = Pulse(node, "/execute_trajectory", silence_s)
            pulse.begin()
            assert not pulse.is_lost() and not pulse._clients


@pytest.mark.parametrize("silence_s", [-1.0, float("nan"), float("inf")])
def test_a_silence_that_cannot_be_is_refused(silence_s: float) -> None:
    with pytest.raises(InvalidRequest, match="server_silence_s must be 0 or a number above it"):
        MoveGroupSettings("panda_arm", "panda_link8", server_silence_s=silence_s)
