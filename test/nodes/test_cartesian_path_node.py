"""A live cartesian_path_node asked everything that a genuine move_group was asked, and compared with its answers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from planning.arms import pose, recorded

pytest.importorskip("pinocchio")
pytest.importorskip("moveit_msgs")

from moveit_msgs.msg import DisplayTrajectory, JointConstraint, MoveItErrorCodes
from nodes.panda import FINGERS, READY, Panda, by_name, code, live_panda, request_of, wait_until

from robotracer_ros.ros.qos import result_qos
from robotracer_ros.ros.trajectories import trajectory_from_msg

# Obstacles of MoveIt's planning scene: nothing here knows them.
PLANNING_SCENE = ("box_in_the_way_avoid_true", "box_around_start_avoid_true")
# Where move_group died or called nonsense a success; docs/cartesian_path_node.md has the same table.
CORRECTED = {
    "fully_unreachable": "NO_IK_SOLUTION",
    "max_step_nan": "FAILURE",
    "arc_9pt_scaling_2.0": "FAILURE",
    "arc_9pt_scaling_-1.0": "FAILURE",
    "group_hand": "INVALID_GROUP_NAME",
    "link_outside_group": "INVALID_LINK_NAME",
    "quaternion_zero": "INVALID_GOAL_CONSTRAINTS",
    "nan_position": "INVALID_GOAL_CONSTRAINTS",
    "nan_second_waypoint": "INVALID_GOAL_CONSTRAINTS",
    "nan_orientation": "INVALID_GOAL_CONSTRAINTS",
    "start_out_of_limits": "START_STATE_INVALID",
    "start_unknown_joint": "INVALID_ROBOT_STATE",
    "start_nan": "INVALID_ROBOT_STATE",
    "revolute_jump_threshold_tiny": "PLANNING_FAILED",
    "jump_threshold_0.5": "FAILURE",
    "jump_threshold_1.0": "FAILURE",
}
# A scaling of 0 means the node's default, 0.1, and not full speed.
TIMED_AS = {"arc_9pt_scaling_0.0": "arc_9pt_scaling_0.1"}
LONGER, NEAR_M, NEAR_RAD, FRACTION = 1.005, 1e-3, 0.01, 0.05


def cases(names: tuple[str, ...] | None = None) -> list[Any]:
    try:
        record = recorded("cartesian.json")
    except pytest.skip.Exception:
        return []
    return [case for case in record if (names is None or case["name"] in names) and case["name"] not in PLANNING_SCENE]


@pytest.fixture(scope="module")
def panda(ros: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Panda]:
    with live_panda(tmp_path_factory.mktemp("panda")) as one:
        yield one


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["name"])
def test_every_recorded_request_is_answered(panda: Panda, case: Any) -> None:
    answer = panda.ask(request_of(case["request"]))
    wanted = code(CORRECTED[case["name"]]) if case["name"] in CORRECTED else case["response"]["error_code"]["val"]
    assert answer.error_code.val == wanted, answer.error_code.message
    if wanted != MoveItErrorCodes.SUCCESS:
        assert answer.error_code.message
        assert answer.fraction == 0.0
        assert not answer.solution.joint_trajectory.points
        return
    told = case["response"]
    print(f"{case['name']}: fraction {answer.fraction:.3f} ({told['fraction']:.3f})", end="")
    assert answer.fraction == pytest.approx(told["fraction"], abs=0 if told["fraction"] == 1 else FRACTION)
    assert (answer.error_code.message == "") == (answer.fraction == 1)
    assert answer.solution.joint_trajectory.joint_names == told["joint_names"]
    assert answer.solution.joint_trajectory.header.frame_id == told["solution_frame_id"]
    assert len(answer.start_state.joint_state.name) == told["start_state_joint_count"]
    tips = panda.tips(answer, case["request"]["link_name"])
    if told["fraction"] < 1:
        return
    end = pose(told["last_tip_pose"])
    turned = np.arccos(np.clip((np.trace(tips[-1, :3, :3].T @ end[:3, :3]) - 1) / 2, -1, 1))
    assert np.linalg.norm(tips[-1, :3, 3] - end[:3, 3]) < NEAR_M
    assert turned < NEAR_RAD
    duration_s = trajectory_from_msg(answer.solution.joint_trajectory).times_s[-1]
    recorded_s = by_name(TIMED_AS.get(case["name"], case["name"]))["response"]["duration_s"]
    print(f", end {np.linalg.norm(tips[-1, :3, 3] - end[:3, 3]) * 1e3:.3f} mm, {duration_s:.3f} s ({recorded_s:.3f})")
    assert recorded_s / LONGER <= duration_s <= recorded_s * LONGER


@pytest.mark.parametrize("case", [case for case in cases() if case["name"] not in CORRECTED], ids=lambda c: c["name"])
def test_motions_keep_to_the_line_and_to_the_limits(panda: Panda, case: Any) -> None:
    asked = case["request"]
    answer = panda.ask(request_of(asked))
    if answer.error_code.val != MoveItErrorCodes.SUCCESS or asked["header.frame_id"] in ("panda_hand", "panda_link8"):
        return
    tips = panda.tips(answer, asked["link_name"])
    corners = [tips[0, :3, 3], *(pose(values)[:3, 3] for values in asked["waypoints"])]
    # Corners are rounded within half the distance of two points.
    most_m = NEAR_M if len(asked["waypoints"]) == 1 else 0.2 * asked["max_step"]
    for tip in tips:
        assert min(distance_to_line(tip[:3, 3], *ends) for ends in pairwise(corners)) < most_m
    trajectory = trajectory_from_msg(answer.solution.joint_trajectory)
    limits = recorded("parameters.json")["robot_description_planning"]["joint_limits"]
    for kind, values in (("velocity", trajectory.velocities), ("acceleration", trajectory.accelerations)):
        most = np.array([limits[name][f"max_{kind}"] for name in trajectory.joint_names])
        scaling = asked[f"max_{kind}_scaling_factor"] or 0.1
        assert (np.abs(values) <= most * scaling * 1.01).all()
    assert np.abs(trajectory.velocities[[0, -1]]).max() == 0


def distance_to_line(place: Any, one: Any, other: Any) -> float:
    way = other - one
    share = np.clip((place - one) @ way / max(way @ way, 1e-12), 0, 1)
    return float(np.linalg.norm(place - one - share * way))


LINE = "line_down_10cm"


def test_a_tip_can_be_slowed_down(panda: Panda) -> None:
    asked = by_name(LINE)["request"]
    answer = panda.ask(request_of(asked, max_cartesian_speed=0.05))
    trajectory = trajectory_from_msg(answer.solution.joint_trajectory)
    assert trajectory.times_s[-1] >= 2.0
    moved = np.linalg.norm(np.diff(panda.tips(answer, "")[:, :3, 3], axis=0), axis=1)
    assert (moved / np.diff(trajectory.times_s)).max() <= 0.0505


def test_a_jump_ends_the_path_where_it_would_be(panda: Panda) -> None:
    asked = by_name("arc_9pt_scaling_1.0")["request"]
    whole = panda.ask(request_of(asked))
    for changed in ({"revolute_jump_threshold": 0.03}, {"jump_threshold": 1.3}):
        answer = panda.ask(request_of(asked, **changed))
        assert answer.error_code.val == MoveItErrorCodes.SUCCESS
        assert 0 < answer.fraction < 1
        assert "would jump by" in answer.error_code.message
        assert len(answer.solution.joint_trajectory.points) < len(whole.solution.joint_trajectory.points)
    assert panda.ask(request_of(asked, jump_threshold=50.0, revolute_jump_threshold=1.0)).fraction == 1.0


@pytest.mark.parametrize(
    ("changed", "name", "told"),
    [
        ({"waypoints": []}, "INVALID_GOAL_CONSTRAINTS", "1 to 10000 waypoints, received 0"),
        ({"max_step": -0.01}, "FAILURE", "max_step is -0.01 m"),
        ({"max_step": 1e-6}, "FAILURE", "makes more than 10000 points"),
        ({"max_velocity_scaling_factor": "nan"}, "FAILURE", "max_velocity_scaling_factor is nan"),
        ({"max_cartesian_speed": -1.0}, "FAILURE", "max_cartesian_speed is -1"),
        ({"cartesian_speed_limited_link": "no", "max_cartesian_speed": 0.1}, "INVALID_LINK_NAME", "no link 'no'"),
        ({"link_name": "panda_link5"}, "INVALID_LINK_NAME", "does not move with the tip as one piece"),
        ({"link_name": "no_such_link"}, "INVALID_LINK_NAME", "accepted: panda_link7, panda_link8, panda_hand"),
        ({"jump_threshold": "nan"}, "FAILURE", "jump_threshold is nan"),
        ({"max_cartesian_speed": 1e-12}, "FAILURE", "let it end within a day"),
        ({"header.frame_id": "/world"}, "FRAME_TRANSFORM_FAILURE", "'/world'"),
        ({"waypoints": [[0.3, 0.0, 0.5, 0.0, 0.0, 0.0, 2.0]]}, "INVALID_GOAL_CONSTRAINTS", "of length 2"),
        ({"waypoints": [[0.3, 0.0, float("inf"), 0.0, 0.0, 0.0, 1.0]]}, "INVALID_GOAL_CONSTRAINTS", "waypoint 1"),
    ],
)
def test_what_cannot_be_used_is_named(panda: Panda, changed: Any, name: str, told: str) -> None:
    answer = panda.ask(request_of(by_name(LINE)["request"], **changed))
    assert (answer.error_code.val, answer.fraction) == (code(name), 0.0)
    assert told in answer.error_code.message


def test_what_would_have_to_be_considered_is_refused(panda: Panda) -> None:
    request = request_of(by_name(LINE)["request"])
    request.path_constraints.joint_constraints = [JointConstraint(joint_name="panda_joint1")]
    assert "path_constraints" in panda.ask(request).error_code.message
    request = request_of(by_name(LINE)["request"])
    request.start_state.multi_dof_joint_state.joint_names = ["virtual_joint"]
    assert panda.ask(request).error_code.val == MoveItErrorCodes.INVALID_ROBOT_STATE
    request = request_of(by_name(LINE)["request"])
    request.start_state.joint_state.position = request.start_state.joint_state.position[:3]
    assert "7 names and 3 positions" in panda.ask(request).error_code.message


def test_the_start_state_of_an_answer_starts_another_request(panda: Panda) -> None:
    request = request_of(by_name("line_down_no_start_state")["request"])
    # Some grippers do not know where their fingers are, and some drivers tell of fixed joints.
    panda.arm.place({"panda_finger_joint1": float("nan"), "panda_hand_joint": 0.0})
    try:
        wait_until(lambda: "panda_finger_joint1" not in panda.ask(request).start_state.joint_state.name)
        request.start_state = panda.ask(request).start_state
    finally:
        panda.arm.place(FINGERS)
    wait_until(lambda: "panda_finger_joint1" in panda.ask(request).start_state.joint_state.name)
    answer = panda.ask(request)
    assert answer.fraction == 1.0
    assert set(answer.start_state.joint_state.name) == {*READY, *FINGERS}


def test_a_viewer_that_comes_late_sees_the_last_path(panda: Panda) -> None:
    answer = panda.ask(request_of(by_name(LINE)["request"]))
    shown: list[DisplayTrajectory] = []
    subscription = panda.client.node.create_subscription(
        DisplayTrajectory, "display_planned_path", shown.append, result_qos()
    )
    wait_until(lambda: shown)
    panda.client.node.destroy_subscription(subscription)
    assert shown[-1].model_id == "panda"
    assert shown[-1].trajectory[0] == answer.solution
    assert shown[-1].trajectory_start == answer.start_state


def test_without_joint_states_only_a_whole_start_will_do(panda: Panda) -> None:
    panda.arm.mode = "silent"
    try:
        request = request_of(by_name("line_down_no_start_state")["request"])
        wait_until(lambda: panda.ask(request).error_code.val == MoveItErrorCodes.ROBOT_STATE_STALE)
        assert "told nothing of panda_joint1" in panda.ask(request).error_code.message
        assert panda.ask(request_of(by_name(LINE)["request"])).fraction == 1.0
    finally:
        panda.arm.mode = "normal"
