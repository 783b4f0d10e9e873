"""Following trajectories in time: through their points, smoothly, and to rest when told."""

from __future__ import annotations

import numpy as np
import pytest

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.planning.trajectory import JointTrajectory
from robotracer_ros.planning.trajectory_follower import STOP_S, TrajectoryFollower, in_order, require_followable

NAMES = ("a", "b")
LOWER, UPPER = np.array([-3.0, -3.0]), np.array([3.0, 3.0])


def trajectory(times, positions, velocities=None, names=NAMES):
    positions = np.array(positions, dtype=float)
    velocities = np.zeros_like(positions) if velocities is None else np.array(velocities, dtype=float)
    return JointTrajectory(names, np.array(times, dtype=float), positions, velocities, np.zeros_like(positions))


def parabola():
    """x = t^2 on the first joint, up to 1 s, and to rest at 1.5 s."""
    times = np.array([0.25, 0.5, 1.0, 1.5])
    first = np.array([0.0625, 0.25, 1.0, 1.5])
    speed = np.array([0.5, 1.0, 2.0, 0.0])
    return trajectory(times, np.column_stack([first, 0 * first]), np.column_stack([speed, 0 * speed]))


def test_points_and_velocities_are_met_and_cubics_pass_exactly_between():
    follower = TrajectoryFollower(np.zeros(2))
    follower.follow(parabola(), begin_s=10.0, now_s=10.0)
    for time_s in np.linspace(0.0, 1.0, 21):
        position, velocity = follower.at(10.0 + time_s)
        np.testing.assert_allclose((position[0], velocity[0]), (time_s**2, 2 * time_s), atol=1e-12)


def test_it_rests_before_and_after():
    follower = TrajectoryFollower(np.array([0.3, 0.1]))
    np.testing.assert_array_equal(follower.at(5.0)[0], (0.3, 0.1))
    follower.follow(trajectory([1.0], [[1.0, 0.1]]), begin_s=10.0, now_s=10.0)
    position, velocity = follower.at(99.0)
    np.testing.assert_array_equal(position, (1.0, 0.1))
    np.testing.assert_array_equal(velocity, (0.0, 0.0))


def test_points_without_velocities_are_passed_without_stopping_or_swinging_beyond():
    follower = TrajectoryFollower(np.zeros(2))
    follower.follow(trajectory([1, 2, 3, 4], [[0.1, 0], [1.0, 0], [1.1, 0], [1.1, 0]]), 0.0, 0.0)
    path = np.array([follower.at(t)[0][0] for t in np.linspace(0, 4, 400)])
    assert (np.diff(path) >= -1e-12).all()
    assert path.max() <= 1.1 + 1e-12
    assert follower.at(2.0)[1][0] > 0.05


@pytest.mark.parametrize("time_s", [0.1, 0.5, 0.93])
def test_a_stop_is_even_and_short_and_begins_at_the_present_speed(time_s):
    follower = TrajectoryFollower(np.zeros(2))
    follower.follow(parabola(), 0.0, 0.0)
    position, velocity = follower.at(time_s)
    follower.stop(time_s)
    np.testing.assert_allclose(np.concatenate(follower.at(time_s)), np.concatenate([position, velocity]))
    speeds = [follower.at(time_s + share * STOP_S)[1][0] for share in (0.0, 0.25, 0.5, 1.0)]
    np.testing.assert_allclose(speeds, velocity[0] * np.array([1.0, 0.75, 0.5, 0.0]), atol=1e-12)
    assert follower.end_s == pytest.approx(time_s + STOP_S)


def test_a_new_trajectory_takes_over_at_the_present_speed():
    follower = TrajectoryFollower(np.zeros(2))
    follower.follow(parabola(), 0.0, 0.0)
    before = follower.at(0.5)
    follower.follow(trajectory([1.0], [[0.0, 0.0]]), 0.5, 0.5)
    np.testing.assert_allclose(np.concatenate(follower.at(0.5)), np.concatenate(before))
    np.testing.assert_allclose(follower.at(1.5)[0], 0.0)


def test_a_start_elsewhere_is_refused_and_changes_nothing():
    follower = TrajectoryFollower(np.zeros(2))
    with pytest.raises(InvalidRequest, match=r"begins 0\.500 rad"):
        follower.follow(trajectory([0.0, 1.0], [[0.5, 0.0], [1.0, 0.0]]), 0.0, 0.0)
    np.testing.assert_array_equal(follower.at(9.0)[0], (0.0, 0.0))


def test_joints_are_put_in_order_and_others_refused():
    given = trajectory([1.0], [[1.0, 2.0]], names=("b", "a"))
    np.testing.assert_array_equal(in_order(given, NAMES).positions, [[2.0, 1.0]])
    for names in (("a", "c"), ("a", "a")):
        with pytest.raises(InvalidRequest, match="each of them once"):
            in_order(trajectory([1.0], [[1.0, 2.0]], names=names), NAMES)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (trajectory([1.0], [[np.nan, 0.0]]), "positions of a trajectory must be finite"),
        (trajectory([1.0], [[0.0, 0.0]], [[np.inf, 0.0]]), "velocities of a trajectory must be finite"),
        (trajectory([1.0, 1.0], [[0.0, 0.0], [0.1, 0.0]]), "must increase"),
        (trajectory([-1.0, 1.0], [[0.0, 0.0], [0.1, 0.0]]), "must increase"),
        (trajectory([1.0], [[0.0, 3.1]]), "b would leave its limits"),
        (trajectory([1.0], [[0.0, 0.0]], [[0.0, 0.5]]), "end at rest"),
    ],
)
def test_what_cannot_be_followed_is_refused(wrong, words):
    with pytest.raises(InvalidRequest, match=words):
        require_followable(wrong, LOWER, UPPER)
    require_followable(parabola(), LOWER, UPPER)
