"""One goal of motion_node, top to bottom: ask, observe, plan, check, preview, wait for approval, move."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from robotracer_ros.errors import (
    BackendTimeout,
    BackendUnavailable,
    InvalidRequest,
    MotionError,
    MotionRefused,
    error_of,
)
from robotracer_ros.families.family import require_sentence
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.geometry.trace import SpatialTrace
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.motion.follower import Plan, StopSign
from robotracer_ros.msg import SpatialTrace as SpatialTraceMessage
from robotracer_ros.nodes.approval import Approval
from robotracer_ros.nodes.chosen_follower import ChosenFollower
from robotracer_ros.nodes.hold import Hold
from robotracer_ros.nodes.motion_parameters import MotionParameters
from robotracer_ros.nodes.motion_preview import Preview
from robotracer_ros.nodes.motion_watch import TransformWatch, watched
from robotracer_ros.nodes.robot_now import is_tool_told, positions_now, tip_now
from robotracer_ros.planning.drive import plan_drive
from robotracer_ros.planning.handling import Tool, plan_handling
from robotracer_ros.planning.manipulation import Grip, Reach, Step
from robotracer_ros.planning.pick_and_place import TipPose
from robotracer_ros.planning.settings import PathSettings
from robotracer_ros.planning.shaping import resample
from robotracer_ros.planning.tool_body import RobotBody
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
    hold: Hold = field(default_factory=Hold)
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

    def why_approve(self, planned: Planned, parameters: MotionParameters, *, asked_for: bool) -> str:
        """Why somebody has to approve a plan, "" where nobody has to."""
        grips = any(isinstance(step, Grip) for step in planned.plan.steps)
        if grips and parameters.knows_joints and self.hold.may_last(self._opened_m(parameters)):
            return "the gripper opens first and may still hold what an earlier goal took: take that out, then approve"
        return "require_approval is true" if asked_for else ""

    def await_approval(
        self, planned: Planned, parameters: MotionParameters, why: str, stop: StopSign, tell: Tell
    ) -> None:
        """Wait until ``~/approve`` was called, while the plan is fresh enough.

        Raises:
            MotionRefused: when nobody approved in time.
        """
        fresh_s = planned.made_s + parameters.max_plan_age_s - time.monotonic()
        timeout_s = min(parameters.approval_timeout_s, fresh_s)
        if self.approval.wait(timeout_s, stop, lambda: tell("awaiting approval", 0.0)):
            return
        _require_fresh(planned, parameters)
        raise MotionRefused(
            f"nobody approved within approval_timeout_s {parameters.approval_timeout_s:g} s; call ~/approve ({why})"
        )

    def move(
        self, planned: Planned, parameters: MotionParameters, is_allowed: Callable[[], bool], stop: StopSign, tell: Tell
    ) -> None:
        """Let the robot follow a plan, while that is allowed.

        Raises:
            RobotracerError: of any kind; the robot stands.
        """
        _require_fresh(planned, parameters)
        transforms = TransformWatch(
            self.frames, parameters.planning_frame, parameters.watched_frame, parameters.max_transform_age_s
        )
        transforms.await_news(stop)
        if not is_allowed():
            raise MotionRefused("allow_execution was set to false before the robot moved")

        def allowed() -> None:
            if not is_allowed():
                raise MotionError("allow_execution was set to false while the robot moved; it was stopped")

        progress = self.hold.watching(
            planned.plan.steps,
            lambda: self._opened_m(parameters),
            lambda step, fraction: tell(f"moving: {step}", fraction),
        )
        with watched(stop, [transforms, allowed]):
            self.follower.follow(planned.plan, stop, progress)

    def _opened_m(self, parameters: MotionParameters) -> float:
        """Between the fingers, as joint_states last told; NaN where they do not."""
        reading = self.joints.all().get(parameters.values["gripper.joint_name"])
        if reading is None:
            return math.nan
        return (reading.position - parameters.values["gripper.position_offset"]) / parameters.values[
            "gripper.position_per_m"
        ]

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
            base = self._latest(trace.frame_id, parameters.base_frame, parameters)
            path = plan_drive(
                seen, observation, camera, base.translation_m, parameters.path_settings(), parameters.refused
            )
            return (Reach("drive", path),)
        _require_near(trace.points_m, parameters)
        tool = self._tool(trace.frame_id, parameters)
        return plan_handling(
            seen, observation, camera, tool, parameters.handling_settings(), parameters.motion_bounds()
        )

    def _tool(self, frame: str, parameters: MotionParameters) -> Tool:
        """The gripper as it stands now."""
        body = self.description.body(parameters.robot_timeout_s)
        robot = body.robot
        positions = positions_now(
            self.joints, robot, parameters.tip_link, parameters.joint_state_age_s, parameters.robot_timeout_s
        )
        frame_from_root = self._latest(frame, robot.root, parameters)
        by_tf = self._latest(frame, parameters.tip_link, parameters)
        frame_from_tip = tip_now(robot, positions, frame_from_root, by_tf)
        base = self._latest(frame, robot.chain(parameters.tip_link)[0].parent, parameters)
        # The box stands in for what is not known of the tool.
        is_known = body.knows_tool(parameters.tip_link) and is_tool_told(robot, parameters.tip_link, positions)
        box_m = np.zeros((0, 3)) if is_known else parameters.gripper_box()
        return Tool(
            parameters.gripper_shape(),
            np.concatenate([body.tool_points(parameters.tip_link, positions), box_m]),
            TipPose(frame_from_tip.translation_m, frame_from_tip.quaternion_xyzw, base.translation_m),
            frame_from_root.apply(body.points(positions)),
            box_m,
            _fingers_apart(body, positions, box_m, parameters),
        )

    def _latest(self, target: str, source: str, parameters: MotionParameters) -> RigidTransform:
        # Stamp 0 is the newest there is (tf2).
        return self.frames.lookup(target, source, 0, parameters.transform_timeout_s)


def _fingers_apart(
    body: RobotBody, positions: Mapping[str, float], box_m: FloatArray, parameters: MotionParameters
) -> Callable[[float], FloatArray] | None:
    """`Tool.body_at`, where a joint of the robot tells how far the fingers are apart."""
    gripper = parameters.group("gripper")
    joint = body.robot.joints.get(gripper["joint_name"])
    if joint is None or not joint.moves:
        return None

    def body_at(width_m: float) -> FloatArray:
        # A service opens for every width.
        open_m = gripper["max_width_m"] if gripper["kind"] in ("set_bool", "trigger") else width_m
        count = gripper["position_offset"] + gripper["position_per_m"] * open_m
        return np.concatenate([body.tool_points(parameters.tip_link, {**positions, joint.name: count}), box_m])

    return body_at


def _require_fresh(planned: Planned, parameters: MotionParameters) -> None:
    age_s = time.monotonic() - planned.made_s
    if age_s >= parameters.max_plan_age_s:
        raise MotionRefused(
            f"the plan is {age_s:.1f} s old; max_plan_age_s allows {parameters.max_plan_age_s:g} s; ask again"
        )


def _require_near(points_m: FloatArray, parameters: MotionParameters) -> None:
    """Refuse a trace that leads far out of the workspace before it is cut into waypoints without end."""
    # The tip may be so far from the trace of what it carries.
    around_m = parameters.object_radius_m
    lower, upper = (np.array(parameters.values[f"workspace_{side}_m"]) for side in ("min", "max"))
    far = np.flatnonzero(((points_m < lower - around_m) | (points_m > upper + around_m)).any(axis=1))
    if len(far):
        raise MotionRefused(
            f"trace: point {far[0] + 1} at {points_m[far[0]].round(3).tolist()} lies outside workspace_min_m "
            f"{lower.tolist()} to workspace_max_m {upper.tolist()} by more than object_radius_m {around_m:g} m"
        )
    resample(points_m, parameters.spacing_m, max_points=PathSettings().max_points)
