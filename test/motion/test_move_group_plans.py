"""Whatever a genuine move_group answered, lies included: nothing is executed that must not be."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from motion.harness import path, spinning, until
from motion.recorded_answers import CASES, READY, URDF, answer, numbers, trajectory
from motion.replaying_move_group import ReplayingMoveGroup
from moveit_msgs.srv import GetCartesianPath
from planning.arms import pose
from rclpy.node import Node

from robotracer_ros.errors import (
    InvalidRequest,
    MotionError,
    MotionRefused,
    NoTransform,
    PlanningError,
    RobotracerError,
)
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.motion.follower import StopSign
from robotracer_ros.motion.gripper import NoGripper
from robotracer_ros.motion.move_group import MoveGroupFollower, MoveGroupSettings
from robotracer_ros.motion.move_group_settings import ExecutionSettings
from robotracer_ros.planning.manipulation import Reach
from robotracer_ros.planning.motion_check import MotionRules
from robotracer_ros.planning.path import PosePath
from robotracer_ros.planning.robot_description import RobotDescription
from robotracer_ros.ros.joint_states import JointStates

ROBOT = RobotDescription.from_urdf(URDF)
BASELINE = CASES["line_down_10cm"]
# At full speed by its own account, so that what was recorded at full speed need not be played ten times slower.
RULES = MotionRules(max_velocity_scaling=1.0, max_acceleration_scaling=1.0)
HURRY = 4.0
# So that a busy machine is not taken for a robot that fails.
PATIENT = ExecutionSettings(joint_state_age_s=5.0, max_joint_deviation_rad=1.0, settle_s=5.0, stop_timeout_s=20.0)

# The recorded answers that are good, each asked for by its own path.
GOOD = {
    "line_down_10cm", "line_down_10cm_link_empty", "line_down_10cm_frame_world", "line_down_10cm_panda_hand",
    "line_down_no_start_state", "line_down_start_is_diff_empty", "line_down_start_nondiff_with_joints",
    "square_10cm", "square_10cm_slow", "flip_180", "first_waypoint_equals_start", "repeated_waypoint",
    "frame_other_link", "quaternion_slightly_off", "quaternion_sign_flipped", "box_in_the_way_avoid_false",
    "rotate_90_in_place", "rotate_90_along_4_waypoints", "revolute_jump_threshold_tiny",
}  # fmt: skip


class Asked:
    """One follower against the replaying move_group."""

    def __init__(self, node: Node, server: ReplayingMoveGroup, joint_states: JointStates) -> None:
        self.node, self.server, self.joint_states = node, server, joint_states

    def follower(self, **settings: Any) -> MoveGroupFollower:
        given = {"group": "panda_arm", "tip_link": "panda_link8", "rules": RULES, "execution": PATIENT,
                 "plan_timeout_s": 30.0, "server_timeout_s": 20.0}  # fmt: skip
        return MoveGroupFollower(
            self.node,
            MoveGroupSettings(**{**given, **settings}),
            lambda _: ROBOT,
            self.joint_states,
            lookup,
            NoGripper(),
        )

    def follow(self, *paths: PosePath, **settings: Any) -> None:
        follower = self.follower(**settings)
        try:
            plan = follower.plan([Reach(f"way {n}", one) for n, one in enumerate(paths)], StopSign())
            follower.follow(plan, StopSign(), lambda name, share: None)
        finally:
            follower.close()


def lookup(target: str, source: str, _stamp_ns: int) -> RigidTransform:
    """TF of a robot that stands at ready, with the world that the Panda's SRDF hangs it on."""
    frames = []
    for frame in (target, source):
        if frame != "world" and frame not in ROBOT.links:
            raise NoTransform(f"TF does not know {frame!r}")
        matrix = np.eye(4) if frame == "world" else ROBOT.place(frame, READY)[0]
        frames.append(RigidTransform("panda_link0", frame, matrix[:3, :3], matrix[:3, 3]))
    return frames[0].inverse() @ frames[1]


def path_of(case: Any) -> PosePath:
    request = case["request"]
    poses = numbers(request["waypoints"])
    return PosePath(poses[:, :3], poses[:, 3:], request["header.frame_id"], 0)


@pytest.fixture(scope="module")
def asked() -> Iterator[Asked]:
    server = ReplayingMoveGroup(ROBOT, {**READY, "panda_finger_joint1": 0.0})
    with spinning("client") as node:
        joint_states = JointStates(node)
        yield Asked(node, server, joint_states)
        joint_states.close()
    server.close()


@pytest.fixture(autouse=True)
def ready(asked: Asked) -> None:
    asked.server.reset([answer(BASELINE)], READY)
    asked.server.arm.hurry = HURRY
    until(lambda: {n: r.position for n, r in asked.joint_states.all().items() if n in READY} == READY)


