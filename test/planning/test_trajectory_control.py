"""The trajectory controller: how goals end."""

from __future__ import annotations

import numpy as np
import pytest

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.planning.trajectory import JointTrajectory
from robotracer_ros.planning.trajectory_control import End, Tolerances, TrajectoryControl

LIMIT = np.array([3.0])


def control():
    return TrajectoryControl(("a",), np.zeros(1), -LIMIT, LIMIT)


def to(position, seconds=1.0):
    zero = np.zeros((1, 1))
    return JointTrajectory(("a",), np.array([seconds]), np.array([[position]]), zero, zero)


def run(one, until_s, lag=0.0, begin_s=0.0):
    """A robot that is ``lag`` behind."""
    for now_s in np.arange(begin_s, until_s, 0.01):
        wanted = one.step(float(now_s), one.wanted(float(now_s))[0] - lag)
    return wanted["a"]


def test_a_goal_that_is_reached_ends_so():
    one = control()
    goal = one.begin(to(1.0), 0.0, 0.0, Tolerances())
    assert run(one, 0.99) < 1.0
    assert not goal.ended.is_set()
    assert run(one, 1.1, begin_s=0.99) == pytest.approx(1.0)
    assert (goal.end, goal.reason) == (End.REACHED, "")


def test_a_joint_that_stays_behind_ends_the_goal_where_it_is_not_allowed():
    one = control()
    goal = one.begin(to(1.0), 0.0, 0.0, Tolerances(path={"a": 0.05}))
    run(one, 0.5, lag=0.04)
    assert not goal.ended.is_set()
    stopped = run(one, 2.0, lag=0.06, begin_s=0.5)
    assert goal.end is End.OFF_PATH
    assert "a is 0.06" in goal.reason
    assert 0.4 < stopped < 0.7


def test_a_goal_that_is_never_reached_ends_after_its_time():
    one = control()
    goal = one.begin(to(1.0), 0.0, 0.0, Tolerances(goal={"a": 0.01}, goal_time_s=0.5))
    run(one, 1.45, lag=0.015)
    assert not goal.ended.is_set()
    run(one, 1.6, lag=0.015, begin_s=1.45)
    assert goal.end is End.NOT_REACHED


def test_a_stop_ends_the_goal_and_holds_the_joints():
    one = control()
    goal = one.begin(to(1.0), 0.0, 0.0, Tolerances())
    half = run(one, 0.5)
    one.stop(0.5)
    assert goal.end is End.STOPPED
    held = run(one, 3.0, begin_s=0.5)
    assert half < held < half + 0.1


def test_a_stop_of_an_older_goal_leaves_the_newer_one():
    one = control()
    old = one.begin(to(1.0), 0.0, 0.0, Tolerances())
    new = one.begin(to(-1.0), 0.2, 0.2, Tolerances())
    assert old.end is End.REPLACED
    one.stop(0.3, only=old)
    assert run(one, 2.0, begin_s=0.3) == pytest.approx(-1.0)
    assert new.end is End.REACHED


def test_what_cannot_be_followed_leaves_the_goal_as_it_is():
    one = control()
    goal = one.begin(to(1.0), 0.0, 0.0, Tolerances())
    with pytest.raises(InvalidRequest):
        one.begin(to(9.0), 0.1, 0.1, Tolerances())
    assert run(one, 2.0) == pytest.approx(1.0)
    assert goal.end is End.REACHED


def test_it_has_rested_only_after_its_last_motion():
    one = control()
    assert one.has_rested(0.0)
    one.begin(to(1.0), 0.0, 0.0, Tolerances())
    run(one, 1.1)
    assert not one.has_rested(0.9)
    assert one.has_rested(1.01)
    one.stop(1.2)
    assert not one.has_rested(1.1)
