"""A point's confidence from the probabilities of its tokens."""

from __future__ import annotations

import math

import numpy as np

from robotracer_ros.families import open_family
from robotracer_ros.geometry.trace import VisualTrace
from robotracer_ros.query import ModelAnswer

FAMILY = open_family("robotracer")


def read(text: str, **answer) -> VisualTrace:
    return FAMILY.read(ModelAnswer(text, "test", 0.0, **answer))


def test_confidence_is_the_geometric_mean_over_a_points_tokens():
    tokens = [("[", 0.0), ("(1, 2)", math.log(0.5)), (", (", math.log(0.25)), ("3, 4)", math.log(0.25)), ("]", 0.0)]
    np.testing.assert_allclose(read("[(1, 2), (3, 4)]", token_logprobs=tuple(tokens)).confidence, [0.5, 0.25])


def test_confidence_of_points_behind_reasoning_and_of_unknown_tokens():
    tokens = (("<think>hm</think>", -9.0), ("[(1, 2)]", math.log(0.75)), ("<|end|>", -9.0))
    np.testing.assert_allclose(read("<think>hm</think>[(1, 2)]", token_logprobs=tokens).confidence, [0.75])
    np.testing.assert_array_equal(read("[(1, 2)]", token_logprobs=(("other words", -1.0),)).confidence, [1.0])
    np.testing.assert_array_equal(read("[(1, 2)]", token_logprobs=(("[(1, 2)]", math.nan),)).confidence, [0.0])
