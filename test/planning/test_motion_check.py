"""No planner's word is taken for it: what a robot must not follow is refused, by name and amount."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from planning.arms import PLANAR

from robotracer_ros.errors import InvalidRequest, MotionRefused
from robotracer_ros.planning.motion_check import (
    MotionRules,
    require_fraction,
    require_no_jump,
    require_start,
    require_whole,
    scaled,
    slow_enough,
)
from robotracer_ros.planning.robot_description import RobotDescription
from robotracer_ros.planning.trajectory import JointTrajectory

ROBOT = RobotDescription.from_urdf(PLANAR)
JOINTS = ("shoulder", "elbow")
RULES = MotionRules()


@pytest.fixture
def swing() -> JointTrajectory:
    """Both joints from 0.2 to 0.6 rad in 2 s, slow at the ends."""
    times_s = np.linspace(0, 2, 21)
    share, rate = 3 * (times_s / 2) ** 2 - 2 * (times_s / 2) ** 3, 1.5 * times_s - 0.75 * times_s**2
    bend = 1.5 - 1.5 * times_s
    both = np.ones((1, 2))
    return JointTrajectory(
        JOINTS, times_s, 0.2 + 0.4 * share[:, None] * both, 0.4 * rate[:, None] * both, 0.4 * bend[:, None] * both
    )


def changed(values: Any, point: int, joint: int, value: float) -> Any:
    values = values.copy()
    values[point, joint] = value
    return values


def test_a_good_motion_passes(swing: JointTrajectory) -> None:
    require_whole(swing, ROBOT, ["elbow", "shoulder"])
    require_no_jump(swing, RULES)
    require_start(swing, {"shoulder": 0.2, "elbow": 0.205, "grip": 0.0}, RULES)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda one: replace(one, joint_names=("shoulder", "grip")), "shoulder, grip; it must move shoulder, elbow"),
        (lambda one: part(one, 1), "has 1 points"),
        (lambda one: part(one, 0), "has 0 points"),
        (lambda one: replace(one, positions=changed(one.positions, 3, 1, np.nan)), "positions of elbow at point 3"),
        (lambda one: replace(one, velocities=changed(one.velocities, 0, 0, np.inf)), "shoulder at point 0 are not"),
        (lambda one: replace(one, accelerations=changed(one.accelerations, 2, 0, np.nan)), "accelerations of shoulder"),
        (lambda one: replace(one, times_s=np.zeros(21)), "must increase from 0 s on"),
        (lambda one: replace(one, times_s=one.times_s - 1), "must increase"),
        (lambda one: replace(one, times_s=np.full(21, np.nan)), "must increase"),
        (lambda one: replace(one, positions=one.positions + 2.2), r"elbow is 0\.0\d+ beyond its .* allows -2\.5"),
        (lambda one: replace(one, times_s=one.times_s / 20), "would go at"),
        (
            lambda one: replace(one, velocities=one.velocities * 10),
            "2.250 per second at point 5; its limit is 2.000",
        ),
    ],
)
def test_what_must_not_be_followed_is_refused(swing: JointTrajectory, change: Any, told: str) -> None:
    with pytest.raises(MotionRefused, match=told):
        require_whole(change(swing), ROBOT, JOINTS)


def part(one: JointTrajectory, count: int) -> JointTrajectory:
    return JointTrajectory(
        one.joint_names, one.times_s[:count], one.positions[:count], one.velocities[:count], one.accelerations[:count]
    )


def test_a_jump_is_refused(swing: JointTrajectory) -> None:
    jumped = replace(swing, positions=swing.positions + np.where(np.arange(21) < 10, 0, 0.6)[:, None] * (0, 1))
    with pytest.raises(MotionRefused, match=r"elbow goes 0\.6\d\d from point 9 to the next; max_joint_step_rad"):
        require_no_jump(jumped, RULES)


@pytest.mark.parametrize("fraction", [0.0, 0.6, 0.989, float("nan"), -1.0])
def test_a_part_of_a_path_is_refused(fraction: float) -> None:
    with pytest.raises(MotionRefused, match=r"min_fraction asks for 0\.99"):
        require_fraction(fraction, RULES)
    require_fraction(1.0, RULES)


@pytest.mark.parametrize(("fraction", "waypoint"), [(0.0, 1), (0.2, 1), (1 / 3, 2), (0.3333333, 2), (0.98, 3)])
def test_the_waypoint_that_is_not_reached_is_named(fraction: float, waypoint: int) -> None:
    with pytest.raises(MotionRefused, match=f"asks for 0.99; the way to waypoint {waypoint} of 3 cannot"):
        require_fraction(fraction, RULES, 3)
    with pytest.raises(MotionRefused, match=r"asks for 0\.99$"):
        require_fraction(float("nan"), RULES, 3)


@pytest.mark.parametrize(
    ("current", "told"),
    [
        ({"shoulder": 0.2}, "where elbow stands is not known; known: shoulder"),
        ({"shoulder": 0.2, "elbow": 0.25}, r"elbow stands at 0\.2500, 0\.0500 from where the motion begins"),
        ({"shoulder": float("nan"), "elbow": 0.2}, "start_tolerance_rad allows 0.01"),
    ],
)
def test_a_motion_that_begins_elsewhere_is_refused(swing: JointTrajectory, current: Any, told: str) -> None:
    with pytest.raises(MotionRefused, match=told):
        require_start(swing, current, RULES)


def test_a_continuous_joint_stands_where_it_stands_whole_turns_off(swing: JointTrajectory) -> None:
    turned = {"shoulder": 0.2, "elbow": 0.2 - 2 * np.pi}
    with pytest.raises(MotionRefused, match=r"elbow stands at -6\.0832, 6\.2832 from .* begins, 0\.2000"):
        require_start(swing, turned, RULES, ROBOT)
    robot = RobotDescription.from_urdf(PLANAR.replace('name="elbow" type="revolute"', 'name="elbow" type="continuous"'))
    require_start(swing, turned, RULES, robot)
    with pytest.raises(MotionRefused, match=r"elbow stands at -6\.0332, 0\.0500 from"):
        require_start(swing, {**turned, "elbow": 0.25 - 2 * np.pi}, RULES, robot)
    # A controller that was sent such a step would turn all the way round.
    jumped = replace(swing, positions=swing.positions - np.where(np.arange(21) < 10, 0, 2 * np.pi)[:, None] * (0, 1))
    with pytest.raises(MotionRefused, match=r"elbow goes 6\.\d\d\d from point 9 to the next"):
        require_no_jump(jumped, RULES)


def test_a_robot_whose_urdf_tells_no_speeds_may_move(swing: JointTrajectory) -> None:
    robot = RobotDescription.from_urdf(PLANAR.replace('velocity="2"', 'velocity="0"'))
    require_whole(swing, robot, JOINTS)
    assert scaled(swing, robot, RULES).times_s[-1] == swing.times_s[-1]


def test_fast_tips_are_slowed_down(swing: JointTrajectory) -> None:
    slow = slow_enough(swing, ROBOT, "tip", "base", RULES)
    places = ROBOT.place("tip", dict(zip(JOINTS, slow.positions.T, strict=True)))[:, :3, 3]
    speeds = np.linalg.norm(np.diff(places, axis=0), axis=1) / np.diff(slow.times_s)
    assert 0.23 < speeds.max() <= 0.25
    assert slow_enough(slow, ROBOT, "tip", "base", RULES).times_s[-1] == pytest.approx(slow.times_s[-1], rel=1e-3)
    generous = MotionRules(max_tip_speed_m_s=5.0)
    assert slow_enough(swing, ROBOT, "tip", "base", generous).times_s[-1] == swing.times_s[-1]


def test_joints_that_rest_at_every_point_go_between_them_at_nearly_twice_the_mean_speed() -> None:
    """A quintic from rest to rest, as controllers go where points tell velocities and accelerations of 0."""
    times_s, bends = np.linspace(0, 1, 11), np.linspace(0, 0.4, 11)[:, None] * (0, 1)
    still = np.zeros_like(bends)
    slow = slow_enough(JointTrajectory(JOINTS, times_s, bends, still, still), ROBOT, "tip", "base", RULES)
    # The tip is 1 m from the elbow.
    assert slow.times_s[-1] == pytest.approx(15 / 8 * 0.4 / RULES.max_tip_speed_m_s, rel=0.006)


@pytest.mark.parametrize(
    ("rule", "value", "told"),
    [
        ("max_velocity_scaling", 0.0, "max_velocity_scaling must be above 0 and at most 1, received 0.0"),
        ("max_acceleration_scaling", 1.5, "above 0 and at most 1, received 1.5"),
        ("min_fraction", -0.1, "received -0.1"),
        ("max_tip_speed_m_s", float("inf"), "max_tip_speed_m_s must be a number above 0, received inf"),
        ("max_joint_step_rad", float("nan"), "received nan"),
    ],
)
def test_rules_that_are_none_are_named(rule: str, value: float, told: str) -> None:
    with pytest.raises(InvalidRequest, match=told):
        MotionRules(**{rule: value})


def test_a_motion_that_ignores_the_scaling_is_slowed_down_to_it(swing: JointTrajectory) -> None:
    # 0.3 per second at most, of a limit of 2.
    assert scaled(swing, ROBOT, replace(RULES, max_velocity_scaling=0.2)).times_s[-1] == pytest.approx(2.0)
    slow = scaled(swing, ROBOT, replace(RULES, max_velocity_scaling=0.05))
    assert np.abs(slow.velocities).max() == pytest.approx(0.1)
    assert slow.times_s[-1] == pytest.approx(6.0)
    # What it says of its velocities need not be true.
    quiet = scaled(replace(swing, velocities=swing.velocities * 0), ROBOT, replace(RULES, max_velocity_scaling=0.05))
    assert quiet.times_s[-1] == pytest.approx(6.0, rel=0.01)
