"""One goal of motion_node, top to bottom: ask, observe, plan, check, preview, wait for approval, move."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from robotracer_ros.errors import BackendTimeout, BackendUnavailable, InvalidRequest, MotionRefused, error_of
from robotracer_ros.families.family import require_sentence
from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.geometry.trace import SpatialTrace
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.motion.follower import Plan, StopSign
from robotracer_ros.msg import SpatialTrace as SpatialTraceMessage
from robotracer_ros.nodes.chosen_follower import ChosenFollower
from robotracer_ros.nodes.motion_parameters import MotionParameters
from robotracer_ros.nodes.motion_preview import Preview
from robotracer_ros.nodes.motion_watch import TransformWatch, watched
from robotracer_ros.planning import plan_path
from robotracer_ros.planning.handling import Tool, plan_handling
from robotracer_ros.planning.manipulation import Reach, Step
from robotracer_ros.planning.pick_and_place import TipPose
from robotracer_ros.ros.convert import spatial_trace_from_msg
from robotracer_ros.ros.description import DescriptionSource
from robotracer_ros.ros.frames import Frames
from robotracer_ros.ros.joint_states import JointStates
from robotracer_ros.ros.rgbd import RgbdSubscriber
from robotracer_ros.srv import GetTrace

# While something is waited for, the sign to stop is looked at this often.
_LOOK_S: Final = 0.02

Tell = Callable[[str, float], None]


@dataclass(frozen=True, slots=True, eq=False)
class Planned:
    """A plan with the trace it came from, in the planning frame, and when it was made on the steady clock."""

    trace: SpatialTrace
    instruction: str
    plan: Plan
    made_s: float


class Approval:
    """Whether somebody waits for it, and whether it was given."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waits = False

    def grant(self) -> bool:
        """Give it; whether somebody waited."""
        with self._lock:
            waited, self._waits = self._waits, False
            return waited

    def wait(self, timeout_s: float, stop: StopSign) -> bool:
        """Wait for it, for so long; whether it was given.

        Raises:
            RobotracerError: the reason of ``stop``.
        """
        deadline = time.monotonic() + timeout_s
        with self._lock:
            self._waits = True
        try:
            while time.monotonic() < deadline:
                stop.wait(_LOOK_S)
                stop.obey()
                if not self._waits:
                    return True
            return False
        finally:
            with self._lock:
                self._waits = False


