"""What a genuine move_group made of motions: late, failed, stopped, not stopped, and lies of success."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from action_msgs.msg import GoalStatus
from control_msgs.action import FollowJointTrajectory
from motion.harness import DestructibleActionServer, Following, path, spinning, until
from motion.recorded_answers import CASES, EXECUTED, READY, URDF, answer
from motion.replaying_move_group import ReplayingMoveGroup
from rclpy.action import ActionClient, CancelResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node

from robotracer_ros.errors import Busy, Cancelled, MotionError, MotionRefused, NotActive
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.motion.follower import Plan, StopSign
from robotracer_ros.motion.gripper import NoGripper
from robotracer_ros.motion.move_group import MoveGroupFollower, MoveGroupSettings
from robotracer_ros.motion.move_group_settings import ExecutionSettings
from robotracer_ros.planning.manipulation import Grip, Reach
from robotracer_ros.planning.motion_check import MotionRules
from robotracer_ros.planning.robot_description import RobotDescription
from robotracer_ros.ros.joint_states import JointStates

ROBOT = RobotDescription.from_urdf(URDF)
BASELINE = CASES["line_down_10cm"]
STATUS = {"SUCCEEDED": GoalStatus.STATUS_SUCCEEDED, "ABORTED": GoalStatus.STATUS_ABORTED}
# The line down takes some 2.4 s with them.
RULES = MotionRules(max_velocity_scaling=0.1, max_tip_speed_m_s=0.05)
# So that a busy machine is not taken for a robot that fails.
PATIENT = ExecutionSettings(joint_state_age_s=3.0, max_joint_deviation_rad=0.3, settle_s=1.0, stop_timeout_s=20.0)


class Bench:
    def __init__(self, node: Node, server: ReplayingMoveGroup, joint_states: JointStates) -> None:
        self.node, self.server, self.joint_states = node, server, joint_states
        self.follower = self.make()

    def make(self, **settings: Any) -> MoveGroupFollower:
        given = {"group": "panda_arm", "tip_link": "panda_link8", "rules": RULES, "execution": PATIENT,
                 "plan_timeout_s": 30.0, "server_timeout_s": 20.0}  # fmt: skip
        return MoveGroupFollower(
            self.node, MoveGroupSettings(**{**given, **settings}), lambda _: ROBOT, self.joint_states,
            lambda target, source, _: RigidTransform.identity(target), NoGripper(),
        )  # fmt: skip

    def plan(self, follower: MoveGroupFollower | None = None) -> Plan:
        way = path(BASELINE["request"]["waypoints"])
        return (follower or self.follower).plan([Reach("down", way)], StopSign())

    def started(self, follower: MoveGroupFollower | None = None) -> Following:
        """A motion that has begun."""
        following = Following(follower or self.follower, self.plan(follower))
        until(lambda: self.server.arm.is_moving or following.error, 20.0)
        until(lambda: len(following.told) > 5 or following.error, 20.0)
        return following


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    server = ReplayingMoveGroup(ROBOT, READY)
    with spinning("client") as node:
        joint_states = JointStates(node)
        made = Bench(node, server, joint_states)
        yield made
        made.follower.close()
        joint_states.close()
    server.close()


@pytest.fixture(autouse=True)
def ready(bench: Bench) -> None:
    bench.server.reset([answer(BASELINE)], READY)
    until(lambda: {n: r.position for n, r in bench.joint_states.all().items()} == READY)


# How the recorded outcomes read here. The controller of the last one reports an error that move_group swallows; the
# joints are where they should be.
TOLD = {
    "normal_success": None,
    "normal_success_slow": None,
    "controller_aborts": r"ABORTED with CONTROL_FAILED \(-4\)",
    "controller_rejects": r"ABORTED with CONTROL_FAILED \(-4\)",
    "controller_never_finishes": r"ABORTED with TIMED_OUT \(-6\)",
    "controller_does_not_move": r"ABORTED with TIMED_OUT \(-6\)",
    "controller_succeeds_with_error_code": None,
}


@pytest.mark.parametrize("name", TOLD)
def test_a_recorded_motion_ends_as_it_did(bench: Bench, name: str) -> None:
    recorded = EXECUTED[name]
    bench.server.mode = recorded["fake_controller_mode"]
    bench.server.outcome = STATUS[recorded["response"]["goal_status"]], recorded["response"]["error_code"]["val"]
    following = Following(bench.follower, bench.plan())
    error = following.wait()
    if TOLD[name] is None:
        assert error is None
        assert [share for _, share in following.told] == sorted(share for _, share in following.told)
        assert following.told[-1] == ("down", 1.0) and 0.0 < following.told[len(following.told) // 2][1] < 1.0
    else:
        assert isinstance(error, MotionError) and not isinstance(error, MotionRefused)
        assert_match(error, TOLD[name])
    assert not bench.server.arm.is_moving


def assert_match(error: BaseException | None, pattern: str) -> None:
    with pytest.raises(type(error) if error else AssertionError, match=pattern):
        raise error or AssertionError("nothing failed")


def test_success_without_a_motion_is_no_success(bench: Bench) -> None:
    bench.server.mode = "lies"
    error = Following(bench.follower, bench.plan()).wait()
    assert_match(error, r"said to be finished, but panda_joint\d is at .* end_tolerance_rad allows 0.01")


def test_a_robot_that_stands_elsewhere_is_not_moved(bench: Bench) -> None:
    plan = bench.plan()
    bench.server.arm.stand_at({**READY, "panda_joint2": -0.7})
    until(lambda: bench.joint_states.all()["panda_joint2"].position == -0.7)
    error = Following(bench.follower, plan).wait()
    assert isinstance(error, MotionRefused)
    assert_match(error, "panda_joint2 stands at -0.7000, 0.0850 from where the motion begins.*start_tolerance_rad")
    assert not bench.server.goals


def test_a_robot_that_stands_elsewhere_does_not_open_its_gripper(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    grips = Grips(bench.server)
    monkeypatch.setattr(bench.follower, "_gripper", grips)
    way = path(BASELINE["request"]["waypoints"])
    plan = bench.follower.plan([Grip("open", 0.08), Reach("down", way)], StopSign())
    bench.server.arm.stand_at({**READY, "panda_joint2": -0.7})
    until(lambda: bench.joint_states.all()["panda_joint2"].position == -0.7)
    error = Following(bench.follower, plan).wait()
    assert isinstance(error, MotionRefused) and "panda_joint2 stands at -0.7" in str(error)
    assert grips.seen == ["may open"] and not bench.server.goals


def test_a_stop_is_obeyed_though_a_cancel_is_not(bench: Bench) -> None:
    following = bench.started()
    shown_s = time.monotonic()
    following.stop.show(Cancelled("the user took it back"))
    error = following.wait()
    assert isinstance(error, Cancelled) and str(error) == "the user took it back"
    assert not bench.server.arm.is_moving
    # 30 ms of them are the controller's; the rest is this machine's.
    assert bench.server.arm.moved_s - shown_s < 1.0
    assert following.told[-1][1] < 1.0


def test_a_robot_that_cannot_be_stopped_is_said_to_move(bench: Bench) -> None:
    """As recorded: "stop", but the controller refuses the cancel and moves on; the result says -7 all the same."""
    follower = bench.make(execution=ExecutionSettings(stop_timeout_s=0.7, joint_state_age_s=3.0))
    bench.server.mode = EXECUTED["stop_event_controller_refuses_cancel"]["fake_controller_mode"]
    following = bench.started(follower)
    following.stop.show(Cancelled("the user took it back"))
    error = following.wait()
    assert isinstance(error, MotionError) and not isinstance(error, Cancelled)
    assert_match(
        error,
        "took it back; the robot was told to stop, and that it rests could not be confirmed within stop_timeout_s 0.7",
    )
    assert isinstance(error.__cause__, Cancelled)
    follower.close()


def test_a_stop_before_the_motion_begins_moves_nothing(bench: Bench) -> None:
    plan, stop = bench.plan(), StopSign()
    stop.show(Cancelled("too late"))
    with pytest.raises(Cancelled):
        bench.follower.follow(plan, stop, lambda name, share: None)
    with pytest.raises(Cancelled):
        bench.follower.plan([Reach("down", path(BASELINE["request"]["waypoints"]))], stop)
    assert not bench.server.goals


def test_a_fault_of_ours_stops_the_robot(bench: Bench) -> None:
    """Such as feedback that cannot be published."""

    def told(_name: str, _share: float) -> None:
        if bench.server.arm.is_moving:
            raise RuntimeError("no more topics")

    with pytest.raises(MotionError, match=r"^a fault of the node: RuntimeError\('no more topics'\)$"):
        bench.follower.follow(bench.plan(), StopSign(), told)
    assert bench.server.goals and not bench.server.arm.is_moving


@pytest.mark.parametrize("closes", [False, True])
def test_a_motion_that_is_accepted_after_its_end_is_stopped(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, closes: bool
) -> None:
    """By a server that hung: it executes what it was sent long ago."""
    patience = ExecutionSettings(joint_state_age_s=3.0, max_joint_deviation_rad=0.3, stop_timeout_s=1.0)
    follower, awakes = bench.make(server_timeout_s=4.0, execution=patience), threading.Event()
    plan, accept = bench.plan(follower), bench.server._action._execute_goal_request

    async def accept_late(request: Any) -> None:
        awakes.wait(60.0)
        await accept(request)

    with monkeypatch.context() as hanging:
        hanging.setattr(bench.server._action, "_execute_goal_request", accept_late)
        error = Following(follower, plan).wait()
    assert_match(
        error, "did not answer within 4 s; the robot was told to stop, and that it rests could not be confirmed"
    )
    with pytest.raises(MotionRefused, match="has not ended the motion before; it is told to stop until it does"):
        follower.follow(plan, StopSign(), lambda name, share: None)
    if closes:
        follower.close()
    awakes.set()
    until(lambda: not follower._execution._is_chasing, 20.0)
    assert len(bench.server.goals) == 1 and not bench.server.arm.is_moving
    assert bench.server.arm.joints["panda_joint4"] == pytest.approx(READY["panda_joint4"], abs=0.15)
    if not closes:
        bench.server.arm.stand_at(READY)
        until(lambda: {n: r.position for n, r in bench.joint_states.all().items()} == READY)
        assert Following(follower, plan).wait() is None
        follower.close()


def test_a_jump_of_the_joint_states_stops_the_robot(bench: Bench) -> None:
    following = bench.started()
    jumped_s = time.monotonic()
    bench.server.arm.offset = 0.8
    error = following.wait()
    assert_match(error, "panda_joint1 jumped by 0.8|panda_joint1 is at 0.8")
    assert not bench.server.arm.is_moving and bench.server.arm.moved_s - jumped_s < 1.0


def test_joint_states_that_are_not_numbers_stop_the_robot(bench: Bench) -> None:
    following = bench.started()
    bench.server.arm.offset = float("nan")
    time.sleep(0.2)
    bench.server.arm.offset = 0.0
    assert_match(following.wait(), "panda_joint1 (is at|jumped by) nan")
    assert not bench.server.arm.is_moving


def test_silent_joint_states_stop_the_robot_and_leave_its_rest_open(bench: Bench) -> None:
    follower = bench.make(execution=ExecutionSettings(joint_state_age_s=0.5, stop_timeout_s=1.0))
    following = bench.started(follower)
    bench.server.arm.tells = False
    assert_match(following.wait(), "told nothing of panda_joint1.*that it rests could not be confirmed")
    until(lambda: not bench.server.arm.is_moving)
    follower.close()


def test_a_server_that_goes_away_ends_the_motion(bench: Bench) -> None:
    following = bench.started()
    bench.server.vanish("execute")
    try:
        assert_match(following.wait(), "execute_trajectory went away during the motion")
        assert not bench.server.arm.is_moving
    finally:
        bench.server.has_ended.set()
        time.sleep(0.1)
        bench.server.has_ended.clear()
        bench.server.appear()


def test_a_server_that_never_answers_is_not_waited_for(bench: Bench) -> None:
    follower = bench.make(
        execution=ExecutionSettings(duration_factor=1.0, duration_margin_s=0.5, joint_state_age_s=3.0)
    )  # fmt: skip
    bench.server.mode = "hangs"
    try:
        assert_match(Following(follower, bench.plan(follower)).wait(), r"did not finish within \d\.\d s")
    finally:
        bench.server.has_ended.set()
        time.sleep(0.1)
        bench.server.has_ended.clear()
        follower.close()


def test_one_motion_at_a_time(bench: Bench) -> None:
    following = bench.started()
    with pytest.raises(Busy):
        bench.follower.follow(Plan(()), StopSign(), lambda name, share: None)
    following.stop.show(Cancelled("enough"))
    following.wait()
    assert len(bench.server.goals) == 1


def test_closing_stops_what_moves(bench: Bench) -> None:
    follower = bench.make()
    following = bench.started(follower)
    follower.close()
    assert not bench.server.arm.is_moving
    assert_match(following.wait(), "was closed while the robot moved")
    follower.close()
    with pytest.raises(NotActive):
        follower.follow(Plan(()), StopSign(), lambda name, share: None)


def test_a_gripper_that_is_not_there_is_missed_before_anything_moves(bench: Bench) -> None:
    way = path(BASELINE["request"]["waypoints"])
    with pytest.raises(MotionRefused, match=r"grasp: no gripper is set up; accepted .*gripper_command"):
        bench.follower.plan([Reach("down", way), Grip("grasp", 0.02)], StopSign())
    assert not bench.server.goals


class Grips:
    """A gripper that keeps when it was asked."""

    def __init__(self, server: ReplayingMoveGroup) -> None:
        self.server, self.seen = server, []

    def require_possible(self, grip: Grip) -> None:
        self.seen.append(f"may {grip.name}")

    def follow(self, grip: Grip, stop: StopSign) -> None:
        self.seen.append(f"{grip.name} after {len(self.server.goals)}")

    def close(self) -> None: ...


def test_the_gripper_has_its_turn(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    grips = Grips(bench.server)
    monkeypatch.setattr(bench.follower, "_gripper", grips)
    way = path(BASELINE["request"]["waypoints"])
    # The second way leads to where the first one ends.
    steps = [Grip("open", 0.08), Reach("down", way), Grip("grasp", 0.02), Reach("stay", way)]
    plan = bench.follower.plan(steps, StopSign())
    assert grips.seen == ["may open", "may grasp"]
    following = Following(bench.follower, plan)
    assert following.wait() is None
    assert grips.seen[2:] == ["open after 0", "grasp after 1"]
    assert list(dict.fromkeys(name for name, _ in following.told)) == ["open", "down", "grasp", "stay"]
    assert len(bench.server.goals) == 1 and len(plan.trajectories) == 2


def test_a_stop_reaches_the_controller_past_move_group(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its action hears a cancel of all goals, whoever sent them; move_group itself is deaf here, and we half mute."""
    cancelled = []

    def run(handle: Any) -> FollowJointTrajectory.Result:
        until(lambda: handle.is_cancel_requested, 30.0)
        cancelled.append(time.monotonic())
        bench.server.arm.halt()
        handle.canceled()
        return FollowJointTrajectory.Result()

    controller = DestructibleActionServer(
        bench.server, FollowJointTrajectory, "arm/follow_joint_trajectory", run,
        callback_group=ReentrantCallbackGroup(), cancel_callback=lambda _: CancelResponse.ACCEPT,
    )  # fmt: skip
    sender = ActionClient(bench.server, FollowJointTrajectory, "arm/follow_joint_trajectory")
    follower = bench.make(controller_action="arm/follow_joint_trajectory")
    bench.server.mode = "nocancel"
    until(sender.server_is_ready, 20.0)
    until(follower._execution._controller.service_is_ready, 20.0)
    sent = sender.send_goal_async(FollowJointTrajectory.Goal())
    until(sent.done, 20.0)
    following = bench.started(follower)

    def fail() -> None:
        raise RuntimeError("no more topics")

    monkeypatch.setattr(follower._execution, "_say_event", fail)
    shown_s = time.monotonic()
    following.stop.show(Cancelled("enough"))
    assert isinstance(following.wait(), Cancelled)
    assert len(cancelled) == 1 and cancelled[0] - shown_s < 1.0 and not bench.server.arm.is_moving
    follower.close()
    controller.destroy()
