"""execute_trajectory onto the topic joint_trajectory: the end is told by joint states, and a stop is a brake."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from action_msgs.msg import GoalStatus

pytest.importorskip("pinocchio")
pytest.importorskip("moveit_msgs")

from nodes.panda import READY, Motion, Panda, code, live_panda, wait_until

from robotracer_ros.ros.trajectories import duration_from_msg

SLOW = 0.05


@pytest.fixture(scope="module")
def live(ros: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Panda]:
    with live_panda(tmp_path_factory.mktemp("panda"), topic=True) as one:
        yield one


@pytest.fixture
def panda(live: Panda) -> Iterator[Panda]:
    yield ready(live)
    ready(live)


def ready(panda: Panda) -> Panda:
    """The arm at its place, whatever the test before left behind."""
    panda.arm.mode = "normal"
    panda.arm.on_topic.clear()
    panda.stand_ready()
    return panda


def begun(panda: Panda) -> Motion:
    """A slow motion that is under way."""
    motion = panda.execute(panda.goal(SLOW))
    wait_until(lambda: panda.arm.positions["panda_joint6"] > 1.6)
    return motion


def test_the_arm_follows_to_the_end(panda: Panda) -> None:
    goal = panda.goal()
    assert panda.execute(goal).ended()[:2] == (GoalStatus.STATUS_SUCCEEDED, code("SUCCESS"))
    last = goal.trajectory.joint_trajectory.points[-1].positions
    np.testing.assert_allclose([panda.arm.positions[name] for name in READY], last, atol=1e-6)
    assert len(panda.arm.on_topic) == 1


@pytest.mark.parametrize("event", ["cancel", "stop"])
def test_a_stop_brakes(panda: Panda, event: str) -> None:
    motion = begun(panda)
    if event == "cancel":
        motion.cancel()
    else:
        panda.tell("stop")
    status, answered, told = motion.ended()
    assert answered == code("PREEMPTED"), told
    assert status == (GoalStatus.STATUS_CANCELED if event == "cancel" else GoalStatus.STATUS_ABORTED)
    assert panda.arm.speed() <= 0.01  # what rest_speed_rad_s calls rest
    panda.arm.wait_for_rest()
    assert panda.arm.positions["panda_joint6"] < 1.9  # of 2.1
    brake = panda.arm.on_topic[-1]
    (point,) = brake.points
    assert list(point.velocities) == [0.0] * 7
    # At this speed the joints' own limits would stop them sooner; it is no blow all the same.
    assert duration_from_msg(point.time_from_start) == pytest.approx(0.05)
    assert point.positions[brake.joint_names.index("panda_joint6")] == panda.arm.positions["panda_joint6"]


def test_an_arm_that_does_not_move_is_given_up(panda: Panda) -> None:
    panda.arm.mode = "frozen"
    _, answered, told = panda.execute(panda.goal()).ended()
    assert answered == code("TIMED_OUT")
    assert "has not arrived" in told
    assert len(panda.arm.on_topic) == 2


def test_a_silent_driver_is_braked_where_the_plan_is(panda: Panda) -> None:
    motion = begun(panda)
    panda.arm.mode = "silent"
    _, answered, told = motion.ended()
    assert answered == code("CONTROL_FAILED")
    assert "do not tell that it rests" in told
    plan, brake = panda.arm.on_topic
    planned = np.array([point.positions for point in plan.points])
    assert (brake.points[0].positions >= planned.min(axis=0) - 1e-9).all()
    assert (brake.points[0].positions <= planned.max(axis=0) + 1e-9).all()