@dataclass(slots=True, eq=False)
class Following:
    """The camera, TF, the robot and the follower of an active node."""

    rgbd: RgbdSubscriber
    frames: Frames
    joints: JointStates
    description: DescriptionSource
    follower: ChosenFollower
    preview: Preview
    ask_trace: Any
    approval: Approval = field(default_factory=Approval)

    def traced(
        self, instruction: str, given: SpatialTraceMessage, parameters: MotionParameters, stop: StopSign, tell: Tell
    ) -> SpatialTraceMessage:
        """The trace of a goal: the one given, or what trace_node answers.

        Raises:
            RobotracerError: of any kind.
        """
        if given.points:
            return given
        tell("asking", 0.0)
        timeout_s = parameters.trace_timeout_s
        request = GetTrace.Request(instruction=require_sentence("instruction", instruction))
        request.target_frame, request.timeout = parameters.planning_frame, float(timeout_s)
        response = self._answered(request, timeout_s, stop)
        if not response.success:
            raise error_of(response.error_code)(f"{self.ask_trace.srv_name}: {response.message}")
        return response.trace

    def planned(
        self, message: SpatialTraceMessage, parameters: MotionParameters, stop: StopSign, tell: Tell
    ) -> Planned:
        """A checked plan for a trace; nothing moves.

        Raises:
            RobotracerError: of any kind; MotionRefused names the rule that the motion would break.
        """
        tell("observing", 0.0)
        made_s = time.monotonic()
        trace = self._in_planning_frame(spatial_trace_from_msg(message), parameters)
        observation = self.rgbd.newest(parameters.max_age_s, parameters.observation_timeout_s)
        stop.obey()
        tell("planning", 0.0)
        steps = self._steps(trace, observation, parameters)
        stop.obey()
        tell("checking", 0.0)
        plan = self.follower.plan(steps, stop)
        planned = Planned(trace, message.instruction, plan, made_s)
        self.preview.show(trace, message.instruction, plan)
        return planned

    def await_approval(self, parameters: MotionParameters, stop: StopSign, tell: Tell) -> None:
        """Wait until ``~/approve`` was called, where that is required.

        Raises:
            MotionRefused: when nobody approved in time.
        """
        tell("awaiting approval", 0.0)
        if not self.approval.wait(parameters.approval_timeout_s, stop):
            raise MotionRefused(
                f"nobody approved within approval_timeout_s {parameters.approval_timeout_s:g} s; call ~/approve"
            )

    def move(self, planned: Planned, parameters: MotionParameters, stop: StopSign, tell: Tell) -> None:
        """Let the robot follow a plan.

        Raises:
            RobotracerError: of any kind; the robot stands.
        """
        age_s = time.monotonic() - planned.made_s
        if age_s > parameters.max_plan_age_s:
            raise MotionRefused(
                f"the plan is {age_s:.1f} s old; max_plan_age_s allows {parameters.max_plan_age_s:g} s; ask again"
            )
        watch = TransformWatch(
            self.frames, parameters.planning_frame, parameters.watched_frame, parameters.max_transform_age_s
        )
        with watched(stop, [watch]):
            self.follower.follow(planned.plan, stop, lambda step, fraction: tell(f"moving: {step}", fraction))

    def _answered(self, request: GetTrace.Request, timeout_s: float, stop: StopSign) -> GetTrace.Response:
        """What trace_node answers, while it is there."""
        deadline = time.monotonic() + timeout_s
        while not self.ask_trace.service_is_ready():
            if stop.wait(_LOOK_S) or time.monotonic() > deadline:
                stop.obey()
                raise BackendUnavailable(f"there is no service {self.ask_trace.srv_name}; start trace_node")
        future = self.ask_trace.call_async(request)
        try:
            while not future.done():
                stop.wait(_LOOK_S)
                stop.obey()
                if not self.ask_trace.service_is_ready():
                    raise BackendUnavailable(f"{self.ask_trace.srv_name} went away before it answered; ask again")
                if time.monotonic() > deadline:
                    raise BackendTimeout(
                        f"{self.ask_trace.srv_name} did not answer within trace_timeout_s {timeout_s:g} s"
                    )
        finally:
            if not future.done():
                self.ask_trace.remove_pending_request(future)
        return future.result()

    def _in_planning_frame(self, trace: SpatialTrace, parameters: MotionParameters) -> SpatialTrace:
        target = parameters.planning_frame
        if not trace.frame_id:
            raise InvalidRequest(f"the trace names no frame; accepted: any frame of TF, such as {target!r}")
        if trace.frame_id == target:
            return trace
        return trace.moved(self.frames.lookup(target, trace.frame_id, trace.stamp_ns, parameters.transform_timeout_s))

    def _steps(
        self, trace: SpatialTrace, observation: RgbdObservation, parameters: MotionParameters
    ) -> tuple[Step, ...]:
        camera = self.frames.lookup(
            trace.frame_id, observation.frame_id, observation.stamp_ns, parameters.transform_timeout_s
        )
        seen = trace.moved(camera.inverse())
        if parameters.kind == "ground":
            settings = parameters.path_settings()
            path = plan_path(seen, observation, camera, settings)
            wrong = [violation for violation in path.violations if violation.kind.name in parameters.refused]
            if wrong:
                raise MotionRefused("; ".join(violation.describe(settings) for violation in wrong[:3]))
            return (Reach("drive", path),)
        tool = self._tool(trace.frame_id, parameters)
        return plan_handling(
            seen, observation, camera, tool, parameters.handling_settings(), parameters.motion_bounds()
        )

    def _tool(self, frame: str, parameters: MotionParameters) -> Tool:
        """The gripper as it stands now."""
        body = self.description.body(parameters.robot_timeout_s)
        robot = body.robot
        positions = {name: reading.position for name, reading in self.joints.all().items() if name in robot.joints}
        frame_from_root = self._latest(frame, robot.root, parameters)
        frame_from_tip = self._latest(frame, parameters.tip_link, parameters)
        base = self._latest(frame, robot.chain(parameters.tip_link)[0].parent, parameters)
        # The box stands in for what is not known of the tool.
        box_m = np.zeros((0, 3)) if body.knows_tool(parameters.tip_link) else parameters.gripper_box()
        return Tool(
            parameters.gripper_shape(),
            np.concatenate([body.tool_points(parameters.tip_link, positions), box_m]),
            TipPose(frame_from_tip.translation_m, frame_from_tip.quaternion_xyzw, base.translation_m),
            frame_from_root.apply(body.points(positions)),
            box_m,
        )

    def _latest(self, target: str, source: str, parameters: MotionParameters) -> RigidTransform:
        # Stamp 0 is the newest there is (tf2).
        return self.frames.lookup(target, source, 0, parameters.transform_timeout_s)
