"""The tf2_ros stand-in between real nodes over DDS: topics, QoS, accumulation, waiting in callbacks.

Each test states a fact measured on the genuine package. One measured fact is left out on purpose: that a
StaticTransformBroadcaster ignores a second value for a child, which other releases may do otherwise. The hanging exit
of a process that leaves `spin_thread` running is not acted out either.
"""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not on the path")

import rclpy
import tf2_ros
import yaml
from geometry_msgs.msg import TransformStamped
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.duration import Duration
from rclpy.executors import Executor, MultiThreadedExecutor, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.time import Time
from tf2_msgs.msg import TFMessage
from tf2_msgs.srv import FrameGraph

ROOT = Path(__file__).resolve().parents[2]
if ROOT / "pip_ros" not in Path(tf2_ros.__file__).resolve().parents:
    pytest.skip("the genuine tf2_ros is on the path: nothing to prove", allow_module_level=True)

VOLATILE, LATCHED = DurabilityPolicy.VOLATILE, DurabilityPolicy.TRANSIENT_LOCAL
PATIENCE_S = 10.0


def stamped(parent: str, child: str, sec: int = 1, x_m: float = 0.0) -> TransformStamped:
    message = TransformStamped()
    message.header.frame_id, message.child_frame_id, message.header.stamp.sec = parent, child, sec
    message.transform.translation.x = x_m
    return message


class World:
    """The nodes of one test, spun by the test itself."""

    def __init__(self) -> None:
        self.executor = SingleThreadedExecutor()
        self.nodes: list[Node] = []

    def node(self, name: str, *, spun: bool = True, **options: Any) -> Node:
        node = Node(name, **options)
        self.nodes.append(node)
        if spun:
            self.executor.add_node(node)
        return node

    def until(self, condition: Callable[[], object]) -> None:
        deadline_s = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline_s, "what the test waits for did not happen"
            self.executor.spin_once(timeout_sec=0.02)

    def close(self) -> None:
        self.executor.shutdown()
        for node in self.nodes:
            node.destroy_node()


@pytest.fixture(scope="module", autouse=True)
def ros() -> Iterator[None]:
    rclpy.init()
    yield
    rclpy.try_shutdown()


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


def knows(buffer: tf2_ros.Buffer, target: str, source: str) -> bool:
    return bool(buffer.can_transform(target, source, Time()))


def children(message: TFMessage) -> list[str]:
    return [transform.child_frame_id for transform in message.transforms]


def static_messages(world: World) -> list[TFMessage]:
    received: list[TFMessage] = []
    qos = QoSProfile(depth=100, durability=LATCHED)
    world.node("static_ear").create_subscription(TFMessage, "/tf_static", received.append, qos)
    return received


def test_listener_and_broadcasters_have_the_recorded_qos(world: World) -> None:
    node = world.node("qos")
    listener = tf2_ros.TransformListener(tf2_ros.Buffer(), node)
    endpoints = {
        "/tf heard": (listener.tf_sub.qos_profile, 100, VOLATILE),
        "/tf_static heard": (listener.tf_static_sub.qos_profile, 100, LATCHED),
        "/tf sent": (tf2_ros.TransformBroadcaster(node).pub_tf.qos_profile, 100, VOLATILE),
        "/tf_static sent": (tf2_ros.StaticTransformBroadcaster(node).pub_tf.qos_profile, 1, LATCHED),
    }
    for name, (qos, depth, durability) in endpoints.items():
        assert (qos.depth, qos.durability) == (depth, durability), name
        assert (qos.history, qos.reliability) == (HistoryPolicy.KEEP_LAST, ReliabilityPolicy.RELIABLE), name


def test_qos_given_as_integers_is_a_depth_and_loses_what_was_sent_before(world: World) -> None:
    tf2_ros.StaticTransformBroadcaster(world.node("early")).sendTransform(stamped("a", "b"))
    deaf, hearing = tf2_ros.Buffer(), tf2_ros.Buffer()
    late = world.node("late")
    listener = tf2_ros.TransformListener(deaf, late, qos=5, static_qos=7)
    assert (listener.tf_sub.qos_profile.depth, listener.tf_static_sub.qos_profile.depth) == (5, 7)
    world.until(lambda: late.count_publishers("/tf_static") == 1)
    tf2_ros.TransformListener(hearing, late)
    world.until(lambda: knows(hearing, "a", "b"))
    assert not knows(deaf, "a", "b")


