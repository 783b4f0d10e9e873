"""The tf2_ros stand-in forgets moving edges when a node's clock starts over, as the genuine buffer was measured to."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not on the path")

import rclpy
import tf2_ros
from geometry_msgs.msg import TransformStamped
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.time import Time
from rosgraph_msgs.msg import Clock

ROOT = Path(__file__).resolve().parents[2]
if ROOT / "pip_ros" not in Path(tf2_ros.__file__).resolve().parents:
    pytest.skip("the genuine tf2_ros is on the path: nothing to prove", allow_module_level=True)

PATIENCE_S = 10.0
WARNING = "[tf2_buffer]: Detected jump back in time. Clearing tf buffer."


class SimulatedTime:
    """A /clock, and a node that lives by it from second 100 on."""

    def __init__(self) -> None:
        self.node = Node("simulated", parameter_overrides=[Parameter("use_sim_time", value=True)])
        self._sender = Node("clock")
        self._clock = self._sender.create_publisher(Clock, "/clock", 10)
        self._executor = SingleThreadedExecutor()
        for node in (self.node, self._sender):
            self._executor.add_node(node)
        self.until(self._clock.get_subscription_count)
        self.show(100.0)

    def show(self, now_s: float) -> None:
        message = Clock(clock=Time(seconds=now_s).to_msg())
        self._clock.publish(message)
        self.until(lambda: self.node.get_clock().now().to_msg() == message.clock)

    def until(self, condition: Callable[[], object]) -> None:
        deadline_s = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline_s, "what the test waits for did not happen"
            self._executor.spin_once(timeout_sec=0.02)

    def close(self) -> None:
        self._executor.shutdown()
        self.node.destroy_node()
        self._sender.destroy_node()


@pytest.fixture(scope="module", autouse=True)
def ros() -> Iterator[None]:
    rclpy.init()
    yield
    rclpy.try_shutdown()


@pytest.fixture
def simulated() -> Iterator[SimulatedTime]:
    simulated = SimulatedTime()
    yield simulated
    simulated.close()


def filled(buffer: tf2_ros.Buffer) -> tf2_ros.Buffer:
    """A moving edge a-b and a fixed edge b-c."""
    for store, parent, child in ((buffer.set_transform, "a", "b"), (buffer.set_transform_static, "b", "c")):
        message = TransformStamped()
        message.header.frame_id, message.child_frame_id, message.header.stamp.sec = parent, child, 1
        store(message, "test")
    return buffer


def knows(buffer: tf2_ros.Buffer, target: str, source: str) -> bool:
    return bool(buffer.can_transform(target, source, Time()))


@pytest.mark.parametrize(
    ("shown_s", "cleared"),
    [((101.0, 200.0), False), ((99.5,), False), ((99.0,), True), ((91.5,), True)],
    ids=["forward", "back half a second", "back a second", "back further"],
)
def test_a_jump_back_of_a_second_clears_the_moving_edges(
    simulated: SimulatedTime, shown_s: tuple[float, ...], cleared: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    buffer = filled(tf2_ros.Buffer(node=simulated.node))
    for now_s in shown_s:
        simulated.show(now_s)
    assert knows(buffer, "a", "b") is not cleared
    assert knows(buffer, "b", "c")
    assert (WARNING in capfd.readouterr().err) is cleared


def test_names_outlive_a_jump_back(simulated: SimulatedTime) -> None:
    buffer = filled(tf2_ros.Buffer(node=simulated.node))
    simulated.show(1.0)
    with pytest.raises(tf2_ros.ConnectivityException):
        buffer.lookup_transform("a", "b", Time())
    with pytest.raises(tf2_ros.ExtrapolationException, match=r"^, when looking up transform from"):
        buffer.lookup_transform("a", "b", Time(seconds=1))


def test_a_buffer_without_a_node_does_not_follow_the_clock(simulated: SimulatedTime) -> None:
    buffer = filled(tf2_ros.Buffer())
    simulated.show(1.0)
    assert knows(buffer, "a", "b")


def test_leaving_simulated_time_clears_the_moving_edges(simulated: SimulatedTime) -> None:
    buffer = filled(tf2_ros.Buffer(node=simulated.node))
    simulated.node.set_parameters([Parameter("use_sim_time", value=False)])
    simulated.until(lambda: not knows(buffer, "a", "b"))
    assert knows(buffer, "b", "c")
