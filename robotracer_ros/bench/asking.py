"""Puts an example's question to a model, in one of the benchmark's input modes, and judges what comes back."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from robotracer_ros.bench.examples import Example
from robotracer_ros.bench.input_modes import LIFTS, MODES, RICHEST
from robotracer_ros.errors import BackendUnavailable, InvalidRequest, RobotracerError, UnreadableAnswer
from robotracer_ros.families import Mode, ModelFamily
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.lifting import LiftSettings
from robotracer_ros.geometry.trace import SpatialTrace, VisualTrace
from robotracer_ros.query import Backend, ModelAnswer, ModelQuery
from robotracer_ros.sim.tasks import MEASURE, POINTS, Task, Verdict, judge
from robotracer_ros.tracer import Tracer


@dataclass(frozen=True, slots=True, eq=False)
class Reply:
    """What came of one question.

    Attributes:
        verdict: of a reply that cannot be used, that of an empty answer: nothing that the task asks for is right.
        error: code name of what kept it from being judged, "" otherwise.
        reason: the same in a sentence.
        answer: the model's words; None where there were none.
        visual, spatial: of tasks that trace, points in the picture and in the camera's frame; of tasks that point,
            the former alone.
        length_m: of tasks that measure.
    """

    verdict: Verdict
    error: str = ""
    reason: str = ""
    answer: ModelAnswer | None = None
    visual: VisualTrace | None = None
    spatial: SpatialTrace | None = None
    length_m: float = float("nan")


class Asker:
    """A model family on a backend, asked in one input mode.

    Without depth among the inputs, lifting has none either: the model's own depth stands alone.

    Args:
        family: how the model is asked and read.
        backend: where it runs; the asker owns it. It has to keep from the model what ``mode`` leaves out: an
            observation always has intrinsics.
        mode: one of `MODES`.
        lift: with depth among the inputs, whether lifting gets it too ("fused") or not ("model").
        timeout_s: how long an answer may take.

    Raises:
        InvalidRequest: for an unknown mode or lift.
    """

    def __init__(
        self, family: ModelFamily, backend: Backend, mode: str, lift: str = "fused", timeout_s: float = 60.0
    ) -> None:
        if mode not in MODES:
            raise InvalidRequest(f"there is no input mode {mode!r}; accepted: {', '.join(MODES)}")
        if lift not in LIFTS:
            raise InvalidRequest(f"there is no lift {lift!r}; accepted: {', '.join(LIFTS)}")
        self.mode = mode
        self._family = family
        self._named = _Named(backend)
        self._tracer = Tracer(family, self._named)
        self._lift = lift
        self._timeout_s = timeout_s

    def ask(self, example: Example) -> Reply:
        """Ask about one example and judge the answer.

        An answer that cannot be read or lifted, and none at all, is a wrong answer with an error.

        Raises:
            BackendUnavailable: when there is no model, which says nothing about its answers.
        """
        self._named.begin(f"{example.name}/{self.mode}")
        try:
            reply = self._asked(example)
        except BackendUnavailable:
            raise
        except RobotracerError as error:
            task = example.task
            verdict = judge(task, example.scene, example.view, _nothing(task))
            reply = Reply(verdict, error.code_name, str(error))
        return replace(reply, answer=self._named.said)

    def close(self) -> None:
        """Free the model. Calling it twice is fine."""
        self._tracer.close()

    def _asked(self, example: Example) -> Reply:
        task, scene, view = example.task, example.scene, example.view
        observation = example.observed(with_depth=self.mode == RICHEST)
        if task.kind == MEASURE:
            length_m = self._tracer.ask(observation, task.sentence, timeout_s=self._timeout_s).value_m
            if np.isnan(length_m):
                raise UnreadableAnswer("the answer states no length")
            return Reply(judge(task, scene, view, length_m), length_m=length_m)
        if task.kind == POINTS:
            # Right or wrong in the picture: lifting would only ask for a depth that a mode without it has not.
            query = self._family.query(observation, task.sentence, Mode.POINTS, timeout_s=self._timeout_s)
            visual = self._family.read(self._named.answer(query), (example.intrinsics.width, example.intrinsics.height))
            return Reply(judge(task, scene, view, visual.uv), visual=visual)
        settings = LiftSettings(contacts=task.contacts if self._lift == "fused" else "none")
        result = self._tracer.trace(observation, task.sentence, timeout_s=self._timeout_s, settings=settings)
        points_m = result.spatial.moved(scene.table_from_camera).points_m
        return Reply(judge(task, scene, view, points_m), visual=result.visual, spatial=result.spatial)


def _nothing(task: Task) -> FloatArray:
    """What `judge` takes for no answer."""
    return np.asarray(np.nan) if task.kind == MEASURE else np.zeros((0, 2 if task.kind == POINTS else 3))


class _Named:
    """A backend that puts the example's name on each query and keeps the words last said.

    The name stands before the instruction too: a recording must not answer one scene's question with another scene's
    answer to the same words.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._name = ""
        self.said: ModelAnswer | None = None

    def begin(self, name: str) -> None:
        self._name, self.said = name, None

    def answer(self, query: ModelQuery) -> ModelAnswer:
        named = replace(query, sample_id=self._name, instruction=f"{self._name}: {query.instruction}")
        self.said = self._backend.answer(named)
        return self.said

    def close(self) -> None:
        self._backend.close()
