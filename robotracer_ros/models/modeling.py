"""RoboTracer as a transformers model: pictures, spatial cues and text in, words and a metric scale out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import nn
from transformers import Cache, GenerationMixin, PreTrainedModel, Qwen2Model, SiglipVisionModel
from transformers import initialization as init
from transformers.utils import ModelOutput

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.models.configuration import RoboTracerConfig
from robotracer_ros.models.losses import next_token_loss, scale_loss
from robotracer_ros.models.places import place_codes
from robotracer_ros.models.projectors import ImageProjector, ScaleDecoder, SpatialProjector
from robotracer_ros.models.spatial_encoder import RoboTracerSpatialEncoder
from robotracer_ros.models.vision_stem import ConvolutionStem

SPATIAL_INPUTS: Final = ("spatial_pixel_values", "rays", "has_rays", "depth", "depth_valid", "has_depth")


@dataclass
class RoboTracerOutput(ModelOutput):  # type: ignore[misc]
    """What one forward step gives.

    Attributes:
        loss: next-token loss plus the weighted loss of scale, of what labels were given.
        logits: (B, T, vocabulary), or what ``logits_to_keep`` leaves of it.
        scale_m: (B,) the scene's scale, metres, read at each row's first ``<SCALE>``; NaN for a row without one, None
            in a decoding step and for ``inputs_embeds``.
        past_key_values: the cache to go on with.
        token_loss, scale_loss: the two parts of ``loss``, unweighted.
    """

    loss: torch.Tensor | None = None
    logits: torch.Tensor | None = None
    scale_m: torch.Tensor | None = None
    past_key_values: Cache | None = None
    hidden_states: tuple[torch.Tensor, ...] | None = None
    attentions: tuple[torch.Tensor, ...] | None = None
    token_loss: torch.Tensor | None = None
    scale_loss: torch.Tensor | None = None


class RoboTracerPreTrainedModel(PreTrainedModel):  # type: ignore[misc]
    """What transformers needs to know to create, load and save a RoboTracer."""

    config: RoboTracerConfig
    config_class = RoboTracerConfig
    base_model_prefix = ""
    input_modalities = ("image", "text")
    supports_gradient_checkpointing = True
    _skip_keys_device_placement = ("past_key_values",)
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_attention_backend = True
    _can_compile_fullgraph = True

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def _init_weights(self, module: Any) -> None:
        super()._init_weights(module)
        if isinstance(module, (ImageProjector, SpatialProjector)):
            init.copy_(module.place, place_codes(*module.place.shape))


class RoboTracerForConditionalGeneration(RoboTracerPreTrainedModel, GenerationMixin):  # type: ignore[misc]
    """Pictures and spatial cues as tokens before the question; the answer after it (arXiv 2512.13660, section 3.2).

    The prompt reads ``<image>`` x 144, ``<spatial>`` x 144 unless the mode is RGB, ``<SCALE>``, question,
    ``<|assistant|>``. ``<SCALE>`` stands in the prompt, so reading the scene's scale costs no decoding step.
    """

    _tied_weights_keys = {"lm_head.weight": "language_model.embed_tokens.weight"}  # noqa: RUF012

    def __init__(self, config: RoboTracerConfig) -> None:
        super().__init__(config)
        self.vision_tower = SiglipVisionModel(config.vision_config)
        if config.stem_widths:
            stem = ConvolutionStem(config.stem_widths, config.vision_config.hidden_size, config.stem_blocks)
            self.vision_tower.embeddings.patch_embedding = stem
        self.image_projector = ImageProjector(config)
        self.spatial_encoder = RoboTracerSpatialEncoder(config.spatial_config)
        self.spatial_projector = SpatialProjector(config)
        self.language_model = Qwen2Model(config.text_config)
        self.scale_decoder = ScaleDecoder(config.text_config.hidden_size)
        self.lm_head = nn.Linear(config.text_config.hidden_size, config.text_config.vocab_size, bias=False)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        """The table of token embeddings."""
        table: nn.Module = self.language_model.embed_tokens
        return table

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace the table of token embeddings."""
        self.language_model.embed_tokens = value

    def get_output_embeddings(self) -> nn.Module:
        """The layer whose rows score the tokens, tied to the embeddings."""
        return self.lm_head

    def vision_features(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """(B, patches, hidden) of the vision tower for (B, 3, H, W) in [-1, 1], before merging and projecting."""
        features: torch.Tensor = self.vision_tower(pixel_values).last_hidden_state
        return features

    def spatial_features(self, **spatial: torch.Tensor) -> torch.Tensor:
        """(B, tokens, hidden) of the spatial encoder for batched `spatial_grids`, before projecting."""
        features: torch.Tensor = self.spatial_encoder(**spatial)
        return features

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        position_ids: torch.Tensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: torch.Tensor | None = None,
        pixel_values: torch.Tensor | None = None,
        spatial_pixel_values: torch.Tensor | None = None,
        rays: torch.Tensor | None = None,
        has_rays: torch.Tensor | None = None,
        depth: torch.Tensor | None = None,
        depth_valid: torch.Tensor | None = None,
        has_depth: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        scale_m: torch.Tensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int | torch.Tensor = 0,
        **kwargs: Any,
    ) -> RoboTracerOutput:
        """One pass over the text, with the pictures' tokens put in the place of their place-holders.

        Args:
            input_ids: (B, T); or ``inputs_embeds`` (B, T, hidden) with everything already in place.
            attention_mask: (B, T) 1 for tokens and 0 for padding; or (B, 1, T, T), boolean with True where a token
                looks or float to be added to the scores, for packed rows (`packing`).
            position_ids: (B, T); needed where they are not 0, 1, 2 and so on.
            pixel_values: (P, 3, 192, 192) for the rows with place-holders, in order. Where P is less than their number
                but divides it, runs of rows share a picture.
            spatial_pixel_values, rays, has_rays, depth, depth_valid, has_depth: batched `spatial_grids`, all or none;
                for the rows with place-holders likewise, so that rows of the mode RGB can stand among others.
            labels: (B, T) the tokens themselves where they are to be learned, -100 elsewhere.
            scale_m: (B,) metres, NaN where it is not given.
            logits_to_keep: the last so many positions, 0 for all; or (K,) positions, (B, K) positions of each row, or
                (B, T) boolean, which gives (N, vocabulary). Labels are picked alike.

        Raises:
            InvalidRequest: for place-holders that do not fit the pictures, or spatial inputs that are not all given.
        """
        if (input_ids is None) == (inputs_embeds is None):
            raise InvalidRequest("either input_ids or inputs_embeds must be given, and not both")
        spatial = _all_or_none(spatial_pixel_values, rays, has_rays, depth, depth_valid, has_depth)
        if inputs_embeds is None:
            inputs_embeds = self._embedded(input_ids, pixel_values, spatial)
        outputs = self.language_model(
            inputs_embeds=inputs_embeds,
            attention_mask=self._usable_mask(attention_mask, inputs_embeds.dtype),
            position_ids=position_ids,
            past_key_values=past_key_values,
            use_cache=use_cache,
            **kwargs,
        )
        hidden = outputs.last_hidden_state
        logits = self.lm_head(_kept(hidden, logits_to_keep))
        log_scale = self._log_scale(input_ids, hidden)
        return self._output(outputs, logits, log_scale, labels, scale_m, logits_to_keep)

    def _output(
        self,
        outputs: Any,
        logits: torch.Tensor,
        log_scale: torch.Tensor | None,
        labels: torch.Tensor | None,
        scale_m: torch.Tensor | None,
        logits_to_keep: int | torch.Tensor,
    ) -> RoboTracerOutput:
        of_tokens = None if labels is None else next_token_loss(logits, _kept(_next(labels), logits_to_keep))
        if scale_m is not None and log_scale is None:
            raise InvalidRequest("scale_m needs input_ids of the whole prompt: the scale is read at <SCALE>")
        of_scale = None if scale_m is None else scale_loss(log_scale, scale_m)
        loss = of_tokens
        if of_scale is not None:
            weighted = self.config.scale_loss_weight * of_scale
            loss = weighted if loss is None else loss + weighted
        return RoboTracerOutput(
            loss=loss,
            logits=logits,
            scale_m=None if log_scale is None else log_scale.exp(),
            past_key_values=outputs.past_key_values,
            hidden_states=outputs.hidden_states,
            attentions=outputs.attentions,
            token_loss=of_tokens,
            scale_loss=of_scale,
        )

    def _embedded(
        self, input_ids: torch.Tensor, pixel_values: torch.Tensor | None, spatial: dict[str, torch.Tensor] | None
    ) -> torch.Tensor:
        embeds: torch.Tensor = self.get_input_embeddings()(input_ids)
        if pixel_values is not None:
            tokens = self.image_projector(self.vision_features(pixel_values))
            embeds = _placed(embeds, input_ids == self.config.image_token_id, tokens, "<|image_pad|>", "pixel_values")
        if spatial is not None:
            tokens = self.spatial_projector(self.spatial_features(**spatial))
            here = input_ids == self.config.spatial_token_id
            embeds = _placed(embeds, here, tokens, "<|spatial_pad|>", "spatial inputs")
        return embeds

    def _usable_mask(self, mask: torch.Tensor | None, dtype: torch.dtype) -> torch.Tensor | None:
        """A 4D mask in the form that the attention at hand reads; every other mask as it came."""
        if not isinstance(mask, torch.Tensor) or mask.ndim != 4:
            return mask
        if mask.dtype != torch.bool:
            return mask.to(dtype)
        if self.config.text_config._attn_implementation == "sdpa":
            return mask
        return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill(~mask, torch.finfo(dtype).min)

    def _log_scale(self, input_ids: torch.Tensor | None, hidden: torch.Tensor) -> torch.Tensor | None:
        """(B,) logarithm of the scale at the first ``<SCALE>`` of each row, NaN without one; None when decoding."""
        if input_ids is None or input_ids.shape[1] == 1:
            return None
        here = input_ids == self.config.scale_token_id
        rows = torch.arange(len(here), device=here.device)
        log_scale = self.scale_decoder(hidden[rows, here.int().argmax(dim=1)]).float()
        return torch.where(here.any(dim=1), log_scale, torch.nan)

    def prepare_inputs_for_generation(
        self, input_ids: torch.Tensor, *args: Any, is_first_iteration: bool | None = False, **kwargs: Any
    ) -> dict[str, Any]:
        """What the next forward step of ``generate`` gets: pictures in the first step only, while there is a cache."""
        inputs: dict[str, Any] = super().prepare_inputs_for_generation(
            input_ids, *args, is_first_iteration=is_first_iteration, **kwargs
        )
        if not is_first_iteration and kwargs.get("use_cache", True):
            for name in ("pixel_values", *SPATIAL_INPUTS):
                inputs.pop(name, None)
        return inputs

    def _expand_inputs_for_generation(self, expand_size: int = 1, **kwargs: Any) -> tuple[torch.Tensor, dict[str, Any]]:
        """Repeat each row ``expand_size`` times; its pictures stay single, so that they are encoded once."""
        pictures = {name: kwargs.pop(name) for name in ("pixel_values", *SPATIAL_INPUTS) if name in kwargs}
        input_ids, expanded = super()._expand_inputs_for_generation(expand_size=expand_size, **kwargs)
        return input_ids, {**expanded, **pictures}


