"""MoveIt in this process, in the shapes of its bindings: checked and stopped like every other planner."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from motion.fake_moveit import FakeMoveIt
from motion.harness import Following, path, spinning, until
from motion.recorded_answers import CASES, READY, URDF
from motion.replaying_move_group import FakeArm
from rclpy.node import Node

from robotracer_ros.errors import Cancelled, InvalidRequest, MotionError, MotionRefused
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.motion.follower import StopSign
from robotracer_ros.motion.gripper import NoGripper
from robotracer_ros.motion.move_group_settings import ExecutionSettings
from robotracer_ros.motion.moveit_py import MoveItPyFollower, MoveItPySettings
from robotracer_ros.planning.manipulation import Grip, Reach
from robotracer_ros.planning.motion_check import MotionRules
from robotracer_ros.planning.robot_description import RobotDescription
from robotracer_ros.ros.joint_states import JointStates

ROBOT = RobotDescription.from_urdf(URDF)
DOWN = CASES["line_down_10cm"]["request"]["waypoints"][0]
HALFWAY = [*DOWN[:2], DOWN[2] + 0.05, *DOWN[3:]]
PATIENT = ExecutionSettings(joint_state_age_s=5.0, max_joint_deviation_rad=1.0, settle_s=5.0, stop_timeout_s=20.0)
RULES = MotionRules(max_velocity_scaling=0.3, max_acceleration_scaling=0.3, max_tip_speed_m_s=0.1)


class Bench:
    def __init__(self, node: Node, arm: FakeArm, joint_states: JointStates) -> None:
        self.node, self.arm, self.joint_states = node, arm, joint_states
        self.made: list[MoveItPyFollower] = []

    def make(self, **settings: Any) -> MoveItPyFollower:
        given = {"group": "panda_arm", "tip_link": "panda_link8", "parameters": {"robot": 1}, "rules": RULES,
                 "execution": PATIENT, "server_timeout_s": 20.0}  # fmt: skip
        follower = MoveItPyFollower(
            self.node, MoveItPySettings(**{**given, **settings}), lambda _: ROBOT, self.joint_states,
            lambda target, source, _: RigidTransform.identity(target), NoGripper(),
        )  # fmt: skip
        self.made.append(follower)
        return follower


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with spinning("arm") as robot, spinning("client") as node:
        arm = FakeArm(robot, {**READY, "panda_finger_joint1": 0.03})
        joint_states = JointStates(node)
        yield Bench(node, arm, joint_states)
        arm.close()


@pytest.fixture
def fake(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeMoveIt]:
    bench.arm.stand_at({**READY, "panda_finger_joint1": 0.03})
    until(lambda: all(bench.joint_states.all().get(n) and bench.joint_states.all()[n].position == READY[n]
                      for n in READY), 20.0)  # fmt: skip
    one = FakeMoveIt(bench.arm)
    one.install(monkeypatch)
    yield one
    for follower in bench.made:
        follower.close()
    bench.made.clear()


def steps() -> list[Reach]:
    return [Reach("down", path([HALFWAY, DOWN]))]


def test_every_waypoint_is_a_line_and_all_of_them_one_motion(bench: Bench, fake: FakeMoveIt) -> None:
    follower = bench.make()
    plan = follower.plan(steps(), StopSign())
    following = Following(follower, plan)
    assert following.wait() is None and following.told[-1] == ("down", 1.0)
    (start, goal, link, parameters), (second, last, _, _) = fake.asked
    assert {name: start[name] for name in READY} == pytest.approx(READY) and start["panda_finger_joint1"] == 0.03
    assert (goal.header.frame_id, link) == ("panda_link0", "panda_link8")
    assert goal.pose.position.z == pytest.approx(HALFWAY[2]) and last.pose.position.z == pytest.approx(DOWN[2])
    assert (parameters.planning_pipeline, parameters.planner_id) == ("pilz_industrial_motion_planner", "LIN")
    assert (parameters.max_velocity_scaling_factor, parameters.max_acceleration_scaling_factor) == (0.3, 0.3)
    [trajectory], [executed] = plan.trajectories, fake.executed
    assert (np.diff(trajectory.times_s) > 0).all()
    assert len(executed.joint_trajectory.points) == len(trajectory.times_s)
    between = ROBOT.place("panda_link8", {n: [second[n]] for n in READY})[0]
    assert between[2, 3] == pytest.approx(HALFWAY[2], abs=2e-3)
    tip = ROBOT.place("panda_link8", dict(zip(trajectory.joint_names, trajectory.positions[-1:].T, strict=True)))[0]
    assert tip[:3, 3] == pytest.approx(DOWN[:3], abs=2e-3)


def forget_a_joint(message: Any) -> None:
    one = message.joint_trajectory
    one.joint_names = one.joint_names[1:]
    for point in one.points:
        point.positions, point.velocities = point.positions[1:], point.velocities[1:]
        point.accelerations = point.accelerations[1:]


def forget_times(message: Any) -> None:
    for point in message.joint_trajectory.points:
        point.time_from_start.sec = point.time_from_start.nanosec = 0


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (forget_a_joint, "down: on the way to waypoint 1: the trajectory moves panda_joint2"),
        (forget_times, "must increase from 0 s on"),
        (lambda message: message.joint_trajectory.points.clear(), "empty"),
        (lambda message: message.joint_trajectory.points.__delitem__(slice(2, None)), "waypoint 1"),
    ],
)
def test_its_answers_are_believed_no_more_than_others(bench: Bench, fake: FakeMoveIt, spoil: Any, told: str) -> None:
    fake.spoil = spoil
    with pytest.raises(MotionRefused, match=told):
        bench.make().plan(steps(), StopSign())
    fake.finds = False
    with pytest.raises(MotionRefused, match="finds no straight line for panda_link8"):
        bench.make().plan(steps(), StopSign())
    assert not fake.executed


def test_a_stop_is_obeyed(bench: Bench, fake: FakeMoveIt) -> None:
    follower = bench.make(rules=MotionRules(max_tip_speed_m_s=0.02))
    following = Following(follower, follower.plan(steps(), StopSign()))
    until(lambda: bench.arm.is_moving and len(following.told) > 5, 20.0)
    following.stop.show(Cancelled("enough"))
    assert isinstance(following.wait(), Cancelled)
    assert not bench.arm.is_moving and fake.is_stopped


@pytest.mark.parametrize("can_clear", [True, False])
def test_a_stop_before_moveit_begins_moves_nothing(bench: Bench, fake: FakeMoveIt, can_clear: bool) -> None:
    fake.push_s, fake.can_clear = 0.5, can_clear
    follower = bench.make()
    plan = follower.plan(steps(), StopSign())
    following = Following(follower, plan)
    assert fake.pushing.wait(20.0)
    following.stop.show(Cancelled("enough"))
    assert isinstance(following.wait(), Cancelled)
    time.sleep(1.0)
    assert not fake.executed and not bench.arm.is_moving
    fake.push_s = 0.0
    error = Following(follower, plan).wait()
    if can_clear:
        assert error is None and len(fake.executed) == 1
    else:
        assert isinstance(error, MotionRefused) and "deactivate and activate" in str(error) and not fake.executed


def test_a_stop_while_moveit_begins_is_repeated(bench: Bench, fake: FakeMoveIt) -> None:
    fake.begin_s = 0.5
    follower = bench.make(rules=MotionRules(max_tip_speed_m_s=0.02))
    following = Following(follower, follower.plan(steps(), StopSign()))
    until(lambda: fake.executed, 20.0)
    following.stop.show(Cancelled("enough"))
    assert isinstance(following.wait(), Cancelled)
    assert fake.is_stopped and not bench.arm.is_moving
    time.sleep(1.0)
    assert not bench.arm.is_moving


def test_a_motion_that_begins_after_its_end_is_stopped_all_the_same(bench: Bench, fake: FakeMoveIt) -> None:
    fake.begin_s = 2.0
    impatient = replace(PATIENT, stop_timeout_s=0.5)
    follower = bench.make(rules=MotionRules(max_tip_speed_m_s=0.02), execution=impatient)
    plan = follower.plan(steps(), StopSign())
    following = Following(follower, plan)
    until(lambda: fake.executed, 20.0)
    following.stop.show(Cancelled("enough"))
    with pytest.raises(MotionError, match=r"enough; the robot was told to stop, and that it rests could not be conf"):
        raise following.wait() or AssertionError("nothing failed")
    with pytest.raises(MotionRefused, match="has not ended the motion before"):
        follower.follow(plan, StopSign(), lambda name, share: None)
    until(lambda: fake.is_stopped, 20.0)
    assert not bench.arm.is_moving and len(fake.executed) == 1
    assert bench.arm.joints["panda_joint4"] == pytest.approx(READY["panda_joint4"], abs=0.05)


def test_a_fault_of_ours_stops_the_arm(bench: Bench, fake: FakeMoveIt) -> None:
    """Such as feedback that cannot be published; MoveIt may fail to stop the first time, too."""
    follower = bench.make(rules=MotionRules(max_tip_speed_m_s=0.02))
    plan = follower.plan(steps(), StopSign())
    fake.stops_failing = 3

    def told(_name: str, _share: float) -> None:
        if bench.arm.is_moving:
            raise RuntimeError("no more topics")

    with pytest.raises(MotionError, match=r"a fault of the node: RuntimeError\('no more topics'\)"):
        follower.follow(plan, StopSign(), told)
    assert fake.is_stopped and not bench.arm.is_moving


def test_an_arm_that_stands_elsewhere_is_missed_before_the_gripper_moves(
    bench: Bench, fake: FakeMoveIt, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower, told = bench.make(), []
    monkeypatch.setattr(follower, "_gripper", Told(told))
    plan = follower.plan([Grip("open", 0.05), *steps()], StopSign())
    bench.arm.stand_at({**READY, "panda_joint2": -0.7, "panda_finger_joint1": 0.03})
    until(lambda: bench.joint_states.all()["panda_joint2"].position == -0.7)
    error = Following(follower, plan).wait()
    assert isinstance(error, MotionRefused) and "panda_joint2 stands at -0.7" in str(error)
    assert not told and not fake.executed


class Told:
    """A gripper."""

    def __init__(self, told: list[str]) -> None:
        self._told = told

    def require_possible(self, grip: Grip) -> None: ...

    def follow(self, grip: Grip, stop: StopSign) -> None:
        self._told.append(grip.name)


def test_an_execution_that_fails_is_told(bench: Bench, fake: FakeMoveIt) -> None:
    fake.status = False
    follower = bench.make()
    error = Following(follower, follower.plan(steps(), StopSign())).wait()
    with pytest.raises(MotionError, match="did not execute the trajectory: ABORTED"):
        raise error or AssertionError("nothing failed")


def test_a_group_that_moveit_does_not_know_is_told(bench: Bench, fake: FakeMoveIt) -> None:
    with pytest.raises(MotionError, match="cannot be set up for the group 'nope': Group 'nope' not found"):
        bench.make(group="nope")


def test_a_closed_follower_has_shut_moveit_down(bench: Bench, fake: FakeMoveIt) -> None:
    bench.make(parameters=None, parameter_files=("moveit.yaml",)).close()
    assert fake.is_shut
    assert fake.made == [{"node_name": "client_moveit_py", "launch_params_filepaths": ["moveit.yaml"]}]


def test_where_moveit_is_missing_it_says_what_to_install(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "moveit", None)
    with pytest.raises(MotionRefused, match=r"install ros-\$ROS_DISTRO-moveit-py .* or choose the follower move_group"):
        bench.make()


@pytest.mark.parametrize("settings", [{"group": ""}, {"parameters": None}, {"planning_time_s": 0.0}])
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="received"):
        MoveItPySettings(**{"group": "arm", "tip_link": "tip", "parameters": {"a": 1}, **settings})