def test_topics_are_absolute_and_follow_a_remap(world: World) -> None:
    plain = world.node("plain", namespace="robot1")
    remap = ["--ros-args", "-r", "/tf:=tf", "-r", "/tf_static:=tf_static"]
    remapped = world.node("remapped", namespace="robot1", cli_args=remap)
    topics = []
    for node in (plain, remapped):
        listener = tf2_ros.TransformListener(tf2_ros.Buffer(), node)
        broadcasters = tf2_ros.TransformBroadcaster(node), tf2_ros.StaticTransformBroadcaster(node)
        topics.append([end.topic_name for end in (listener.tf_sub, listener.tf_static_sub)])
        assert topics[-1] == [broadcaster.pub_tf.topic_name for broadcaster in broadcasters]
    assert topics == [["/tf", "/tf_static"], ["/robot1/tf", "/robot1/tf_static"]]


def test_listener_subscribes_in_a_reentrant_group_and_takes_spin_thread_by_name_only(world: World) -> None:
    node = world.node("listener")
    listener = tf2_ros.TransformListener(tf2_ros.Buffer(), node)
    assert isinstance(listener.tf_sub.callback_group, ReentrantCallbackGroup)
    assert isinstance(listener.tf_static_sub.callback_group, ReentrantCallbackGroup)
    with pytest.raises(TypeError, match="takes 3 positional arguments but 4 were given"):
        tf2_ros.TransformListener(tf2_ros.Buffer(), node, True)


def test_unregister_removes_both_subscriptions_and_del_does_not(world: World) -> None:
    node = world.node("listener")
    before = len(list(node.subscriptions))
    listener = tf2_ros.TransformListener(tf2_ros.Buffer(), node)
    del listener
    assert len(list(node.subscriptions)) == before + 2
    tf2_ros.TransformListener(tf2_ros.Buffer(), node).unregister()
    assert len(list(node.subscriptions)) == before + 2


def test_a_dynamic_transform_arrives(world: World) -> None:
    buffer = tf2_ros.Buffer()
    tf2_ros.TransformListener(buffer, world.node("ear"))
    broadcaster = tf2_ros.TransformBroadcaster(world.node("mouth"))
    world.until(broadcaster.pub_tf.get_subscription_count)
    broadcaster.sendTransform(stamped("a", "b", x_m=1.5))
    broadcaster.sendTransform((stamped("b", "c", x_m=1.0), stamped("b", "d")))
    world.until(lambda: knows(buffer, "a", "d"))
    assert buffer.lookup_transform("a", "c", Time(seconds=1)).transform.translation.x == 2.5
    assert yaml.safe_load(buffer.all_frames_as_yaml())["b"]["broadcaster"] == "default_authority"


