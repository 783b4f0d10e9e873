"""The path on a topic, for late hearers too, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from motion.harness import path, spinning, until
from nav_msgs.msg import Path

from robotracer_ros.errors import Cancelled, InvalidRequest, MotionRefused
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.motion.follower import StopSign
from robotracer_ros.motion.path_topic import PathTopicFollower
from robotracer_ros.planning.manipulation import Grip, Reach
from robotracer_ros.ros.qos import result_qos


def lookup(target: str, source: str, stamp_ns: int) -> RigidTransform:
    assert stamp_ns == 7
    return RigidTransform(target, source, np.eye(3), [0.0, 1.0, 0.0])


def way(name: str, x: float, frame: str) -> Reach:
    return Reach(name, path([[x, 0, 0, 0, 0, 0, 1], [x + 1, 0, 0, 0, 0, 0, 1]], frame, 7))


def test_all_ways_are_published_in_one_frame_and_kept() -> None:
    heard: list[Path] = []
    with spinning("follower") as node, spinning("hearer") as hearer:
        follower = PathTopicFollower(node, "path_to_follow", "", lookup)
        plan = follower.plan([way("approach", 0, "map"), Grip("grasp", 0.0), way("trace", 5, "camera")], StopSign())
        told: list[tuple[str, float]] = []
        follower.follow(plan, StopSign(), lambda name, share: told.append((name, share)))
        hearer.create_subscription(Path, "path_to_follow", heard.append, result_qos())
        until(lambda: heard, 20.0)
        follower.close()
        follower.close()
    [one] = heard
    assert one.header.frame_id == "map" and one.header.stamp.nanosec == 7
    places = [(pose.pose.position.x, pose.pose.position.y, pose.header.frame_id) for pose in one.poses]
    assert places == [(0, 0, "map"), (1, 0, "map"), (5, 1, "map"), (6, 1, "map")]
    assert told == [("trace", 1.0)] and plan.trajectories == ()


def test_nothing_is_published_of_nothing_or_after_a_stop() -> None:
    with spinning("follower") as node:
        follower = PathTopicFollower(node, "path_to_follow", "map", lookup)
        with pytest.raises(MotionRefused, match="no way to publish, received 1 steps"):
            follower.plan([Grip("grasp", 0.0)], StopSign())
        plan, stop = follower.plan([way("trace", 0, "map")], StopSign()), StopSign()
        stop.show(Cancelled("enough"))
        with pytest.raises(Cancelled):
            follower.follow(plan, stop, lambda name, share: None)
        follower.close()
        with pytest.raises(InvalidRequest, match="topic must be a name"):
            PathTopicFollower(node, "", "map", lookup)
