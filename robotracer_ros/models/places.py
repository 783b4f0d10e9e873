"""Where a token of the picture stands, written in the same waves as the numbers that name places in an answer."""

from __future__ import annotations

import math
from typing import Final

import torch

# Periods over the range 0 to 1: from half a wave, which orders the values, to one that tells neighbours apart.
_SLOWEST: Final = 0.5
_FASTEST: Final = 64.0


def waves(values: torch.Tensor, width: int) -> torch.Tensor:
    """(N, width) sines and cosines of (N,) values from 0 to 1, each column of about unit variance."""
    count = (width + 1) // 2
    periods = _SLOWEST * (_FASTEST / _SLOWEST) ** (torch.arange(count, device=values.device) / max(count - 1, 1))
    phases = 2 * math.pi * values[:, None] * periods
    return torch.stack([phases.sin(), phases.cos()], dim=2).flatten(1)[:, :width] * math.sqrt(2)


def place_codes(tokens: int, width: int) -> torch.Tensor:
    """(tokens, width) codes of a square grid row by row: u of each cell's middle in the first half, v in the second."""
    side = math.isqrt(tokens)
    middles = (torch.arange(side) + 0.5) / side
    v, u = torch.meshgrid(middles, middles, indexing="ij")
    half = width // 2
    return torch.cat([waves(u.flatten(), half), waves(v.flatten(), width - half)], dim=1)
