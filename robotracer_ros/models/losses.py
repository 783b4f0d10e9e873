"""The two losses of supervised training: the next token, and the logarithm of the scene's scale."""

from __future__ import annotations

import torch
from torch import nn

from robotracer_ros.errors import InvalidRequest


def next_token_loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of (..., vocabulary) logits with (...) token ids; -100 is left out, 0 when all are."""
    total = nn.functional.cross_entropy(
        logits.flatten(0, -2).float(), targets.flatten(), ignore_index=-100, reduction="sum"
    )
    return total / (targets != -100).sum().clamp_min(1)


def scale_loss(log_scale: torch.Tensor, scale_m: torch.Tensor) -> torch.Tensor:
    """Mean of (log s_hat - log s)² over the rows that have both (arXiv 2512.13660, section 3.2); 0 when none has.

    Args:
        log_scale: (B,) predicted; NaN for a row without ``<SCALE>``.
        scale_m: (B,) metres; NaN where it is not given.

    Raises:
        InvalidRequest: for a scale that is not above 0.
    """
    if scale_m.shape != log_scale.shape:
        raise InvalidRequest(f"scale_m must have shape {tuple(log_scale.shape)}, received {tuple(scale_m.shape)}")
    if (scale_m <= 0).any():
        raise InvalidRequest(f"scale_m must be metres above 0, or NaN where unknown; received {scale_m.tolist()}")
    given = torch.isfinite(scale_m) & torch.isfinite(log_scale)
    error = torch.where(given, log_scale, 0.0) - torch.where(given, scale_m, 1.0).to(log_scale.dtype).log()
    return error.square().sum() / given.sum().clamp_min(1)
