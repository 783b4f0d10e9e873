"""pursuit_node drives a base that exists only as numbers: to the end, or to a stop with the error's name."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from action_msgs.msg import GoalStatus
from geometry_msgs.msg import PoseStamped, TransformStamped, Twist, TwistStamped
from nav2_msgs.action import FollowPath
from nodes.harness import Process, running
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.time import Time
from rosgraph_msgs.msg import Clock
from tf2_ros import TransformBroadcaster

from robotracer_ros.ros.action_client import SafeActionClient
from robotracer_ros.ros.executor import spinning

RESULT = FollowPath.Result
PERIOD_S = 0.02
# Ticks after which a base without commands stands, as bases do.
WATCHDOG = 15
# A busy machine is late with everything: the base then stands and goes on, and no goal is given up.
PATIENT = {"hold_pose_age_s": 0.3, "transform_timeout_s": 30.0, "stuck_after_s": 60.0}


class Base(Node):
    """A base without mass, its transform, and whoever sends it somewhere."""

    def __init__(self, *, stamped: bool = False) -> None:
        super().__init__("base")
        self.pose = (0.0, 0.0, 0.0)
        self.commands: list[tuple[float, float]] = []
        self.feedback: list[Any] = []
        self.moves = self.tells = True
        # TF is late by so much, and a simulation that runs so many times faster than real time has so many ticks.
        self.lag_s, self.times_faster, self.ticks = 0.0, 0.0, 0
        self._ticking = self.create_publisher(Clock, "/clock", 10)
        self._told, self._old = (0.0, 0.0), 0
        self._broadcaster = TransformBroadcaster(self)
        if stamped:
            self.create_subscription(TwistStamped, "cmd_vel", lambda message: self._hear(message.twist), 10)
        else:
            self.create_subscription(Twist, "cmd_vel", self._hear, 10)
        self.create_timer(PERIOD_S, self._go_on)
        self.client = SafeActionClient(self, FollowPath, "follow_path")

    def _hear(self, twist: Twist) -> None:
        self._told, self._old = (twist.linear.x, twist.angular.z), 0
        self.commands.append(self._told)

    def _go_on(self) -> None:
        x, y, yaw = self.pose
        self._old += 1
        v, w = self._told if self.moves and self._old < WATCHDOG else (0.0, 0.0)
        self.ticks += 1
        now = self.get_clock().now()
        if self.times_faster:
            now = Time(nanoseconds=int(self.ticks * self.times_faster * PERIOD_S * 1e9))
            self._ticking.publish(Clock(clock=now.to_msg()))
        self.pose = (x + v * math.cos(yaw) * PERIOD_S, y + v * math.sin(yaw) * PERIOD_S, yaw + w * PERIOD_S)
        if self.tells:
            message = TransformStamped(child_frame_id="base_footprint")
            message.header.frame_id = "odom"
            message.header.stamp = (now - Duration(seconds=self.lag_s)).to_msg()
            message.transform.translation.x, message.transform.translation.y = self.pose[:2]
            message.transform.rotation.z = math.sin(self.pose[2] / 2)
            message.transform.rotation.w = math.cos(self.pose[2] / 2)
            self._broadcaster.sendTransform(message)

    def send(self, goal: FollowPath.Goal) -> Any:
        """The handle of a goal, once accepted."""
        assert self.client.wait_for_server(20.0)
        future = self.client.send_goal_async(goal, feedback_callback=lambda told: self.feedback.append(told.feedback))
        handle = waited(future)
        assert handle.accepted
        return handle

    def follow(self, goal: FollowPath.Goal) -> tuple[int, Any]:
        """Status and result."""
        return ended(self.send(goal))

    def wait_until(self, what: Any) -> None:
        deadline = time.monotonic() + 20.0
        while not what():
            assert time.monotonic() < deadline
            time.sleep(0.01)


def waited(future: Any, timeout_s: float = 60.0) -> Any:
    done = threading.Event()
    future.add_done_callback(lambda _: done.set())
    assert done.wait(timeout_s)
    return future.result()


def ended(handle: Any) -> tuple[int, Any]:
    answer = waited(handle.get_result_async())
    return answer.status, answer.result


def path(*places: Sequence[float], frame: str = "odom", yaw: float = 0.0) -> FollowPath.Goal:
    goal = FollowPath.Goal()
    goal.path.header.frame_id = frame
    for x, y in places:
        pose = PoseStamped()
        pose.pose.position.x, pose.pose.position.y = float(x), float(y)
        pose.pose.orientation.z, pose.pose.orientation.w = math.sin(yaw / 2), math.cos(yaw / 2)
        goal.path.poses.append(pose)
    return goal


STRAIGHT = path((0.0, 0.0), (3.0, 0.0))


def pursuing(tmp_path: Path, **parameters: Any) -> Any:
    return running(tmp_path, {**PATIENT, **parameters}, "robotracer_ros.nodes.pursuit_node")


@pytest.fixture
def base() -> Iterator[Base]:
    with spinning(Base()) as one:
        yield one


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Process]:
    with pursuing(tmp_path) as process:
        yield process


def test_it_arrives_on_the_place_and_in_the_yaw(base: Base, node: Process) -> None:
    status, result = base.follow(path((0.3, 0.0), (0.8, 0.0), (0.8, 0.5), yaw=math.pi / 2))
    assert (status, result.error_code, result.error_msg) == (GoalStatus.STATUS_SUCCEEDED, RESULT.NONE, "")
    assert base.pose == pytest.approx((0.8, 0.5, math.pi / 2), abs=0.08)
    assert math.hypot(base.pose[0] - 0.8, base.pose[1] - 0.5) < 0.05
    distances = [told.distance_to_goal for told in base.feedback]
    assert distances[0] == pytest.approx(1.3, abs=0.05)
    assert distances[-1] < 0.05
    assert max(told.speed for told in base.feedback) <= 0.3 + 1e-6
    assert all(0.0 <= v <= 0.3 + 1e-6 and abs(w) <= 1.0 + 1e-6 for v, w in base.commands)
    assert base.commands[-1] == (0.0, 0.0)


def test_cancelled_it_stands(base: Base, node: Process) -> None:
    handle = base.send(STRAIGHT)
    base.wait_until(lambda: base.pose[0] > 0.1)
    waited(handle.cancel_goal_async())
    status, result = ended(handle)
    assert (status, result.error_code) == (GoalStatus.STATUS_CANCELED, RESULT.NONE)
    base.wait_until(lambda: base.commands[-1] == (0.0, 0.0))
    told, stood = len(base.commands), base.pose
    time.sleep(0.5)
    assert len(base.commands) == told
    assert base.pose == stood


def test_without_transforms_it_holds_and_then_gives_up(base: Base, tmp_path: Path) -> None:
    with pursuing(tmp_path, transform_timeout_s=6.0):
        handle = base.send(STRAIGHT)
        base.wait_until(lambda: base.pose[0] > 0.1)
        base.tells = False
        status, result = ended(handle)
    assert (status, result.error_code) == (GoalStatus.STATUS_ABORTED, RESULT.TF_ERROR)
    assert "transform_timeout_s allows 6.0" in result.error_msg
    # Told to stand again and again, long before it gave up.
    assert base.commands[-5:] == [(0.0, 0.0)] * 5


def test_transforms_that_are_always_a_little_late_end_the_goal(base: Base, tmp_path: Path) -> None:
    base.lag_s = 1.0
    with pursuing(tmp_path, stuck_after_s=2.0):
        status, result = base.follow(STRAIGHT)
    assert (status, result.error_code) == (GoalStatus.STATUS_ABORTED, RESULT.TF_ERROR)
    assert "hold_pose_age_s allows 0.3" in result.error_msg
    assert set(base.commands) == {(0.0, 0.0)}
    assert {told.distance_to_goal for told in base.feedback} == {3.0}


def test_in_a_fast_simulation_the_base_is_told_more_often(base: Base, tmp_path: Path) -> None:
    base.times_faster = 5.0
    with pursuing(tmp_path, use_sim_time=True, rate_hz=5.0):
        base.send(STRAIGHT)
        base.wait_until(lambda: base.pose[0] > 0.0)
        told, ticks = len(base.commands), base.ticks
        base.wait_until(lambda: base.ticks > ticks + 100)
        # Every second tick by the simulation's clock, every tenth by the steady one.
        assert len(base.commands) - told > 20


def test_it_goes_on_when_transforms_come_back(base: Base, node: Process) -> None:
    handle = base.send(path((0.0, 0.0), (0.6, 0.0)))
    base.wait_until(lambda: base.pose[0] > 0.1)
    base.tells = False
    base.wait_until(lambda: base.commands[-1] == (0.0, 0.0))
    assert base.pose[0] < 0.55
    base.tells = True
    assert ended(handle)[0] == GoalStatus.STATUS_SUCCEEDED
    assert base.pose[0] == pytest.approx(0.6, abs=0.05)


@pytest.mark.parametrize(
    ("goal", "words"),
    [
        (path(), "at least one pose"),
        (path((0, 0), frame=""), "in a frame"),
        (path((0, 0), (math.nan, 1)), "must be finite"),
        (path((0, 0), (math.inf, 1)), "must be finite"),
        (path((0, 0), (1, 0), frame="base_footprint"), "moves with the base"),
        (path((0, 0), (1, 0), frame="mapp"), "TF does not know 'mapp'"),
        (path((0, 0), (1, 0), frame="/odom"), "without a leading slash"),
    ],
    ids=["empty", "frameless", "nan", "infinite", "own_frame", "unknown_frame", "slash"],
)
def test_a_path_that_is_none_moves_nothing(base: Base, node: Process, goal: FollowPath.Goal, words: str) -> None:
    status, result = base.follow(goal)
    assert (status, result.error_code) == (GoalStatus.STATUS_ABORTED, RESULT.INVALID_PATH), result.error_msg
    assert words in result.error_msg
    assert base.pose == (0.0, 0.0, 0.0)
    assert set(base.commands) <= {(0.0, 0.0)}


def test_a_last_pose_without_a_quaternion_is_refused(base: Base, node: Process) -> None:
    goal = path((0, 0), (1, 0))
    goal.path.poses[-1].pose.orientation.w = 0.0
    assert base.follow(goal)[1].error_code == RESULT.INVALID_PATH


def test_a_base_that_gets_nowhere_is_given_up(base: Base, tmp_path: Path) -> None:
    base.moves = False
    with pursuing(tmp_path, stuck_after_s=1.0):
        status, result = base.follow(STRAIGHT)
    assert (status, result.error_code) == (GoalStatus.STATUS_ABORTED, RESULT.FAILED_TO_MAKE_PROGRESS)
    base.wait_until(lambda: base.commands[-1] == (0.0, 0.0))


def test_a_new_goal_takes_over(base: Base, node: Process) -> None:
    first = base.send(STRAIGHT)
    base.wait_until(lambda: base.pose[0] > 0.1)
    second = base.send(path((0.0, 0.0), (0.5, 0.3), yaw=0.5))
    status, result = ended(first)
    assert status == GoalStatus.STATUS_ABORTED
    assert "newer goal" in result.error_msg
    assert ended(second)[0] == GoalStatus.STATUS_SUCCEEDED
    assert math.hypot(base.pose[0] - 0.5, base.pose[1] - 0.3) < 0.05


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_its_end_stops_the_base(base: Base, node: Process, stop: signal.Signals) -> None:
    base.send(STRAIGHT)
    base.wait_until(lambda: base.pose[0] > 0.1)
    node.process.send_signal(stop)
    assert node.process.wait(10.0) == 0
    base.wait_until(lambda: base.commands[-1] == (0.0, 0.0))
    assert "Traceback" not in node.printed


def test_velocities_may_be_stamped(tmp_path: Path) -> None:
    with spinning(Base(stamped=True)) as base, pursuing(tmp_path, stamped=True, max_speed_m_s=0.2):
        assert base.follow(path((0.0, 0.0), (0.3, 0.0)))[0] == GoalStatus.STATUS_SUCCEEDED
    assert 0.1 < max(v for v, _ in base.commands) <= 0.2 + 1e-6