def outcome(asked: Asked, case: Any) -> str:
    """ "executed", or the refusal in words."""
    request = case["request"]
    link = request["link_name"] or "panda_link8"
    try:
        one = path_of(case)
    except PlanningError:
        # Such a path cannot even be written down; asked is the usual one instead, and answered with the lie.
        one, link = path(BASELINE["request"]["waypoints"]), "panda_link8"
    try:
        asked.follow(one, tip_link=link, group=request["group_name"], max_step_m=float(request["max_step"]))
    except RobotracerError as error:
        return f"{error.code_name}: {error}"
    return "executed"


@pytest.mark.parametrize("name", [n for n, case in CASES.items() if case["response"] is not None])
def test_of_every_recorded_answer_only_the_good_ones_are_executed(asked: Asked, name: str) -> None:
    case = CASES[name]
    asked.server.answers = [answer(case)]
    good = name in GOOD or name.startswith("arc_9pt")
    if good:
        # No joint beyond its speed, or it is rightly taken for one that jumps where the machine is busy.
        one = trajectory(case)
        fastest = np.abs(np.diff(one.positions, axis=0) / np.diff(one.times_s)[:, None]).max(axis=0)
        shares = fastest / [ROBOT.joints[joint].velocity for joint in one.joint_names]
        asked.server.arm.hurry = min(HURRY, max(1.0, 1 / shares.max()))
    told = outcome(asked, case)
    for request in asked.server.requests:
        assert asked.server.would_die_of(request) == ""
    for goal in asked.server.goals:
        assert_followable(goal)
    if name in ("only_waypoint_equals_start",):
        assert (told, len(asked.server.goals), len(asked.server.requests)) == ("executed", 0, 0)
    else:
        assert (told == "executed", len(asked.server.goals)) == (good, int(good)), told


def assert_followable(goal: Any) -> None:
    """Whole, finite, timed, and the tip within its speed, seen by numbers of its own."""
    times_s = np.array([p.time_from_start.sec + p.time_from_start.nanosec * 1e-9 for p in goal.points])
    assert sorted(goal.joint_names) == sorted(READY)
    assert (np.diff(times_s) > 0).all()
    positions = np.array([p.positions for p in goal.points])
    for values in (positions, [p.velocities for p in goal.points], [p.accelerations for p in goal.points]):
        assert np.isfinite(values).all()
    tips = ROBOT.place("panda_link8", dict(zip(goal.joint_names, positions.T, strict=True)))[:, :3, 3]
    speeds = np.linalg.norm(np.diff(tips, axis=0), axis=1) / np.diff(times_s)
    assert speeds.max() <= RULES.max_tip_speed_m_s * 1.001
    assert abs(positions[0] - [READY[name] for name in goal.joint_names]).max() < 0.01


def one_point_off(change: Any) -> GetCartesianPath.Response:
    """The baseline's good answer, spoiled."""
    message = answer(BASELINE)
    assert message is not None
    change(message)
    return message


def spoil_points(field: str, value: Any, which: slice = slice(3, 4)) -> Any:
    def change(message: GetCartesianPath.Response) -> None:
        for point in message.solution.joint_trajectory.points[which]:
            setattr(point, field, value(list(getattr(point, field))))

    return change


def drop_joint(message: GetCartesianPath.Response) -> None:
    trajectory = message.solution.joint_trajectory
    trajectory.joint_names = trajectory.joint_names[:6]
    for point in trajectory.points:
        point.positions, point.velocities = point.positions[:6], point.velocities[:6]
        point.accelerations = point.accelerations[:6]


def zero_times(message: GetCartesianPath.Response) -> None:
    for point in message.solution.joint_trajectory.points:
        point.time_from_start.sec = point.time_from_start.nanosec = 0


def hurried(message: GetCartesianPath.Response) -> None:
    for point in message.solution.joint_trajectory.points:
        point.time_from_start.nanosec //= 10


def swapped(message: GetCartesianPath.Response) -> None:
    points = message.solution.joint_trajectory.points
    points[2].time_from_start, points[3].time_from_start = points[3].time_from_start, points[2].time_from_start


def cut(message: GetCartesianPath.Response) -> None:
    del message.solution.joint_trajectory.points[3:]


def nan_at(index: int) -> Any:
    return lambda values: [float("nan") if i == index else value for i, value in enumerate(values)]


