"""Which step of an answer's reasoning stands for which true one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from robotracer_ros.geometry.trace import ReasoningStep

Accuracy = Callable[[ReasoningStep, ReasoningStep], float]


def matched_steps(
    truth: Sequence[ReasoningStep], said: Sequence[ReasoningStep], accuracy: Accuracy
) -> tuple[float, ...]:
    """The accuracies of the true steps that the answer has, each step of it used once, in whatever order.

    Steps match by kind and subject, in capitals or not. Of several that do, the best fit is taken first.

    Args:
        accuracy: of a true and a said step of one kind and subject; NaN where the said one states no such value.
    """
    fits = sorted(
        (
            (fit, true, index)
            for true, wanted in enumerate(truth)
            for index, step in enumerate(said)
            if _name(wanted) == _name(step) and not math.isnan(fit := accuracy(wanted, step))
        ),
        key=lambda one: -one[0],
    )
    found: dict[int, float] = {}
    used: set[int] = set()
    for fit, true, index in fits:
        if true not in found and index not in used:
            found[true] = fit
            used.add(index)
    return tuple(found.values())


def _name(step: ReasoningStep) -> tuple[str, str]:
    return step.kind.strip().lower(), step.subject.strip().lower()
