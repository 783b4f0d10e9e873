"""An arm with its driver: joint states at 50 Hz, TF, and a controller that follows trajectories, or misbehaves."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import rclpy
from control_msgs.action import FollowJointTrajectory
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from sensor_msgs.msg import JointState
from tf2_ros import StaticTransformBroadcaster, TransformBroadcaster
from trajectory_msgs.msg import JointTrajectory

from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.planning.robot_description import RobotDescription
from robotracer_ros.ros.convert import transform_to_msg
from robotracer_ros.ros.executor import PoolExecutor
from robotracer_ros.ros.trajectories import duration_from_msg

PERIOD_S = 0.02
ABORTS_AFTER_S = 1.0


class ControlledArm:
    """Stands at ``at`` until a trajectory moves it.

    Attributes:
        mode: normal; reject, abort, nocancel, never, frozen, succeed_with_error as in the recorded answers; silent for
            a driver that no longer tells where the joints are.
        goals, cancellations: how many the controller received.
        on_topic: the trajectories heard on joint_trajectory.
    """

    def __init__(self, urdf: str, at: Mapping[str, float], tip: str, *, action: str = "", topic: bool = False) -> None:
        self.node = Node("controlled_arm")
        self.mode, self.goals, self.cancellations = "normal", 0, 0
        self.on_topic: list[JointTrajectory] = []
        self._robot, self._tip = RobotDescription.from_urdf(urdf), tip
        self.lock = threading.Lock()
        self.positions, self.velocities = dict(at), dict.fromkeys(at, 0.0)
        self._executing = 0
        self._running: tuple[JointTrajectory, float, dict[str, float]] | None = None
        self._publisher = self.node.create_publisher(JointState, "joint_states", 10)
        self._static, self._moving = StaticTransformBroadcaster(self.node), TransformBroadcaster(self.node)
        world_from_root = RigidTransform("world", self._robot.root, np.eye(3), np.zeros(3))
        self._static.sendTransform(transform_to_msg(world_from_root, 0))
        self._server = action and ActionServer(
            self.node, FollowJointTrajectory, action, self._execute, goal_callback=self._take,
            cancel_callback=self._cancel, callback_group=ReentrantCallbackGroup(),
        )  # fmt: skip
        if topic:
            self.node.create_subscription(JointTrajectory, "joint_trajectory", self._hear, 10)
        self._stopped = threading.Event()
        self._executor = PoolExecutor(4)
        self._executor.add_node(self.node)
        self._threads = [threading.Thread(target=target, daemon=True) for target in (self._spin, self._drive)]
        for thread in self._threads:
            thread.start()

    def place(self, at: Mapping[str, float]) -> None:
        """Stand there from now on."""
        with self.lock:
            self._running = None
            self.positions |= at
            self.velocities = dict.fromkeys(self.velocities, 0.0)

    def speed(self) -> float:
        """Of the fastest joint."""
        with self.lock:
            return max(map(abs, self.velocities.values()))

    @property
    def is_followed(self) -> bool:
        """Whether the action still executes a goal."""
        return self._executing > 0

    def wait_for_rest(self, timeout_s: float = 5.0) -> float:
        """Seconds until no joint moves; more than ``timeout_s`` when one still does."""
        began = time.monotonic()
        while self.speed() > 0 and time.monotonic() - began < timeout_s:
            time.sleep(0.002)
        return time.monotonic() - began

    def vanish(self) -> None:
        """The controller's process ends: no action, no joint states, no motion."""
        self.mode = "silent"
        self._server.destroy()
        with self.lock:
            self._running = None

    def close(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(2.0)
        self._executor.shutdown(timeout_sec=1.0)
        self.node.destroy_node()

    # What moves

    def _drive(self) -> None:
        ticks = 0
        while not self._stopped.wait(PERIOD_S):
            with self.lock:
                self._advance()
                state = JointState(name=list(self.positions), position=list(self.positions.values()))
                state.velocity = list(self.velocities.values())
            if self.mode == "silent":
                continue
            now = self.node.get_clock().now()
            state.header.stamp = now.to_msg()
            self._publisher.publish(state)
            ticks += 1
            if ticks % 5:
                continue
            tip = self._robot.place(self._tip, self.positions)[0]
            root_from_tip = RigidTransform(self._robot.root, self._tip, tip[:3, :3], tip[:3, 3])
            self._moving.sendTransform(transform_to_msg(root_from_tip, now.nanoseconds))

    def _advance(self) -> None:
        self.velocities = dict.fromkeys(self.velocities, 0.0)
        if self._running is None or self.mode == "frozen":
            return
        trajectory, began, start = self._running
        elapsed_s = time.monotonic() - began
        # As a controller of ros2_control: from where it is to the first point, unless that is for now.
        times = [duration_from_msg(point.time_from_start) for point in trajectory.points]
        rows = [list(point.positions) for point in trajectory.points]
        if times[0] > 0:
            times, rows = [0.0, *times], [[start[name] for name in trajectory.joint_names], *rows]
        for name, column in zip(trajectory.joint_names, zip(*rows, strict=True), strict=True):
            before, after = (float(np.interp(t, times, column)) for t in (elapsed_s - PERIOD_S, elapsed_s))
            self.positions[name] = after
            self.velocities[name] = (after - before) / PERIOD_S if 0 < elapsed_s < times[-1] else 0.0
        if elapsed_s > times[-1] + PERIOD_S:
            self._running = None

    def _begin(self, trajectory: JointTrajectory) -> None:
        with self.lock:
            self._running = (trajectory, time.monotonic(), dict(self.positions))

    def _halt(self) -> None:
        with self.lock:
            self._running = None
            self.velocities = dict.fromkeys(self.velocities, 0.0)

    # The controller

    def _hear(self, trajectory: JointTrajectory) -> None:
        self.on_topic.append(trajectory)
        self._begin(trajectory)

    def _take(self, _goal: Any) -> GoalResponse:
        self.goals += 1
        return GoalResponse.REJECT if self.mode == "reject" else GoalResponse.ACCEPT

    def _cancel(self, _handle: Any) -> CancelResponse:
        self.cancellations += 1
        return CancelResponse.REJECT if self.mode == "nocancel" else CancelResponse.ACCEPT

    def _execute(self, handle: Any) -> FollowJointTrajectory.Result:
        self._executing += 1
        try:
            return self._followed(handle)
        finally:
            self._executing -= 1

    def _followed(self, handle: Any) -> FollowJointTrajectory.Result:
        trajectory, result = handle.request.trajectory, FollowJointTrajectory.Result()
        began = time.monotonic()
        duration_s = duration_from_msg(trajectory.points[-1].time_from_start)
        late_s = 30.0 if self.mode in ("never", "frozen") else 0.0
        self._begin(trajectory)
        while (elapsed_s := time.monotonic() - began) < duration_s + late_s and not self._stopped.is_set():
            if handle.is_cancel_requested:
                self._halt()
                handle.canceled()
                return result
            if self.mode == "abort" and elapsed_s > ABORTS_AFTER_S:
                self._halt()
                result.error_code, result.error_string = result.PATH_TOLERANCE_VIOLATED, "off the path"
                handle.abort()
                return result
            time.sleep(0.003)
        if self.mode == "succeed_with_error":
            result.error_code = result.GOAL_TOLERANCE_VIOLATED
        handle.succeed()
        return result

    def _spin(self) -> None:
        while not self._stopped.is_set() and rclpy.ok():
            self._executor.spin_once(timeout_sec=0.1)
