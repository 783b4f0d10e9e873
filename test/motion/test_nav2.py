"""A base driven by Nav2: what it is told, how it ends, and how it stops."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from motion.crashing import killable
from motion.fake_nav2 import FakeNav2
from motion.harness import Following, path, spinning, until
from rclpy.node import Node

import robotracer_ros.motion.nav2 as nav2_module
from robotracer_ros.errors import Cancelled, InvalidRequest, MotionError, MotionRefused, NoTransform
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.motion.follower import StopSign
from robotracer_ros.motion.nav2 import Nav2Follower, Nav2Settings
from robotracer_ros.planning.manipulation import Grip, Reach

# One metre ahead of a camera that stands 2 m along the map's x.
WAY = Reach("drive", path([[x, 0, 0, 0, 0, 0, 1] for x in (0.0, 0.5, 1.0)], "camera"))
PATIENT = {"server_timeout_s": 20.0, "odometry_age_s": 5.0, "feedback_age_s": 5.0, "stop_timeout_s": 10.0}
# Where each stands along the x of the map.
STAND_M = {"map": 0.0, "camera": 2.0, "odom": -1.0, "base_link": 3.0}


def lookup(target: str, source: str, _stamp_ns: int) -> RigidTransform:
    if not {target, source} <= STAND_M.keys():
        raise NoTransform(f"TF does not know {target!r} or {source!r}")
    return RigidTransform(target, source, np.eye(3), [STAND_M[source] - STAND_M[target], 0.0, 0.0])


@pytest.fixture(scope="module")
def nodes() -> Iterator[tuple[Node, FakeNav2]]:
    with spinning("nav2") as server, spinning("client") as client:
        fake = FakeNav2(server)
        yield client, fake
        fake.close()


@pytest.fixture
def nav2(nodes: tuple[Node, FakeNav2]) -> FakeNav2:
    nodes[1].reset()
    return nodes[1]


@pytest.fixture
def make(nodes: tuple[Node, FakeNav2]) -> Iterator[Any]:
    made = []

    def make(**settings: Any) -> Nav2Follower:
        follower = Nav2Follower(nodes[0], Nav2Settings(**{**PATIENT, **settings}), lookup)
        made.append(follower)
        until(lambda: follower._odometry.age_s() < 1.0)
        until(follower._client.server_is_ready, 20.0)
        return follower

    yield make
    for follower in made:
        follower.close()


def test_a_path_is_followed_in_the_world(nav2: FakeNav2, make: Any) -> None:
    follower = make(controller_id="FollowPath", goal_checker_id="goal", progress_checker_id="progress", frame="odom")
    until(follower._validity.service_is_ready)
    plan = follower.plan([WAY], StopSign())
    following = Following(follower, plan)
    assert following.wait() is None
    [goal], [checked] = nav2.goals, nav2.checked
    assert goal.path.header.frame_id == "odom"
    assert [pose.pose.position.x for pose in goal.path.poses] == [3.0, 3.5, 4.0]
    # Jazzy looks the numbers up in the map, whatever frame they name.
    assert {header.frame_id for header in (checked.header, *(pose.header for pose in checked.poses))} == {"map"}
    assert [pose.pose.position.x for pose in checked.poses] == [2.0, 2.5, 3.0]
    assert (goal.controller_id, goal.goal_checker_id, goal.progress_checker_id) == ("FollowPath", "goal", "progress")
    shares = [share for _, share in following.told]
    assert shares == sorted(shares) and shares[-1] == 1.0 and any(0.0 < share < 1.0 for share in shares)


def test_poses_may_be_driven_through(nav2: FakeNav2, make: Any) -> None:
    follower = make(action="navigate_through_poses", behavior_tree="tree.xml", validity_service="")
    assert Following(follower, follower.plan([WAY], StopSign())).wait() is None
    [goal] = nav2.goals
    assert [pose.header.frame_id for pose in goal.poses] == ["map"] * 3
    assert goal.behavior_tree == "tree.xml" and not nav2.checked


def test_what_nav2_finds_blocked_is_not_driven(nav2: FakeNav2, make: Any) -> None:
    nav2.invalid = [1, 2]
    follower = make()
    until(follower._validity.service_is_ready)
    with pytest.raises(
        MotionRefused, match=r"drive: 2 of 3 poses are blocked, by .*is_path_valid; the first is wayp.* 1"
    ):
        follower.plan([WAY], StopSign())
    assert not nav2.goals


def test_a_path_that_is_blocked_somewhere_is_not_driven(nav2: FakeNav2, make: Any) -> None:
    nav2.is_free = False
    follower = make()
    until(follower._validity.service_is_ready)
    with pytest.raises(MotionRefused, match=r"drive: a pose of the path is blocked, by \S*is_path_valid$"):
        follower.plan([WAY], StopSign())


def test_where_the_map_is_unknown_nav2_is_not_asked(nav2: FakeNav2, make: Any) -> None:
    nav2.is_free = False
    follower = make(frame="odom", global_frame="robot/map")
    until(follower._validity.service_is_ready)
    assert len(follower.plan([WAY], StopSign()).hints) == 1
    assert not nav2.checked


def test_nav2_that_could_not_look_is_not_believed(nav2: FakeNav2, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Distributions after Jazzy say so."""
    nav2.is_free = False
    follower = make()
    until(follower._validity.service_is_ready)
    monkeypatch.setattr(nav2_module, "answered", lambda future, *_: SimpleNamespace(success=False, is_valid=False))
    assert len(follower.plan([WAY], StopSign()).hints) == 1


