"""Backends that answer the tabletop's examples well and badly."""

from __future__ import annotations

from collections.abc import Callable

from robotracer_ros.families.robotracer import RoboTracer
from robotracer_ros.geometry.trace import VisualTrace
from robotracer_ros.query import ModelAnswer, ModelQuery

FAMILIES = ("pick_in", "pick_beside", "push", "hover", "point_free", "measure_distance")


def true_words(example) -> str:
    """What a faultless model says."""
    task = example.task
    if task.kind == "measure":
        return task.answer
    return RoboTracer().render(task.trace if task.kind == "trace" else VisualTrace(task.trace.uv))


class Speaker:
    """A backend that says what a function of the example's name says; ``queries`` are those it was asked."""

    def __init__(self, words: Callable[[str], str]) -> None:
        self._words = words
        self.queries: list[ModelQuery] = []
        self.closed = False

    def answer(self, query: ModelQuery) -> ModelAnswer:
        self.queries.append(query)
        return ModelAnswer(self._words(query.sample_id.rpartition("/")[0]), "speaker", 0.25)

    def close(self) -> None:
        self.closed = True


class Failing:
    """A backend that only raises."""

    def __init__(self, error: type[Exception]) -> None:
        self._error = error

    def answer(self, query: ModelQuery) -> ModelAnswer:
        raise self._error("it does not answer")

    def close(self) -> None:
        pass
