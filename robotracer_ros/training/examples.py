"""One training picture: what the camera's faults make of it, which cues come with it, and what each patch shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
import torch

from robotracer_ros.models.spatial_grids import normalised_picture, spatial_grids
from robotracer_ros.sim.depth_noise import DepthNoise
from robotracer_ros.sim.scene import Scene
from robotracer_ros.sim.stage import View
from robotracer_ros.sim.tasks.sight import TABLE_LABEL
from robotracer_ros.training.dense import IGNORED, dense_targets
from robotracer_ros.training.pictures import Shard

# How often training shows each combination of cues; the last is not one of the paper's modes, but cameras have it.
MODES: Final[Mapping[str, float]] = {
    "RGB": 0.12,
    "RGB+encoder": 0.1,
    "RGB+encoder+intrinsics": 0.2,
    "RGB+encoder+intrinsics+depth": 0.53,
    "RGB+encoder+depth": 0.05,
}
_NAMES: Final = tuple(MODES)
_SHARES: Final = np.array(list(MODES.values()))
_SHARE_OF_PERFECT_DEPTH: Final = 0.2
# OpenCV's hues of 8-bit pictures.
_HUES: Final = 180


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A scene as the model gets to see it.

    Attributes:
        mode: the cues it comes with, a key of `MODES`.
        view: the faultless picture, for the truth.
        depth_m: (192, 192) float32 as a sensor would give it.
        inputs: the model's pictures, without a batch axis.
        targets: of `dense_targets`.
    """

    scene: Scene
    view: View
    mode: str
    depth_m: npt.NDArray[np.float32]
    inputs: Mapping[str, npt.NDArray[Any]]
    targets: Mapping[str, npt.NDArray[Any]]


def draw_picture(
    shard: Shard, index: int, rng: np.random.Generator, mode: str = "", *, swapped: bool = False
) -> Picture:
    """A picture of a shard with faults and cues at random; with the cues of ``mode`` where that is given.

    Args:
        swapped: its objects get other colours, and its targets say nothing of them. Some pairs of colour and shape
            never occur in training, from which a tower would learn that what is purple cannot be a block.
    """
    scene, view = shard.scene(index), shard.view(index)
    targets = dense_targets(scene, view)
    if swapped:
        view = replace(view, rgb=recoloured(view, rng))
        targets["colours"] = np.full_like(targets["colours"], IGNORED)
    mode = mode or _NAMES[rng.choice(len(_NAMES), p=_SHARES)]
    rgb, depth_m = faulty_colour(view.rgb, rng), faulty_depth(view.depth_m, rng)
    cues = mode.split("+")
    grids = spatial_grids(rgb, scene.intrinsics if "intrinsics" in cues else None, depth_m if "depth" in cues else None)
    inputs: dict[str, npt.NDArray[Any]] = {"pixel_values": normalised_picture(rgb), **grids}
    return Picture(scene, view, mode, depth_m, inputs, targets)


def recoloured(view: View, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """The picture with each object turned to another hue, paler or fuller, darker or lighter."""
    hsv = cv2.cvtColor(view.rgb, cv2.COLOR_RGB2HSV).astype(np.float32)
    turns, fuller, lighter = np.zeros(256, np.float32), np.ones(256, np.float32), np.ones(256, np.float32)
    things = slice(1, TABLE_LABEL)
    turns[things] = rng.uniform(0, _HUES, TABLE_LABEL - 1)
    fuller[things] = rng.uniform(0.0, 1.6, TABLE_LABEL - 1)
    lighter[things] = np.exp(rng.uniform(-0.9, 0.9, TABLE_LABEL - 1))
    hsv[:, :, 0] = (hsv[:, :, 0] + turns[view.labels]) % _HUES
    hsv[:, :, 1] = np.minimum(hsv[:, :, 1] * fuller[view.labels], 255)
    hsv[:, :, 2] = 255 * (hsv[:, :, 2] / 255) ** (1 / lighter[view.labels])
    return np.asarray(cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB), dtype=np.uint8)


def faulty_colour(rgb: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Exposure, contrast, white balance, blur and noise as cameras differ in them; hues stay what they are called."""
    picture = rgb.astype(np.float32) / 255
    picture = picture ** rng.uniform(0.8, 1.25) * rng.uniform(0.85, 1.12) * rng.uniform(0.96, 1.04, 3)
    middle = picture.mean()
    picture = (picture - middle) * rng.uniform(0.85, 1.15) + middle
    if rng.random() < 0.3:
        picture = cv2.GaussianBlur(picture, (3, 3), rng.uniform(0.3, 0.9))
    picture = picture + rng.standard_normal(picture.shape, dtype=np.float32) * rng.uniform(0.0, 0.02)
    return np.asarray((np.clip(picture, 0, 1) * 255).astype(np.uint8))


def faulty_depth(depth_m: npt.NDArray[np.float32], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """What a sensor measures; now and then without fault."""
    if rng.random() < _SHARE_OF_PERFECT_DEPTH:
        return depth_m
    noise = DepthNoise(
        at_one_metre_m=float(rng.uniform(0.0005, 0.004)),
        step_m=0.001,
        holes=float(rng.uniform(0.0, 0.08)),
        flying=float(rng.uniform(0.0, 0.4)),
        seed=int(rng.integers(1 << 31)),
    )
    return noise.applied_to(depth_m)


def stacked(rows: Sequence[Mapping[str, npt.NDArray[Any]]]) -> dict[str, torch.Tensor]:
    """A batch of dictionaries of arrays."""
    return {name: torch.from_numpy(np.stack([row[name] for row in rows])) for name in rows[0]}