def test_a_base_has_no_gripper(nav2: FakeNav2, make: Any) -> None:
    with pytest.raises(MotionRefused, match="grasp: a base that Nav2 drives has no gripper"):
        make().plan([WAY, Grip("grasp", 0.0)], StopSign())


@pytest.mark.parametrize(
    ("action", "code", "told"),
    [
        ("follow_path", 105, r"ended ABORTED with FAILED_TO_MAKE_PROGRESS \(105\): as told"),
        ("follow_path", 102, r"TF_ERROR \(102\)"),
        ("navigate_through_poses", 9100, r"ended ABORTED with 9100"),
    ],
)
def test_a_failure_is_told_by_its_name(nav2: FakeNav2, make: Any, action: str, code: int, told: str) -> None:
    nav2.error_code = code
    follower = make(action=action)
    error = Following(follower, follower.plan([WAY], StopSign())).wait()
    with pytest.raises(MotionError, match=told):
        raise error or AssertionError("nothing failed")


def started(nav2: FakeNav2, follower: Nav2Follower) -> Following:
    nav2.takes_s = 30.0
    following = Following(follower, follower.plan([WAY], StopSign()))
    until(lambda: nav2.speed_m_s > 0 and len(following.told) > 3, 20.0)
    return following


def test_a_stop_is_confirmed(nav2: FakeNav2, make: Any) -> None:
    following = started(nav2, make())
    shown_s = time.monotonic()
    following.stop.show(Cancelled("enough"))
    error = following.wait()
    assert isinstance(error, Cancelled) and nav2.speed_m_s == 0.0
    assert nav2.stopped_s - shown_s < 1.0
    assert following.ended_s > nav2.stopped_s


def test_a_base_that_rolls_on_is_said_to(nav2: FakeNav2, make: Any) -> None:
    nav2.keeps_rolling = True
    following = started(nav2, make(stop_timeout_s=1.0))
    following.stop.show(Cancelled("enough"))
    error = following.wait()
    assert not isinstance(error, Cancelled)
    with pytest.raises(
        MotionError, match="enough; the base was told to stop, and that it rests could not be confirmed"
    ):
        raise error or AssertionError("nothing failed")


