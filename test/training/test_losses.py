"""The loss of numbers: neighbours are nearly right, everything else is as right or wrong as ever."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from robotracer_ros.models import build_tokenizer
from robotracer_ros.training.losses import NumberLoss


@pytest.fixture(scope="module")
def tokenizer():
    return build_tokenizer(["point to the red block", "[(512, 304)]"])


def cost(tokenizer, said, meant):
    ids = tokenizer.get_vocab()
    logits = torch.zeros(1, len(tokenizer))
    logits[0, ids[said]] = 10.0
    return float(NumberLoss(tokenizer)(logits, torch.tensor([ids[meant]])))


def test_a_number_costs_more_the_farther_off_it_is(tokenizer):
    costs = [cost(tokenizer, said, "512") for said in ("512", "513", "516", "540")]
    assert costs == sorted(costs)
    assert costs[0] < costs[1] < costs[2] < costs[3]


def test_single_digits_and_words_have_no_neighbours(tokenizer):
    assert cost(tokenizer, "0", "1") == pytest.approx(cost(tokenizer, "9", "1"))
    plain = torch.nn.functional.cross_entropy(torch.zeros(1, len(tokenizer)), torch.tensor([5]))
    assert NumberLoss(tokenizer)(torch.zeros(1, len(tokenizer)), torch.tensor([5])).item() == pytest.approx(
        plain.item()
    )


def test_a_number_at_the_end_of_its_range_still_weighs_one(tokenizer):
    assert torch.allclose(NumberLoss(tokenizer).weights.sum(dim=1), torch.ones(len(tokenizer)))


def test_its_tables_go_where_it_goes(tokenizer):
    moved = NumberLoss(tokenizer).to("meta")
    assert {moved.neighbours.device.type, moved.weights.device.type} == {"meta"}
