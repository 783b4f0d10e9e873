"""Dividing a model's words into reasoning and answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robotracer_ros.families.answer_text import divide, shortened

TAGS = ["<think>", "</think>", "<answer>", "</answer>", "<ans>", "</ans>", "```", "```json\n", "(", "[1]", "x", "\n"]


@given(st.lists(st.sampled_from(TAGS), max_size=12).map("".join))
def test_the_answer_is_a_part_of_the_words_without_tags_of_reasoning(text):
    parts = divide(text)
    assert 0 <= parts.start <= parts.end <= len(text)
    assert parts.answer == text[parts.start : parts.end]
    assert "think>" not in parts.answer and "<answer>" not in parts.answer and "</answer>" not in parts.answer
    assert "<think>" not in parts.reasoning or parts.cut_in_reasoning
    assert not (parts.cut_in_reasoning and parts.answer)


@given(st.text("abc [](),.12", max_size=30).filter(lambda text: text == text.strip()), st.text("xyz (12)", max_size=20))
def test_reasoning_and_answer_come_back_from_their_tags(answer, thought):
    parts = divide(f"<think>{thought}</think><answer>{answer}</answer>")
    assert (parts.reasoning, parts.answer) == (thought.strip(), answer)
    assert not parts.cut and not parts.cut_in_reasoning


@pytest.mark.parametrize(
    ("text", "answer", "reasoning", "cut"),
    [
        ("plain [1]", "plain [1]", "", False),
        ("hm</think> [1]", " [1]", "hm", False),
        ("a</think>b</think>[1]", "[1]", "a</think>b", False),
        ("<think>hm", "", "hm", True),
        ("[1] <think>again", "[1] ", "", True),
        ("so <ans>[1]</ans> done", "[1]", "so", False),
        ("<answer>[1", "[1", "", True),
        ("[1]</answer>", "[1]", "", False),
        ("```py\nx\n``` and ```json\n[1]\n``` bye", "\n[1]\n", "", False),
        ("[2] ```\nno list\n```", "[2] ```\nno list\n```", "", False),
        ("```json\n[1], [2", "\n[1], [2", "", True),
    ],
)
def test_known_divisions(text, answer, reasoning, cut):
    parts = divide(text)
    assert (parts.answer, parts.reasoning, parts.cut) == (answer, reasoning, cut)


def test_shortened_words_stay_on_one_line_and_keep_both_ends():
    assert shortened("a\n b") == "'a b'"
    long = shortened("start " + "x" * 1_000_000 + " end")
    assert len(long) < 80 and long.startswith("'start") and long.endswith("end'")
