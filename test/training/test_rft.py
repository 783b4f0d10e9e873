"""Reinforcement tuning: a step from questions to weights, resumption, what is written, and that rewards rise."""

from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("robotracer_ros.sim.stage")

from robotracer_ros.errors import InvalidRequest  # noqa: E402
from robotracer_ros.training import rft, sampling  # noqa: E402
from robotracer_ros.training.checkpoint import read_checkpoint  # noqa: E402
from robotracer_ros.training.questions import IGNORED, Vocabulary  # noqa: E402
from robotracer_ros.training.sampling import (  # noqa: E402
    Answer,
    draw_prompts,
    never_said,
    picture_inputs,
    rows_with_answers,
    sample_answers,
)

SIZES = (144, 144)
SAID = range(300, 316)


def settings(shards, checkpoint, out, **changed):
    given = {"steps": 2, "questions": 3, "group": 3, "answer_tokens": 12, "threads": 1, "keep_every": 1,
             "warmup_steps": 1, "rows_at_once": 2}  # fmt: skip
    return rft.RftSettings(str(shards), str(out), str(checkpoint), **given | changed)


@pytest.fixture(scope="module")
def loaded(checkpoint):
    model, tokenizer = read_checkpoint(checkpoint)
    return model.eval(), Vocabulary.of(tokenizer)


@pytest.fixture(scope="module")
def prompts(shard, loaded):
    """With and without spatial tokens."""
    drawn = draw_prompts(shard, np.random.default_rng(1), loaded[1], 8, SIZES, 0.1)
    assert {prompt.has_spatial_tokens for prompt in drawn} == {True, False}
    return drawn


def rewarded_for_one_token(self, prompts, answers):
    """In the place of the tabletop's rewards: the share of an answer's tokens that are this one."""
    totals = [[answer.ids.count(SAID[0]) / len(answer.ids) for answer in group] for group in answers]
    return {}, torch.tensor(totals)


@pytest.fixture
def few_words(monkeypatch):
    """A model that can say `SAID` alone, and earns by the first of them."""
    monkeypatch.setattr(rft.ReinforcementTraining, "_rewarded", rewarded_for_one_token)
    for module in (rft, sampling):
        monkeypatch.setattr(
            module, "never_said", lambda vocabulary: sorted(set(range(len(vocabulary.tokenizer))) - set(SAID))
        )


def test_a_run_writes_state_log_settings_and_a_checkpoint_that_loads(shards, checkpoint, tmp_path, capsys):
    training = rft.ReinforcementTraining(settings(shards, checkpoint, tmp_path))
    before = {name: weight.clone() for name, weight in training.model.named_parameters()}
    training.run()
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [1, 2]
    assert all({"reward", "format", "kl", "tokens", "answers"} <= row.keys() for row in rows)
    assert json.loads((tmp_path / "settings.json").read_text())["group"] == 3
    record = json.loads((tmp_path / "checkpoint" / "settings.json").read_text())
    assert (record["steps"], record["answers"], record["settings"]["seed"]) == (2, 18, 0)
    model, _ = read_checkpoint(tmp_path / "checkpoint")
    weight = model.language_model.embed_tokens.weight
    torch.testing.assert_close(weight, training.model.language_model.embed_tokens.weight.half().float())
    assert all(
        torch.equal(before[name], weight)
        for name, weight in training.model.named_parameters()
        if name.startswith(("vision_tower", "spatial_encoder"))
    )
    assert not (tmp_path / "rft_state.part").exists()


def test_training_goes_on_where_it_was_interrupted(shards, checkpoint, tmp_path, few_words, capsys):
    told = {}
    for name, stops in (("whole", ()), ("parted", (2,))):
        given = settings(shards, checkpoint, tmp_path / name, steps=3, learning_rate=1e-3)
        training = rft.ReinforcementTraining(given)
        for step in range(3):
            if step in stops:
                training.keep()
                training = rft.ReinforcementTraining(given)
                assert training.step == step
            told.setdefault(name, []).append(training.stepped())
    assert told["whole"] == told["parted"]


def test_a_resumed_run_that_has_ended_trains_no_more(shards, checkpoint, tmp_path, capsys):
    given = settings(shards, checkpoint, tmp_path, steps=1)
    rft.ReinforcementTraining(given).run()
    again = rft.ReinforcementTraining(given)
    again.run()
    assert again.answers == 9
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 1


@pytest.mark.parametrize("updates", [1, 2])
def test_what_is_rewarded_is_said_more_often(shards, checkpoint, tmp_path, few_words, updates):
    given = settings(
        shards, checkpoint, tmp_path, questions=1, group=16, answer_tokens=4, learning_rate=3e-2, updates=updates
    )
    training = rft.ReinforcementTraining(given)
    earned = [training.stepped()["reward"] for _ in range(10)]
    assert earned[0] < 0.3
    assert np.mean(earned[-2:]) > 0.9


def test_the_first_update_is_at_the_reference(shards, checkpoint, tmp_path):
    row = rft.ReinforcementTraining(settings(shards, checkpoint, tmp_path)).stepped()
    assert row["kl"] == pytest.approx(0, abs=1e-6)
    assert row["clipped"] == 0


