"""Grippers of every kind: what they are told, what counts as done, and what they are not waited for."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from control_msgs.action import GripperCommand, ParallelGripperCommand
from motion.harness import spinning, until
from rclpy.action import ActionServer, CancelResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool, Trigger

from robotracer_ros.errors import Cancelled, InvalidRequest, MotionError, MotionRefused
from robotracer_ros.motion.follower import StopSign
from robotracer_ros.motion.gripper import GripperSettings, make_gripper
from robotracer_ros.planning.manipulation import Grip
from robotracer_ros.ros.joint_states import JointStates

GRASP, RELEASE = Grip("grasp", 0.02, takes=True), Grip("release", 0.08)
# No wider than some grippers' whole reach.
SMALL = Grip("open", 0.03)
FINGER = "finger_joint"


class FakeGripper:
    """Serves every kind at once; keeps what it was told."""

    def __init__(self, node: Node) -> None:
        group = ReentrantCallbackGroup()
        self.told: list[Any] = []
        self.reached, self.stalled, self.takes_s, self.success = True, False, 0.0, True
        self.cancelled, self.stands_at = False, 0.045
        self._servers = [
            ActionServer(node, kind, name, self._move, callback_group=group, cancel_callback=self._cancel)
            for kind, name in ((GripperCommand, "gripper_cmd"), (ParallelGripperCommand, "parallel_cmd"))
        ]
        node.create_service(SetBool, "set_closed", self._set, callback_group=group)
        node.create_service(Trigger, "close", lambda request, answer: self._set("close", answer), callback_group=group)
        node.create_service(Trigger, "open", lambda request, answer: self._set("open", answer), callback_group=group)

    def close(self) -> None:
        for server in self._servers:
            server.destroy()

    def _cancel(self, _handle: Any) -> CancelResponse:
        return CancelResponse.ACCEPT

    def _move(self, handle: Any) -> Any:
        self.told.append(handle.request.command)
        until_s = time.monotonic() + self.takes_s
        while time.monotonic() < until_s and not handle.is_cancel_requested:
            time.sleep(0.01)
        parallel = isinstance(handle.request, ParallelGripperCommand.Goal)
        result = ParallelGripperCommand.Result() if parallel else GripperCommand.Result()
        result.reached_goal, result.stalled = self.reached, self.stalled
        if parallel:
            result.state.position = [self.stands_at]
        else:
            result.position = self.stands_at
        if handle.is_cancel_requested:
            self.cancelled = True
            handle.canceled()
        else:
            handle.succeed()
        return result

    def _set(self, request: Any, answer: Any) -> Any:
        self.told.append(request if isinstance(request, str) else request.data)
        time.sleep(self.takes_s)
        answer.success, answer.message = self.success, "" if self.success else "no air"
        return answer


@pytest.fixture(scope="module")
def nodes() -> Iterator[tuple[Node, FakeGripper]]:
    with spinning("gripper") as server, spinning("client") as client:
        fake = FakeGripper(server)
        yield client, fake


@pytest.fixture
def fake(nodes: tuple[Node, FakeGripper]) -> FakeGripper:
    one = nodes[1]
    one.told.clear()
    one.reached, one.stalled, one.takes_s, one.success, one.cancelled = True, False, 0.0, True, False
    one.stands_at = 0.045
    return one


class Finger:
    """Publishes one joint at 50 Hz; it goes where it is told, at some speed, after a moment."""

    def __init__(self, node: Node, position: float) -> None:
        self.position = self.goal = position
        self.speed, self._begins_s = 0.02, 0.0
        self._publisher = node.create_publisher(JointState, "joint_states", 10)
        self._timer = node.create_timer(0.02, self._tell)

    def go(self, goal: float, after_s: float = 0.1) -> None:
        self.goal, self._begins_s = goal, time.monotonic() + after_s

    def _tell(self) -> None:
        if time.monotonic() >= self._begins_s:
            left = self.goal - self.position
            self.position += min(max(left, -0.02 * self.speed), 0.02 * self.speed) if left == left else left
        self._publisher.publish(JointState(name=[FINGER], position=[self.position], velocity=[0.0]))

    def close(self, node: Node) -> None:
        node.destroy_timer(self._timer)
        node.destroy_publisher(self._publisher)


@pytest.fixture
def finger(nodes: tuple[Node, FakeGripper]) -> Iterator[tuple[Finger, JointStates]]:
    joints = JointStates(nodes[0])
    with spinning("finger") as node:
        one = Finger(node, 0.03)
        until(lambda: FINGER in joints.all(), 20.0)
        yield one, joints
        one.close(node)
    joints.close()


def follow(
    node: Node, grip: Grip, stop: StopSign | None = None, joints: JointStates | None = None, **settings: Any
) -> None:
    given = {"server_timeout_s": 20.0, "timeout_s": 20.0, **settings}
    gripper = make_gripper(node, GripperSettings(**given), joints)
    try:
        gripper.require_possible(grip)
        gripper.follow(grip, stop or StopSign())
    finally:
        gripper.close()


COMMAND = {"kind": "gripper_command", "name": "gripper_cmd"}
PARALLEL = {"kind": "parallel_gripper_command", "name": "parallel_cmd", "joint_name": "finger"}


def test_widths_become_what_the_gripper_counts(nodes: tuple[Node, FakeGripper], fake: FakeGripper) -> None:
    follow(nodes[0], GRASP, **COMMAND, position_per_m=0.5, position_offset=0.001, max_effort=30.0)
    follow(nodes[0], RELEASE, **PARALLEL, position_per_m=-10.0, position_offset=0.8)
    one, other = fake.told
    assert (one.position, one.max_effort) == (pytest.approx(0.011), 30.0)
    assert (list(other.name), list(other.position), list(other.effort)) == (["finger"], [pytest.approx(0.0)], [])


def test_services_are_told_open_and_closed(nodes: tuple[Node, FakeGripper], fake: FakeGripper) -> None:
    for grip in (GRASP, RELEASE, SMALL, Grip("release", 0.01, relative=True)):
        follow(nodes[0], grip, kind="set_bool", name="set_closed")
        follow(nodes[0], grip, kind="trigger", name="close", open_name="open")
    assert fake.told == [True, "close", *[False, "open"] * 3]
    fake.success = False
    with pytest.raises(MotionError, match="close failed to close: no air"):
        follow(nodes[0], GRASP, kind="trigger", name="close", open_name="open")


@pytest.mark.parametrize("kind", [COMMAND, PARALLEL])
def test_fingers_may_stall_on_a_thing_and_on_nothing_else(
    nodes: tuple[Node, FakeGripper], fake: FakeGripper, kind: dict[str, Any]
) -> None:
    fake.reached, fake.stalled = False, True
    follow(nodes[0], GRASP, **kind)
    with pytest.raises(MotionError, match=r"stalled at 0.0\d+ m before it was 0.08 m wide \(release\)"):
        follow(nodes[0], RELEASE, **kind)
    with pytest.raises(MotionError, match=r"stalled at .* before it was 0.03 m wide \(open\)"):
        follow(nodes[0], SMALL, **kind)
    fake.stalled = False
    with pytest.raises(MotionError, match=r"stopped at 0.0\d+ m before it was 0.02 m wide \(grasp\)"):
        follow(nodes[0], GRASP, **kind)


@pytest.mark.parametrize("kind", [COMMAND, PARALLEL])
def test_fingers_that_met_hold_nothing(
    nodes: tuple[Node, FakeGripper], fake: FakeGripper, kind: dict[str, Any]
) -> None:
    fake.stands_at, fake.stalled = 0.045, True
    follow(nodes[0], GRASP, **kind)
    fake.stands_at, fake.stalled = 0.0205, False
    with pytest.raises(MotionError, match=r"closed to 0.0205 m: there is nothing between its fingers"):
        follow(nodes[0], GRASP, **kind)
    follow(nodes[0], GRASP, **kind, require_held=False)
    fake.stands_at = float("nan")
    with pytest.raises(MotionError, match=r"closed to nan m; a gripper that took something"):
        follow(nodes[0], GRASP, **kind)


CONTROLLED = {**COMMAND, "position_per_m": 0.5, "joint_name": FINGER}


def test_fingers_on_their_way_are_waited_for(
    nodes: tuple[Node, FakeGripper], fake: FakeGripper, finger: tuple[Finger, JointStates]
) -> None:
    """A controller of default tolerance says "reached" 0.01 before the fingers are there, or even set off."""
    one, joints = finger
    # 0.04 m wide, and told so: still far from empty.
    fake.stands_at = one.position = one.goal = 0.02
    one.go(0.01)
    with pytest.raises(MotionError, match=r"closed to 0.0200 m: there is nothing between its fingers"):
        follow(nodes[0], GRASP, None, joints, **CONTROLLED)
    assert one.position == pytest.approx(0.01)
    one.go(0.02)
    follow(nodes[0], RELEASE, None, joints, **CONTROLLED)
    assert one.position == pytest.approx(0.02)
    one.go(0.015)
    follow(nodes[0], GRASP, None, joints, **CONTROLLED)
    assert one.position == pytest.approx(0.015)


def test_fingers_that_do_not_rest_are_said_to(
    nodes: tuple[Node, FakeGripper], fake: FakeGripper, finger: tuple[Finger, JointStates]
) -> None:
    one, joints = finger
    one.go(10.0)
    short = {**CONTROLLED, "timeout_s": 1.0, "server_timeout_s": 1.0}
    with pytest.raises(MotionError, match="joint_states do not tell that finger_joint rests"):
        follow(nodes[0], RELEASE, None, joints, **short)
    stop = StopSign()
    threading.Timer(0.5, lambda: stop.show(Cancelled("enough"))).start()
    with pytest.raises(Cancelled):
        follow(nodes[0], RELEASE, stop, joints, **CONTROLLED)
    one.go(float("nan"), 0.0)
    with pytest.raises(MotionError, match="joint_states do not tell that finger_joint rests; it was at nan"):
        follow(nodes[0], RELEASE, None, joints, **short)


def test_a_finger_that_nobody_tells_of_is_missed_before_anything_moves(
    nodes: tuple[Node, FakeGripper], fake: FakeGripper, finger: tuple[Finger, JointStates]
) -> None:
    with pytest.raises(MotionRefused, match=r"told nothing of thumb .* it told of finger_joint"):
        follow(nodes[0], GRASP, None, finger[1], **{**CONTROLLED, "joint_name": "thumb", "server_timeout_s": 0.3})
    assert not fake.told


def test_what_is_held_tells_how_far_to_open(nodes: tuple[Node, FakeGripper], fake: FakeGripper) -> None:
    fake.stands_at = 0.022
    gripper = make_gripper(nodes[0], GripperSettings(**COMMAND, position_per_m=0.5, server_timeout_s=20.0))
    more = Grip("release", 0.01, relative=True)
    with pytest.raises(MotionError, match="never told how wide it is; release is meant from there on"):
        gripper.follow(more, StopSign())
    gripper.follow(GRASP, StopSign())
    gripper.follow(more, StopSign())
    gripper.close()
    assert [command.position for command in fake.told] == [pytest.approx(0.01), pytest.approx(0.027)]


def test_a_stop_takes_a_move_back(nodes: tuple[Node, FakeGripper], fake: FakeGripper) -> None:
    fake.takes_s = 20.0
    stop, seen = StopSign(), []

    def run() -> None:
        try:
            follow(nodes[0], GRASP, stop, **COMMAND)
        except Cancelled as error:
            seen.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    until(lambda: fake.told, 20.0)
    stop.show(Cancelled("enough"))
    thread.join(15.0)
    assert seen == ["enough"] and fake.cancelled


def test_a_fault_of_ours_takes_a_move_back(nodes: tuple[Node, FakeGripper], fake: FakeGripper) -> None:
    fake.takes_s = 20.0

    class Faulty(StopSign):
        def wait(self, timeout_s: float) -> bool:
            if fake.told:
                raise RuntimeError("no more memory")
            return super().wait(timeout_s)

    with pytest.raises(MotionError, match=r"a fault of the node: RuntimeError\('no more memory'\)"):
        follow(nodes[0], GRASP, Faulty(), **COMMAND)
    assert fake.cancelled


def test_what_does_not_answer_is_not_waited_for(nodes: tuple[Node, FakeGripper], fake: FakeGripper) -> None:
    with pytest.raises(MotionError, match=r"/nobody is not there; waited for 0.3 s"):
        follow(nodes[0], GRASP, kind="gripper_command", name="nobody", server_timeout_s=0.3)
    fake.takes_s = 1.5
    with pytest.raises(MotionError, match=r"did not answer within 0.5 s"):
        follow(nodes[0], GRASP, kind="set_bool", name="set_closed", timeout_s=0.5)
    with pytest.raises(MotionError, match=r"did not answer within [\d.]+ s"):
        follow(nodes[0], GRASP, **COMMAND, timeout_s=0.5)


def test_no_gripper_is_said_before_anything_moves(nodes: tuple[Node, FakeGripper]) -> None:
    with pytest.raises(MotionRefused, match=r"grasp: no gripper is set up; accepted .* trigger"):
        follow(nodes[0], GRASP, kind="none")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"kind": "suction"}, "must be one of none, gripper_command"),
        ({"kind": "gripper_command"}, "needs gripper.name"),
        ({"kind": "trigger", "name": "close"}, "needs gripper.open_name"),
        ({"kind": "parallel_gripper_command", "name": "cmd"}, "needs gripper.joint_name"),
        ({"position_per_m": 0.0}, "the first not 0"),
        ({"max_effort": -1.0}, "not below 0"),
        ({"position_offset": float("nan")}, "must be finite"),
        ({"timeout_s": 0.0}, "above 0 s"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidRequest, match=told):
        GripperSettings(**settings)