@pytest.mark.parametrize(
    ("lie", "told"),
    [
        (
            lambda one: setattr(one, "fraction", 0.6),
            "only 0.600 of the path can be followed; min_fraction asks for 0.99",
        ),
        (lambda one: setattr(one, "fraction", 0.0), "only 0.000"),
        (lambda one: setattr(one, "fraction", float("nan")), "only nan"),
        (lambda one: setattr(one.error_code, "val", -31), "NO_IK_SOLUTION"),
        (spoil_points("positions", nan_at(1)), "positions of panda_joint2 at point 3 are not finite"),
        (spoil_points("velocities", nan_at(0)), "velocities of panda_joint1"),
        (spoil_points("accelerations", nan_at(6)), "accelerations of panda_joint7"),
        (spoil_points("positions", lambda values: values[:6]), "every point needs 7 positions"),
        (zero_times, "times of a trajectory must increase"),
        (swapped, "times of a trajectory must increase"),
        (drop_joint, "it must move panda_joint1"),
        (hurried, "would go at"),
        (spoil_points("velocities", lambda values: [9.0 * value for value in values]), "its limit is"),
        (spoil_points("positions", lambda values: [values[0] + 0.6, *values[1:]]), "panda_joint1"),
        (spoil_points("positions", lambda values: [values[0] + 0.06, *values[1:]]), "max_path_deviation_m allows"),
        (spoil_points("positions", lambda values: [values[0] + 0.02, *values[1:]], slice(0, 1)), "start_tolerance_rad"),
        (
            spoil_points("positions", lambda values: [*values[:6], values[6] + 0.2], slice(6, 7)),
            "max_path_rotation_rad",
        ),
        (cut, "waypoint 1"),
        (lambda one: one.solution.joint_trajectory.points.clear(), "empty"),
    ],
)
def test_a_lie_of_success_is_refused_by_name_and_amount(asked: Asked, lie: Any, told: str) -> None:
    asked.server.answers = [one_point_off(lie)]
    with pytest.raises(MotionRefused, match=told):
        asked.follow(path(BASELINE["request"]["waypoints"]))
    assert asked.server.requests and not asked.server.goals


def test_what_would_kill_a_move_group_is_refused_before_it_is_sent(asked: Asked) -> None:
    good = path(BASELINE["request"]["waypoints"])
    for settings, told in (
        ({"tip_link": "panda_link9"}, "no link 'panda_link9'"),
        ({"tip_link": "panda_link0"}, "no joint cannot|has none"),
        ({"joint_names": ("nope",)}, "no joint 'nope'"),
        ({"joint_names": ("panda_joint1", "panda_joint2")}, "cannot be moved alone"),
        ({"planning_frame": "nowhere"}, "move_group.planning_frame 'nowhere' is no link"),
    ):
        with pytest.raises(MotionRefused, match=told):
            asked.follow(good, **settings)
    with pytest.raises(NoTransform):
        asked.follow(path(BASELINE["request"]["waypoints"], "nowhere"))
    with pytest.raises(MotionRefused, match="names no frame"):
        asked.follow(path(BASELINE["request"]["waypoints"], ""))
    assert not asked.server.requests


@pytest.mark.parametrize(
    "make",
    [
        lambda: MotionRules(max_velocity_scaling=0.0),
        lambda: MotionRules(max_acceleration_scaling=0.0),
        lambda: MotionRules(max_velocity_scaling=2.0),
        lambda: MotionRules(max_velocity_scaling=float("nan")),
        lambda: MoveGroupSettings("", "panda_link8"),
        lambda: MoveGroupSettings("panda_arm", ""),
        lambda: MoveGroupSettings("panda_arm", "panda_link8", planning_frame="panda_link8"),
        lambda: MoveGroupSettings("panda_arm", "panda_link8", max_step_m=0.0),
        lambda: MoveGroupSettings("panda_arm", "panda_link8", plan_timeout_s=float("inf")),
        lambda: ExecutionSettings(duration_factor=0.5),
        lambda: ExecutionSettings(rest_speed_rad_s=float("nan")),
    ],
)
def test_settings_that_mean_full_speed_or_nothing_are_refused(make: Any) -> None:
    with pytest.raises(InvalidRequest, match="received"):
        make()


def test_a_scaling_that_the_planner_ignored_is_kept_all_the_same(asked: Asked) -> None:
    """The genuine one takes 0 for 1, and says so in its log only."""
    rules = MotionRules(max_velocity_scaling=0.1, max_acceleration_scaling=0.1)
    follower = asked.follower(rules=rules)
    plan = follower.plan([Reach("down", path(BASELINE["request"]["waypoints"]))], StopSign())
    follower.close()
    limits = [0.1 * ROBOT.joints[name].velocity for name in plan.trajectories[0].joint_names]
    assert (np.abs(plan.trajectories[0].velocities).max(axis=0) <= np.array(limits) * 1.0001).all()
    assert plan.duration_s > 0.59 * 3.5
    [request] = asked.server.requests
    assert (request.max_velocity_scaling_factor, request.max_acceleration_scaling_factor) == (0.1, 0.1)
    assert not asked.server.goals


