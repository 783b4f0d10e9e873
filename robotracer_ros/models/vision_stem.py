"""The first layers of the vision tower: a small residual network in place of one layer that takes whole patches."""

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
        blocks: residual blocks after each halving but the last; none where it is empty.
    """

    def __init__(self, widths: Sequence[int], hidden: int, blocks: Sequence[int] = ()) -> None:
        layers: list[nn.Module] = []
        before = 3
        for width, count in zip(widths, blocks or [0] * len(widths), strict=True):
            layers += [
                nn.Conv2d(before, width, kernel_size=3, stride=2, padding=1, bias=False),
                nn.GroupNorm(_GROUPS, width),
                nn.ReLU(inplace=True),
                *(_ResidualBlock(width) for _ in range(count)),
            ]
            before = width
        super().__init__(*layers, nn.Conv2d(before, hidden, kernel_size=3, stride=2, padding=1))

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """See the class."""
        # What convolutions on a CPU work on without rearranging it.
        cells: torch.Tensor = super().forward(pictures.contiguous(memory_format=torch.channels_last))
        return cells

    @property
    def weight(self) -> torch.Tensor:
        """Of the last layer: SigLIP's embeddings ask their patch layer for its type."""
        weight: torch.Tensor = self[-1].weight
        return weight


class _ResidualBlock(nn.Sequential):  # type: ignore[misc]
    """Two convolutions, norm and non-linearity before each ("Identity Mappings in Deep Residual Networks")."""

    def __init__(self, width: int) -> None:
        super().__init__(
            nn.GroupNorm(_GROUPS, width), nn.ReLU(), nn.Conv2d(width, width, kernel_size=3, padding=1, bias=False),
            nn.GroupNorm(_GROUPS, width), nn.ReLU(), nn.Conv2d(width, width, kernel_size=3, padding=1, bias=False),
        )  # fmt: skip

    def forward(self, cells: torch.Tensor) -> torch.Tensor:
        """(B, width, H, W) to the same."""
        added: torch.Tensor = super().forward(cells)
        return cells + added
