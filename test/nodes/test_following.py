"""What a goal plans with, and what has to be so before its robot moves."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is absent")

from planning.meshes import binary_stl, box
from rclpy.node import Node
from sensor_msgs.msg import JointState

from robotracer_ros.errors import MotionError, MotionRefused, PlanningError
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.motion.follower import Plan, Progress, StopSign
from robotracer_ros.nodes.approval import Approval
from robotracer_ros.nodes.following import Following, Planned, _require_near
from robotracer_ros.nodes.motion_parameters import MOTION_PARAMETERS, MotionParameters
from robotracer_ros.planning.handling import Tool
from robotracer_ros.planning.manipulation import Grip, Reach, Step
from robotracer_ros.planning.path import PosePath
from robotracer_ros.planning.tool_body import RobotBody
from robotracer_ros.ros.joint_states import JointStates

HAND = '<link name="hand"><collision><geometry><mesh filename="hand.stl"/></geometry></collision></link>'
URDF = f"""<robot name="r"><link name="base"/>
  <joint name="turn" type="continuous"><parent link="base"/><child link="hand"/><axis xyz="0 0 1"/></joint>
  {HAND}<link name="finger"><collision><geometry><box size="0.02 0.02 0.02"/></geometry></collision></link>
  <joint name="to_finger" type="fixed"><parent link="hand"/><child link="finger"/></joint></robot>"""
TABLE = {parameter.name: parameter.default for parameter in MOTION_PARAMETERS}


class StillFrames:
    def lookup(self, target: str, source: str, stamp_ns: int, timeout_s: float) -> RigidTransform:
        return RigidTransform(target, source, np.eye(3), np.array([0.0, 0.0, 1.0]))

    def newest_ns(self, target: str, source: str) -> int:
        return 7


class MovingFrames(StillFrames):
    newest = 0

    def newest_ns(self, target: str, source: str) -> int:
        self.newest += 1
        return self.newest


class Follower:
    """Tells the steps it follows, up to one of them."""

    def __init__(self, last: str = "", until: Callable[[StopSign], object] = lambda stop: None) -> None:
        self.last, self.until, self.followed = last, until, 0

    def follow(self, plan: Plan, stop: StopSign, progress: Progress) -> None:
        self.followed += 1
        for step in plan.steps:
            progress(step.name, 0.5)
            if step.name == self.last:
                break
        self.until(stop)
        stop.obey()


@pytest.fixture
def joints() -> Iterator[JointStates]:
    node = Node("following")
    one = JointStates(node)
    hear(one, turn=0.0)
    yield one
    node.destroy_node()


def hear(joints: JointStates, **positions: float) -> None:
    joints._hear(JointState(name=list(positions), position=list(positions.values())))


def following_with(joints: Any, frames: Any = None, body: Any = None, follower: Any = None) -> Following:
    nothing: Any = None
    description: Any = SimpleNamespace(body=lambda timeout_s: body)
    return Following(nothing, frames or StillFrames(), joints, description, follower, nothing, nothing)


def parameters_with(**changed: Any) -> MotionParameters:
    quick = {"joint_state_age_s": 60.0, "robot_timeout_s": 0.05}
    return MotionParameters({**TABLE, **quick, **{name.replace("__", "."): value for name, value in changed.items()}})


def tool_of(body: RobotBody, tip_link: str, joints: JointStates) -> Tool:
    return following_with(joints, body=body)._tool("base_link", parameters_with(tip_link=tip_link))


def planned(made_s: float | None = None, *, set_down: bool = True) -> Planned:
    path = PosePath(np.zeros((1, 3)), np.array([[0.0, 0.0, 0.0, 1.0]]), "base_link", 0)
    steps: list[Step] = [Grip("open", 0.05), Reach("approach", path), Reach("grasp", path), Grip("grasp", 0.0, True)]
    steps += [Reach("lift", path), Reach("trace", path)]
    if set_down:
        steps += [Reach("place", path), Grip("release", 0.014, relative=True), Reach("retreat", path)]
    nothing: Any = None
    return Planned(nothing, "", Plan(tuple(steps)), time.monotonic() if made_s is None else made_s)


def silent(stage: str, fraction: float) -> None:
    pass


def test_a_tool_that_is_known_needs_no_box(tmp_path: Path, joints: JointStates) -> None:
    (tmp_path / "hand.stl").write_bytes(binary_stl(box((-0.03, -0.03, 0.0), (0.03, 0.03, 0.1))))
    tool = tool_of(RobotBody.from_urdf(URDF, lambda uri: tmp_path / uri), "finger", joints)
    assert not len(tool.box_m)
    np.testing.assert_allclose(tool.body_m.max(axis=0), [0.03, 0.03, 0.1], atol=1e-6)
    np.testing.assert_allclose(tool.robot_m.max(axis=0), [0.03, 0.03, 1.1], atol=1e-6)


def test_the_box_stands_in_for_what_is_not_known(joints: JointStates) -> None:
    tool = tool_of(RobotBody.from_urdf(URDF), "finger", joints)
    np.testing.assert_allclose(np.ptp(tool.box_m, axis=0), TABLE["gripper.box_m"])
    # The finger is known, and stays.
    assert len(tool.body_m) > len(tool.box_m) and len(tool.robot_m)


MIMICKED = """<robot name="r"><link name="base"/><link name="hand"/>
  <joint name="turn" type="continuous"><parent link="base"/><child link="hand"/><axis xyz="0 0 1"/></joint>
  <link name="left"><collision><geometry><box size="0.02 0.02 0.02"/></geometry></collision></link><link name="right"/>
  <joint name="fingers" type="prismatic"><parent link="hand"/><child link="left"/><axis xyz="0 1 0"/></joint>
  <joint name="other" type="prismatic"><parent link="hand"/><child link="right"/><axis xyz="0 1 0"/>
    <mimic joint="fingers" multiplier="-1"/></joint></robot>"""


def test_the_box_stands_in_for_fingers_that_nobody_tells_of(joints: JointStates) -> None:
    body = RobotBody.from_urdf(MIMICKED)
    assert len(tool_of(body, "hand", joints).box_m)
    hear(joints, fingers=0.03)
    tool = tool_of(body, "hand", joints)
    assert not len(tool.box_m)
    np.testing.assert_allclose(tool.body_m[:, 1].min(), 0.02, atol=1e-9)


@pytest.mark.parametrize(("kind", "apart_m"), [("gripper_command", 0.04), ("trigger", 0.09)])
def test_the_fingers_are_where_they_will_be_when_open(joints: JointStates, kind: str, apart_m: float) -> None:
    body = RobotBody.from_urdf(MIMICKED)
    hear(joints, fingers=0.03)
    named = parameters_with(
        tip_link="hand", gripper__kind=kind, gripper__joint_name="fingers", gripper__position_per_m=0.5
    )
    tool = following_with(joints, body=body)._tool("base_link", named)
    hear(joints, fingers=apart_m / 2)
    np.testing.assert_allclose(tool.opened(0.04).body_m, tool_of(body, "hand", joints).body_m, atol=1e-9)
    assert tool_of(body, "hand", joints).body_at is None


def test_joints_that_nobody_tells_of_are_waited_for_and_missed(joints: JointStates) -> None:
    following = following_with(joints, body=RobotBody.from_urdf(URDF))
    with pytest.raises(MotionRefused, match="told nothing of turn within"):
        following._tool("base_link", parameters_with(tip_link="finger", joint_state_age_s=1e-9))


def test_the_tip_is_where_the_joints_say_and_tf_has_to_agree(joints: JointStates) -> None:
    body = RobotBody.from_urdf(URDF)
    hear(joints, turn=0.05)
    assert tool_of(body, "finger", joints).tip.yaw_rad == pytest.approx(0.05)
    hear(joints, turn=0.5)
    with pytest.raises(MotionRefused, match=r"disagree about 'finger' by 0\.000 m and 0\.50 rad"):
        tool_of(body, "finger", joints)


def test_a_trace_that_leads_far_away_is_refused_before_it_is_cut() -> None:
    parameters = parameters_with(workspace_max_m=[1.0, 1.0, 1.0], object_radius_m=0.15, spacing_m=0.02)
    # What is carried may be told of a little outside of where the tip may go.
    _require_near(np.array([[0.4, 0.0, 0.1], [1.1, 0.0, 0.0]]), parameters)
    with pytest.raises(MotionRefused, match=r"point 2 at \[30000\.0.*workspace_max_m.*object_radius_m 0\.15 m"):
        _require_near(np.array([[0.4, 0.0, 0.1], [3e4, 0.0, 0.3], [0.5, 0.0, 0.0]]), parameters)
    with pytest.raises(PlanningError, match="waypoints"):
        _require_near(np.array([[0.4, 0.0, 0.1], [-0.4, 0.0, 0.1]] * 200), parameters)


def test_approval_may_be_given_as_soon_as_it_is_asked_for() -> None:
    approval, told = Approval(), []
    assert not approval.grant()
    assert approval.wait(10.0, StopSign(), lambda: told.append(approval.grant())) and told == [True]
    assert not approval.wait(0.01, StopSign(), lambda: None) and not approval.grant()


def test_a_plan_that_ages_while_it_waits_for_approval_is_given_up(joints: JointStates) -> None:
    parameters, stop = parameters_with(approval_timeout_s=60.0, max_plan_age_s=0.1), StopSign()
    following = following_with(joints)
    with pytest.raises(MotionRefused, match=r"max_plan_age_s allows 0\.1 s"):
        following.await_approval(planned(), parameters, "", stop, silent)
    assert not following.approval.grant()


def test_nothing_moves_while_tf_stands_still(joints: JointStates) -> None:
    follower = Follower()
    with pytest.raises(MotionRefused, match=r"told nothing new of 'tool0'.*max_transform_age_s.*nothing moved"):
        following_with(joints, follower=follower).move(
            planned(), parameters_with(), lambda: True, StopSign(), silent
        )  # fmt: skip
    assert not follower.followed


def test_a_motion_lasts_as_long_as_it_is_allowed(joints: JointStates) -> None:
    answers, follower = [True], Follower(until=lambda stop: (answers.append(False), stop.wait(20.0)))
    following = following_with(joints, MovingFrames(), follower=follower)
    with pytest.raises(MotionError, match="allow_execution was set to false while the robot moved"):
        following.move(planned(), parameters_with(), lambda: answers[-1], StopSign(), silent)
    with pytest.raises(MotionRefused, match="before the robot moved"):
        following.move(planned(), parameters_with(), lambda: False, StopSign(), silent)
    assert follower.followed == 1


FINGER = {"gripper__joint_name": "finger", "gripper__position_per_m": 0.5}


@pytest.mark.parametrize(
    ("last", "set_down", "is_held"),
    [("approach", True, False), ("lift", True, True), ("trace", False, True), ("retreat", True, False)],
)
def test_what_was_not_let_go_of_is_dropped_for_no_other_goal_unasked(
    joints: JointStates, last: str, set_down: bool, is_held: bool
) -> None:
    following = following_with(joints, MovingFrames(), follower=Follower(last))
    hear(joints, finger=0.02)
    following.move(planned(set_down=set_down), parameters_with(**FINGER), lambda: True, StopSign(), silent)
    for parameters in (parameters_with(**FINGER), parameters_with()):
        why = following.why_approve(planned(), parameters, asked_for=False)
        assert bool(why) == is_held and (not why or "may still hold" in why)
    assert following.why_approve(planned(), parameters_with(), asked_for=True)
    # Fingers that moved since, or met.
    for elsewhere in (0.03, 0.0):
        hear(joints, finger=elsewhere)
        assert not following.why_approve(planned(), parameters_with(**FINGER), asked_for=False)


def test_a_gripper_that_does_not_open_still_holds(joints: JointStates) -> None:
    follower = Follower("trace")
    following = following_with(joints, MovingFrames(), follower=follower)
    for last, is_held in (("trace", True), ("open", True), ("approach", False)):
        follower.last = last
        following.move(planned(), parameters_with(), lambda: True, StopSign(), silent)
        assert bool(following.why_approve(planned(), parameters_with(), asked_for=False)) == is_held
