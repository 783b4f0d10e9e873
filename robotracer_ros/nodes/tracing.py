"""One request of trace_node, top to bottom: observe, locate, ask, lift, plan."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from robotracer_ros.errors import NoImage, NoTransform, StaleImage, UnmatchedImages
from robotracer_ros.families import Mode
from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.nodes.stages import Stages
from robotracer_ros.nodes.trace_parameters import TraceParameters
from robotracer_ros.planning import PathSettings, PosePath, ViolationKind, plan_path
from robotracer_ros.ros.frames import Frames
from robotracer_ros.ros.rgbd import RgbdSubscriber
from robotracer_ros.tracer import Statement, Tracer, TraceResult

# Between two looks for the next frame, when TF cannot place this one.
_NEXT_FRAME_S: Final = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class Traced:
    """Everything one request came to."""

    instruction: str
    observation: RgbdObservation
    result: TraceResult
    target_from_camera: RigidTransform
    path: PosePath
    settings: PathSettings

    def warnings(self) -> str:
        """The path's violations in words, the worst of each kind; "" when it has none."""
        words = []
        for kind in ViolationKind:
            found = [violation for violation in self.path.violations if violation.kind == kind]
            if found:
                worst = max(found, key=lambda violation: (violation.amount_m == violation.amount_m, violation.amount_m))
                words.append(
                    f"{len(found)} of {len(self.path)} poses {kind.name}, at worst {worst.describe(self.settings)}"
                )
        return "; ".join(words)


@dataclass(frozen=True, slots=True, eq=False)
class Tracing:
    """The camera, TF and the model of an active node."""

    rgbd: RgbdSubscriber
    frames: Frames
    tracer: Tracer

    def trace(self, instruction: str, mode: Mode, target: str, parameters: TraceParameters, stages: Stages) -> Traced:
        """Trace ``instruction`` on the newest frame and plan a path in ``target``.

        Raises:
            RobotracerError: of any kind.
        """
        observation, target_from_camera = self._located(target, parameters, stages)
        settings = self._path_settings(target, observation, parameters, stages)
        result = self.tracer.trace(
            observation,
            instruction,
            mode,
            timeout_s=stages.left_for_model_s(),
            settings=parameters.lift_settings(),
        )
        stages.seconds.update(result.seconds)
        with stages.timed("plan"):
            path = plan_path(result.spatial, observation, target_from_camera, settings)
        return Traced(instruction, observation, result, target_from_camera, path, settings)

    def ask(self, question: str, parameters: TraceParameters, stages: Stages) -> Statement:
        """Ask the model about the newest frame.

        Raises:
            RobotracerError: of any kind.
        """
        observation = self._observed(parameters, stages)
        with stages.timed("answer"):
            return self.tracer.ask(observation, question, timeout_s=stages.left_for_model_s())

    def _observed(self, parameters: TraceParameters, stages: Stages) -> RgbdObservation:
        with stages.timed("observe"):
            return self.rgbd.newest(parameters.max_age_s, stages.left_s(parameters.observation_timeout_s))

    def _located(
        self, target: str, parameters: TraceParameters, stages: Stages
    ) -> tuple[RgbdObservation, RigidTransform]:
        """The newest frame and where its camera stood, found before the model may think longer than TF remembers.

        A clock that jumps back makes TF forget everything: the pose of a frame from before, and that of a frame of the
        new time which came before TF noticed. Either way the next frame is taken.
        """
        observation = self._observed(parameters, stages)
        began = stages.seconds.get("transform", 0.0)
        while True:
            spent_s = stages.seconds.get("transform", 0.0) - began
            try:
                with stages.timed("transform"):
                    limit_s = stages.left_s(parameters.transform_timeout_s - spent_s)
                    transform = self.frames.lookup(target, observation.frame_id, observation.stamp_ns, limit_s)
                    return observation, transform
            except NoTransform as missing:
                try:
                    newer = self._observed(parameters, stages)
                except (NoImage, StaleImage, UnmatchedImages):
                    # The camera has stopped meanwhile; what the request failed for is the transform.
                    raise missing from None
                if newer.stamp_ns < observation.stamp_ns:
                    began = stages.seconds["transform"]
                elif stages.seconds["transform"] - began + _NEXT_FRAME_S > parameters.transform_timeout_s:
                    raise
                observation = newer
            with stages.timed("transform"):
                time.sleep(_NEXT_FRAME_S)

    def _path_settings(
        self, target: str, observation: RgbdObservation, parameters: TraceParameters, stages: Stages
    ) -> PathSettings:
        if not parameters.keeps_orientation:
            return parameters.path_settings()
        with stages.timed("transform"):
            limit_s = stages.left_s(parameters.transform_timeout_s)
            tool = self.frames.lookup(target, parameters.values["path.tool_frame"], observation.stamp_ns, limit_s)
        return parameters.path_settings(tool.quaternion_xyzw.tolist())
