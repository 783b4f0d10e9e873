"""Teaches attention heads to look at the place that is about to be written down, and to know what to look for.

To name the place of "the red block", a text model must keep both words in mind, find the patch that shows one, and copy
where it is. No part is any use without the others, so next-token loss alone finds them only after a long time. Where an
answer says ``[Referring] [red block]: [(512, 304, ...`` or points at something, the truth says which patch that is, and
what it shows. Its depth stands in the spatial token of that place, where another head learns to look, also for where
from the camera it is and how high.

A trace is drawn between two places that its reasoning has named: its first point, and the destination of the last
``[Referring]`` step. Two other heads learn to look back at the numbers of these, coordinate by coordinate. And what a
step refers to is named in the words of the question: there one of them learns to look, word by word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch
from torch import nn
from torch.nn import functional
from transformers.models.qwen2.modeling_qwen2 import apply_rotary_pos_emb

from robotracer_ros.models.tokenization import ASSISTANT, number_values
from robotracer_ros.sim.tasks.reasoning import CAMERA, DESTINATION, HEIGHT
from robotracer_ros.training.dense import COLOUR_NAMES, IGNORED, KINDS

# The layer before the last: those below it gather what is asked for, the one above it writes down what was found.
_LAYERS_ABOVE: Final = 1
_OPENS: Final = "[("
_GOES_ON: Final = "), ("
_REFERS: Final = "Referring"
_MEASURES: Final = "Measuring"
_CLOSES: Final = "]:"
_ARTICLES: Final = ("the", "a", "an")
# Tokens from a point's opening to those that predict its u, v and depth.
_TO_COORDINATES: Final = (0, 2, 4)
# The same and the depth's whole metres, and how much farther on the tokens stand that they predict.
_TO_NUMBERS: Final = (0, 2, 3, 4)
_TO_ITS_TOKEN: Final = 1


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
        self._spatial_side = round(model.config.num_spatial_tokens**0.5)
        self._image_token = model.config.image_token_id
        self._spatial_token = model.config.spatial_token_id
        values = number_values(tokenizer)
        self._value = torch.full((len(tokenizer),), torch.nan)
        self._value[torch.tensor(list(values))] = torch.tensor(list(values.values()))
        opens = [tokenizer.decode([token]).endswith(_OPENS) for token in range(len(tokenizer))]
        self._opens = torch.tensor(opens)
        self._goes_on = torch.tensor([tokenizer.decode([token]) == _GOES_ON for token in range(len(tokenizer))])
        self._words = [tokenizer.decode([token]).strip() for token in range(len(tokenizer))]
        self._destination = torch.tensor(tokenizer(DESTINATION, add_special_tokens=False)["input_ids"])
        self._asked_last = model.config.scale_token_id, tokenizer.eos_token_id
        self._answers = tokenizer.convert_tokens_to_ids(ASSISTANT)
        self._seen: dict[str, Any] = {}
        self._attention.register_forward_pre_hook(
            lambda _, arguments, named: self._seen.update(named, hidden=named.get("hidden_states", *arguments[:1])),
            with_kwargs=True,
        )

    def loss(self, input_ids: torch.Tensor, targets: torch.Tensor, patches: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Cross-entropies of where the heads looked in the last forward pass, and of what they knew to look for.

        The heads that share the first key look at the picture. Of those that share the second, one looks back at the
        start, and one at the destination and at the spatial tokens.

        Args:
            input_ids: (B, T), the picture's tokens first.
            targets: (B, T) the token that each position should predict, negative where none is learned.
            patches: of `dense_targets`, in a batch.

        Returns:
            a scalar, 0 where no answer names a place.
        """
        input_ids, targets = input_ids.cpu(), targets.cpu()
        rows, columns, places = self._places(input_ids, targets)
        if not len(rows):
            return torch.zeros((), device=targets.device)
        image = int((input_ids[0] == self._image_token).sum())
        scores = self._scores(rows, columns, group=0)[:, :, :image]
        wanted = places.to(scores.device)[:, None].expand(-1, scores.shape[1])
        looked = functional.cross_entropy(scores.flatten(0, 1), wanted.flatten())
        named = self._naming_loss(self._seen["hidden"][rows, columns], patches, rows, places)
        return looked + named + self._looking_back_loss(input_ids, targets)

    def _looking_back_loss(self, input_ids: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Of whether the heads looked at the numbers of the first point and of the destination, and at depth."""
        losses = [torch.zeros((), device=self._seen["hidden"].device)]
        if self._attention.config.num_key_value_heads > 1 and self._attention.num_key_value_groups > 1:
            to_start, to_destination = self._numbers_of_ends(input_ids, targets)
            for head, (rows, columns, wanted) in (
                (0, to_start), (1, to_destination), (1, self._depths(input_ids, targets)),
                (0, self._names(input_ids, targets)),
            ):  # fmt: skip
                if len(rows):
                    scores = self._scores(rows, columns, group=1)[:, head]
                    losses.append(functional.cross_entropy(scores, wanted.to(scores.device)))
        return torch.stack(losses).sum()

    def _scores(self, rows: torch.Tensor, columns: torch.Tensor, group: int) -> torch.Tensor:
        """(N, heads, T) of how much the heads of a group, which share one key, look at each token from (N,) tokens."""
        hidden, (cos, sin) = self._seen["hidden"], self._seen["position_embeddings"]
        attention, size = self._attention, self._attention.head_dim
        heads = attention.num_key_value_groups
        of_group, of_key = (slice(group * count * size, (group + 1) * count * size) for count in (heads, 1))
        query = functional.linear(
            hidden[rows, columns], attention.q_proj.weight[of_group], attention.q_proj.bias[of_group]
        )
        key = functional.linear(hidden, attention.k_proj.weight[of_key], attention.k_proj.bias[of_key])
        query = query.view(len(rows), heads, 1, size)
        query, _ = apply_rotary_pos_emb(query, query, cos[rows, columns][:, None], sin[rows, columns][:, None])
        key, _ = apply_rotary_pos_emb(key[:, None], key[:, None], cos, sin)
        scores = torch.einsum("nhqd,nkd->nhk", query, key[rows, 0]) * attention.scaling
        seen = self._seen["attention_mask"][rows, 0, columns]
        return scores.masked_fill(~seen[:, None], -torch.inf)

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
        rows, columns, uv, has_depth = self._openings(input_ids, targets)
        patches = _cell(uv, self._side)
        return (
            torch.cat([rows, rows, rows[has_depth]]),
            torch.cat([columns, columns + 2, columns[has_depth] + 4]),
            torch.cat([patches, patches, patches[has_depth]]),
        )

    def _depths(
        self, input_ids: torch.Tensor, targets: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Rows and columns of the tokens that predict a named place's depth, and the column of its spatial token."""
        rows, columns, uv, has_depth = self._openings(input_ids, targets)
        spatial = (input_ids[0] == self._spatial_token).nonzero().flatten()
        rows, columns = rows[has_depth], columns[has_depth]
        if not len(spatial):
            return rows[:0], columns[:0], rows[:0]
        wanted = spatial[_cell(uv[has_depth], self._spatial_side)]
        of_place = torch.full_like(input_ids, -1)
        of_place[rows, columns] = wanted
        own_rows, own_columns, openings = self._own_lengths(input_ids, targets)
        own = of_place[own_rows, openings]
        # A destination is told from the camera and shows nothing to be known by: u and v are looked up here too.
        named = torch.stack([input_ids[rows, columns - back] for back in range(len(self._destination), 0, -1)], dim=1)
        is_spot = (named == self._destination).all(dim=1)
        spots = rows[is_spot], columns[is_spot], wanted[is_spot]
        return (
            # Whole metres, and what comes behind the point.
            torch.cat([rows, rows, own_rows[own >= 0], spots[0], spots[0]]),
            torch.cat([columns + 3, columns + 4, own_columns[own >= 0], spots[1], spots[1] + 2]),
            torch.cat([wanted, wanted, own[own >= 0], spots[2], spots[2]]),
        )

    def _own_lengths(
        self, input_ids: torch.Tensor, targets: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Rows and columns of the tokens that predict a length which the place named before has of its own, where it
        is from the camera and how high; and the column of that place's opening.
        """
        found: list[tuple[int, int, int]] = []
        for row, (ids, told) in enumerate(zip(input_ids.tolist(), targets.tolist(), strict=True)):
            words = [self._words[token] for token in ids]
            opening = -1
            for column, token in enumerate(ids):
                if self._opens[token]:
                    opening = column
                elif words[column] == _MEASURES and told[column] >= 0 and opening >= 0:
                    # Behind the word, the brackets that close around it and open around what is measured.
                    first = column + 2
                    length = words[first:].index(_CLOSES) if _CLOSES in words[first:] else 0
                    measured = words[first : first + length]
                    if measured and (measured[-1] == CAMERA or measured[0] == HEIGHT):
                        # The side, whole metres, and what comes behind the point.
                        found += [(row, at, opening) for at in (first - 1, first + length, first + length + 2)]
        rows, columns, openings = torch.tensor(found, dtype=torch.long).reshape(-1, 3).unbind(dim=1)
        return rows, columns, openings

    def _names(
        self, input_ids: torch.Tensor, targets: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Rows and columns of the tokens that predict a word of a step's name, and the column in the question."""
        found: list[tuple[int, int, int]] = []
        for row, (ids, told) in enumerate(zip(input_ids.tolist(), targets.tolist(), strict=True)):
            words = [self._words[token] for token in ids]
            asked = range(0)
            for column, token in enumerate(ids):
                if token in self._asked_last:
                    asked = range(column + 1, column + 1)
                elif token == self._answers:
                    asked = range(asked.start, column)
                elif words[column] == _REFERS and told[column] >= 0 and asked:
                    # Behind the word, the brackets that close around it and open around the name.
                    first = column + 2
                    length = next((n for n, at in enumerate(ids[first:]) if self._opens[at]), 0)
                    place = _place(words, asked, words[first : first + length])
                    found += [(row, first + n - 1, place + n) for n in range(length) if place >= 0]
        rows, columns, places = torch.tensor(found, dtype=torch.long).reshape(-1, 3).unbind(dim=1)
        return rows, columns, places

    def _openings(
        self, input_ids: torch.Tensor, targets: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Rows and columns of the tokens before a list's first point, its (N, 2) u and v, and whether it has depth."""
        learned = functional.pad(targets, (0, _TO_COORDINATES[-1]), value=-1)
        length = targets.shape[1]
        u, v, d = (learned[:, offset : offset + length].clamp(min=0) for offset in _TO_COORDINATES)
        is_place = self._opens[input_ids] & (learned[:, 2 : 2 + length] >= 0) & (targets >= 0)
        is_place &= torch.isfinite(self._value[u]) & torch.isfinite(self._value[v])
        rows, columns = is_place.nonzero(as_tuple=True)
        uv = torch.stack([self._value[u[rows, columns]], self._value[v[rows, columns]]], dim=1)
        has_depth = torch.isfinite(self._value[d[rows, columns]]) & (learned[:, 4 : 4 + length][rows, columns] >= 0)
        return rows, columns, uv, has_depth


    def _numbers_of_ends(
        self, input_ids: torch.Tensor, targets: torch.Tensor
    ) -> list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        """Where a trace's later points look back at its first one, and its last point at the destination: rows and
        columns of the tokens that predict a number, and the columns of the tokens that hold the number looked at.
        """
        opens = self._opens[input_ids]
        order = torch.arange(input_ids.shape[1]).expand_as(input_ids)
        # The opening of the list that a token stands in, and that of the list before it.
        own = torch.where(opens, order, -1).cummax(dim=1).values
        before = functional.pad(own, (1, 0), value=-1)[:, :-1].gather(1, own.clamp(min=0))
        goes_on = self._goes_on[input_ids] & (targets >= 0) & (own >= 0)
        following = functional.pad(goes_on, (0, _TO_COORDINATES[-1] + 2))
        length = goes_on.shape[1]
        # A point's numbers and separators are six tokens, four without depth.
        is_last = goes_on & ~following[:, 6 : 6 + length] & ~following[:, 4 : 4 + length]
        return [
            self._numbers(goes_on, own, targets),
            self._numbers(is_last & (before >= 0), before, targets),
        ]

    def _numbers(
        self, points: torch.Tensor, looked_at: torch.Tensor, targets: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        rows, openings = points.nonzero(as_tuple=True)
        offsets = torch.tensor(_TO_NUMBERS)
        columns = (openings[:, None] + offsets).clamp(max=targets.shape[1] - 1)
        wanted = looked_at[rows, openings][:, None] + offsets + _TO_ITS_TOKEN
        # Behind v, a point without depth ends, and another may begin.
        told = targets[rows, columns[:, -1]].clamp(min=0)
        has_depth = torch.isfinite(self._value[told]) & ~points[rows, columns[:, -1]]
        keep = torch.ones_like(columns, dtype=torch.bool)
        keep[:, 2:] = has_depth[:, None]
        return rows[:, None].expand_as(columns)[keep], columns[keep], wanted[keep]


def _place(words: Sequence[str], among: range, name: Sequence[str]) -> int:
    """Where a name stands among the words of a question, rather behind an article than elsewhere; -1 for nowhere."""
    places = [at for at in among if list(words[at : at + len(name)]) == list(name)]
    whole = [at for at in places if words[at - 1] in _ARTICLES]
    return (whole or places or [-1])[0]


def _cell(uv: torch.Tensor, side: int) -> torch.Tensor:
    """(N,) numbers of the cells of a square grid, row by row, that (N, 2) shares of the picture lie in."""
    column, row = (uv * side).long().clamp(max=side - 1).unbind(dim=1)
    return row * side + column


def _watched(model: Any) -> Any:
    layers = model.language_model.layers
    return layers[max(len(layers) - 1 - _LAYERS_ABOVE, 0)].self_attn
