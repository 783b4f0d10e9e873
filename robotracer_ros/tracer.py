"""The tracer: an observation and a sentence in, a spatial trace out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from robotracer_ros.families import Mode, ModelFamily
from robotracer_ros.geometry.lifting import LiftSettings, lift
from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.geometry.trace import SpatialTrace, VisualTrace
from robotracer_ros.query import Backend, ModelAnswer


@dataclass(frozen=True, slots=True, eq=False)
class TraceResult:
    """What one request came to, from the model's words to metres.

    Attributes:
        visual: the model's image points and its reasoning.
        spatial: the same points in metres, in the camera's optical frame.
        answer: the model's words.
        seconds: spent in each stage: "answer" (the model) and "lift" (reading its words and lifting).
    """

    visual: VisualTrace
    spatial: SpatialTrace
    answer: ModelAnswer
    seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Statement:
    """The answer to a spatial question.

    Attributes:
        answer: the model's words.
        value_m: the length they state, metres; NaN when they state none.
    """

    answer: ModelAnswer
    value_m: float


class Tracer:
    """A model family, the backend it runs on, and lifting.

    Args:
        family: how the model is asked and read.
        backend: where it runs. The tracer owns it: `close` closes it.
        settings: of lifting.
    """

    def __init__(self, family: ModelFamily, backend: Backend, settings: LiftSettings | None = None) -> None:
        self._family = family
        self._backend = backend
        self._settings = settings or LiftSettings()

    def trace(
        self,
        observation: RgbdObservation,
        instruction: str,
        mode: Mode = Mode.TRACE_3D,
        *,
        sample_id: str = "",
        timeout_s: float = 60.0,
        settings: LiftSettings | None = None,
    ) -> TraceResult:
        """Ask the model for a trace and lift it.

        Args:
            observation: what the camera sees.
            instruction: what to do, one sentence.
            mode: a trace with the model's depth, a trace without, or separate points.
            sample_id: the sample's name in a data set, for recordings keyed by it.
            timeout_s: how long the model may take.
            settings: of lifting for this one request; those given at the start when left out.

        Raises:
            InvalidRequest: for an instruction the family cannot ask with.
            BackendError: when the model cannot be asked.
            AnswerError: when its words give no trace.
            NoDepth, BadCameraInfo: when its points cannot be lifted.
        """
        query = self._family.query(observation, instruction, mode, sample_id=sample_id, timeout_s=timeout_s)
        asked = time.perf_counter()
        answer = self._backend.answer(query)
        answered = time.perf_counter()
        visual = self._family.read(answer, (observation.intrinsics.width, observation.intrinsics.height))
        spatial = lift(visual, observation, _lifting(settings or self._settings, mode))
        lifted = time.perf_counter()
        return TraceResult(visual, spatial, answer, {"answer": answered - asked, "lift": lifted - answered})

    def ask(self, observation: RgbdObservation, question: str, *, timeout_s: float = 60.0) -> Statement:
        """Ask the model a spatial question.

        Raises:
            InvalidRequest: for a question the family cannot ask.
            BackendError: when the model cannot be asked.
        """
        answer = self._backend.answer(self._family.ask(observation, question, timeout_s=timeout_s))
        return Statement(answer, self._family.read_length_m(answer))

    def close(self) -> None:
        """Free the model. Calling it twice is fine."""
        self._backend.close()


def _lifting(settings: LiftSettings, mode: Mode) -> LiftSettings:
    """Separate points all touch what they point at."""
    return replace(settings, contacts="all") if mode is Mode.POINTS else settings
