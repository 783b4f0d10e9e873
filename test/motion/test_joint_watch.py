"""A robot on its way is told from one that left it: on loops, there and back, late, and around the half turn."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from planning.arms import PLANAR

from robotracer_ros.errors import MotionError
from robotracer_ros.motion import joint_watch
from robotracer_ros.motion.follower import StopSign
from robotracer_ros.motion.joint_watch import JointWatch
from robotracer_ros.motion.move_group_settings import ExecutionSettings
from robotracer_ros.planning.robot_description import RobotDescription
from robotracer_ros.planning.trajectory import JointTrajectory
from robotracer_ros.ros.joint_states import JointReading

ROBOT = RobotDescription.from_urdf(PLANAR)
ENDLESS = RobotDescription.from_urdf(PLANAR.replace('name="elbow" type="revolute"', 'name="elbow" type="continuous"'))
JOINTS = ("shoulder", "elbow")
TIMES_S = np.linspace(0.0, 8.0, 81)
PERIOD_S = 0.02


class Robot:
    """Joint states and a clock that a test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s, self.stamp_s = 100.0, 0.0
        self.at = np.zeros(2)
        self.heard_s = self.now_s
        monkeypatch.setattr(joint_watch, "time", SimpleNamespace(monotonic=lambda: self.now_s))

    def readings(self, names: tuple[str, ...], _max_age_s: float) -> dict[str, JointReading]:
        return {
            name: JointReading(float(at), 0.0, self.heard_s, self.stamp_s)
            for name, at in zip(names, self.at, strict=True)
        }

    def go(self, at: Any, period_s: float = PERIOD_S, stamped_s: float = 0.0) -> None:
        self.now_s += period_s
        self.stamp_s += stamped_s
        self.heard_s, self.at = self.now_s, np.asarray(at, dtype=float)


@pytest.fixture
def robot(monkeypatch: pytest.MonkeyPatch) -> Robot:
    return Robot(monkeypatch)


def watched(robot: Robot, positions: Any, description: RobotDescription = ROBOT, **settings: Any) -> JointWatch:
    zero = np.zeros((len(TIMES_S), 2))
    trajectory = JointTrajectory(JOINTS, TIMES_S, np.asarray(positions), zero, zero)
    robot.at = trajectory.positions[0]
    return JointWatch(robot, description, trajectory, ExecutionSettings(**settings))


def along(positions: Any, at_s: float) -> Any:
    return [np.interp(at_s, TIMES_S, column) for column in np.asarray(positions).T]


ROUND = 0.5 * np.column_stack([1 - np.cos(2 * np.pi * TIMES_S / 8), np.sin(2 * np.pi * TIMES_S / 8)])
THERE_AND_BACK = np.column_stack([0.8 * (1 - np.abs(TIMES_S - 4) / 4), np.zeros(81)])


@pytest.mark.parametrize("positions", [ROUND, THERE_AND_BACK], ids=["round", "there and back"])
@pytest.mark.parametrize("late_s", [0.0, 0.3, 20.0])
def test_a_way_that_ends_where_it_begins_is_followed_to_its_end(robot: Robot, positions: Any, late_s: float) -> None:
    watch, shares, noise = watched(robot, positions), [], np.random.default_rng(0)
    for at_s in np.arange(-late_s, 8.0 + PERIOD_S, PERIOD_S):
        robot.go(np.add(along(positions, at_s), noise.normal(0, 1e-4, 2)))
        shares.append(watch.look())
        expected = np.interp(at_s, [0, 8], [0, 1])
        assert shares[-1] == pytest.approx(expected, abs=0.12)
    assert shares == sorted(shares) and shares[-1] > 0.98
    watch.require_end(StopSign())


def test_a_slow_robot_and_a_slow_simulation_are_only_late(robot: Robot) -> None:
    watch = watched(robot, ROUND)
    for at_s in np.arange(0.0, 8.0, PERIOD_S / 5):
        robot.go(along(ROUND, at_s))
        assert watch.look() == pytest.approx(at_s / 8, abs=0.12)


def test_a_simulation_faster_than_the_clock_goes_by_its_stamps(robot: Robot) -> None:
    watch = watched(robot, ROUND)
    robot.stamp_s = 5.0
    for at_s in np.arange(0.0, 8.0, 5 * PERIOD_S):
        robot.go(along(ROUND, at_s), stamped_s=5 * PERIOD_S)
        assert watch.look() == pytest.approx(at_s / 8, abs=0.12)


