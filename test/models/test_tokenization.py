from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from models.conftest import CORPUS

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.families.family import Mode
from robotracer_ros.families.robotracer import PROMPTS
from robotracer_ros.models import build_tokenizer
from robotracer_ros.models.tokenization import NUMBERS

TEXTS = [
    *CORPUS,
    *(prompt.format('push it 12.5 cm to the "left", then  stop\n\tok') for prompt in PROMPTS.values()),
    "",
    " ",
    "  two  spaces ,  0.5 (( ",
    "Ünïcode ☃ 日本語 ١٢٣ 12345 007 1000 10000 -0.5e3",
    "<|image_pad|><SCALE>who?<|assistant|> [(1, 2)]<|end|>",
]


@pytest.mark.parametrize("text", TEXTS)
def test_decoding_what_was_encoded_gives_the_text(tokenizer, text):
    assert tokenizer.decode(tokenizer(text).input_ids) == text


def test_a_point_in_space_costs_six_tokens(tokenizer):
    one, two = (len(tokenizer("[" + ", ".join(["(512, 304, 0.734)"] * count) + "]").input_ids) for count in (2, 3))
    assert two - one == 6


@pytest.mark.parametrize("number", ["0", "7", "42", "07", "512", "034", "000", "1000"])
def test_a_number_is_one_token(tokenizer, number):
    assert len(tokenizer(number).input_ids) == 1


def test_every_number_has_its_own_token(tokenizer):
    assert len(NUMBERS) == 10 + 100 + 1000 + 1
    assert len(set(tokenizer.convert_tokens_to_ids(list(NUMBERS)))) == len(NUMBERS)


@pytest.mark.parametrize("mode", list(Mode))
def test_a_prompt_costs_little_more_than_its_sentence(tokenizer, mode):
    sentence = "put the red block into the blue bowl"
    prompt = tokenizer(PROMPTS[mode].format(sentence)).input_ids
    assert len(prompt) <= len(tokenizer(sentence).input_ids) + 2


def test_the_longest_phrase_wins():
    tokenizer = build_tokenizer([], ["the task", "the task is"])
    assert len(tokenizer("the task is").input_ids) == 1
    assert len(tokenizer("the task").input_ids) == 1


def test_the_corpus_is_learned_within_the_size():
    tokenizer = build_tokenizer(["the yellow cylinder stands"] * 4, vocab_size=1400)
    assert len(tokenizer) <= 1400
    assert len(tokenizer("the yellow cylinder").input_ids) == 3


@pytest.mark.parametrize("phrase", ["", "é"])
def test_a_phrase_that_would_not_come_back_is_refused(phrase):
    with pytest.raises(InvalidRequest, match="phrase"):
        build_tokenizer([], [phrase])


def test_too_small_a_vocabulary_is_refused():
    with pytest.raises(InvalidRequest, match="at least"):
        build_tokenizer([], vocab_size=1000)
