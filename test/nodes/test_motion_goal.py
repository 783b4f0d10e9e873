"""The border of a goal of motion_node: its cancel in every order, its feedback, and what changes while it runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is absent")

from rclpy.parameter import Parameter

from robotracer_ros.action import FollowTrace
from robotracer_ros.errors import MotionRefused
from robotracer_ros.motion.follower import StopSign
from robotracer_ros.nodes.following import Planned
from robotracer_ros.nodes.motion_node import MotionNode
from robotracer_ros.nodes.motion_parameters import MotionParameters

R = FollowTrace.Result


class Handle:
    """A goal's, as rclpy has it: a cancel is noted only after its callback returned."""

    def __init__(self, *, preview: bool = False) -> None:
        self.request = FollowTrace.Goal(preview_only=preview)
        self.is_cancel_requested, self.is_active, self.ended = False, True, ""

    def publish_feedback(self, feedback: FollowTrace.Feedback) -> None:
        raise RuntimeError("the publisher is gone")

    def _end(self, how: str) -> None:
        self.ended, self.is_active = how, False

    def succeed(self) -> None:
        self._end("succeeded")

    def abort(self) -> None:
        self._end("aborted")

    def canceled(self) -> None:
        self._end("cancelled")


class StandIn:
    """A `Following` whose motion lasts until it is stopped, or ends at once."""

    def __init__(self) -> None:
        self.follower = SimpleNamespace(open=lambda parameters: None)
        self.rgbd = SimpleNamespace(counts=lambda: None)
        self.moving, self.lasts, self.moved = threading.Event(), False, 0
        self.at_planning: Callable[[], object] = lambda: None
        self.waited_for: list[str] = []

    def traced(self, instruction: str, given: Any, parameters: MotionParameters, stop: StopSign, tell: Any) -> Any:
        return given

    def planned(self, message: Any, parameters: MotionParameters, stop: StopSign, tell: Any) -> Planned:
        tell("planning", 0.0)
        self.at_planning()
        nothing: Any = None
        return Planned(nothing, "", nothing, 0.0)

    def why_approve(self, planned: Planned, parameters: MotionParameters, *, asked_for: bool) -> str:
        return "it was asked for" if asked_for else ""

    def await_approval(self, planned: Any, parameters: Any, why: str, stop: StopSign, tell: Any) -> None:
        self.waited_for.append(why)

    def move(self, planned: Any, parameters: Any, is_allowed: Callable[[], bool], stop: StopSign, tell: Any) -> None:
        if not is_allowed():
            raise MotionRefused("not any more")
        self.moved += 1
        tell("moving: trace", 0.5)
        self.moving.set()
        if self.lasts:
            stop.wait(20.0)
        stop.obey()


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> Iterator[MotionNode]:
    monkeypatch.setattr("robotracer_ros.nodes.motion_node.spatial_trace_msg_in", lambda message, carried: message)
    values = {"autostart": False, "allow_execution": True}
    one = MotionNode(parameter_overrides=[Parameter(name, value=value) for name, value in values.items()])
    one._following = StandIn()  # type: ignore[assignment]
    yield one
    one.destroy_node()


def test_feedback_that_cannot_be_published_ends_no_motion(node: MotionNode) -> None:
    handle = Handle()
    result = node._follow_trace(handle)
    assert result.success and handle.ended == "succeeded" and result.fraction == 1.0


def test_a_cancel_that_comes_before_its_goal_begins_is_kept(node: MotionNode) -> None:
    handle, following = Handle(), node._following
    node._cancel(handle)
    handle.is_cancel_requested = True
    result = node._follow_trace(handle)
    assert result.error_code == R.CANCELLED and handle.ended == "cancelled" and not following.moved
    # Nor does it stop the next one.
    assert node._follow_trace(Handle()).success


def test_a_cancel_that_rclpy_notes_late_ends_as_cancelled(node: MotionNode) -> None:
    handle, following = Handle(), node._following
    following.lasts = True
    results: list[FollowTrace.Result] = []
    goal = threading.Thread(target=lambda: results.append(node._follow_trace(handle)))
    goal.start()
    assert following.moving.wait(20.0)
    node._cancel(handle)
    time.sleep(0.2)
    assert not handle.ended
    handle.is_cancel_requested = True
    goal.join(20.0)
    assert results[0].error_code == R.CANCELLED and handle.ended == "cancelled"
    assert results[0].fraction == 0.5


def test_a_cancel_of_a_refused_goal_leaves_the_one_that_runs(node: MotionNode) -> None:
    first, second, following = Handle(), Handle(), node._following
    following.lasts = True
    goal = threading.Thread(target=node._follow_trace, args=(first,))
    goal.start()
    assert following.moving.wait(20.0)
    assert node._follow_trace(second).error_code == R.BUSY
    node._cancel(second)
    time.sleep(0.1)
    assert not first.ended
    first.is_cancel_requested = True
    node._cancel(first)
    goal.join(20.0)
    assert first.ended == "cancelled"


@pytest.mark.parametrize("name", ["allow_execution", "require_approval"])
def test_what_is_set_while_a_goal_plans_counts_for_it(node: MotionNode, name: str) -> None:
    handle, following = Handle(), node._following
    is_approval = name == "require_approval"
    following.at_planning = lambda: node.set_parameters([Parameter(name, value=is_approval)])
    result = node._follow_trace(handle)
    assert result.success == is_approval and bool(following.moved) == is_approval
    assert following.waited_for == ["it was asked for"] * is_approval


def test_a_node_that_settles_ends_its_goal_and_takes_no_other(node: MotionNode) -> None:
    handle, following = Handle(), node._following
    following.lasts = True
    goal = threading.Thread(target=node._follow_trace, args=(handle,))
    goal.start()
    assert following.moving.wait(20.0)
    assert node.settle(20.0) and handle.ended == "aborted"
    assert node._follow_trace(Handle()).error_code == R.NOT_ACTIVE
    goal.join(20.0)