def _all_or_none(*values: torch.Tensor | None) -> dict[str, torch.Tensor] | None:
    given = {name: value for name, value in zip(SPATIAL_INPUTS, values, strict=True) if value is not None}
    if given and len(given) < len(SPATIAL_INPUTS):
        raise InvalidRequest(
            f"the spatial inputs go together; received {', '.join(given)} without "
            f"{', '.join(name for name in SPATIAL_INPUTS if name not in given)}"
        )
    return given or None


def _placed(
    embeds: torch.Tensor, here: torch.Tensor, tokens: torch.Tensor, place_holder: str, source: str
) -> torch.Tensor:
    """``embeds`` (B, T, hidden) with ``tokens`` (P, N, hidden) where ``here`` (B, T) is True, N or none in each row."""
    pictures, per_picture = tokens.shape[:2]
    rows = len(here) if torch.compiler.is_compiling() else _rows_with_place(here, per_picture, place_holder, source)
    if rows % pictures:
        raise InvalidRequest(f"{source} hold {pictures} pictures for {rows} rows of text; one serves whole rows")
    tokens = tokens.to(embeds.dtype).repeat_interleave(rows // pictures, dim=0)
    return embeds.masked_scatter(here[:, :, None], tokens)


def _rows_with_place(here: torch.Tensor, per_picture: int, place_holder: str, source: str) -> int:
    counts: list[int] = here.sum(dim=1).tolist()
    if not any(counts) or set(counts) - {0, per_picture}:
        raise InvalidRequest(
            f"a row of text must hold {per_picture} {place_holder} for its {source}, or none; received {counts}"
        )
    return len(counts) - counts.count(0)


def _next(labels: torch.Tensor) -> torch.Tensor:
    """(B, T) the label that each position predicts: the one after it, -100 at the end."""
    return nn.functional.pad(labels[:, 1:], (0, 1), value=-100)


def _kept(values: torch.Tensor, positions: int | torch.Tensor) -> torch.Tensor:
    """What ``logits_to_keep`` leaves of ``values`` (B, T, ...)."""
    if isinstance(positions, int):
        return values[:, -positions:] if positions else values
    if positions.ndim == 1:
        return values[:, positions]
    if positions.dtype == torch.bool:
        return values[positions]
    return values[torch.arange(len(values), device=values.device)[:, None], positions]
