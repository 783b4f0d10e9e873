"""Tasks as a model hears and answers them, and several of them behind one picture as one row of tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch

from robotracer_ros.families.family import Mode
from robotracer_ros.families.robotracer import PROMPTS, RoboTracer
from robotracer_ros.geometry.trace import VisualTrace
from robotracer_ros.models.packing import packed_mask, packed_positions
from robotracer_ros.models.tokenization import ASSISTANT, END, IMAGE, SCALE, SPATIAL
from robotracer_ros.sim.tasks.task import MEASURE, POINTS, Task

IGNORED: Final = -100
_FAMILY: Final = RoboTracer()
_SHARE_OF_2D: Final = 0.1


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is asked about a picture, and the answer it should give."""

    text: str
    answer: str


def question_of(task: Task, mode: Mode = Mode.TRACE_3D) -> Question:
    """A task in the words of the family robotracer, with reasoning unless it asks for a named object alone."""
    if task.kind == MEASURE:
        # Millimetres as everywhere in an answer, so that lengths share the tokens of depth.
        return Question(task.sentence, _FAMILY.render_length(task.length_m, task.reasoning))
    if task.trace is None:
        raise TypeError(f"a task of kind {task.kind} has no trace")
    mode = Mode.POINTS if task.kind == POINTS else mode
    trace = task.trace
    if mode is not Mode.TRACE_3D:
        # One step would say the same as the answer.
        reasoning = () if task.family == "point_object" else task.reasoning
        trace = VisualTrace(trace.uv, reasoning=reasoning)
    return Question(PROMPTS[mode].format(task.sentence), _FAMILY.render(trace))


def drawn_question(task: Task, rng: np.random.Generator) -> Question:
    """`question_of` for training: a share of the traces in 2D."""
    return question_of(task, Mode.TRACE_2D if rng.random() < _SHARE_OF_2D else Mode.TRACE_3D)


def prompt_phrases() -> tuple[str, ...]:
    """What stands before and after the sentence in each prompt; each becomes one token of the nano's vocabulary."""
    parts = [part for prompt in PROMPTS.values() for part in prompt.split("{}")]
    # Written in every answer that reasons.
    parts += ["<think>", "</think>", "<answer>", "</answer>", *(f"Step{number}:" for number in range(1, 10))]
    return tuple(dict.fromkeys(part for part in parts if part.strip()))


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The token ids that a row is built of."""

    tokenizer: Any
    image: int
    spatial: int
    scale: int
    assistant: int
    end: int
    pad: int

    @classmethod
    def of(cls, tokenizer: Any) -> Vocabulary:
        """Look them up."""
        image, spatial, scale, assistant, end = (
            tokenizer.convert_tokens_to_ids(token) for token in (IMAGE, SPATIAL, SCALE, ASSISTANT, END)
        )
        return cls(tokenizer, image, spatial, scale, assistant, end, tokenizer.pad_token_id)

    def prefix(self, image_tokens: int, spatial_tokens: int) -> list[int]:
        """The picture's place-holders and the scale token."""
        return [self.image] * image_tokens + [self.spatial] * spatial_tokens + [self.scale]

    def encoded(self, question: Question) -> tuple[list[int], list[int]]:
        """Ids of the question up to the assistant's turn, and of the answer with its end."""
        ids = self.tokenizer([question.text, question.answer], add_special_tokens=False)["input_ids"]
        return [*ids[0], self.assistant], [*ids[1], self.end]


def packed_row(
    vocabulary: Vocabulary, prefix: Sequence[int], questions: Iterator[Question], budget: int
) -> tuple[list[int], list[int], list[int]]:
    """Token ids, segments (see `packing`) and labels of one picture's questions, as many as ``budget`` tokens hold."""
    ids, segments, labels = list(prefix), [0] * len(prefix), [IGNORED] * len(prefix)
    room = budget
    for number, question in enumerate(questions, 1):
        asked, answered = vocabulary.encoded(question)
        room -= len(asked) + len(answered)
        if room < 0:
            break
        ids += asked + answered
        segments += [number] * (len(asked) + len(answered))
        labels += [IGNORED] * len(asked) + answered
    return ids, segments, labels


def batch_of_rows(
    vocabulary: Vocabulary, rows: Sequence[tuple[list[int], list[int], list[int]]]
) -> dict[str, torch.Tensor]:
    """Rows padded to the longest: ``input_ids``, ``labels``, the mask and the positions that keep questions apart."""
    length = max(len(ids) for ids, _, _ in rows)

    def padded(column: int, filler: int) -> torch.Tensor:
        return torch.tensor([row[column] + [filler] * (length - len(row[column])) for row in rows])

    segments = padded(1, -1)
    return {
        "input_ids": padded(0, vocabulary.pad),
        "labels": padded(2, IGNORED),
        "attention_mask": packed_mask(segments),
        "position_ids": packed_positions(segments),
    }
