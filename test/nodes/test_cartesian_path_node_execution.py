"""execute_trajectory onto a controller's action: every recorded execution of a genuine move_group, and then stops."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from action_msgs.msg import GoalStatus
from planning.arms import recorded

pytest.importorskip("pinocchio")
pytest.importorskip("moveit_msgs")

from moveit_msgs.action import ExecuteTrajectory
from nodes.panda import ACTION, READY, Motion, Panda, code, live_panda, wait_until
from trajectory_msgs.msg import JointTrajectoryPoint, MultiDOFJointTrajectoryPoint

from robotracer_ros.ros.trajectories import duration_from_msg, duration_to_msg

SLOW = 0.05
# Where move_group died, moved for nonsense, or told of success where there was none, and what this node answers.
CORRECTED = {
    "cancel_at_1s": "PREEMPTED",
    "stop_event_controller_refuses_cancel": "CONTROL_FAILED",
    "controller_succeeds_with_error_code": "CONTROL_FAILED",
    "empty_trajectory": "INVALID_MOTION_PLAN",
    "unknown_joint": "INVALID_MOTION_PLAN",
    "six_of_seven_joints": "INVALID_MOTION_PLAN",
    "times_not_increasing": "INVALID_MOTION_PLAN",
    "wrong_number_of_positions": "INVALID_MOTION_PLAN",
    "nan_positions": "INVALID_MOTION_PLAN",
    "beyond_joint_limits": "INVALID_MOTION_PLAN",
}
SUCCEEDED, ABORTED, CANCELED = (
    getattr(GoalStatus, f"STATUS_{name}") for name in ("SUCCEEDED", "ABORTED", "CANCELED")
)  # fmt: skip


def cases() -> list[Any]:
    try:
        return recorded("execute.json")
    except pytest.skip.Exception:
        return []


@pytest.fixture(scope="module")
def live(ros: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Panda]:
    with live_panda(tmp_path_factory.mktemp("panda"), action=ACTION) as one:
        yield one


@pytest.fixture
def panda(live: Panda) -> Iterator[Panda]:
    """At its place, whatever the test before left behind."""
    live.arm.mode, live.arm.goals, live.arm.cancellations = "normal", 0, 0
    live.stand_ready()
    yield live
    live.arm.mode = "normal"
    live.arm.place(READY)


def goal_of(panda: Panda, case: Any) -> ExecuteTrajectory.Goal:
    """The recorded goal: 20 cm down, or two points that differ by what the case is about."""
    asked = case["request"]
    if asked["num_points"] in (10, 56):
        goal = panda.goal(1.0 if asked["num_points"] == 10 else SLOW)
        deviation = asked["first_point"][0]
        for point in goal.trajectory.joint_trajectory.points:
            point.positions[0] += deviation
        goal.controller_names = asked["controller_names"]
        return goal
    goal = ExecuteTrajectory.Goal()
    goal.trajectory.joint_trajectory.joint_names = asked["joint_names"]
    first = asked["first_point"]
    times = {0: [], 1: [asked["trajectory_duration_s"]], 2: [0.0, asked["trajectory_duration_s"]], 3: [0.0, 1.0, 0.5]}
    for time_s in times[asked["num_points"]]:
        point = JointTrajectoryPoint(positions=first, time_from_start=duration_to_msg(time_s))
        goal.trajectory.joint_trajectory.points.append(point)
    if case["name"] == "nan_positions":
        goal.trajectory.joint_trajectory.points[-1].positions[0] = float("nan")
    if case["name"] == "beyond_joint_limits":
        goal.trajectory.joint_trajectory.points[-1].positions[3] = 1.0
    return goal


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["name"])
def test_every_recorded_execution(panda: Panda, case: Any) -> None:
    goal = goal_of(panda, case)
    panda.arm.mode = case["fake_controller_mode"]
    motion = panda.execute(goal)
    if case["action_by_client"]:
        time.sleep(1.0)
        act(panda, motion, goal, case["action_by_client"])
    status, answered, told = motion.ended()
    wanted = code(CORRECTED[case["name"]]) if case["name"] in CORRECTED else case["response"]["error_code"]["val"]
    assert answered == wanted, told
    if wanted == code("SUCCESS"):
        assert (status, told) == (SUCCEEDED, "")
        last = goal.trajectory.joint_trajectory.points[-1].positions
        # The answer may come a cycle of the controller before its last joint state.
        np.testing.assert_allclose([panda.arm.positions[name] for name in READY], last, atol=1e-3)
        return
    assert told
    assert status == (CANCELED if case["name"] == "cancel_at_1s" else ABORTED)
    if answered == code("INVALID_MOTION_PLAN") or not panda.arm.goals:
        assert panda.arm.positions.items() >= READY.items()
        assert not panda.arm.goals


def act(panda: Panda, motion: Motion, goal: ExecuteTrajectory.Goal, what: str) -> None:
    if what.startswith("cancel"):
        motion.cancel()
    elif what.startswith("second"):
        assert not panda.execute(goal).accepted
        assert "a second goal while one runs is rejected" in panda.process.printed
    else:
        panda.tell("stop" if what.startswith("stop") else "halt")


def test_feedback_says_what_goes_on(panda: Panda) -> None:
    motion = panda.execute(panda.goal())
    motion.ended()
    wait_until(lambda: len(motion.states) == 2)
    assert motion.states == ["MONITOR", "Solution was found and executed."]


def succeeds(panda: Panda) -> None:
    _, answered, told = panda.execute(panda.goal()).ended()
    assert answered == code("SUCCESS"), told


@pytest.mark.parametrize("event", ["cancel", "stop"])
@pytest.mark.parametrize("after_s", [0.0, 0.3, 2.0])
def test_a_stop_brings_the_arm_to_rest(panda: Panda, event: str, after_s: float) -> None:
    motion = panda.execute(panda.goal(SLOW))
    time.sleep(after_s)
    if event == "cancel":
        motion.cancel()
    else:
        panda.tell("stop")
    rest_s = panda.arm.wait_for_rest()
    print(f"at rest {rest_s * 1e3:.0f} ms after the {event}")
    status, answered, told = motion.ended()
    assert (status, answered) == (CANCELED if event == "cancel" else ABORTED, code("PREEMPTED")), told
    assert panda.arm.speed() == 0
    where = dict(panda.arm.positions)
    assert where["panda_joint6"] < 1.9  # of 2.1
    time.sleep(0.3)
    assert panda.arm.positions == where
    # The next one is taken at once.
    panda.stand_ready()
    succeeds(panda)


def test_a_stop_while_nothing_moves_stops_nothing_later(panda: Panda) -> None:
    panda.tell("stop")
    time.sleep(0.2)
    succeeds(panda)


def test_a_silent_driver_stops_the_motion(panda: Panda) -> None:
    motion = panda.execute(panda.goal(SLOW))
    time.sleep(1.0)
    panda.arm.mode = "silent"
    status, answered, told = motion.ended(20.0)
    assert (status, answered) == (ABORTED, code("CONTROL_FAILED"))
    assert "told nothing of panda_joint1" in told
    assert "do not tell that it rests" in told
    assert panda.arm.cancellations == 1
    assert panda.arm.speed() == 0


def test_a_silent_driver_keeps_a_motion_from_beginning(panda: Panda) -> None:
    goal = panda.goal()
    panda.arm.mode = "silent"
    time.sleep(3.5)
    _, answered, told = panda.execute(goal).ended()
    assert (answered, panda.arm.goals) == (code("CONTROL_FAILED"), 0), told


def too_fast(goal: ExecuteTrajectory.Goal) -> None:
    for point in goal.trajectory.joint_trajectory.points:
        point.time_from_start = duration_to_msg(duration_from_msg(point.time_from_start) / 10)


def named_twice(goal: ExecuteTrajectory.Goal) -> None:
    goal.trajectory.joint_trajectory.joint_names[6] = "panda_joint1"


def endless(goal: ExecuteTrajectory.Goal) -> None:
    goal.trajectory.joint_trajectory.points[3].velocities[2] = float("inf")


def of_several_degrees(goal: ExecuteTrajectory.Goal) -> None:
    goal.trajectory.multi_dof_joint_trajectory.joint_names = ["virtual_joint"]
    goal.trajectory.multi_dof_joint_trajectory.points.append(MultiDOFJointTrajectoryPoint())


@pytest.mark.parametrize("spoil", [too_fast, named_twice, endless, of_several_degrees])
def test_trajectories_that_cannot_be_followed_move_nothing(panda: Panda, spoil: Any) -> None:
    goal = panda.goal()
    spoil(goal)
    _, answered, told = panda.execute(goal).ended()
    assert answered == code("INVALID_MOTION_PLAN"), told
    assert panda.arm.goals == 0


def test_the_controllers_own_name_is_accepted(panda: Panda) -> None:
    goal = panda.goal()
    goal.controller_names = ["panda_arm_controller"]
    assert panda.execute(goal).ended()[1] == code("SUCCESS")


def test_a_trajectory_for_later_is_followed_at_once(panda: Panda) -> None:
    goal = panda.goal()
    goal.trajectory.joint_trajectory.header.stamp.sec = 2**31 - 1
    assert panda.execute(goal).ended()[1] == code("SUCCESS")


def test_a_controller_that_goes_away_is_told(panda: Panda) -> None:
    """The last test: the controller does not come back."""
    motion = panda.execute(panda.goal(SLOW))
    time.sleep(1.0)
    panda.arm.vanish()
    status, answered, told = motion.ended(20.0)
    assert (status, answered) == (ABORTED, code("CONTROL_FAILED"))
    assert f"{ACTION} is gone" in told or "told nothing of" in told
    panda.arm.mode = "normal"
    panda.stand_ready()
    _, answered, told = panda.execute(panda.goal()).ended(20.0)
    assert answered == code("CONTROL_FAILED")
    assert "no controller serves the action" in told