def test_static_broadcaster_publishes_all_it_was_ever_given(world: World) -> None:
    received = static_messages(world)
    broadcaster = tf2_ros.StaticTransformBroadcaster(world.node("mouth"))
    world.until(broadcaster.pub_tf.get_subscription_count)
    kept = stamped("a", "b")
    for count, transforms in enumerate((kept, [stamped("b", "c"), stamped("b", "d")], (stamped("d", "e"),), []), 1):
        kept.transform.translation.x = float(count)
        broadcaster.sendTransform(transforms)
        world.until(lambda count=count: len(received) == count)
    assert [children(message) for message in received] == [["b"], ["b", "c", "d"], ["b", "c", "d", "e"], list("bcde")]
    # The message that was sent is kept, not a copy: later changes to it show.
    assert [message.transforms[0].transform.translation.x for message in received] == [1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize(
    ("kind", "attribute"),
    [(tf2_ros.TransformBroadcaster, "header"), (tf2_ros.StaticTransformBroadcaster, "child_frame_id")],
)
@pytest.mark.parametrize(("wrong", "name"), [(None, "NoneType"), (5, "int")])
def test_what_is_no_transform_is_refused(world: World, kind: Any, attribute: str, wrong: Any, name: str) -> None:
    with pytest.raises(AttributeError, match=f"'{name}' object has no attribute '{attribute}'"):
        kind(world.node("mouth")).sendTransform(wrong)


def test_a_late_listener_hears_every_static_broadcaster(world: World) -> None:
    for name, child in (("first", "b"), ("second", "c")):
        tf2_ros.StaticTransformBroadcaster(world.node(name)).sendTransform(stamped("a", child))
    buffer = tf2_ros.Buffer()
    tf2_ros.TransformListener(buffer, world.node("late"))
    world.until(lambda: knows(buffer, "b", "c"))


def test_the_last_of_two_static_broadcasters_wins(world: World) -> None:
    buffer = tf2_ros.Buffer()
    tf2_ros.TransformListener(buffer, world.node("ear"))
    one, two = (tf2_ros.StaticTransformBroadcaster(world.node(name)) for name in ("one", "two"))
    for broadcaster, transforms, x_m in (
        (one, stamped("a", "b", x_m=1.0), 1.0),
        (two, stamped("a", "b", x_m=2.0), 2.0),
        (one, [], 1.0),
    ):
        broadcaster.sendTransform(transforms)
        world.until(lambda x_m=x_m: knows(buffer, "a", "b") and offset_m(buffer, "a", "b") == x_m)


def offset_m(buffer: tf2_ros.Buffer, target: str, source: str) -> float:
    return float(buffer.lookup_transform(target, source, Time()).transform.translation.x)


def test_a_buffer_with_a_node_serves_its_frames(world: World) -> None:
    node, asker = world.node("holder", namespace="robot1"), world.node("asker")
    tf2_ros.Buffer()
    services = len(list(node.services))
    buffer = tf2_ros.Buffer(node=node)
    assert len(list(node.services)) == services + 1
    buffer.set_transform(stamped("a", "b"), "test")
    client = asker.create_client(FrameGraph, "/robot1/tf2_frames")
    world.until(client.service_is_ready)
    future = client.call_async(FrameGraph.Request())
    world.until(future.done)
    assert yaml.safe_load(future.result().frame_yaml)["b"]["parent"] == "a"


def lookup_in_a_callback(world: World, executor: Executor, timeout_s: float) -> tuple[str, float]:
    """Ask from a timer for a transform that is sent once the question stands; what came of it, and seconds taken."""
    node, buffer = world.node("asker", spun=False), tf2_ros.Buffer()
    tf2_ros.TransformListener(buffer, node)
    broadcaster = tf2_ros.TransformBroadcaster(world.node("mouth"))
    world.until(broadcaster.pub_tf.get_subscription_count)
    asked, answered, result = threading.Event(), threading.Event(), []

    def ask() -> None:
        timer.cancel()
        asked.set()
        begin_s = time.monotonic()
        try:
            found = buffer.lookup_transform("a", "b", Time(), Duration(seconds=timeout_s)).child_frame_id
        except tf2_ros.LookupException as error:
            found = type(error).__name__
        result.append((found, time.monotonic() - begin_s))
        answered.set()

    timer = node.create_timer(0.01, ask)
    executor.add_node(node)
    spinner = threading.Thread(target=executor.spin)
    spinner.start()
    try:
        assert asked.wait(PATIENCE_S)
        broadcaster.sendTransform(stamped("a", "b"))
        assert answered.wait(PATIENCE_S)
    finally:
        executor.shutdown()
        spinner.join()
    return result[0]


def test_waiting_in_the_only_thread_of_an_executor_is_in_vain(world: World) -> None:
    found, seconds = lookup_in_a_callback(world, SingleThreadedExecutor(), timeout_s=0.6)
    assert found == "LookupException"
    assert seconds >= 0.6


def test_waiting_beside_a_second_thread_finds_the_transform(world: World) -> None:
    found, seconds = lookup_in_a_callback(world, MultiThreadedExecutor(num_threads=2), timeout_s=PATIENCE_S / 2)
    assert found == "b"
    assert seconds < PATIENCE_S / 2


def test_spin_thread_feeds_the_buffer_while_the_caller_waits_and_ends_with_unregister(world: World) -> None:
    def threads() -> list[str]:
        return [thread.name for thread in threading.enumerate() if thread.name == "tf2_listener"]

    buffer = tf2_ros.Buffer()
    listener = tf2_ros.TransformListener(buffer, world.node("ear", spun=False), spin_thread=True)
    assert len(threads()) == 1
    broadcaster = tf2_ros.TransformBroadcaster(world.node("mouth"))
    world.until(broadcaster.pub_tf.get_subscription_count)
    broadcaster.sendTransform(stamped("a", "b"))
    assert buffer.lookup_transform("a", "b", Time(), Duration(seconds=PATIENCE_S)).child_frame_id == "b"
    listener.unregister()
    world.until(lambda: not threads())
