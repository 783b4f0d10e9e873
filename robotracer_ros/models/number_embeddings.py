"""A start for the embeddings of numbers: values that lie near each other look alike."""

from __future__ import annotations

import math
from typing import Any, Final

import torch

from robotracer_ros.models.tokenization import number_values

# Periods over the range 0 to 1: from half a wave, which orders the values, to one that tells neighbours apart.
_SLOWEST: Final = 0.5
_FASTEST: Final = 64.0
# The share of a row's variance that stays random, so that "25" and "025" can part.
_RANDOM_SHARE: Final = 0.2


def initialise_numbers(model: Any, tokenizer: Any) -> None:
    """Overwrite the embedding rows of "0" to "1000", zero-padded ones included, with waves of value / 1000.

    The rows keep the random part and the average length that they had. Tied output rows follow.

    Args:
        model: a `RoboTracerForConditionalGeneration`, freshly created.
        tokenizer: of `build_tokenizer`.
    """
    table = model.get_input_embeddings().weight
    values = number_values(tokenizer)
    ids = torch.tensor(list(values), device=table.device)
    with torch.no_grad():
        rows = table[ids].float()
        spread = rows.std()
        waves = _waves(torch.tensor(list(values.values()), device=table.device), table.shape[1])
        mixed = math.sqrt(1 - _RANDOM_SHARE) * waves * spread + math.sqrt(_RANDOM_SHARE) * rows
        table[ids] = mixed.to(table.dtype)


def _waves(values: torch.Tensor, width: int) -> torch.Tensor:
    """(N, width) sines and cosines of (N,) values, each column of about unit variance."""
    count = (width + 1) // 2
    periods = _SLOWEST * (_FASTEST / _SLOWEST) ** (torch.arange(count, device=values.device) / max(count - 1, 1))
    phases = 2 * math.pi * values[:, None] * periods
    return torch.stack([phases.sin(), phases.cos()], dim=2).flatten(1)[:, :width] * math.sqrt(2)
