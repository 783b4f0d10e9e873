"""How sure a model was of each point, from the probabilities of the tokens it is written with."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.query import ModelAnswer


def point_confidence(answer: ModelAnswer, spans: Sequence[tuple[int, int]]) -> FloatArray:
    """(N,) in [0, 1]: the geometric mean probability of the tokens that write each point.

    ``spans`` holds each point's start and end in ``answer.text``. The mean, not the product: a point of more digits is
    not less likely to be right. Ones where the backend gives no probabilities, or gives them for other words than
    ``answer.text``.
    """
    confidence = np.ones(len(spans))
    words = [word for word, _ in answer.token_logprobs]
    offset = "".join(words).find(answer.text) if words and answer.text else -1
    if offset < 0:
        return confidence
    starts = [0, *accumulate(len(word) for word in words)]
    logprobs = np.array([logprob for _, logprob in answer.token_logprobs], dtype=np.float64)
    for index, (start, end) in enumerate(spans):
        first = bisect.bisect_right(starts, start + offset) - 1
        last = bisect.bisect_left(starts, end + offset)
        with np.errstate(invalid="ignore", over="ignore"):
            mean = float(np.exp(np.mean(logprobs[first:last])))
        confidence[index] = min(max(mean, 0.0), 1.0) if np.isfinite(mean) else 0.0
    return confidence
