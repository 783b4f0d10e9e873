"""Straight lines of the tip: their law, and the genuine move_group's recorded answers."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from planning.arms import PLANAR, pose, recorded
from transforms3d.axangles import axangle2mat

pytest.importorskip("pinocchio")

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.planning.cartesian import Line, follow_poses
from robotracer_ros.planning.kinematics import Arm

READY = np.array([0.0, -0.785, 0.0, -2.356, 0.0, 1.571, 0.785])
# A planning scene, a frame that TF has to carry over, or a group that has no tip: not for the arm alone.
ELSEWHERE = ("box_in_the_way_avoid_true", "box_around_start_avoid_true", "group_hand", "link_outside_group")


@pytest.fixture(scope="module")
def panda() -> Arm:
    return Arm(recorded("panda.urdf"), "panda_link8")


def cases() -> list[Any]:
    """Recorded answers about the arm alone whose request says all in finite numbers."""
    try:
        record = recorded("cartesian.json")
    except pytest.skip.Exception:
        return []
    return [
        case for case in record
        if case["response"] and case["name"] not in ELSEWHERE and case["response"]["error_code"]["val"] == 1
        and case["request"]["header.frame_id"] in ("", "world", "panda_link0") and "nan" not in str(case["request"])
        and case["name"] not in ("quaternion_zero", "start_out_of_limits")
    ]  # fmt: skip


def start_of(arm: Arm, request: Any) -> Any:
    given = request["start_state"]["joints"] or {}
    return np.array([given.get(name, ready) for name, ready in zip(arm.joint_names, READY, strict=True)])


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["name"])
def test_the_arm_comes_as_far_as_moveit_says(case: Any) -> None:
    request, answer = case["request"], case["response"]
    arm = Arm(recorded("panda.urdf"), request["link_name"] or "panda_link8")
    waypoints = np.array([pose(waypoint) for waypoint in request["waypoints"]])
    path = follow_poses(arm, start_of(arm, request), waypoints, request["max_step"])
    # Where the way ends inside the arm's reach is a matter of the solver, to a few steps.
    assert path.fraction == pytest.approx(answer["fraction"], abs=0 if answer["fraction"] == 1 else 0.05)
    assert (path.reason == "") == (answer["fraction"] == 1)
    if answer["fraction"] == 1:
        wanted, tip = pose(answer["last_tip_pose"]), arm.tip(path.joints[-1])
        assert np.linalg.norm(tip[:3, 3] - wanted[:3, 3]) < 1e-3
        assert np.arccos(np.clip((np.trace(tip[:3, :3].T @ wanted[:3, :3]) - 1) / 2, -1, 1)) < 0.01
        assert np.abs(path.joints[-1] - answer["last_point"]).max() < 0.01


def test_the_tip_keeps_to_the_line_between_the_points(panda: Arm) -> None:
    start = panda.tip(READY)
    waypoints = np.stack([start, start])
    waypoints[0, :3, 3] += (0.1, 0.1, -0.1)
    waypoints[1, :3, 3] += (0.1, -0.2, -0.1)
    path = follow_poses(panda, READY, waypoints, 0.02)
    corners = np.array([start[:3, 3], *waypoints[:, :3, 3]])
    for one, other in pairwise(path.joints):
        for share in (0.25, 0.5, 0.75):
            place = panda.tip(one + share * (other - one))[:3, 3]
            assert min(distance_to_line(place, *ends) for ends in pairwise(corners)) < 1.1e-3
    assert np.abs(np.diff(path.joints, axis=0)).max() < 0.2


def distance_to_line(place: Any, one: Any, other: Any) -> float:
    way = other - one
    share = np.clip((place - one) @ way / (way @ way), 0, 1)
    return float(np.linalg.norm(place - one - share * way))


def test_every_waypoint_counts_the_same(panda: Arm) -> None:
    start = panda.tip(READY)
    near, far = start.copy(), start.copy()
    near[2, 3] -= 0.01
    far[0, 3] += 5
    path = follow_poses(panda, READY, np.stack([near, far]), 0.01)
    assert 0.5 <= path.fraction < 0.6
    assert "waypoint 2 cannot be reached" in path.reason


def test_what_is_refused_ends_the_path(panda: Arm) -> None:
    wanted = panda.tip(READY)
    wanted[2, 3] -= 0.1
    path = follow_poses(panda, READY, wanted[None], 0.01, lambda joints: "too low" if joints[3] < -2.5 else "")
    assert 0.3 < path.fraction < 0.7
    assert path.reason == "too low"
    assert (path.joints[:, 3] >= -2.5).all()


def test_joints_do_not_jump_to_the_other_elbow() -> None:
    arm = Arm(PLANAR, "tip")
    # Through the base, where the shoulder would have to turn by half a turn at once.
    start = np.array([0.3, 2.3])
    end = arm.tip(start)
    end[:2, 3] *= -1
    path = follow_poses(arm, start, end[None], 0.01)
    assert path.fraction < 1
    assert np.abs(np.diff(path.joints, axis=0)).max(initial=0.0) < 0.5


def test_the_tip_turns_about_one_axis() -> None:
    begin, end = np.eye(4), pose([1, 0, 0, 0, 0, 1, 1])
    line = Line(begin, end)
    np.testing.assert_allclose(line.at(0.0), begin, atol=1e-12)
    np.testing.assert_allclose(line.at(1.0), end, atol=1e-12)
    np.testing.assert_allclose(line.at(0.5), pose([0.5, 0, 0, 0, 0, np.sin(np.pi / 8), np.cos(np.pi / 8)]), atol=1e-12)
    assert line.steps(0.01) == 101
    assert Line(begin, begin).steps(0.01) == 0


@pytest.mark.parametrize("turn_rad", [1e-3, 1e-5, 4e-6, 1e-6, 3e-8])
def test_a_tiny_turn_is_that_turn(panda: Arm, turn_rad: float) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        begin = panda.tip(rng.uniform(panda.limits.lower, panda.limits.upper))
        end = begin.copy()
        end[:3, :3] = begin[:3, :3] @ axangle2mat(rng.normal(size=3), turn_rad)
        np.testing.assert_allclose(Line(begin, end).at(1.0), end, atol=1e-13)


def test_far_steps_are_halved_until_they_can_be_done(panda: Arm) -> None:
    start = panda.tip(READY)
    aside = start.copy()
    aside[:3, 3] += (0.1, 0.3, 0.1)
    aside[:3, :3] = aside[:3, :3] @ axangle2mat([1, 0, 0], 2.0)
    small = follow_poses(panda, READY, np.stack([aside, start]), 0.01)
    assert small.fraction == 1.0
    for max_step_m in (1.0, 10.0, np.inf):
        assert follow_poses(panda, READY, np.stack([aside, start]), max_step_m).fraction == 1.0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"max_step_m": 0.0}, "max_step must be above 0 m, received 0.0"),
        ({"max_step_m": float("nan")}, "received nan"),
        ({"max_step_m": 1e-7}, "makes more than 10000 points"),
        ({"waypoints": pose([1e300, 0, 0, 0, 0, 0, 1])[None]}, "makes more than 10000 points"),
        ({"waypoints": np.zeros((0, 4, 4))}, "at least one waypoint"),
        ({"waypoints": np.full((1, 4, 4), np.nan)}, "finite"),
        ({"start": np.full(7, np.nan)}, "finite"),
        ({"start": np.full(7, 4.0)}, "panda_joint1 at 4.0000, beyond its limits"),
        ({"refused": lambda joints: "in the wall"}, "in the wall"),
    ],
)
def test_requests_that_cannot_be_used_are_named(panda: Arm, change: Any, told: str) -> None:
    down = panda.tip(READY)
    down[2, 3] -= 0.1
    with pytest.raises(InvalidRequest, match=told):
        follow_poses(panda, **{"start": READY, "waypoints": down[None], "max_step_m": 0.01, **change})
