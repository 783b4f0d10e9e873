"""A base driven by Nav2: what it is told, how it ends, and how it stops."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from motion.fake_nav2 import FakeNav2
from motion.harness import Following, path, spinning, until
from rclpy.node import Node

from robotracer_ros.errors import Cancelled, InvalidRequest, MotionError, MotionRefused
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.motion.follower import StopSign
from robotracer_ros.motion.nav2 import Nav2Follower, Nav2Settings
from robotracer_ros.planning.manipulation import Grip, Reach

# One metre ahead of a camera that stands 2 m along the map's x.
WAY = Reach("drive", path([[x, 0, 0, 0, 0, 0, 1] for x in (0.0, 0.5, 1.0)], "camera"))
PATIENT = {"server_timeout_s": 20.0, "odometry_age_s": 5.0, "stop_timeout_s": 10.0}


def lookup(target: str, source: str, _stamp_ns: int) -> RigidTransform:
    return RigidTransform(target, source, np.eye(3), [2.0, 0.0, 0.0])


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
    assert goal.path.header.frame_id == checked.header.frame_id == "odom"
    assert [pose.pose.position.x for pose in goal.path.poses] == [2.0, 2.5, 3.0]
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
    with pytest.raises(MotionError, match=r"/odom told nothing within 1 s; the base was told to stop, and that"):
        raise following.wait() or AssertionError("nothing failed")
    assert nav2.speed_m_s == 0.0
    with pytest.raises(MotionRefused, match=r"/odom told nothing within 1 s"):
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


@pytest.mark.parametrize("frame", ["base_link", "camera", "", "robot/base_footprint"])
def test_a_path_that_would_move_with_the_robot_is_refused(frame: str) -> None:
    with pytest.raises(InvalidRequest, match="must stand in the world"):
        Nav2Settings(frame=frame)
    assert Nav2Settings(frame="robot/odom").frame == "robot/odom"


@pytest.mark.parametrize("settings", [{"action": "spin"}, {"min_speed_m_s": 0.0}, {"stop_timeout_s": float("nan")}])
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="received"):
        Nav2Settings(**settings)
