"""The small heads between the towers and the text model, and the one that reads the scene's scale."""

from __future__ import annotations

import torch
from torch import nn

from robotracer_ros.models.configuration import RoboTracerConfig


class ImageProjector(nn.Module):  # type: ignore[misc]
    """Merges neighbouring patches of the vision tower and carries them to the text model's width."""

    def __init__(self, config: RoboTracerConfig) -> None:
        super().__init__()
        self.merge = config.merge_size
        width, text_width = config.vision_config.hidden_size, config.text_config.hidden_size
        self.norm = nn.LayerNorm(width)
        self.mlp = _mlp(width * self.merge**2, text_width)
        self.place = nn.Parameter(torch.zeros(config.num_image_tokens, text_width))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(B, patches / merge², text hidden) of (B, patches, vision hidden), row by row from the top left."""
        batch, patches, width = features.shape
        side = round(patches**0.5)
        merged = self.norm(features).view(batch, side // self.merge, self.merge, side // self.merge, self.merge, width)
        merged = merged.transpose(2, 3).reshape(batch, patches // self.merge**2, self.merge**2 * width)
        projected: torch.Tensor = self.mlp(merged) + self.place
        return projected


class SpatialProjector(nn.Module):  # type: ignore[misc]
    """Carries the spatial encoder's tokens to the text model's width."""

    def __init__(self, config: RoboTracerConfig) -> None:
        super().__init__()
        width = config.spatial_config.hidden_size
        text_width = config.text_config.hidden_size
        self.norm = nn.LayerNorm(width)
        self.mlp = _mlp(width, text_width)
        self.place = nn.Parameter(torch.zeros(config.num_spatial_tokens, text_width))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(B, tokens, text hidden) of (B, tokens, spatial hidden)."""
        projected: torch.Tensor = self.mlp(self.norm(features)) + self.place
        return projected


class ScaleDecoder(nn.Module):  # type: ignore[misc]
    """Reads the logarithm of the scene's scale in metres from the hidden state of ``<SCALE>``."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, 1))

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(B,) natural logarithm of metres of (B, hidden)."""
        log_scale: torch.Tensor = self.mlp(hidden)
        return log_scale.squeeze(-1)


def _mlp(width: int, text_width: int) -> nn.Sequential:
    """Ends in a norm, so that what a token shows and where it stands (`places`) weigh alike."""
    return nn.Sequential(
        nn.Linear(width, text_width), nn.GELU(), nn.Linear(text_width, text_width), nn.LayerNorm(text_width)
    )
