"""Supervised training in a few steps: it resumes as if it had never been interrupted, and leaves a checkpoint."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("robotracer_ros.sim.stage")

import torch

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.training.checkpoint import read_checkpoint
from robotracer_ros.training.sft import SftSettings, SupervisedTraining, train_sft


class Interrupted(Exception):
    pass


@pytest.fixture
def losses(monkeypatch):
    """Every step's losses; an interruption after the step ``losses.stop``."""
    told = {"stop": 0, "rows": []}
    stepped = SupervisedTraining._stepped

    def recorded(self, batch, towers_alone):
        if told["stop"] and self.step == told["stop"]:
            raise Interrupted
        row = stepped(self, batch, towers_alone)
        told["rows"].append(row)
        return row

    monkeypatch.setattr(SupervisedTraining, "_stepped", recorded)
    return told


def settings(shards, out):
    return SftSettings(
        str(shards), str(out), steps=4, tower_steps=1, decay_steps=2, warmup_steps=1, pictures=2, tower_pictures=2,
        budget=120, keep_every=2, threads=1,
    )  # fmt: skip


def test_training_goes_on_where_it_was_interrupted(tiny, shards, tmp_path, losses, capsys):
    train_sft(settings(shards, tmp_path / "whole"))
    whole = losses["rows"].copy()
    losses["rows"].clear()
    losses["stop"] = 2
    with pytest.raises(Interrupted):
        train_sft(settings(shards, tmp_path / "parted"))
    losses["stop"] = 0
    train_sft(settings(shards, tmp_path / "parted"))
    assert len(whole) == 4
    assert losses["rows"] == whole
    assert "going on from step 2" in capsys.readouterr().out
    assert "words" not in whole[0]
    assert {"words", "scale", "gaze", "patches"} <= whole[1].keys()
    read_checkpoint(tmp_path / "parted" / "checkpoint")
    assert json.loads((tmp_path / "whole" / "settings.json").read_text())["budget"] == 120


def test_a_resting_vision_tower_stays_as_it_is(tiny, shards, checkpoint, tmp_path):
    rests = replace(settings(shards, tmp_path / "out"), start=str(checkpoint), steps=2, tower_steps=0,
                    train_vision=False)  # fmt: skip
    training = SupervisedTraining(rests)
    before = {name: weight.clone() for name, weight in training.model.state_dict().items()}
    training.run()
    moved = {name for name, weight in training.model.state_dict().items() if not torch.equal(weight, before[name])}
    assert not [name for name in moved if name.startswith("vision_tower.")]
    assert {name.split(".")[0] for name in moved} >= {"language_model", "image_projector"}


def test_the_spatial_encoder_learns_alone(tiny, shards, checkpoint, tmp_path, losses):
    alone = replace(settings(shards, tmp_path / "out"), start=str(checkpoint), steps=2, tower_steps=2,
                    tower_vision=False)  # fmt: skip
    training = SupervisedTraining(alone)
    before = {name: weight.clone() for name, weight in training.model.state_dict().items()}
    training.run()
    moved = {name for name, weight in training.model.state_dict().items() if not torch.equal(weight, before[name])}
    assert {name.split(".")[0] for name in moved} == {"spatial_encoder"}
    assert all(row.keys() == {"space"} for row in losses["rows"])


def test_the_rate_also_falls_before_the_vision_tower_rests(tiny, shards, tmp_path):
    learns = SupervisedTraining(replace(settings(shards, tmp_path / "learns"), tower_steps=3, decay_steps=3))
    rests = SupervisedTraining(
        replace(settings(shards, tmp_path / "rests"), tower_steps=3, decay_steps=3, train_vision=False)
    )
    for training in (learns, rests):
        training.step = 2
    assert rests._learning_rate() < learns._learning_rate()


def test_words_weigh_more_than_numbers(tiny, shards, checkpoint, tmp_path, losses):
    for weight in (1.0, 3.0):
        out = tmp_path / str(weight)
        train_sft(replace(settings(shards, out), start=str(checkpoint), steps=1, tower_steps=0, word_weight=weight))
    light, heavy = (row["words"] for row in losses["rows"])
    assert light < heavy < 3 * light


def test_a_folder_without_shards_is_named(tiny, tmp_path):
    with pytest.raises(InvalidRequest, match="robotracer train data"):
        train_sft(settings(tmp_path, tmp_path / "out"))


def test_training_begins_with_a_checkpoint(tiny, shards, checkpoint, tmp_path, losses):
    begun = replace(settings(shards, tmp_path / "out"), start=str(checkpoint), steps=1, tower_steps=0)
    training = SupervisedTraining(begun)
    model, _ = read_checkpoint(checkpoint)
    assert training.tokenizer.get_vocab() == read_checkpoint(checkpoint)[1].get_vocab()
    for name, weight in model.state_dict().items():
        assert torch.equal(training.model.state_dict()[name], weight), name
