"""The simulated base over topics: velocities in; odometry, transforms and pictures of the same place out."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("robotracer_ros.sim.engine", reason="MuJoCo is absent")

from geometry_msgs.msg import Twist
from nav_msgs.msg import Odometry
from nodes.harness import Process, running
from rclpy.node import Node

from robotracer_ros.ros.executor import spinning
from robotracer_ros.ros.frames import Frames
from robotracer_ros.ros.qos import sensor_qos
from robotracer_ros.srv import SimReset, SimTruth


class Driver(Node):
    """Repeats a velocity, and hears what comes of it."""

    def __init__(self) -> None:
        super().__init__("driver")
        self.twist = Twist()
        self.odometry: list[Odometry] = []
        self.frames = Frames(self)
        self._velocity = self.create_publisher(Twist, "cmd_vel", 10)
        self.create_subscription(Odometry, "odom", self.odometry.append, sensor_qos(10))
        self.create_timer(0.05, lambda: self._velocity.publish(self.twist))
        self.truth = self.create_client(SimTruth, "sim_node/truth")
        self.reset = self.create_client(SimReset, "sim_node/reset")

    def call(self, client: Any, request: Any) -> Any:
        assert client.wait_for_service(60.0)
        done = threading.Event()
        future = client.call_async(request)
        future.add_done_callback(lambda _: done.set())
        assert done.wait(60.0)
        return future.result()

    def base(self) -> dict[str, float]:
        return json.loads(self.call(self.truth, SimTruth.Request()).truth)["base"]

    def wait_until(self, what: Any) -> None:
        deadline = time.monotonic() + 60.0
        while not what():
            assert time.monotonic() < deadline
            time.sleep(0.02)


@pytest.fixture
def driver() -> Iterator[Driver]:
    with spinning(Driver()) as one:
        yield one
        one.frames.close()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Process]:
    with running(tmp_path, {"world": "floor", "seed": 3}, "robotracer_ros.nodes.sim_node") as process:
        yield process


def test_it_drives_where_it_is_told_and_tells_where_it_is(driver: Driver, node: Process) -> None:
    driver.wait_until(lambda: driver.odometry)
    driver.twist.linear.x, driver.twist.angular.z = 0.2, 0.4
    driver.wait_until(lambda: driver.base()["yaw_rad"] > 0.3)
    driver.twist = Twist()
    driver.wait_until(lambda: abs(driver.odometry[-1].twist.twist.angular.z) < 0.001)
    true, told = driver.base(), driver.odometry[-1]
    assert (told.header.frame_id, told.child_frame_id) == ("odom", "base_footprint")
    assert told.pose.pose.position.x == pytest.approx(true["x_m"], abs=0.005)
    assert 2 * math.asin(told.pose.pose.orientation.z) == pytest.approx(true["yaw_rad"], abs=0.005)
    stamp = driver.frames.newest_ns("odom", "base_footprint")
    pose = driver.frames.lookup("odom", "base_footprint", stamp, 1.0)
    assert pose.translation_m[:2] == pytest.approx((true["x_m"], true["y_m"]), abs=0.005)
    camera = driver.frames.lookup("base_footprint", "camera_color_optical_frame", 0, 10.0)
    assert camera.translation_m[2] == pytest.approx(1.01, abs=0.01)


def test_a_speed_that_is_none_is_told_and_not_driven(driver: Driver, node: Process) -> None:
    driver.wait_until(lambda: driver.odometry)
    driver.twist.linear.x = math.nan
    driver.wait_until(lambda: "a velocity must be finite" in node.printed)
    assert driver.base()["x_m"] == 0.0
    driver.twist.linear.x = 0.2
    driver.wait_until(lambda: driver.base()["x_m"] > 0.05)


def test_after_a_reset_it_stands_where_odom_begins(driver: Driver, node: Process) -> None:
    driver.twist.linear.x = 0.3
    driver.wait_until(lambda: driver.odometry and driver.base()["x_m"] > 0.1)
    driver.twist = Twist()
    assert driver.call(driver.reset, SimReset.Request(seed=5)).success
    assert driver.base()["x_m"] < 0.1
    assert not driver.call(driver.reset, SimReset.Request(seed=-1)).success
    heard = len(driver.odometry)
    driver.wait_until(lambda: len(driver.odometry) > heard)
