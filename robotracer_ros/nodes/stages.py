"""The course of a request: how long its stages took, how long it may still take, and how it ended."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from diagnostic_msgs.msg import DiagnosticStatus

from robotracer_ros.errors import BackendTimeout, RobotracerError
from robotracer_ros.ros.diagnostics import Report
from robotracer_ros.ros.rgbd import RgbdCounts


class Stages:
    """A stop watch with a limit.

    Args:
        limit_s: for the whole request, from now.

    Attributes:
        seconds: spent, by stage.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._began = time.monotonic()
        self.seconds: dict[str, float] = {}

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Count the seconds of a ``with`` block to ``stage``, also when it raises."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.monotonic() - began

    def left_s(self, at_most_s: float = float("inf")) -> float:
        """What is left of the limit, but no more than ``at_most_s``; never below 0."""
        return min(at_most_s, max(0.0, self._limit_s - (time.monotonic() - self._began)))

    def left_for_model_s(self) -> float:
        """What is left for the model.

        Raises:
            BackendTimeout: when that is nothing.
        """
        left = self.left_s()
        if left <= 0.0:
            raise BackendTimeout(f"the time-out of {self._limit_s:g} s was spent before the model was asked: {self}")
        return left

    def __str__(self) -> str:
        """``observe 0.02 s, answer 0.31 s`` in the order they ran."""
        return ", ".join(f"{stage} {seconds:.3f} s" for stage, seconds in self.seconds.items())


@dataclass
class LastRequest:
    """How the last request and the last transition ended: what diagnostics tell.

    Attributes:
        message: one sentence.
        has_failed: whether it was refused.
        seconds: spent, by stage, when it was answered.
        answered_count, failed_count: since the node started.
        failed_transition: what went wrong in the last transition; "" when it succeeded.
    """

    message: str = "no request yet"
    has_failed: bool = False
    seconds: dict[str, float] = field(default_factory=dict)
    answered_count: int = 0
    failed_count: int = 0
    failed_transition: str = ""

    def answered(self, seconds: dict[str, float]) -> None:
        """Note a request that was answered."""
        self.message, self.has_failed, self.seconds = "the last request was answered", False, dict(seconds)
        self.answered_count += 1

    def failed(self, error: Exception) -> None:
        """Note a request that failed."""
        self.message, self.has_failed = _named(error), True
        self.failed_count += 1

    def transition_failed(self, error: Exception) -> None:
        """Note a transition that failed."""
        self.failed_transition = _named(error)

    def transition_succeeded(self) -> None:
        """Note one that succeeded; what a request was refused for in the state before is over."""
        self.failed_transition = ""
        if self.has_failed:
            self.message, self.has_failed = "no request since the last transition", False

    def report(self, state: str, camera: RgbdCounts | None) -> Report:
        """The node's diagnosis in lifecycle state ``state``; ``camera`` is None unless it is active."""
        values: dict[str, object] = {
            "state": state,
            "requests answered": self.answered_count,
            "requests failed": self.failed_count,
            **{f"{stage} [s]": seconds for stage, seconds in self.seconds.items()},
        }
        silent: list[str] = []
        if camera is not None:
            values |= {f"publishers of {topic}": count for topic, count in camera.publishers.items()}
            values["age of the last image [s]"] = camera.last_age_s
            silent = [topic for topic, count in camera.publishers.items() if not count]
        if self.failed_transition:
            return Report(DiagnosticStatus.WARN, f"{state}: {self.failed_transition}", values)
        if self.has_failed:
            return Report(DiagnosticStatus.WARN, self.message, values)
        if silent:
            return Report(DiagnosticStatus.WARN, f"nobody publishes {', '.join(silent)}", values)
        return Report(DiagnosticStatus.OK, f"{state}: {self.message}", values)


def _named(error: Exception) -> str:
    return f"{error.code_name if isinstance(error, RobotracerError) else type(error).__name__}: {error}"
