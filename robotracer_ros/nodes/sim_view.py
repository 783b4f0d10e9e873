"""sim_view: a window on the world of sim_node, in a process of its own."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import JointState

from robotracer_ros.errors import BackendUnavailable, RobotracerError
from robotracer_ros.msg import SpatialTrace
from robotracer_ros.nodes.running import run
from robotracer_ros.overlay import colour_ramp
from robotracer_ros.packaged import packaged_file
from robotracer_ros.ros.convert import spatial_trace_from_msg
from robotracer_ros.ros.qos import result_qos, sensor_qos
from robotracer_ros.sim.display import draw_on_screen, require_display
from robotracer_ros.srv import SimTruth

# Between two looks at the world, and how long an answer may take before it is taken for lost.
_LOOK_S: Final = 0.05
_LOST_S: Final = 5.0
# A simulator that answers slowly has no time to spare: it is left alone for so many times as long.
_REST: Final = 3.0
_NICE: Final = 10


class SimView(Node):
    """Asks `sim_node` how its world stands, and shows it until the window is closed, which ends this process alone.

    Raises:
        InvalidRequest: where no window can be opened.
        BackendUnavailable: without MuJoCo.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("sim_view", **kwargs)
        require_display()
        draw_on_screen()
        # Where one processor serves all, the simulation and the robot's nodes come before their picture.
        os.nice(_NICE)
        try:
            from robotracer_ros.sim import mirror, window
        except ImportError as error:
            raise BackendUnavailable(f"the window needs MuJoCo (pip install mujoco): {error}") from error
        self._mirrors, self._windows = mirror, window
        self.has_failed = False
        self._joints: dict[str, float] = {}
        self._told: tuple[dict[str, float], Mapping[str, Any]] | None = None
        self._trace: SpatialTrace | None = None
        self._asked: Any = None
        self._asked_s = self._due_s = 0.0
        self._news, self._ended = threading.Event(), threading.Event()
        self._truth = self.create_client(SimTruth, "sim_node/truth")
        self.create_subscription(JointState, "joint_states", self._hear_joints, sensor_qos(5))
        self.create_subscription(SpatialTrace, "trace_node/trace", self._hear_trace, result_qos())
        # The clock of the wall: a simulation that stands still is shown, too.
        self.create_timer(_LOOK_S, self._ask, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()
        self.get_logger().info(f"waits for {self.resolve_service_name('sim_node/truth')}")

    def settle(self, timeout_s: float) -> bool:
        """Close the window; whether it closed within ``timeout_s``."""
        self._ended.set()
        self._news.set()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    # What is told

    def _ask(self) -> None:
        now_s = time.monotonic()
        if self._asked is not None:
            if now_s - self._asked_s < _LOST_S:
                return
            self._truth.remove_pending_request(self._asked)
            self._asked = None
        if now_s >= self._due_s and self._truth.service_is_ready():
            self._asked, self._asked_s = self._truth.call_async(SimTruth.Request()), now_s
            self._asked.add_done_callback(self._hear_truth)

    def _hear_truth(self, future: Any) -> None:
        if future is self._asked:
            now_s, self._asked = time.monotonic(), None
            self._due_s = now_s + _REST * (now_s - self._asked_s)
        response = future.result()
        if response is not None and response.success:
            self._told = dict(self._joints), json.loads(response.truth)
            self._news.set()

    def _hear_joints(self, message: JointState) -> None:
        self._joints.update(zip(message.name, message.position, strict=False))

    def _hear_trace(self, message: SpatialTrace) -> None:
        self._trace = message
        self._news.set()

    # What is shown

    def _live(self) -> None:
        self.has_failed = True
        try:
            self._show_worlds()
            self.has_failed = False
        except RobotracerError as error:
            self.get_logger().fatal(f"{error.code_name}: {error}")
        finally:
            self.context.try_shutdown()

    def _show_worlds(self) -> None:
        """A window for each scene, until the last is closed."""
        while not self._ended.is_set():
            self._news.wait()
            self._news.clear()
            if self._told is not None and not self._ended.is_set():
                self._show_scene(self._told[1])

    def _show_scene(self, first: Mapping[str, Any]) -> None:
        """One scene, until the simulator tells of another or the window is closed."""
        scene, folder = self._mirrors.scene_of(first), packaged_file("urdf", "tabletop_arm.urdf").parent
        mirror = self._mirrors.mirror_of(first, folder)
        window = self._windows.Window(mirror)
        self.get_logger().info(f"ready: the window shows the world {' '.join(map(str, scene))}")
        try:
            self._mirror_scene(mirror, window, scene)
        finally:
            window.close()

    def _mirror_scene(self, mirror: Any, window: Any, scene: Any) -> None:
        told_s = 0.0
        while not self._ended.is_set():
            self._news.wait(_LOOK_S)
            self._news.clear()
            if not window.is_open:
                self.get_logger().info("the window was closed")
                self._ended.set()
                return
            joints, truth = self._told
            if self._mirrors.scene_of(truth) != scene or truth["time_s"] < told_s:
                # The world began again, and a trace belongs to what was seen before.
                self._trace = None
            if self._mirrors.scene_of(truth) != scene:
                return
            told_s = truth["time_s"]
            mirror.put(joints, truth)
            window.show(*self._line(mirror))

    def _line(self, mirror: Any) -> tuple[Any, Any]:
        """The newest trace in the mirror's world, and its colours."""
        if self._trace is None:
            return np.zeros((0, 3)), colour_ramp(0)
        try:
            trace = spatial_trace_from_msg(self._trace)
            return mirror.in_world(trace.points_m, trace.frame_id), colour_ramp(len(trace))
        except RobotracerError as error:
            self.get_logger().warning(f"{error.code_name}: {error}")
            self._trace = None
            return self._line(mirror)


def main(args: list[str] | None = None) -> int:
    """Run sim_view until its window is closed or it is told to stop; returns the exit code."""
    views: list[SimView] = []

    def make() -> SimView:
        views.append(SimView())
        return views[0]

    code = run(make, args, threads=1)
    return 1 if code == 0 and views[0].has_failed else code


if __name__ == "__main__":
    sys.exit(main())
