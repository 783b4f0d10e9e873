"""Pictures of tabletop scenes, drawn once and kept in shards of numpy arrays."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.sim.catalogue import Split
from robotracer_ros.sim.scene import Scene
from robotracer_ros.sim.stage import Stage, View

# Drawn finer than the model sees it, as a camera's picture is.
DRAWN_PX: Final = 224
SIDE_PX: Final = 192
SHARD_SCENES: Final = 256
# Depth is kept in these steps, so that 16 bits reach 13 m.
_DEPTH_STEP_M: Final = 0.0002


@dataclass(frozen=True, slots=True, eq=False)
class Shard:
    """The pictures of ``SHARD_SCENES`` scenes with consecutive seeds.

    Attributes:
        first_seed: of the shard's scenes; `Scene.sample` makes them again.
        rgb: (N, 224, 224, 3) uint8.
        labels: (N, 224, 224) uint8, see `View`.
        depth_steps: (N, 224, 224) uint16, 0 for nothing.
    """

    split: Split
    first_seed: int
    rgb: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]
    depth_steps: npt.NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.rgb)

    def scene(self, index: int) -> Scene:
        """The scene of a picture."""
        return Scene.sample(self.split, self.first_seed + index)

    def view(self, index: int) -> View:
        """A picture of 192 x 192, depth rounded to 0.2 mm."""
        steps = _thinned(self.depth_steps[index])
        depth_m = np.where(steps == 0, np.float32(np.nan), steps.astype(np.float32) * np.float32(_DEPTH_STEP_M))
        rgb = cv2.resize(self.rgb[index], (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
        return View(np.asarray(rgb), depth_m, _thinned(self.labels[index]))


def draw_shards(folder: Path, split: Split, scenes: int) -> Iterator[Path]:
    """Draw what is missing of ``scenes`` scenes, shard by shard; a shard that is there is not drawn again.

    Yields:
        each shard's file once it is whole.

    Raises:
        InvalidRequest: when ``scenes`` is not a positive multiple of `SHARD_SCENES`.
    """
    if scenes < SHARD_SCENES or scenes % SHARD_SCENES:
        raise InvalidRequest(f"scenes come in shards of {SHARD_SCENES}; received {scenes}, accepted: its multiples")
    folder.mkdir(parents=True, exist_ok=True)
    with Stage() as stage:
        for first_seed in range(0, scenes, SHARD_SCENES):
            path = shard_path(folder, split, first_seed)
            if not path.exists():
                _write(path, _drawn(stage, split, first_seed))
            yield path


def shard_path(folder: Path, split: Split, first_seed: int) -> Path:
    """Where a shard lies."""
    return folder / f"{split.value}-{first_seed:06d}.npz"


def shards_in(folder: Path, split: Split) -> list[Path]:
    """The whole shards of a split, in the order of their seeds."""
    return sorted(folder.glob(f"{split.value}-*.npz"))


def read_shard(path: Path) -> Shard:
    """A shard from its file."""
    with np.load(path, allow_pickle=False) as stored:
        return Shard(
            Split(str(stored["split"])), int(stored["first_seed"]), stored["rgb"], stored["labels"],
            stored["depth_steps"],
        )  # fmt: skip


def _thinned(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The value at the middle of each of 192 x 192 cells: neither depths nor labels may be averaged."""
    picked = ((np.arange(SIDE_PX) + 0.5) * DRAWN_PX / SIDE_PX).astype(np.intp)
    return values[np.ix_(picked, picked)]


def _drawn(stage: Stage, split: Split, first_seed: int) -> Shard:
    size = (SHARD_SCENES, DRAWN_PX, DRAWN_PX)
    shard = Shard(
        split, first_seed, np.zeros((*size, 3), np.uint8), np.zeros(size, np.uint8), np.zeros(size, np.uint16)
    )
    for index in range(SHARD_SCENES):
        view = stage.view(shard.scene(index), (DRAWN_PX, DRAWN_PX))
        shard.rgb[index], shard.labels[index] = view.rgb, view.labels
        shard.depth_steps[index] = np.rint(np.nan_to_num(view.depth_m) / _DEPTH_STEP_M)
    return shard


def _write(path: Path, shard: Shard) -> None:
    """All or nothing: whoever is interrupted leaves no half shard under the final name."""
    unfinished = path.with_suffix(f".{os.getpid()}.part")
    with unfinished.open("wb") as file:
        np.savez(
            file, split=shard.split.value, first_seed=shard.first_seed, rgb=shard.rgb, labels=shard.labels,
            depth_steps=shard.depth_steps,
        )  # fmt: skip
    unfinished.rename(path)
