"""The simulated arm with cartesian_path_node and motion_node in processes of their own, and a tester between them.

Joint states and TF pass through the tester, who can hold them back or falsify them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from lifecycle_msgs.srv import ChangeState
from nodes.harness import Client, Process, running
from rcl_interfaces.srv import SetParameters
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger
from tf2_msgs.msg import TFMessage

from robotracer_ros.action import FollowTrace
from robotracer_ros.geometry.lifting import LiftSettings, lift
from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.msg import SpatialTrace
from robotracer_ros.ros.action_client import SafeActionClient
from robotracer_ros.ros.convert import spatial_trace_to_msg
from robotracer_ros.sim.catalogue import Split
from robotracer_ros.sim.scene import CAMERA_FRAME, Scene
from robotracer_ros.sim.stage import Stage
from robotracer_ros.sim.tasks import make_tasks
from robotracer_ros.srv import SimReset

SEED = 326
ARM = (
    "shoulder_pan_joint", "shoulder_lift_joint", "elbow_joint", "wrist_1_joint", "wrist_2_joint", "wrist_3_joint",
)  # fmt: skip
UP_S = 120.0
# Slower joints rest.
REST_RAD_S = 0.03
# Machines that test are busy: what tells of itself fifty times a second may be late by this; a robot's, by the other.
LATE_S, DEFAULT_LATE_S = 3.0, 0.1
# Simulated seconds after which no picture from before is young enough to be used.
_FRESH_S = 1.2
MOTION = {
    "allow_execution": True, "tip_link": "grasp_point", "max_velocity_scaling": 0.3, "max_acceleration_scaling": 0.3,
    "joint_state_age_s": LATE_S, "max_transform_age_s": LATE_S, "max_age_s": 1.0, "observation_timeout_s": 10.0,
    "gripper": {
        "kind": "gripper_command", "name": "gripper_cmd", "joint_name": "finger_joint", "position_per_m": 0.5,
        "max_effort": 40.0,
    },
    "move_group": {"group": "arm", "controller_action": "follow_joint_trajectory", "server_silence_s": 10.0},
}  # fmt: skip
CARTESIAN = {
    "group": "arm", "tip_link": "grasp_point", "base_link": "base_link", "planning_frame": "base_link",
    "max_acceleration_rad_s2": [10.0], "controller_action": "follow_joint_trajectory",
    "joint_state_max_age_s": LATE_S, "duration_margin_s": 10.0, "stop_timeout_s": 5.0,
}  # fmt: skip


def true_trace(client: Client) -> SpatialTrace:
    """The trace of the first thing that can be carried in the scene, as a model would give it, stamped now."""
    scene = Scene.sample(Split.TEST, SEED)
    with Stage() as stage:
        view = stage.view(scene)
        task = make_tasks(scene, view, np.random.default_rng(0), 1, ["pick_in"])[0]
    assert task.trace is not None
    stamp_ns = client.now_ns()
    seen = RgbdObservation(view.rgb, view.depth_m, scene.intrinsics, CAMERA_FRAME, stamp_ns)
    spatial = lift(task.trace, seen, LiftSettings(contacts=task.contacts))
    size = (scene.intrinsics.width, scene.intrinsics.height)
    return spatial_trace_to_msg(spatial, task.trace, CAMERA_FRAME, task.sentence, "", "truth", {}, image_size_px=size)


class Goal:
    """A goal that was accepted, and what is told of it."""

    def __init__(self, stand: Stand, request: FollowTrace.Goal) -> None:
        self.stages: list[str] = []
        self._told = threading.Condition()
        self.handle = stand.answered(stand.action.send_goal_async(request, feedback_callback=self._hear))
        self._result = self.handle.get_result_async()

    def _hear(self, message: Any) -> None:
        with self._told:
            self.stages.append(message.feedback.stage)
            self._told.notify_all()

    def wait_for(self, stage: str, timeout_s: float = 90.0) -> None:
        with self._told:
            found = self._told.wait_for(lambda: stage in self.stages or self._result.done(), timeout_s)
        assert found and stage in self.stages, f"{stage} not told: {self._told_so_far()}"

    def _told_so_far(self) -> str:
        ended = f", then: {self._result.result().result.message}" if self._result.done() else ""
        return ", ".join(dict.fromkeys(self.stages)) + ended

    def result(self, timeout_s: float = 120.0) -> FollowTrace.Result:
        deadline = time.monotonic() + timeout_s
        while not self._result.done():
            assert time.monotonic() < deadline, f"no result: {self._told_so_far()}"
            time.sleep(0.005)
        return self._result.result().result


class Stand:
    """The tester."""

    def __init__(self, client: Client, rests_within_s: float | None = None) -> None:
        self.client, node = client, client.node
        self.rests_within_s = rests_within_s
        self.offset_rad = 0.0
        self.passes_joints = self.passes_tf = True
        self.speeds: list[tuple[float, float]] = []
        self.action = SafeActionClient(node, FollowTrace, "follow_trace")
        self.approve = node.create_client(Trigger, "motion_node/approve")
        self.setter = node.create_client(SetParameters, "motion_node/set_parameters")
        self.resetter = node.create_client(SimReset, "sim_node/reset")
        self.changer = node.create_client(ChangeState, "motion_node/change_state")
        self._joints = node.create_publisher(JointState, "joint_states", 10)
        self._tf = node.create_publisher(TFMessage, "/tf", 10)
        node.create_subscription(JointState, "joint_states_raw", self._pass_joints, 10)
        node.create_subscription(
            TFMessage, "/tf_raw", self._pass_tf, QoSProfile(depth=50, durability=DurabilityPolicy.VOLATILE)
        )
        self.processes: dict[str, Process] = {}

    def _pass_joints(self, message: JointState) -> None:
        arm = [abs(message.velocity[list(message.name).index(name)]) for name in ARM]
        self.speeds.append((time.monotonic(), max(arm)))
        if self.passes_joints:
            message.position = [
                position + (self.offset_rad if name in ARM else 0.0)
                for name, position in zip(message.name, message.position, strict=True)
            ]
            self._joints.publish(message)

    def _pass_tf(self, message: TFMessage) -> None:
        if self.passes_tf:
            self._tf.publish(message)

    @staticmethod
    def answered(future: Any, timeout_s: float = 60.0) -> Any:
        done = threading.Event()
        future.add_done_callback(lambda _: done.set())
        assert done.wait(timeout_s)
        return future.result()

    def goal(self, trace: SpatialTrace | None = None, *, instruction: str = "", preview: bool = False) -> Goal:
        return Goal(
            self, FollowTrace.Goal(instruction=instruction, trace=trace or SpatialTrace(), preview_only=preview)
        )

    def reset(self) -> None:
        """The arm folded again, everything passed on, and a picture of that on its way."""
        self.offset_rad, self.passes_joints, self.passes_tf = 0.0, True, True
        assert self.client.call(self.resetter, SimReset.Request(seed=SEED), 60.0).success
        until_ns, deadline = self.client.now_ns() + round(_FRESH_S * 1e9), time.monotonic() + UP_S
        while self.client.now_ns() < until_ns:
            assert time.monotonic() < deadline, "the simulator stands still"
            time.sleep(0.02)

    def moved_since(self, began_s: float) -> bool:
        return any(speed > REST_RAD_S for when, speed in list(self.speeds) if when >= began_s)

    def comes_to_rest(self, event_s: float, event: str, *, is_silence: bool = False) -> None:
        """Wait until the arm rests; within how long after the event is a matter of the machine, and told."""
        took_s = self._rest_after(event_s) - (LATE_S - DEFAULT_LATE_S if is_silence else 0.0)
        print(f"at rest {took_s:.3f} s after {event}")
        assert self.rests_within_s is None or took_s <= self.rests_within_s, event

    def _rest_after(self, event_s: float, timeout_s: float = 10.0) -> float:
        """Seconds from an event until the arm rests, by what the simulator itself says."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            since = [(when, speed) for when, speed in list(self.speeds) if when >= event_s]
            still = [when for when, speed in since if speed <= REST_RAD_S]
            last_moving = max((when for when, speed in since if speed > REST_RAD_S), default=event_s)
            if [when for when in still if when > last_moving + 0.3]:
                return last_moving - event_s
            time.sleep(0.02)
        raise AssertionError(f"the arm moves on: {self.speeds[-3:]}")

    def ready(self) -> None:
        assert self.action.wait_for_server(timeout_sec=UP_S)
        deadline = time.monotonic() + UP_S
        while (last := self.goal(SpatialTrace(), instruction="", preview=True).result()).error_code == last.NOT_ACTIVE:
            assert time.monotonic() < deadline, last.message
            time.sleep(0.2)
        while not self.speeds:
            assert time.monotonic() < deadline, "no joint states"
            time.sleep(0.05)


@contextmanager
def standing(tmp_path: Path, client: Client, rests_within_s: float | None, **changed: Any) -> Iterator[Stand]:
    """All nodes up, until the block ends; ``changed`` parameters of motion_node."""
    stand = Stand(client, rests_within_s)
    package = "robotracer_ros.nodes"
    raw = {"joint_states": "joint_states_raw", "/tf": "/tf_raw"}
    with ExitStack() as stack:
        for name, parameters, remapped in (
            ("sim_node", {"seed": SEED, "rate": 5.0, "width": 320, "height": 240, "publish_clock": True}, raw),
            # Simulated time: where the simulator cannot keep up, nobody else loses patience.
            ("cartesian_path_node", {"use_sim_time": True, **CARTESIAN}, {}),
            ("motion_node", {"use_sim_time": True, **MOTION, **changed}, {}),
        ):
            process = running(tmp_path, parameters, f"{package}.{name}", remapped)
            stand.processes[name] = stack.enter_context(process)
        stand.ready()
        yield stand
