"""The loss of an answer's tokens: for a number, its neighbours are nearly right."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import nn

from robotracer_ros.models.tokenization import number_values

# Standard deviation, in thousandths of the picture and in millimetres, of the belief that a number token stands for.
_SPREAD: Final = 3.0
_REACH: Final = 8


class NumberLoss(nn.Module):  # type: ignore[misc]
    """Cross-entropy against a narrow bell over the neighbouring numbers, so that a model off by one is told so.

    Only numbers of two and three digits have neighbours: single digits are whole metres and counts.
    """

    def __init__(self, tokenizer: Any) -> None:
        super().__init__()
        vocabulary = tokenizer.get_vocab()
        offsets = torch.arange(-_REACH, _REACH + 1)
        neighbours = torch.arange(len(tokenizer))[:, None].repeat(1, len(offsets))
        weights = torch.zeros(len(tokenizer), len(offsets))
        weights[:, _REACH] = 1.0
        bell = torch.exp(-0.5 * (offsets / _SPREAD) ** 2)
        for digits in (2, 3):
            for value in range(10**digits):
                centre = vocabulary[f"{value:0{digits}d}"]
                there = (value + offsets >= 0) & (value + offsets < 10**digits)
                for column in there.nonzero().flatten().tolist():
                    neighbours[centre, column] = vocabulary[f"{value + int(offsets[column]):0{digits}d}"]
                weights[centre] = bell * there / (bell * there).sum()

        numbers = torch.zeros(len(tokenizer), dtype=torch.bool)
        numbers[list(number_values(tokenizer))] = True
        # Buffers, so that the tables go where the model goes.
        self.register_buffer("is_number", numbers)
        self.register_buffer("neighbours", neighbours)
        self.register_buffer("weights", weights)

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """(N,) losses of (N, vocabulary) logits for (N,) token ids."""
        log_probabilities = logits.log_softmax(dim=-1)
        near = log_probabilities.gather(1, self.neighbours[targets])
        losses: torch.Tensor = -(near * self.weights[targets]).sum(dim=1)
        return losses
