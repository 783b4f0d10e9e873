"""Teaches two attention heads to look at the place that is about to be written down, and to know what to look for.

To name the place of "the red block", a text model must keep both words in mind, find the patch that shows one, and copy
where it is. No part is any use without the others, so next-token loss alone finds them only after a long time. Where an
answer says ``[Referring] [red block]: [(512, 304, ...`` or points at something, the truth says which patch that is, and
what it shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import nn
from torch.nn import functional
from transformers.models.qwen2.modeling_qwen2 import apply_rotary_pos_emb

from robotracer_ros.models.tokenization import number_values
from robotracer_ros.training.dense import COLOUR_NAMES, IGNORED, KINDS

# The layer before the last: those below it gather what is asked for, the one above it writes down what was found.
_LAYERS_ABOVE: Final = 1
_OPENS: Final = "[("
# Tokens from a point's opening to those that predict its u, v and depth.
_TO_COORDINATES: Final = (0, 2, 4)


class Gaze(nn.Module):  # type: ignore[misc]
    """Watches one layer's attention in each forward pass.

    Args:
        model: a `RoboTracerForConditionalGeneration`.
    """

    def __init__(self, model: Any, tokenizer: Any) -> None:
        super().__init__()
        self.named = nn.Linear(model.config.text_config.hidden_size, len(KINDS) + len(COLOUR_NAMES))
        # Neither a part of this module nor kept with it: the model has it already.
        self.__dict__["_attention"] = _watched(model)
        self._side = round(model.config.num_image_tokens**0.5)
        self._image_token = model.config.image_token_id
        values = number_values(tokenizer)
        self._value = torch.full((len(tokenizer),), torch.nan)
        self._value[torch.tensor(list(values))] = torch.tensor(list(values.values()))
        opens = [tokenizer.decode([token]).endswith(_OPENS) for token in range(len(tokenizer))]
        self._opens = torch.tensor(opens)
        self._seen: dict[str, Any] = {}
        self._attention.register_forward_pre_hook(
            lambda _, arguments, named: self._seen.update(named, hidden=named.get("hidden_states", *arguments[:1])),
            with_kwargs=True,
        )

    def loss(self, input_ids: torch.Tensor, targets: torch.Tensor, patches: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Cross-entropies of where the heads looked in the last forward pass, and of what they knew to look for.

        Args:
            input_ids: (B, T), the picture's tokens first.
            targets: (B, T) the token that each position should predict, negative where none is learned.
            patches: of `dense_targets`, in a batch.

        Returns:
            a scalar, 0 where no answer names a place.
        """
        rows, columns, places = self._places(input_ids.cpu(), targets.cpu())
        if not len(rows):
            return torch.zeros((), device=input_ids.device)
        hidden, (cos, sin) = self._seen["hidden"], self._seen["position_embeddings"]
        attention, size = self._attention, self._attention.head_dim
        # The heads of the first group: they share one key.
        heads = attention.num_key_value_groups
        query = functional.linear(
            hidden[rows, columns], attention.q_proj.weight[: heads * size], attention.q_proj.bias[: heads * size]
        )
        image = int((input_ids[0] == self._image_token).sum())
        key = functional.linear(hidden[:, :image], attention.k_proj.weight[:size], attention.k_proj.bias[:size])
        query = query.view(len(rows), heads, 1, size)
        query, _ = apply_rotary_pos_emb(query, query, cos[rows, columns][:, None], sin[rows, columns][:, None])
        key, _ = apply_rotary_pos_emb(key[:, None], key[:, None], cos[:, :image], sin[:, :image])
        scores = torch.einsum("nhqd,nkd->nhk", query, key[rows, 0]) * attention.scaling
        wanted = places.to(scores.device)[:, None].expand(-1, heads)
        looked = functional.cross_entropy(scores.flatten(0, 1), wanted.flatten())
        return looked + self._naming_loss(hidden[rows, columns], patches, rows, places)

    def _naming_loss(
        self, hidden: torch.Tensor, patches: Mapping[str, torch.Tensor], rows: torch.Tensor, places: torch.Tensor
    ) -> torch.Tensor:
        """Of the kind and the colour of what is named, read from what enters the layer."""
        kinds, colours = self.named(hidden).split([len(KINDS), len(COLOUR_NAMES)], dim=-1)
        colour = patches["colours"][rows, places]
        on_object = colour != IGNORED
        if not on_object.any():
            return hidden.new_zeros(())
        kind_loss = functional.cross_entropy(kinds[on_object], patches["kinds"][rows, places][on_object])
        return kind_loss + functional.cross_entropy(colours[on_object], colour[on_object])

    def _places(
        self, input_ids: torch.Tensor, targets: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Rows and columns of the tokens that predict a named place's coordinates, and the patch it lies in."""
        learned = functional.pad(targets, (0, _TO_COORDINATES[-1]), value=-1)
        length = targets.shape[1]
        u, v, d = (learned[:, offset : offset + length].clamp(min=0) for offset in _TO_COORDINATES)
        is_place = self._opens[input_ids] & (learned[:, 2 : 2 + length] >= 0) & (targets >= 0)
        is_place &= torch.isfinite(self._value[u]) & torch.isfinite(self._value[v])
        rows, columns = is_place.nonzero(as_tuple=True)
        side = self._side
        column = (self._value[u[rows, columns]] * side).long().clamp(max=side - 1)
        row = (self._value[v[rows, columns]] * side).long().clamp(max=side - 1)
        patches = row * side + column
        has_depth = torch.isfinite(self._value[d[rows, columns]]) & (learned[:, 4 : 4 + length][rows, columns] >= 0)
        return (
            torch.cat([rows, rows, rows[has_depth]]),
            torch.cat([columns, columns + 2, columns[has_depth] + 4]),
            torch.cat([patches, patches, patches[has_depth]]),
        )


def _watched(model: Any) -> Any:
    layers = model.language_model.layers
    return layers[max(len(layers) - 1 - _LAYERS_ABOVE, 0)].self_attn
