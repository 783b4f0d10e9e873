"""A gripper's goal: reached, stalled, or neither yet."""

from __future__ import annotations

import pytest

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.sim.gripper import GripperGoal


def test_fingers_that_arrive_have_reached_it():
    goal = GripperGoal(0.01)
    goal.watch(0.0, 0.04, -0.1)
    assert not goal.ended.is_set()
    goal.watch(0.3, 0.011, -0.1)
    assert goal.ended.is_set() and goal.reached and not goal.stalled


def test_fingers_that_stand_still_elsewhere_are_stalled_but_not_before_they_began():
    goal = GripperGoal(0.0)
    goal.watch(0.0, 0.04, 0.0)
    goal.watch(0.1, 0.03, -0.1)
    goal.watch(0.2, 0.025, 0.0)
    assert not goal.ended.is_set()
    goal.watch(0.5, 0.025, 0.0)
    assert goal.ended.is_set() and goal.stalled and not goal.reached


def test_a_goal_that_is_given_up_stays_so():
    goal = GripperGoal(0.0)
    goal.ended.set()
    goal.watch(0.0, 0.0, 0.0)
    assert not goal.reached


def test_no_number_is_no_goal():
    with pytest.raises(InvalidRequest, match="finite"):
        GripperGoal(float("nan"))
