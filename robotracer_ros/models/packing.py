"""Several questions behind one picture in one row: who looks at whom, and who stands where."""

from __future__ import annotations

import torch


def packed_mask(segments: torch.Tensor) -> torch.Tensor:
    """(B, 1, T, T) True where the token of the row may look at the token of the column.

    Each token sees what lies before it in the shared prefix and in its own segment. Padding sees itself alone, since a
    row that sees nothing has no softmax.

    Args:
        segments: (B, T) 0 for the shared prefix, 1, 2, 3 and so on for the questions, -1 for padding.
    """
    length = segments.shape[1]
    order = torch.arange(length, device=segments.device)
    before = order[:, None] >= order
    alike = segments[:, :, None] == segments[:, None, :]
    shared = (segments[:, None, :] == 0) & (segments[:, :, None] >= 0)
    padding = (segments < 0)[:, :, None]
    itself = order[:, None] == order
    return torch.where(padding, itself, before & (alike | shared))[:, None]


def packed_positions(segments: torch.Tensor) -> torch.Tensor:
    """(B, T) positions: each question begins where the shared prefix ends, as if it stood alone; 0 for padding.

    Args:
        segments: as for `packed_mask`, the prefix first and every question in one piece.
    """
    order = torch.arange(segments.shape[1], device=segments.device).expand_as(segments)
    begins = torch.ones_like(segments, dtype=torch.bool)
    begins[:, 1:] = segments[:, 1:] != segments[:, :-1]
    start = torch.where(begins, order, 0).cummax(dim=1).values
    prefix = (segments == 0).sum(dim=1, keepdim=True)
    positions = order - start + torch.where(segments > 0, prefix, 0)
    return torch.where(segments < 0, 0, positions)
