"""TF at a stamp: right at the stamp, bounded in time, and plain about what is missing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
from rclpy.node import Node
from ros.camera import wait_until
from rosgraph_msgs.msg import Clock
from tf2_ros import StaticTransformBroadcaster, TransformBroadcaster

from robotracer_ros.errors import NoTransform
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.ros.convert import stamp_to_msg, transform_to_msg
from robotracer_ros.ros.frames import Frames

S = 10**9


def shift(target: str, source: str, x_m: float) -> RigidTransform:
    return RigidTransform(target, source, np.eye(3), [x_m, 0.0, 0.0])


@pytest.fixture
def robot(make_node: Callable[..., Node]) -> Node:
    return make_node("robot")


@pytest.fixture
def frames(make_node: Callable[..., Node], spin: Callable[..., object]) -> Frames:
    node = make_node("frames")
    made = Frames(node)
    spin(node)
    return made


def test_the_transform_is_that_of_the_stamp(robot: Node, frames: Frames) -> None:
    moving, fixed = TransformBroadcaster(robot), StaticTransformBroadcaster(robot)
    fixed.sendTransform(transform_to_msg(shift("base", "cam", 0.5), 0))
    assert wait_until(lambda: robot.count_subscribers("/tf") > 0)
    for second in range(1, 6):
        moving.sendTransform(transform_to_msg(shift("map", "base", float(second)), second * S))
    found = frames.lookup("map", "cam", 3 * S + S // 2, 5.0)
    assert (found.target_frame, found.source_frame) == ("map", "cam")
    np.testing.assert_allclose(found.translation_m, [4.0, 0.0, 0.0], atol=1e-9)
    assert frames.known() == ("base", "cam", "map")


def test_one_frame_is_itself_without_tf(frames: Frames) -> None:
    found = frames.lookup("cam", "cam", 0, 0.0)
    np.testing.assert_array_equal(found.rotation, np.eye(3))
    np.testing.assert_array_equal(found.translation_m, np.zeros(3))


def test_a_transform_that_comes_during_the_wait_is_taken(robot: Node, frames: Frames) -> None:
    fixed = StaticTransformBroadcaster(robot)
    message = transform_to_msg(shift("base", "cam", 0.5), 0)
    later = threading.Timer(0.3, fixed.sendTransform, [message])
    started = time.monotonic()
    later.start()
    assert frames.lookup("base", "cam", S, 5.0).translation_m[0] == pytest.approx(0.5)
    assert 0.25 < time.monotonic() - started < 3.0
    later.join()


def test_an_empty_tree_says_so_in_time(frames: Frames) -> None:
    started = time.monotonic()
    with pytest.raises(NoTransform, match=r"does not know 'base' and 'cam'.*nothing was heard on /tf"):
        frames.lookup("base", "cam", S, 0.3)
    assert 0.25 < time.monotonic() - started < 1.0


def test_a_missing_frame_is_named_beside_its_near_misses(robot: Node, frames: Frames) -> None:
    fixed = StaticTransformBroadcaster(robot)
    names = ["base_link", "camera_color_optical_frame", *(f"finger_{index}" for index in range(30))]
    fixed.sendTransform([transform_to_msg(shift("world", name, 0.1), 0) for name in names])
    assert wait_until(lambda: len(frames.known()) == 33)
    with pytest.raises(NoTransform) as caught:
        frames.lookup("base_lnk", "camera_color_optical_frame", 12 * S + 345, 0.0)
    words = str(caught.value)
    assert "TF does not know 'base_lnk' (tf2: " in words
    assert "at 12.000000345 s" in words
    assert "did you mean 'base_link'? frames known: base_link, camera_color_optical_frame, finger_0" in words
    assert words.endswith("and 13 more")


def test_a_stamp_that_tf_does_not_reach_is_told_in_tf2s_words(robot: Node, frames: Frames) -> None:
    moving = TransformBroadcaster(robot)
    assert wait_until(lambda: robot.count_subscribers("/tf") > 0)
    for second in (1, 2):
        moving.sendTransform(transform_to_msg(shift("map", "base", 1.0), second * S))
    frames.lookup("map", "base", S, 5.0)
    with pytest.raises(NoTransform, match=r"knows both frames.*extrapolation"):
        frames.lookup("map", "base", 100 * S, 0.1)


def test_a_stamp_that_tf_has_forgotten_is_not_waited_for(robot: Node, frames: Frames) -> None:
    moving = TransformBroadcaster(robot)
    assert wait_until(lambda: robot.count_subscribers("/tf") > 0)
    for second in (5, 6):
        moving.sendTransform(transform_to_msg(shift("map", "base", 1.0), second * S))
    assert frames.lookup("map", "base", 5 * S + S // 2, 5.0).translation_m[0] == 1.0
    started = time.monotonic()
    with pytest.raises(NoTransform, match="into the past"):
        frames.lookup("map", "base", 3 * S, 5.0)
    assert time.monotonic() - started < 1.0


@pytest.mark.parametrize("name", ["/base", "", "/"])
def test_a_name_that_tf2_does_not_take_is_refused_at_once(frames: Frames, name: str) -> None:
    started = time.monotonic()
    for pair in ((name, "cam"), ("cam", name)):
        with pytest.raises(NoTransform, match="without a leading slash"):
            frames.lookup(*pair, S, 5.0)
    assert time.monotonic() - started < 1.0


def test_simulated_time_that_jumps_back_forgets_and_recovers(
    robot: Node, make_node: Callable[..., Node], spin: Callable[..., object]
) -> None:
    node = make_node("simulated", "-p", "use_sim_time:=true")
    frames = Frames(node)
    spin(node)
    clock, moving = robot.create_publisher(Clock, "/clock", 10), TransformBroadcaster(robot)
    assert wait_until(lambda: robot.count_subscribers("/clock") > 0 and robot.count_subscribers("/tf") > 0)

    def at(second: int, x_m: float) -> None:
        clock.publish(Clock(clock=stamp_to_msg(second * S)))
        assert wait_until(lambda: node.get_clock().now().nanoseconds == second * S)
        moving.sendTransform(transform_to_msg(shift("map", "base", x_m), second * S))

    at(100, 1.0)
    assert frames.lookup("map", "base", 100 * S, 5.0).translation_m[0] == pytest.approx(1.0)
    at(10, 2.0)
    assert frames.lookup("map", "base", 10 * S, 5.0).translation_m[0] == pytest.approx(2.0)
    with pytest.raises(NoTransform):
        frames.lookup("map", "base", 100 * S, 0.0)


def test_closing_unsubscribes(robot: Node, make_node: Callable[..., Node]) -> None:
    frames = Frames(make_node("closing"))
    assert wait_until(lambda: robot.count_subscribers("/tf") == 1)
    frames.close()
    frames.close()
    assert wait_until(lambda: robot.count_subscribers("/tf") == 0)


def test_opened_and_closed_again_and_again_it_leaves_nothing_with_the_node(make_node: Callable[..., Node]) -> None:
    node = make_node("closing")

    def held() -> list[int]:
        return [len(list(kind)) for kind in (node.subscriptions, node.publishers, node.services, node.timers)]

    before = held()
    for _ in range(5):
        Frames(node).close()
    assert held() == before


def test_numbers_that_are_no_transform_are_refused_as_such(robot: Node, frames: Frames) -> None:
    endless = transform_to_msg(shift("base", "cam", 0.0), 0)
    endless.transform.translation.x = float("inf")
    fixed = StaticTransformBroadcaster(robot)
    fixed.sendTransform(endless)
    assert wait_until(lambda: "cam" in frames.known())
    with pytest.raises(NoTransform, match="'base' from 'cam' that is none"):
        frames.lookup("base", "cam", S, 1.0)
