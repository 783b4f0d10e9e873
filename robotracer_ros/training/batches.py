"""Endless training batches from shards of pictures, made by a thread beside the training."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.models.modeling import SPATIAL_INPUTS
from robotracer_ros.sim.catalogue import Split
from robotracer_ros.sim.tasks import make_tasks
from robotracer_ros.training.examples import MODES, Picture, draw_picture, stacked
from robotracer_ros.training.pictures import Shard, read_shard, shards_in
from robotracer_ros.training.questions import Question, Vocabulary, batch_of_rows, drawn_question, packed_row

# Tasks drawn for a picture, as many as fill its row: one token in so many answers, or in so many if all point.
_TOKENS_PER_TASK: Final = 75
_TOKENS_PER_POINT: Final = 15
# Of pictures for the towers alone.
_SHARE_OF_SWAPPED: Final = 0.4
_QUEUED: Final = 3
# Batches drawn from a shard before the next one is read.
_BATCHES_OF_A_SHARD: Final = 32


@dataclass(frozen=True, slots=True)
class Batch:
    """One step's worth.

    Attributes:
        pictures: `pixel_values`, and the spatial inputs unless the batch is of the mode RGB.
        targets: of `dense_targets`.
        tokens: of `batch_of_rows`; empty when only the towers are trained.
        scale_m: (B,) mean depth of what the camera sees, metres.
        questions: how many there are in it.
    """

    pictures: dict[str, torch.Tensor]
    targets: dict[str, torch.Tensor]
    tokens: dict[str, torch.Tensor]
    scale_m: torch.Tensor
    questions: int


def draw_batch(
    shard: Shard,
    rng: np.random.Generator,
    vocabulary: Vocabulary | None,
    pictures: int,
    budget: int,
    sizes: tuple[int, int],
    pointing: float = 0.0,
) -> Batch:
    """``pictures`` of a shard with ``budget`` tokens of questions each.

    Args:
        sizes: tokens of a picture and of its cues.
        pointing: share of the budget that goes to pointing at objects, beyond what the tasks' own mixture has of it.
    """
    with_encoder = [mode for mode in MODES if mode != "RGB"]
    shares = np.array([MODES[mode] for mode in with_encoder])
    # RGB comes in batches of its own: without spatial tokens their rows are shorter, and one encoder has no work.
    plain = vocabulary is not None and rng.random() < MODES["RGB"]
    drawn = []
    for index in rng.choice(len(shard), pictures, replace=False):
        mode = "RGB" if plain else with_encoder[rng.choice(len(shares), p=shares / shares.sum())]
        swapped = vocabulary is None and rng.random() < _SHARE_OF_SWAPPED
        drawn.append(draw_picture(shard, int(index), rng, mode, swapped=swapped))
    inputs = stacked([picture.inputs for picture in drawn])
    if plain:
        inputs = {name: value for name, value in inputs.items() if name not in SPATIAL_INPUTS}
    tokens: dict[str, torch.Tensor] = {}
    questions = 0
    if vocabulary is not None:
        prefix = vocabulary.prefix(sizes[0], 0 if plain else sizes[1])
        rows = [packed_row(vocabulary, prefix, _questions(picture, rng, budget, pointing), budget) for picture in drawn]
        questions = sum(max(row[1]) for row in rows)
        tokens = batch_of_rows(vocabulary, rows)
    scale_m = torch.tensor([float(np.nanmean(picture.view.depth_m)) for picture in drawn])
    return Batch(inputs, stacked([picture.targets for picture in drawn]), tokens, scale_m, questions)


def _questions(picture: Picture, rng: np.random.Generator, budget: int, pointing: float) -> Iterator[Question]:
    """Pointing questions are short, and name one thing and one place: what words mean is learned from them first."""
    pointed = make_tasks(
        picture.scene, picture.view, rng, round(pointing * budget / _TOKENS_PER_POINT), ["point_object"]
    )
    mixed = make_tasks(picture.scene, picture.view, rng, round((1 - pointing) * budget / _TOKENS_PER_TASK) + 2)
    tasks = [*pointed, *mixed]
    for index in rng.permutation(len(tasks)):
        yield drawn_question(tasks[index], rng)


class Feeder:
    """Draws batches ahead. A batch depends on the seed and its number alone, so training resumes where it stopped."""

    def __init__(
        self,
        folder: Path,
        vocabulary: Vocabulary | None,
        *,
        seed: int,
        first: int,
        pictures: int,
        budget: int,
        sizes: tuple[int, int],
        pointing: float = 0.0,
    ) -> None:
        self._paths = shards_in(folder, Split.TRAIN)
        if not self._paths:
            raise InvalidRequest(
                f"there are no shards of training pictures in {folder}; `robotracer train data` draws them"
            )
        self._arguments = (vocabulary, pictures, budget, sizes, pointing)
        self._seed = seed
        self._queue: queue.Queue[Batch | BaseException] = queue.Queue(_QUEUED)
        threading.Thread(target=self._draw, args=(first,), daemon=True).start()

    def __iter__(self) -> Iterator[Batch]:
        while True:
            batch = self._queue.get()
            if isinstance(batch, BaseException):
                raise batch
            yield batch

    def _draw(self, first: int) -> None:
        shard, number = None, -1
        try:
            for step in range(first, 1 << 60):
                if shard is None or step // _BATCHES_OF_A_SHARD != number:
                    number = step // _BATCHES_OF_A_SHARD
                    shard = read_shard(self._paths[_order(self._seed, number, len(self._paths))])
                self._queue.put(draw_batch(shard, np.random.default_rng([self._seed, step]), *self._arguments))
        except BaseException as error:  # noqa: BLE001  (raised again in the training's own thread)
            self._queue.put(error)


def _order(seed: int, number: int, shards: int) -> int:
    """Which shard comes ``number``-th: every one once before any comes again."""
    return int(np.random.default_rng([seed, 7, number // shards]).permutation(shards)[number % shards])
