"""The steps of a model's reasoning and the values they state."""

from __future__ import annotations

import math

import numpy as np
import pytest

from robotracer_ros.families import open_family
from robotracer_ros.geometry.trace import VisualTrace
from robotracer_ros.query import ModelAnswer

FAMILY = open_family("robotracer")


def read(text: str, **answer) -> VisualTrace:
    return FAMILY.read(ModelAnswer(text, "test", 0.0, **answer))


REASONED = (
    "<think> Step1: [Scale] [Scene]: 2.342 Step2: [Position] [the second largest cup]: [(245, 147, 1.837)]\n"
    "Step3: [Measuring] [the height of the second largest cup]: 20 centimeters "
    "Step4: [Orientation] [mug]: (0.0, 0.0, 1.0) "
    "Step5: [Referring] [the far shelf]: [(2000, 1, 1)] </think> <answer> (176,788,0.945), (278,518,1.005) </answer>"
)


def test_reasoning_steps_with_their_values():
    scale, position, measuring, orientation, referring = read(REASONED).reasoning
    assert (scale.kind, scale.subject, scale.text, scale.value_m) == ("Scale", "Scene", "2.342", 2.342)
    assert (position.kind, position.subject) == ("Position", "the second largest cup")
    np.testing.assert_allclose(position.uvd, [(0.245, 0.147, 1.837)])
    assert math.isnan(position.value_m)
    assert (measuring.text, measuring.value_m) == ("20 centimeters", pytest.approx(0.2))
    assert (orientation.text, len(orientation.uvd)) == ("(0.0, 0.0, 1.0)", 0)
    assert (referring.text, len(referring.uvd)) == ("[(2000, 1, 1)]", 0), "a point beyond the image is not stated"


def test_reasoning_without_an_opening_tag_or_without_tags():
    for text in (REASONED.removeprefix("<think>"), REASONED.replace("<think>", "").replace("</think>", "")):
        assert [step.kind for step in read(text).reasoning] == [
            "Scale", "Position", "Measuring", "Orientation", "Referring"
        ]  # fmt: skip


def test_reasoning_in_numbered_lines():
    steps = read("<think>\n1. [Measuring] [cup]: 0.1 m\n2. [Measuring] [lid]: 2 in\n</think>[(1, 2)]").reasoning
    assert [(step.text, step.value_m) for step in steps] == [("0.1 m", 0.1), ("2 in", pytest.approx(0.0508))]


def test_endless_reasoning_is_bounded():
    steps = read("[Scale] [Scene]: 1.5 " * 10_000 + "x" * 10_000 + "</think>[(1, 2)]").reasoning
    assert len(steps) == 64
    assert all(len(step.text) <= 1000 for step in steps)