def test_packed_answers_have_the_probabilities_they_have_alone(loaded, prompts):
    model, vocabulary = loaded
    answers = [[Answer([300, 301, 302], False), Answer([400, vocabulary.end], True)] for _ in prompts]
    tokens = rows_with_answers(vocabulary, prompts, answers)
    labels = torch.nn.functional.pad(tokens.pop("labels")[:, 1:], (0, 1), value=IGNORED)
    with torch.no_grad():
        packed = model(**tokens, **picture_inputs(prompts, "cpu"), logits_to_keep=labels != IGNORED).logits
        alone = [
            model(
                input_ids=torch.tensor([[*prompt.ids, vocabulary.assistant, *answer.ids]]),
                **picture_inputs([prompt], "cpu"),
            ).logits[0, -len(answer.ids) - 1 : -1]
            for prompt, group in zip(prompts, answers, strict=True)
            for answer in group
        ]
    assert labels[labels != IGNORED].tolist() == [token for group in answers for one in group for token in one.ids]
    torch.testing.assert_close(packed, torch.cat(alone), atol=1e-4, rtol=1e-4)


def test_answers_are_drawn_from_the_models_own_distribution(loaded, prompts):
    model, vocabulary = loaded
    prompt = prompts[0]
    torch.manual_seed(0)
    group = sample_answers(model, vocabulary, [prompt], group=300, limit=1, temperature=1.0)[0]
    # Some 2,500 nearly equal chances: a cut after the 50 likeliest, which transformers has as its default, would show.
    assert len({answer.ids[0] for answer in group}) > 150


def test_prompts_read_once_are_answered_as_if_each_answer_had_read_its_own(loaded, prompts):
    model, vocabulary = loaded
    coldly = sample_answers(model, vocabulary, prompts[:4], group=2, limit=4, temperature=1e-5)
    for prompt, group in zip(prompts, coldly, strict=False):
        ids = torch.tensor([[*prompt.ids, vocabulary.assistant]])
        alone = model.generate(
            input_ids=ids, **picture_inputs([prompt], "cpu"), do_sample=False, max_new_tokens=4,
            suppress_tokens=never_said(vocabulary), eos_token_id=vocabulary.end, pad_token_id=vocabulary.pad,
        )  # fmt: skip
        assert [answer.ids for answer in group] == [alone[0, ids.shape[1] :].tolist()] * 2


def test_place_holders_are_never_said(loaded, prompts):
    model, vocabulary = loaded
    tempted = torch.zeros(1, len(vocabulary.tokenizer))
    tempted[0, vocabulary.image] = 50.0
    lured = model.lm_head.register_forward_hook(lambda *called: called[-1] + tempted)
    try:
        drawn = sample_answers(model, vocabulary, prompts[:1], group=4, limit=3, temperature=1.0)[0]
    finally:
        lured.remove()
    assert all(vocabulary.image not in answer.ids for answer in drawn)


def test_an_answer_ends_with_its_end(loaded, prompts):
    model, vocabulary = loaded
    drawn = sample_answers(model, vocabulary, prompts[:2], group=2, limit=5, temperature=1.0)
    assert [len(group) for group in drawn] == [2, 2]
    for answer in (answer for group in drawn for answer in group):
        assert answer.ended == (answer.ids[-1] == vocabulary.end)
        assert len(answer.ids) == 5 or answer.ended
        assert vocabulary.end not in answer.ids[:-1]


def test_cut_off_answers_earn_nothing(shards, checkpoint, tmp_path, prompts):
    training = rft.ReinforcementTraining(settings(shards, checkpoint, tmp_path))
    ids = training.tokenizer("[(500, 500, 0.700), (500, 500, 0.700)]", add_special_tokens=False)["input_ids"]
    trace = next(prompt for prompt in prompts if prompt.asked.is_spatial)
    means, cut = training._rewarded([trace], [[Answer(ids, False), Answer(ids, False)]])
    assert cut.tolist() == [[0.0, 0.0]]
    assert set(means.values()) == {0.0}
    _, ended = training._rewarded([trace], [[Answer([*ids, training.vocabulary.end], True)] * 2])
    assert (ended > 0).all()


@pytest.mark.parametrize(
    ("changed", "named"),
    [({"group": 1}, "group"), ({"temperature": 0.0}, "temperature"), ({"sharpness_m": -1.0}, "sharpness_m"),
     ({"learning_rate": float("nan")}, "learning_rate"), ({"steps": 0}, "steps")],
)  # fmt: skip
def test_settings_that_cannot_be_used_are_refused(shards, checkpoint, tmp_path, changed, named):
    with pytest.raises(InvalidRequest, match=named):
        rft.ReinforcementTraining(settings(shards, checkpoint, tmp_path, **changed))


def test_a_folder_without_checkpoint_or_shards_is_named(shards, checkpoint, tmp_path):
    with pytest.raises(InvalidRequest, match="no RoboTracer checkpoint"):
        rft.ReinforcementTraining(settings(shards, tmp_path, tmp_path / "out"))
    with pytest.raises(InvalidRequest, match="no shards"):
        rft.ReinforcementTraining(settings(tmp_path, checkpoint, tmp_path / "out"))