def test_a_base_that_rolls_on_after_success_is_said_to(nav2: FakeNav2, make: Any) -> None:
    follower = make(stop_timeout_s=0.5)
    plan = follower.plan([WAY], StopSign())
    following = Following(follower, plan)
    until(lambda: nav2.speed_m_s > 0)
    until(lambda: nav2.speed_m_s == 0)
    nav2.speed_m_s = 0.3
    with pytest.raises(MotionError, match=r"ended, and the base did not rest within 0.5 s"):
        raise following.wait() or AssertionError("nothing failed")


def test_silent_odometry_stops_the_base(nav2: FakeNav2, make: Any) -> None:
    follower = make(odometry_age_s=1.0, stop_timeout_s=2.0)
    following = started(nav2, follower)
    nav2.tells = False
    with pytest.raises(
        MotionError,
        match=r"/odom told nothing for 1.*nav2.odometry_age_s allows 1 s; the base was told to stop, and that",
    ):
        raise following.wait() or AssertionError("nothing failed")
    assert nav2.speed_m_s == 0.0
    with pytest.raises(
        MotionRefused, match=r"/odom told nothing within nav2.odometry_age_s 1 s.* set nav2.odometry_topic"
    ):
        follower.follow(follower.plan([WAY], StopSign()), StopSign(), lambda name, share: None)


def test_a_nav2_that_goes_away_ends_the_motion(nav2: FakeNav2, make: Any) -> None:
    following = started(nav2, make())
    nav2.vanish()
    nav2.speed_m_s = 0.0
    try:
        with pytest.raises(MotionError, match="follow_path went away during the motion"):
            raise following.wait() or AssertionError("nothing failed")
    finally:
        nav2.appear()


def test_feedback_that_ends_stops_the_base(nav2: FakeNav2, make: Any) -> None:
    following = started(nav2, make(feedback_age_s=1.0))
    nav2.feeds = False
    with pytest.raises(MotionError, match=r"told nothing within nav2.feedback_age_s 1 s; has it crashed\?$"):
        raise following.wait() or AssertionError("nothing failed")
    assert nav2.speed_m_s == 0.0


def test_feedback_that_never_came_is_not_missed(nav2: FakeNav2, make: Any) -> None:
    nav2.takes_s, nav2.feeds = 1.5, False
    follower = make(feedback_age_s=0.2)
    assert Following(follower, follower.plan([WAY], StopSign())).wait() is None


def test_a_fault_stops_the_base(nav2: FakeNav2, make: Any) -> None:
    nav2.takes_s = 30.0
    follower = make()
    plan = follower.plan([WAY], StopSign())

    def progress(_name: str, share: float) -> None:
        if share > 0.0:
            raise RuntimeError("feedback cannot be published")

    with pytest.raises(MotionError, match="feedback cannot be published"):
        follower.follow(plan, StopSign(), progress)
    assert nav2.goals and nav2.stopped_s > 0.0 and nav2.speed_m_s == 0.0


def test_a_new_follower_waits_for_odometry(nodes: tuple[Node, FakeNav2], nav2: FakeNav2) -> None:
    for _ in range(3):
        follower = Nav2Follower(nodes[0], Nav2Settings(**PATIENT), lookup)
        follower.follow(follower.plan([WAY], StopSign()), StopSign(), lambda name, share: None)
        follower.close()
    assert len(nav2.goals) == 3


def test_an_end_elsewhere_is_no_success(nav2: FakeNav2, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STAND_M, "base_link", 2.5)
    follower = make()
    error = Following(follower, follower.plan([WAY], StopSign())).wait()
    with pytest.raises(MotionError, match=r"stands 0.50 m from the end of the path; nav2.end_tolerance_m allows 0.3"):
        raise error or AssertionError("nothing failed")
    # Nav2's own tolerance is 0.25 m.
    monkeypatch.setitem(STAND_M, "base_link", 2.75)
    assert Following(follower, follower.plan([WAY], StopSign())).wait() is None


