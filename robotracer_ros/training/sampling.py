"""Questions of one step of reinforcement tuning, the answers a model gives to them, and both as rows of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.families.family import Mode
from robotracer_ros.models.modeling import SPATIAL_INPUTS
from robotracer_ros.sim.tasks import make_tasks
from robotracer_ros.training.examples import Picture, draw_picture, stacked
from robotracer_ros.training.pictures import Shard
from robotracer_ros.training.questions import IGNORED, Vocabulary, batch_of_rows, question_of
from robotracer_ros.training.rewards import Asked

_TRIES_PER_QUESTION: Final = 20


@dataclass(frozen=True, slots=True, eq=False)
class Prompt:
    """One question with its picture.

    Attributes:
        ids: place-holders, scale token and question; the assistant's turn comes next.
    """

    asked: Asked
    picture: Picture
    ids: list[int]

    @property
    def has_spatial_tokens(self) -> bool:
        """Whether the spatial encoder takes part."""
        return self.picture.mode != "RGB"


@dataclass(frozen=True, slots=True)
class Answer:
    """Tokens a model gave, the end included, and whether it came to an end by itself."""

    ids: list[int]
    ended: bool


def draw_prompts(
    shard: Shard,
    rng: np.random.Generator,
    vocabulary: Vocabulary,
    count: int,
    sizes: tuple[int, int],
    share_of_2d: float,
) -> list[Prompt]:
    """``count`` questions, each about a picture of its own; ``sizes``: tokens of a picture and its cues.

    Raises:
        InvalidRequest: when the shard's scenes hold no tasks.
    """
    prompts: list[Prompt] = []
    for _ in range(_TRIES_PER_QUESTION * count):
        if len(prompts) == count:
            return prompts
        picture = draw_picture(shard, int(rng.integers(len(shard))), rng)
        mode = Mode.TRACE_2D if rng.random() < share_of_2d else Mode.TRACE_3D
        for task in make_tasks(picture.scene, picture.view, rng, 1):
            prefix = vocabulary.prefix(sizes[0], 0 if picture.mode == "RGB" else sizes[1])
            asked_ids, _ = vocabulary.encoded(question_of(task, mode))
            # Without the assistant's turn, which each answer begins with.
            ids = [*prefix, *asked_ids[:-1]]
            prompts.append(Prompt(Asked(task, picture.scene, picture.view, mode), picture, ids))
    raise InvalidRequest(
        f"the scenes from seed {shard.first_seed} on hold too few tasks: {len(prompts)} of {count} found"
    )


def picture_inputs(prompts: Sequence[Prompt], device: str) -> dict[str, torch.Tensor]:
    """The pictures of all prompts, and the spatial inputs of those that have the place for them."""
    spatial = [prompt for prompt in prompts if prompt.has_spatial_tokens]
    inputs = {"pixel_values": stacked([prompt.picture.inputs for prompt in prompts])["pixel_values"]}
    if spatial:
        cues = stacked([prompt.picture.inputs for prompt in spatial])
        inputs |= {name: cues[name] for name in SPATIAL_INPUTS}
    return {name: tensor.to(device) for name, tensor in inputs.items()}


def never_said(vocabulary: Vocabulary) -> list[int]:
    """Tokens that stand in prompts alone: the model could not take back an answer with a picture's place-holder."""
    return [vocabulary.image, vocabulary.spatial, vocabulary.scale, vocabulary.assistant, vocabulary.pad]


@torch.inference_mode()  # type: ignore[untyped-decorator, unused-ignore]
def sample_answers(
    model: Any,
    vocabulary: Vocabulary,
    prompts: Sequence[Prompt],
    *,
    group: int,
    limit: int,
    temperature: float,
) -> list[list[Answer]]:
    """``group`` answers to each prompt, all drawn at once; the drawing ends with the longest or after ``limit`` tokens.

    The distribution is the model's own but for `never_said`: nothing is cut from its tail, since the gradient takes it
    as it is.
    """
    rows = [[*prompt.ids, vocabulary.assistant] for prompt in prompts]
    length = max(map(len, rows))
    padded = [[vocabulary.pad] * (length - len(row)) + row for row in rows]
    ids = torch.tensor(padded, device=model.device)
    mask = torch.tensor([[0] * (length - len(row)) + [1] * len(row) for row in rows], device=model.device)
    generated = model.generate(
        input_ids=ids.repeat_interleave(group, dim=0), attention_mask=mask.repeat_interleave(group, dim=0),
        past_key_values=_read(model, prompts, ids[:, :-1], mask[:, :-1], group), max_new_tokens=limit,
        do_sample=True, temperature=temperature, top_k=0, top_p=1.0, suppress_tokens=never_said(vocabulary),
        eos_token_id=vocabulary.end, pad_token_id=vocabulary.pad,
    )  # fmt: skip
    answers = [_answer(row, vocabulary.end) for row in generated[:, length:].tolist()]
    return [answers[first : first + group] for first in range(0, len(answers), group)]


def _read(model: Any, prompts: Sequence[Prompt], ids: torch.Tensor, mask: torch.Tensor, group: int) -> Any:
    """The cache of prompts that are read once and answered ``group`` times."""
    cache = model(
        input_ids=ids, attention_mask=mask, position_ids=(mask.cumsum(dim=1) - 1).clamp_min(0),
        **picture_inputs(prompts, str(model.device)), use_cache=True, logits_to_keep=1,
    ).past_key_values  # fmt: skip
    cache.batch_repeat_interleave(group)
    return cache


def _answer(ids: list[int], end: int) -> Answer:
    return Answer(ids[: ids.index(end) + 1], True) if end in ids else Answer(ids, False)


def rows_with_answers(
    vocabulary: Vocabulary, prompts: Sequence[Prompt], answers: Sequence[Sequence[Answer]]
) -> dict[str, torch.Tensor]:
    """Each prompt once, with all of its answers behind it that do not see each other, as `batch_of_rows` has it."""
    rows = []
    for prompt, group in zip(prompts, answers, strict=True):
        ids, segments, labels = list(prompt.ids), [0] * len(prompt.ids), [IGNORED] * len(prompt.ids)
        for number, answer in enumerate(group, 1):
            ids += [vocabulary.assistant, *answer.ids]
            segments += [number] * (1 + len(answer.ids))
            labels += [IGNORED, *answer.ids]
        rows.append((ids, segments, labels))
    return batch_of_rows(vocabulary, rows)