def test_a_busy_machine_that_looks_rarely_loses_nothing(robot: Robot) -> None:
    watch = watched(robot, ROUND)
    for at_s in np.arange(0.0, 8.0, 0.45):
        robot.go(along(ROUND, at_s), 0.45)
        # In between the same message is looked at many times.
        for _ in range(20):
            robot.now_s += 0.001
            watch.look()
    assert watch.look() > 0.9


def test_a_robot_that_takes_a_short_cut_is_off_its_way(robot: Robot) -> None:
    watch = watched(robot, ROUND)
    for at_s in np.arange(0.0, 1.0, PERIOD_S):
        robot.go(along(ROUND, at_s))
        watch.look()
    with pytest.raises(MotionError, match=r"shoulder is at .* from where its trajectory may be by now; max_joint_dev"):
        for share in np.linspace(0, 1, 100):
            robot.go((1 - share) * np.array(along(ROUND, 1.0)) + share * np.array(along(ROUND, 4.0)))
            watch.look()


def test_a_robot_far_ahead_of_the_times_is_off_its_way(robot: Robot) -> None:
    watch = watched(robot, ROUND)
    with pytest.raises(MotionError, match="may be by now"):
        for at_s in np.arange(0.0, 8.0, 4 * PERIOD_S):
            robot.go(along(ROUND, at_s))
            watch.look()
    assert robot.now_s - 100.0 < 0.8


def test_a_robot_that_goes_back_is_off_its_way(robot: Robot) -> None:
    watch = watched(robot, ROUND)
    for at_s in np.arange(0.0, 3.0, PERIOD_S):
        robot.go(along(ROUND, at_s))
        watch.look()
    with pytest.raises(MotionError, match="may be by now"):
        for at_s in np.arange(3.0, 0.0, -PERIOD_S):
            robot.go(along(ROUND, at_s))
            watch.look()


def test_a_tight_rule_is_no_tighter_than_the_points_are_dense(robot: Robot) -> None:
    watch = watched(robot, ROUND, max_joint_deviation_rad=0.002)
    for at_s in np.arange(0.0, 8.0, PERIOD_S):
        robot.go(along(ROUND, at_s))
        watch.look()


# The elbow from 2.8 to 3.6; its driver tells angles from -pi to pi.
ACROSS = np.column_stack([np.zeros(81), 2.8 + 0.1 * TIMES_S])


def wrapped(at: Any) -> Any:
    return (np.asarray(at) + np.pi) % (2 * np.pi) - np.pi


def test_a_continuous_joint_may_wrap_around(robot: Robot) -> None:
    watch = watched(robot, ACROSS, ENDLESS, settle_s=0.1)
    for at_s in np.arange(0.0, 8.01, PERIOD_S):
        robot.go(wrapped(along(ACROSS, at_s)))
        watch.look()
    assert robot.at[1] < 0
    watch.require_end(StopSign())


def test_another_joint_that_skips_a_turn_has_jumped(robot: Robot) -> None:
    watch = watched(robot, ACROSS)
    with pytest.raises(MotionError, match=r"elbow jumped by -6\.2"):
        for at_s in np.arange(0.0, 8.01, PERIOD_S):
            robot.go(wrapped(along(ACROSS, at_s)))
            watch.look()


def test_an_end_that_is_missed_is_told(robot: Robot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joint_watch, "time", time)
    watch = watched(robot, ACROSS, ENDLESS, settle_s=0.05)
    robot.go(wrapped(ACROSS[-1] + (0.0, 0.03)))
    with pytest.raises(MotionError, match=r"elbow is at -2\.65\d\d, 0\.0300 from its end"):
        watch.require_end(StopSign())


def test_a_way_that_ends_where_it_begins_has_to_be_gone(robot: Robot) -> None:
    watch, stop = watched(robot, ROUND), StopSign()
    for _ in range(400):
        robot.go(ROUND[0])
        watch.look()
    stop.wait = lambda _s: robot.go(ROUND[0])
    with pytest.raises(MotionError, match=r"said to be finished, but the joints were seen to go \d% of its way only"):
        watch.require_end(stop)