def test_success_without_movement_is_none(nav2: FakeNav2, make: Any) -> None:
    """As Nav2 tells of a way that ends where it begins."""
    nav2.rolls = False
    follower = make()
    error = Following(follower, follower.plan([WAY], StopSign())).wait()
    with pytest.raises(MotionError, match=r"says that it followed 1.00 m of path, and \S*odom told of no movement"):
        raise error or AssertionError("nothing failed")
    short = Reach("drive", path([[x, 0, 0, 0, 0, 0, 1] for x in (0.9, 1.0)], "camera"))
    assert Following(follower, follower.plan([short], StopSign())).wait() is None


def test_a_base_that_tf_does_not_know_is_not_sent(nav2: FakeNav2, make: Any) -> None:
    follower = make(base_frame="base")
    plan = follower.plan([WAY], StopSign())
    with pytest.raises(NoTransform):
        follower.follow(plan, StopSign(), lambda name, share: None)
    assert not nav2.goals


def test_a_nav2_that_is_killed_before_it_told_anything_ends_the_motion(nav2: FakeNav2, make: Any) -> None:
    name = "crash_mute/follow_path"
    with killable("nav2", "crash_mute") as process:
        follower = make(
            action_name=name, controller_id="mute", feedback_age_s=2.0, stop_timeout_s=2.0, server_timeout_s=10.0
        )
        # Its process may know of the client later than the client knows of it, and its answer would be lost.
        time.sleep(3.0)
        following = Following(follower, follower.plan([WAY], StopSign()))
        until(lambda: follower._pulse._answered or following.error, 30.0)
        # As long as it lives it is not taken for dead.
        time.sleep(3.0)
        assert following.error is None
        process.kill()
        with pytest.raises(MotionError, match=r"told nothing within nav2.feedback_age_s 2 s; has it crashed\?$"):
            raise following.wait(15.0) or AssertionError("nothing failed")


@pytest.mark.parametrize("keeps_rolling", [False, True])
def test_a_nav2_that_is_killed_ends_the_motion(nav2: FakeNav2, make: Any, keeps_rolling: bool) -> None:
    """Its base rolls on or rests; the odometry, of another process, tells which."""
    name = f"crash_{keeps_rolling}/follow_path"
    with killable("nav2", name.partition("/")[0]) as process:
        follower = make(action_name=name, feedback_age_s=2.0, stop_timeout_s=2.0, server_timeout_s=4.0)
        # Its process may know of the client later than the client knows of it, and its answer is lost then.
        for _ in range(5):
            following = Following(follower, follower.plan([WAY], StopSign()))
            until(lambda one=following: one.error or (one.told and one.told[-1][1] > 0), 30.0)
            if following.error is None:
                break
        nav2.speed_m_s = 0.3 if keeps_rolling else 0.0
        process.kill()
        with pytest.raises(MotionError, match=f"{name} told nothing within nav2.feedback_age_s 2 s") as told:
            raise following.wait() or AssertionError("nothing failed")
        assert ("could not be confirmed" in str(told.value)) == keeps_rolling


@pytest.mark.parametrize("frame", ["base_link", "camera", "", "robot/base_footprint"])
def test_a_path_that_would_move_with_the_robot_is_refused(frame: str) -> None:
    with pytest.raises(InvalidRequest, match="must stand in the world"):
        Nav2Settings(frame=frame)
    assert Nav2Settings(frame="robot/odom").frame == "robot/odom"


@pytest.mark.parametrize(
    "settings",
    [
        {"action": "spin"}, {"min_speed_m_s": 0.0}, {"stop_timeout_s": float("nan")}, {"feedback_age_s": 0.0},
        {"global_frame": ""}, {"end_tolerance_m": -0.1},
    ],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="received"):
        Nav2Settings(**settings)
