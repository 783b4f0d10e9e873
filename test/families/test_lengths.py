"""Lengths in words, and what looks like one and is none."""

from __future__ import annotations

import math

import pytest

from robotracer_ros.families import open_family
from robotracer_ros.query import ModelAnswer

FAMILY = open_family("robotracer")


def length_m(text: str) -> float:
    return FAMILY.read_length_m(ModelAnswer(text, "test", 0.0))


@pytest.mark.parametrize(
    ("text", "expected_m"),
    [
        ("20 centimeters", 0.2),
        ("0.104m", 0.104),
        ("<think>it is 3 m</think><answer>The cup is 11 cm tall.</answer>", 0.11),
        ("The shelf is at 1 m, the cup at 0.8 m, so 20cm apart.", 0.2),
        ("about 1,200 mm", 1.2),
        ("5 ft 3 in", 1.6002),
        ("5 feet and 3 inches", 1.6002),
        ("2 in wide", 0.0508),
        (".5 Metres", 0.5),
        ("a 30-inch table", 0.762),
        ("There are 2 in the box.", math.nan),
        ("3", math.nan),
        ("It moves at 3 m/s over 2 m^2 for 5 minutes.", math.nan),
        ("between 0.3-0.5 m", math.nan),
        ("1,5 m", math.nan),
        ("-0.2 m", math.nan),
        ("9" * 50 + " m", math.nan),
        ("<think>it is 3 m", math.nan),
        ("I cannot tell.", math.nan),
        ("", math.nan),
    ],
)
def test_lengths_in_words(text, expected_m):
    assert length_m(text) == pytest.approx(expected_m, nan_ok=True)