def test_a_path_of_another_frame_is_sent_in_the_planning_frame(asked: Asked) -> None:
    hand = CASES["frame_other_link"]
    asked.follow(path_of(hand))
    [request] = asked.server.requests
    assert request.header.frame_id == "panda_link0"
    position = request.waypoints[0].position
    wanted = pose(BASELINE["request"]["waypoints"][0])
    assert np.allclose([position.x, position.y, position.z], wanted[:3, 3], atol=1e-3)


def test_a_base_that_moved_since_the_image_is_sent_from_where_it_stands(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    def moving(target: str, source: str, stamp_ns: int) -> RigidTransform:
        """The base stood 0.2 m farther back when the image was taken."""
        x_m = 0.2 if stamp_ns == 7 else 0.0
        return RigidTransform(target, source, np.eye(3), [x_m if target == "panda_link0" else -x_m, 0.0, 0.0])

    monkeypatch.setitem(globals(), "lookup", moving)
    asked.follow(path(BASELINE["request"]["waypoints"], "odom", 7))
    [request] = asked.server.requests
    assert request.waypoints[0].position.x == pytest.approx(BASELINE["request"]["waypoints"][0][0])


def test_the_second_way_begins_where_the_first_ends(asked: Asked) -> None:
    down, back = answer(BASELINE), answer(BASELINE)
    assert down is not None and back is not None
    points = back.solution.joint_trajectory.points
    for point, other in zip(points, reversed(down.solution.joint_trajectory.points), strict=True):
        point.positions, point.velocities = other.positions, [0.0] * 7
    asked.server.answers = [down, back]
    here = ROBOT.place("panda_link8", READY)[0]
    up = [*here[:3, 3], *BASELINE["request"]["waypoints"][0][3:]]
    asked.follow(path(BASELINE["request"]["waypoints"]), path([up]))
    first, second = asked.server.requests
    assert first.start_state.is_diff and not first.start_state.joint_state.name
    assert second.start_state.is_diff and set(second.start_state.joint_state.name) == set(READY)
    end = dict(zip(down.solution.joint_trajectory.joint_names, down.solution.joint_trajectory.points[-1].positions,
                   strict=True))  # fmt: skip
    for name, position in zip(
        second.start_state.joint_state.name, second.start_state.joint_state.position, strict=True
    ):
        assert position == pytest.approx(end[name])
    assert len(asked.server.goals) == 2


def test_the_display_shows_what_would_be_executed(asked: Asked) -> None:
    follower = asked.follower()
    plan = follower.plan([Reach("down", path(BASELINE["request"]["waypoints"]))], StopSign())
    follower.close()
    assert plan.display.model_id == "panda"
    [shown] = plan.display.trajectory
    assert list(shown.joint_trajectory.points[-1].positions) == plan.trajectories[0].positions[-1].tolist()
    start = plan.display.trajectory_start.joint_state
    assert dict(zip(start.name, start.position, strict=True)) == pytest.approx(READY)


def test_a_planner_that_is_late_is_not_waited_for(asked: Asked) -> None:
    asked.server.delay_s = 3.0
    with pytest.raises(MotionError, match=r"did not answer within move_group.plan_timeout_s 1 s"):
        asked.follow(path(BASELINE["request"]["waypoints"]), plan_timeout_s=1.0)
    assert not asked.server.goals


def test_silent_joints_are_named(asked: Asked) -> None:
    asked.server.arm.tells = False
    until(lambda: time.monotonic() - asked.joint_states.all()["panda_joint1"].heard_s > 0.6)
    with pytest.raises(MotionRefused, match=r"told nothing of panda_joint1.* within 0.5 s.*; joint_state_age_s"):
        asked.follow(path(BASELINE["request"]["waypoints"]), server_timeout_s=0.6, execution=ExecutionSettings())
    assert not asked.server.requests


@pytest.mark.parametrize("name", [n for n, case in CASES.items() if case["response"] is None])
def test_a_crash_during_a_request_ends_the_wait_and_nothing_moves(asked: Asked, name: str) -> None:
    """The genuine one dies of a start state or a jump threshold that is never sent; here of anything. Stays last."""
    asked.server.answers = [None]
    try:
        with pytest.raises(MotionError, match=r"went away|is not there|did not answer"):
            asked.follow(path(BASELINE["request"]["waypoints"]), server_timeout_s=1.0)
    finally:
        asked.server.appear()
    assert not asked.server.goals
