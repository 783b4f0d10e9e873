"""Constrained decoding over tokenizers: whatever a model prefers, the answer has the form, and in time."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("llguidance")

from backends.tiny_checkpoints import QWEN_TOKENS, byte_tokenizer  # noqa: E402

from robotracer_ros.backends.transformers_grammar import Grammars  # noqa: E402
from robotracer_ros.errors import BackendFailed, BackendUnavailable  # noqa: E402
from robotracer_ros.families import Mode, open_family  # noqa: E402
from robotracer_ros.geometry.camera import CameraIntrinsics  # noqa: E402
from robotracer_ros.geometry.observation import RgbdObservation  # noqa: E402
from robotracer_ros.query import ModelAnswer  # noqa: E402

FAMILY = open_family("robotracer")
OBSERVATION = RgbdObservation(np.zeros((6, 8, 3), np.uint8), None, CameraIntrinsics(8, 6, 7.0, 7.0, 3.5, 2.5), "c", 0)
PATTERNS = {mode: FAMILY.query(OBSERVATION, "go", mode).pattern for mode in Mode}


def numbered_tokenizer():
    """Byte tokens, and tokens of several characters that cross the grammar's joints."""
    tokenizer = byte_tokenizer(*QWEN_TOKENS)
    tokenizer.add_tokens([*map(str, range(100, 1000)), ", 0.", ", 1.", "), (", "[(", ")]", "1000"])
    return tokenizer


TOKENIZERS = {"bytes": byte_tokenizer(*QWEN_TOKENS), "numbers": numbered_tokenizer()}


def spoken(tokenizer, pattern, room, scores_of):
    """(text, tokens) of a model with the scores that ``scores_of(step)`` gives, and the vocabulary padded to 64."""
    constraint = Grammars(tokenizer, [tokenizer.eos_token_id]).constraint(pattern)
    constraint.begin(room)
    ids = []
    while len(ids) < room and not constraint.complete:
        token = int(constraint(None, scores_of(len(ids)))[0].argmax())
        ids.append(token)
        if token == tokenizer.eos_token_id:
            break
        constraint.take(token)
    words = [token for token in ids if token != tokenizer.eos_token_id]
    return tokenizer.decode(words, skip_special_tokens=False), ids


@pytest.mark.parametrize("name", TOKENIZERS)
@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("room", [64, 100, 300])
def test_any_model_answers_in_form_and_within_its_tokens(name, mode, room):
    tokenizer = TOKENIZERS[name]
    size = -(-len(tokenizer) // 64) * 64
    for seed in range(6):
        liked = torch.randn(room, size, generator=torch.Generator().manual_seed(seed))
        text, ids = spoken(tokenizer, PATTERNS[mode], room, lambda step, liked=liked: liked[step : step + 1])
        assert re.fullmatch(PATTERNS[mode], text), text
        assert len(ids) <= room
        assert len(FAMILY.read(ModelAnswer(text, "random", 0.0))) >= 1


@pytest.mark.parametrize("name", TOKENIZERS)
def test_a_model_that_only_wants_to_think_is_brought_to_its_answer(name):
    tokenizer = TOKENIZERS[name]
    liked = torch.zeros(1, len(tokenizer))
    liked[0, tokenizer.convert_tokens_to_ids("<think>")] = 9.0
    liked[0, tokenizer.convert_tokens_to_ids("l")] = 5.0
    text, ids = spoken(tokenizer, PATTERNS[Mode.TRACE_3D], 300, lambda _: liked)
    assert text.startswith("<think>" + "l" * 200) and text.endswith("</answer>")
    # The single token, not its seven letters.
    assert ids[0] == tokenizer.convert_tokens_to_ids("<think>")
    assert re.fullmatch(PATTERNS[Mode.TRACE_3D], text)


@pytest.mark.parametrize("name", TOKENIZERS)
@pytest.mark.parametrize("character", ["é", "語"])
def test_hurrying_waits_for_a_character_of_several_tokens(name, character):
    tokenizer = TOKENIZERS[name]
    cycle = tokenizer.encode(character, add_special_tokens=False)

    def scores(step):
        liked = torch.zeros(1, len(tokenizer))
        liked[0, tokenizer.convert_tokens_to_ids("<think>")] = 9.0
        liked[0, cycle[(step - 1) % len(cycle)]] = 5.0
        return liked

    for room in (96, 97, 98):
        text, _ = spoken(tokenizer, PATTERNS[Mode.TRACE_3D], room, scores)
        assert re.fullmatch(PATTERNS[Mode.TRACE_3D], text)


def test_what_the_model_wants_and_may_say_is_left_alone():
    tokenizer = TOKENIZERS["numbers"]
    wanted = tokenizer.encode("[(512, 304, 0.734), (1000, 0, 1.5)]", add_special_tokens=False)

    def scores(step):
        liked = torch.zeros(1, len(tokenizer))
        liked[0, wanted[step]] = 9.0
        return liked

    assert spoken(tokenizer, PATTERNS[Mode.TRACE_3D], 700, scores)[1] == wanted


def test_a_pattern_that_may_go_on_ends_with_the_models_own_end():
    tokenizer = TOKENIZERS["bytes"]
    liked = torch.zeros(1, len(tokenizer))
    liked[0, tokenizer.convert_tokens_to_ids("7")] = 1.0
    end = liked.clone()
    end[0, tokenizer.eos_token_id] = 9.0
    text, ids = spoken(tokenizer, "[0-9]+", 99, lambda step: end if step == 3 else liked)
    assert (text, ids[-1]) == ("777", tokenizer.eos_token_id)


@pytest.mark.parametrize("pattern", ["(a", "a(?=b)"])
def test_a_pattern_that_cannot_be_used_is_refused(pattern):
    grammars = Grammars(TOKENIZERS["bytes"], [TOKENIZERS["bytes"].eos_token_id])
    with pytest.raises(BackendFailed, match="cannot constrain an answer"):
        grammars.constraint(pattern)


@pytest.mark.parametrize("room", [1, 5, 9])
def test_an_answer_that_cannot_be_brought_to_its_end_is_cut_off_in_form(room):
    text, ids = spoken(TOKENIZERS["bytes"], "a{10}", room, lambda _: torch.zeros(1, 266))
    assert text == "a" * room and len(ids) == room


def test_slashes_and_line_breaks_of_a_pattern_survive_hurrying():
    text, _ = spoken(TOKENIZERS["bytes"], r"a/b\/c" + "\n" + r"[x\n]{2}", 20, lambda _: torch.zeros(1, 266))
    assert re.fullmatch("a/b/c\n[x\n]{2}", text)


def test_without_llguidance_the_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "llguidance", None)
    with pytest.raises(BackendUnavailable, match="pip install llguidance"):
        Grammars(TOKENIZERS["bytes"], [0])


def test_a_slow_tokenizer_is_refused():
    with pytest.raises(BackendUnavailable, match="need a fast tokenizer"):
        Grammars(json, [0])
