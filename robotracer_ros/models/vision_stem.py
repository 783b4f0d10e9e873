"""The first layers of the vision tower: small convolutions in place of one that takes whole patches at once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

_GROUPS = 8


class ConvolutionStem(nn.Sequential):  # type: ignore[misc]
    """Halves the picture until a cell is a patch: (B, 3, H, W) to (B, hidden, H / patch, W / patch).

    A tower that is taught from nothing learns shapes from far fewer pictures this way ("Early Convolutions Help
    Transformers See Better", arXiv 2106.14881).

    Args:
        widths: channels after each halving but the last.
        hidden: channels at the end; the last layer has neither norm nor non-linearity.
    """

    def __init__(self, widths: Sequence[int], hidden: int) -> None:
        layers: list[nn.Module] = []
        before = 3
        for width in widths:
            layers += [
                nn.Conv2d(before, width, kernel_size=3, stride=2, padding=1, bias=False),
                nn.GroupNorm(_GROUPS, width),
                nn.ReLU(inplace=True),
            ]
            before = width
        super().__init__(*layers, nn.Conv2d(before, hidden, kernel_size=3, stride=2, padding=1))

    @property
    def weight(self) -> torch.Tensor:
        """Of the last layer: SigLIP's embeddings ask their patch layer for its type."""
        weight: torch.Tensor = self[-1].weight
        return weight
