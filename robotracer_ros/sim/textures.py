"""Pictures for the surfaces of a room, made from random numbers: wood, cloth, stone, tiles and plain paint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from robotracer_ros.geometry.arrays import FloatArray

SIDE_PX: Final = 256
# Dull colours: none that an object is named by.
_PAINTS: Final = (
    (196, 160, 116), (160, 118, 78), (128, 104, 84), (214, 204, 186), (176, 172, 166), (120, 122, 126),
    (92, 96, 102), (206, 196, 170), (150, 156, 150), (186, 176, 190),
)  # fmt: skip


def texture(number: int) -> npt.NDArray[np.uint8]:
    """(SIDE_PX, SIDE_PX, 3) RGB; the same number gives the same picture."""
    rng = np.random.default_rng([77, number])
    kinds: tuple[Callable[[np.random.Generator], FloatArray], ...] = (_wood, _cloth, _stone, _tiles, _paint)
    pattern = kinds[number % len(kinds)](rng)[:, :, None]
    colour = np.array(_PAINTS[rng.integers(len(_PAINTS))], dtype=np.float64)
    drift = 1 + 0.04 * rng.standard_normal(3) * pattern
    return np.clip(colour * (1 + 0.5 * pattern) * drift, 0, 255).astype(np.uint8)


def _smooth(rng: np.random.Generator, rows: int, columns: int) -> FloatArray:
    """Noise from -1 to 1 with ``rows`` x ``columns`` bumps."""
    noise = rng.standard_normal((rows, columns)).astype(np.float32)
    grown = cv2.resize(noise, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_CUBIC).astype(np.float64)
    return np.asarray(grown / max(np.abs(grown).max(), 1e-9))


def _wood(rng: np.random.Generator) -> FloatArray:
    fibre = _smooth(rng, 160, 4)
    rings = np.sin(np.linspace(0, rng.uniform(15, 50), SIDE_PX)[:, None] + 3 * _smooth(rng, 3, 3))
    return 0.25 * rings + 0.2 * fibre


def _cloth(rng: np.random.Generator) -> FloatArray:
    period = rng.integers(4, 12)
    rows, columns = np.mgrid[:SIDE_PX, :SIDE_PX]
    weave = ((rows // period + columns // period) % 2) - 0.5
    return np.asarray(0.15 * weave + 0.1 * _smooth(rng, 120, 120))


def _stone(rng: np.random.Generator) -> FloatArray:
    return 0.25 * _smooth(rng, 8, 8) + 0.15 * _smooth(rng, 30, 30) + 0.1 * _smooth(rng, 120, 120)


def _tiles(rng: np.random.Generator) -> FloatArray:
    period = int(rng.choice([32, 64]))
    rows, columns = np.mgrid[:SIDE_PX, :SIDE_PX]
    joint = (rows % period < 3) | (columns % period < 3)
    shade = rng.uniform(-0.12, 0.12, (SIDE_PX // period, SIDE_PX // period))
    return np.where(joint, -0.4, np.kron(shade, np.ones((period, period))))


def _paint(rng: np.random.Generator) -> FloatArray:
    return 0.06 * _smooth(rng, 4, 4) + 0.02 * rng.standard_normal((SIDE_PX, SIDE_PX))
