from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from robotracer_ros.models import initialise_numbers, smooth_numbers


def test_neighbours_are_alike_and_the_rest_stays(model, tokenizer):
    table = model.get_input_embeddings().weight
    before = table.detach().clone()
    initialise_numbers(model, tokenizer)

    def likeness(one: str, other: str) -> float:
        rows = table.detach()[tokenizer.convert_tokens_to_ids([one, other])]
        return float(torch.nn.functional.cosine_similarity(rows[0], rows[1], dim=0))

    assert likeness("500", "501") > likeness("500", "510") + 0.2
    assert likeness("025", "25") > 0.6 > likeness("25", "525")
    assert not torch.equal(table[tokenizer.convert_tokens_to_ids("500")], table[tokenizer.convert_tokens_to_ids("501")])
    numbers = [tokenizer.convert_tokens_to_ids(str(number)) for number in range(1001)]
    assert 0.7 < table[numbers].std() / before[numbers].std() < 1.4
    others = [tokenizer.convert_tokens_to_ids(text) for text in ("<SCALE>", "Ġ", ", 0.", "a")]
    assert torch.equal(table[others], before[others])


def test_output_rows_follow(model, tokenizer):
    initialise_numbers(model, tokenizer)
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight


def test_rows_of_neighbours_come_nearer_and_others_stay(model, tokenizer):
    ids = [tokenizer.convert_tokens_to_ids(f"{value:03d}") for value in range(1000)]
    before = model.get_input_embeddings().weight.detach().clone()
    smooth_numbers(model, tokenizer)
    after = model.get_input_embeddings().weight.detach()
    bends = [(rows[ids][2:] - 2 * rows[ids][1:-1] + rows[ids][:-2]).norm() for rows in (before, after)]
    assert bends[1] < 0.9 * bends[0]
    torch.testing.assert_close(after[ids].mean(dim=0), before[ids].mean(dim=0))
    others = torch.ones(len(before), dtype=torch.bool)
    others[ids] = False
    assert torch.equal(after[others], before[others])
    assert model.lm_head.weight is model.get_input_embeddings().weight
