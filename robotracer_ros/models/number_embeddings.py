"""The embeddings of numbers: values that lie near each other look alike, from the start and while they are learned."""

from __future__ import annotations

import math
from typing import Any, Final

import torch

from robotracer_ros.models.places import waves
from robotracer_ros.models.tokenization import number_values

# The share of a row's variance that stays random, so that "25" and "025" can part.
_RANDOM_SHARE: Final = 0.2
# How much of a row each of its two neighbours becomes.
_NEIGHBOUR: Final = 0.05


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
        coded = waves(torch.tensor(list(values.values()), device=table.device), table.shape[1])
        mixed = math.sqrt(1 - _RANDOM_SHARE) * coded * spread + math.sqrt(_RANDOM_SHARE) * rows
        table[ids] = mixed.to(table.dtype)


def smooth_numbers(model: Any, tokenizer: Any) -> None:
    """Let each row of "000" to "999" become a little more like those of the numbers before and after it.

    A row that chance made longer than its neighbours is said instead of them wherever the model is not certain to the
    millimetre. Called now and then while training, this evens out what is only a few numbers wide, and leaves the rest.
    """
    table = model.get_input_embeddings().weight
    ids = torch.tensor([tokenizer.convert_tokens_to_ids(f"{value:03d}") for value in range(1000)], device=table.device)
    with torch.no_grad():
        rows = table[ids]
        before, after = torch.cat([rows[:1], rows[:-1]]), torch.cat([rows[1:], rows[-1:]])
        table[ids] = (1 - 2 * _NEIGHBOUR) * rows + _NEIGHBOUR * (before + after)
