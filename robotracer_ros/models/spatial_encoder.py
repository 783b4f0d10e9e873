"""The universal spatial encoder: colour, and rays and depth when they are known, to one token per patch."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn
from transformers import initialization as init
from transformers.models.siglip.modeling_siglip import SiglipEncoder, SiglipPreTrainedModel

from robotracer_ros.models.configuration import RoboTracerSpatialConfig


class RoboTracerSpatialEncoder(SiglipPreTrainedModel):  # type: ignore[misc]
    """A small ViT whose patches add up what is known; a learned vector stands for each cue that is not.

    Depth enters as ``(log(depth) - log(depth_centre_m)) / depth_spread`` with its mask, and again as sines and cosines
    of each quarter patch's mean depth in metres: a millimetre changes the former by a few thousandths only. Where rays
    are known too, what their product says is written the same way: how far to the right and how far down a quarter's
    surface lies, metres.
    """

    config: RoboTracerSpatialConfig
    base_model_prefix = "spatial_encoder"
    main_input_name = "spatial_pixel_values"
    input_modalities = ("image",)

    def __init__(self, config: RoboTracerSpatialConfig) -> None:
        super().__init__(config)
        size, patch, width = config.image_size, config.patch_size, config.hidden_size
        self.colour = nn.Conv2d(3, width, kernel_size=patch, stride=patch)
        self.rays = nn.Conv2d(2, width, kernel_size=patch, stride=patch)
        self.depth = nn.Conv2d(2, width, kernel_size=patch, stride=patch)
        # Four quarters, each a mask beside its sines and cosines.
        self.depth_waves = nn.Linear(4 * (2 * config.depth_frequencies + 1), width, bias=False)
        # Likewise, of two coordinates.
        self.point_waves = nn.Linear(4 * 4 * config.depth_frequencies, width, bias=False)
        self.no_rays = nn.Parameter(torch.zeros(width))
        self.no_depth = nn.Parameter(torch.zeros(width))
        self.position = nn.Parameter(torch.zeros((size // patch) ** 2, width))
        self.encoder = SiglipEncoder(config)
        self.norm = nn.LayerNorm(width, eps=config.layer_norm_eps)
        self.post_init()

    def forward(
        self,
        spatial_pixel_values: torch.Tensor,
        rays: torch.Tensor,
        has_rays: torch.Tensor,
        depth: torch.Tensor,
        depth_valid: torch.Tensor,
        has_depth: torch.Tensor,
    ) -> torch.Tensor:
        """(B, tokens, hidden) features of a batch of `spatial_grids`, row by row from the top left."""
        dtype = self.position.dtype
        embedded = _tokens(self.colour(spatial_pixel_values.to(dtype))) + self.position
        embedded = embedded + _either(has_rays, _tokens(self.rays(rays.to(dtype))), self.no_rays)
        embedded = embedded + _either(has_depth, self._depth_tokens(depth, depth_valid), self.no_depth)
        seen = depth_valid.float() * ((has_rays > 0) & (has_depth > 0)).float().view(-1, 1, 1, 1)
        embedded = embedded + self.point_waves(self._waves(rays.float() * depth.float(), seen).to(dtype))
        encoded: torch.Tensor = self.norm(self.encoder(inputs_embeds=embedded).last_hidden_state)
        return encoded

    def _depth_tokens(self, depth: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        dtype = self.position.dtype
        known, valid = valid > 0, valid.float()
        centre_m = self.config.depth_centre_m
        depth = torch.where(known, depth.float(), centre_m)
        centred = torch.log(depth / centre_m)
        cells = torch.cat([centred / self.config.depth_spread, valid], dim=1)
        tokens: torch.Tensor = _tokens(self.depth(cells.to(dtype)))
        known = nn.functional.pixel_unshuffle((self._share(valid) > 0).float(), 2)
        waves = torch.cat([self._waves(depth, valid), _tokens(known)], dim=2)
        return tokens + self.depth_waves(waves.to(dtype))

    def _waves(self, metres: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        """(B, tokens, 4 * C * 2 * frequencies) of (B, C, H, W): each quarter patch's mean in octaves, 0 without one."""
        share = self._share(valid)
        weighed = torch.where(valid > 0, metres, 0.0) * valid
        mean_m = nn.functional.avg_pool2d(weighed, self.config.patch_size // 2) / share.clamp_min(1e-6)
        octaves = torch.arange(self.config.depth_frequencies, device=metres.device, dtype=torch.float32)
        phases = (mean_m[:, :, None] * (math.pi / 4 * 2.0**octaves).view(1, 1, -1, 1, 1)).flatten(1, 2)
        known = (share > 0).float()
        waves = torch.cat([phases.sin() * known, phases.cos() * known], dim=1)
        # The quarters of one patch side by side.
        return _tokens(nn.functional.pixel_unshuffle(waves, 2))

    def _share(self, valid: torch.Tensor) -> torch.Tensor:
        """(B, 1, rows, columns) of each quarter patch, the share that has a reading."""
        return nn.functional.avg_pool2d(valid, self.config.patch_size // 2)

    def _init_weights(self, module: Any) -> None:
        super()._init_weights(module)
        if module is self:
            for parameter in (self.no_rays, self.no_depth, self.position):
                init.normal_(parameter, std=self.config.hidden_size**-0.5)


def _tokens(grid: torch.Tensor) -> torch.Tensor:
    """(B, rows, columns) of channels (B, C, rows, columns) as (B, rows * columns, C)."""
    return grid.flatten(2).transpose(1, 2)


def _either(has: torch.Tensor, known: torch.Tensor, stand_in: torch.Tensor) -> torch.Tensor:
    """``known`` (B, tokens, C) where ``has`` (B,) is above 0, the learned ``stand_in`` (C,) elsewhere."""
    return torch.where((has > 0).view(-1, 1, 1), known, stand_in)
