"""The steps of a model's reasoning, as in ``Step2: [Measuring] [the cup]: 20 centimeters``."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Final

import numpy as np

from robotracer_ros.errors import AnswerError
from robotracer_ros.families.lengths import first_number, last_length_m
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.trace import ReasoningStep

# RoboTracer reasons in up to nine steps; more than this is repetition.
MAX_STEPS: Final = 64
# A value is a point list or a length; what a model rambles behind it is not kept.
MAX_VALUE_CHARACTERS: Final = 1000

_HEADER: Final = re.compile(r"\[(?P<kind>[^\[\]\n]{1,60})\][ \t]{0,3}\[(?P<subject>[^\[\]\n]{1,300})\][ \t]{0,3}:")
_NEXT_STEP: Final = re.compile(
    r"(?:\s|[-*])*(?:Step[ \t]?[0-9]{1,3}[ \t]?[:.)]?|(?<=\n)[0-9]{1,3}[.)])?\s*\Z", re.IGNORECASE
)
# The longest "Step 12:" with its line break; bounds the search for it from the end.
_MAX_STEP_WORD: Final = 20
# A direction is three numbers too, and no point (RoboRefer, appendix D.4).
_KINDS_WITHOUT_POINTS: Final = frozenset({"orientation", "measuring", "scale", "size"})


def read_steps(reasoning: str, read_points: Callable[[str], FloatArray]) -> tuple[ReasoningStep, ...]:
    """All steps of ``[kind] [subject]: value`` in ``reasoning``, in order.

    ``read_points`` turns a value into (K, 3) points u, v in [0, 1] and d in metres, and raises `AnswerError` for
    words that are none; such a step keeps its words and states no point. The first `MAX_STEPS` are kept.
    """
    headers = []
    for header in _HEADER.finditer(reasoning):
        headers.append(header)
        if len(headers) > MAX_STEPS:
            break
    ends = [header.start() for header in headers[1:]] + [len(reasoning)]
    return tuple(
        _step(header, reasoning[header.end() : min(end, header.end() + MAX_VALUE_CHARACTERS)], read_points)
        for header, end in list(zip(headers, ends, strict=False))[:MAX_STEPS]
    )


def _step(header: re.Match[str], value: str, read_points: Callable[[str], FloatArray]) -> ReasoningStep:
    tail = max(0, len(value) - _MAX_STEP_WORD)
    text = (value[:tail] + _NEXT_STEP.sub("", value[tail:], count=1)).strip()
    kind = header["kind"].strip()
    points = np.zeros((0, 3))
    if kind.lower() not in _KINDS_WITHOUT_POINTS:
        try:
            points = read_points(text)
        except AnswerError:
            # The step's words stay readable in `text`; only the answer itself must be made of usable points.
            points = np.zeros((0, 3))
    value_m = math.nan if len(points) else last_length_m(text)
    if math.isnan(value_m) and kind.lower() == "scale":
        value_m = first_number(text)
    return ReasoningStep(kind, header["subject"].strip(), text, points, value_m)
