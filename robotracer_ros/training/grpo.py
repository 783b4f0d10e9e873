"""Group-relative policy optimisation: advantages, and the loss of each token (arXiv 2402.03300)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch

# A group whose answers earn the same teaches nothing; without this, its noise would be blown up to full size.
_LEAST_SPREAD: Final = 0.01


@dataclass(frozen=True, slots=True)
class Terms:
    """The parts of a loss, means over tokens.

    Attributes:
        policy: the clipped gain, negative.
        kl: estimate of the divergence from the reference.
        clipped: share of tokens whose gradient the clipping ended.
        scale: the weighted loss of the scale decoder.
    """

    policy: torch.Tensor
    kl: torch.Tensor
    clipped: torch.Tensor
    scale: torch.Tensor

    def loss(self, kl_weight: float) -> torch.Tensor:
        """What is to be made small."""
        return self.policy + kl_weight * self.kl + self.scale

    def told(self) -> dict[str, float]:
        """Numbers for the log."""
        return {name: float(getattr(self, name).detach()) for name in ("policy", "kl", "clipped", "scale")}


def advantages(earned: torch.Tensor) -> torch.Tensor:
    """(questions, group) rewards less their group's mean, over its standard deviation."""
    centred = earned - earned.mean(dim=1, keepdim=True)
    return centred / (earned.std(dim=1, keepdim=True) + _LEAST_SPREAD)


def token_log_probabilities(
    logits: torch.Tensor, targets: torch.Tensor, temperature: float, never: Sequence[int] = ()
) -> torch.Tensor:
    """(N,) of tokens (N,) drawn at this temperature by (N, vocabulary) logits; those ``never`` drawn have no share."""
    left = logits.float().index_fill(1, torch.tensor(never, dtype=torch.long, device=logits.device), -torch.inf)
    return -torch.nn.functional.cross_entropy(left / temperature, targets, reduction="none")


def policy_terms(
    now: torch.Tensor,
    before: torch.Tensor,
    reference: torch.Tensor,
    worth: torch.Tensor,
    clip: float,
    scale: torch.Tensor,
) -> Terms:
    """The loss of (N,) tokens, every token of the step counting alike.

    Args:
        now, before, reference: log-probabilities by the model, by the model that drew them, and by the frozen one.
        worth: advantage of each token's answer.
    """
    ratio = (now - before).exp()
    free, held = ratio * worth, ratio.clamp(1 - clip, 1 + clip) * worth
    # Never negative and of little variance: exp(x) - x - 1 with x = log(reference / now).
    apart = reference - now
    divergence = apart.exp() - apart - 1
    return Terms(-torch.minimum(free, held).mean(), divergence.mean(), (held < free).float().mean(), scale)
