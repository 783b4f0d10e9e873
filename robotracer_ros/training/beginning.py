"""What a supervised training begins with: a checkpoint, or a new model with a vocabulary learned from the tasks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from transformers import PreTrainedTokenizerFast

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.models import (
    RoboTracerForConditionalGeneration,
    build_tokenizer,
    initialise_numbers,
    nano_config,
)
from robotracer_ros.sim.catalogue import Split
from robotracer_ros.sim.tasks import make_tasks
from robotracer_ros.training.checkpoint import read_checkpoint
from robotracer_ros.training.pictures import read_shard, shards_in
from robotracer_ros.training.questions import drawn_question, prompt_phrases

_CORPUS_TASKS: Final = 4000


def beginning(start: str, shards: str, out: Path, seed: int) -> tuple[Any, Any]:
    """The model and its tokenizer before the first step.

    Args:
        start: a checkpoint to begin with, or "" for a new model of the nano size.
        shards: the folder of training pictures; a new vocabulary is learned from tasks on the first of them.
        out: the folder of the run, where an earlier start left its vocabulary.

    Raises:
        InvalidRequest: for a folder that is no checkpoint, or holds no shards.
    """
    if start:
        return read_checkpoint(Path(start))
    tokenizer = _tokenizer(shards, out, seed)
    model = RoboTracerForConditionalGeneration(nano_config(tokenizer))
    initialise_numbers(model, tokenizer)
    return model, tokenizer


def _tokenizer(shards: str, out: Path, seed: int) -> Any:
    if (out / "tokenizer" / "tokenizer.json").exists():
        return PreTrainedTokenizerFast.from_pretrained(out / "tokenizer")
    tokenizer = build_tokenizer(_corpus(shards, seed), prompt_phrases())
    tokenizer.save_pretrained(out / "tokenizer")
    return tokenizer


def _corpus(folder: str, seed: int) -> Iterator[str]:
    """Questions and answers of some thousand tasks."""
    rng = np.random.default_rng([seed, 3])
    shards = shards_in(Path(folder), Split.TRAIN)
    if not shards:
        raise InvalidRequest(
            f"there are no shards of training pictures in {folder}; `robotracer train data` draws them"
        )
    shard = read_shard(shards[0])
    count = 0
    for index in range(len(shard)):
        for task in make_tasks(shard.scene(index), shard.view(index), rng, 20):
            question = drawn_question(task, rng)
            yield question.text
            yield question.answer
            count += 1
        if count > _CORPUS_TASKS:
            return
