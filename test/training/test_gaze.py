"""Which places in an answer teach attention, and that it learns them."""

from __future__ import annotations

import math

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from robotracer_ros.models import RoboTracerForConditionalGeneration, build_tokenizer, nano_config
from robotracer_ros.training.gaze import Gaze, _place
from robotracer_ros.training.questions import Question, Vocabulary, batch_of_rows, packed_row

SMALL = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
REASONED = (
    "<think> Step1: [Referring] [red block]: [(512, 260, 0.734)] </think> <answer> [(512, 260, 0.734), (80, 90, 0.7)]"
)


MEASURED = (
    "<think> Step1: [Referring] [red block]: [(512, 260, 0.734)] Step2: [Measuring] [left of camera]: 0.212 m "
    "Step3: [Referring] [cup]: [(80, 90, 0.7)] Step4: [Measuring] [height of cup]: 0.081 m "
    "Step5: [Measuring] [distance right]: 0.305 m </think> <answer> 0.051 m"
)


@pytest.fixture
def model_and_vocabulary():
    torch.manual_seed(0)
    questions = ["point to the red block", "how tall is the red block?", "push the block to"]
    texts = [*questions, "[(512, 304)]", REASONED, MEASURED, "0.051 m"]
    tokenizer = build_tokenizer(texts * 3)
    text = {**SMALL, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
    config = nano_config(tokenizer, vision=SMALL, text=text, spatial=SMALL)
    return RoboTracerForConditionalGeneration(config), Vocabulary.of(tokenizer)


def batch(vocabulary, *answers, spatial=0, question="point to the red block"):
    questions = iter([Question(question, answer) for answer in answers])
    tokens = batch_of_rows(vocabulary, [packed_row(vocabulary, vocabulary.prefix(144, spatial), questions, 400)])
    targets = torch.nn.functional.pad(tokens["labels"][:, 1:], (0, 1), value=-100)
    return tokens, targets


def test_a_pointing_answer_names_the_patch_of_its_point(model_and_vocabulary):
    model, vocabulary = model_and_vocabulary
    tokens, targets = batch(vocabulary, "[(512, 304)]")
    rows, columns, patches = Gaze(model, vocabulary.tokenizer)._places(tokens["input_ids"], targets)
    assert [vocabulary.tokenizer.decode([targets[0, column]]) for column in columns] == ["512", "304"]
    assert rows.tolist() == [0, 0]
    assert patches.tolist() == [3 * 12 + 6] * 2


def test_points_in_mid_air_are_no_places_to_look_at(model_and_vocabulary):
    model, vocabulary = model_and_vocabulary
    tokens, targets = batch(vocabulary, REASONED)
    _, columns, _ = Gaze(model, vocabulary.tokenizer)._places(tokens["input_ids"], targets)
    said = [vocabulary.tokenizer.decode([targets[0, column]]) for column in sorted(columns.tolist())]
    assert said == ["512", "260", "734"] * 2


TRACED = (
    "<think> Step1: [Referring] [red block]: [(512, 260, 0.734)] Step2: [Referring] [destination]: [(80, 90, 0.612)] "
    "</think> <answer> [(512, 260, 0.734), (300, 100, 0.650), (80, 90, 0.612)]"
)
FLAT = TRACED.replace("[(512, 260, 0.734), (300, 100, 0.650), (80, 90, 0.612)]", "[(512, 260), (300, 100), (80, 90)]")


@pytest.mark.parametrize(("answer", "numbers"), [(TRACED, 4), (FLAT, 2)])
def test_later_points_look_back_at_the_first_and_the_last_one_at_the_destination(
    model_and_vocabulary, answer, numbers
):
    model, vocabulary = model_and_vocabulary
    decode = vocabulary.tokenizer.decode
    # Another question before it, which nothing may look back at.
    tokens, targets = batch(vocabulary, answer.replace("80", "81"), answer)
    ids = tokens["input_ids"]
    to_start, to_destination = Gaze(model, vocabulary.tokenizer)._numbers_of_ends(ids, targets)
    pairs = [
        [(decode([targets[0, column]]), decode([ids[0, looked]])) for column, looked in zip(*ends[1:], strict=True)]
        for ends in (to_start, to_destination)
    ]
    of_start = [("300", "512"), ("100", "260"), (", 0.", ", 0."), ("650", "734")][:numbers]
    of_start += [("80", "512"), ("90", "260"), (", 0.", ", 0."), ("612", "734")][:numbers]
    of_end = [("80", "80"), ("90", "90"), (", 0.", ", 0."), ("612", "612")][:numbers]
    assert pairs[0][2 * numbers :] == of_start
    assert pairs[1][numbers:] == of_end
    seen = tokens["attention_mask"][0, 0]
    for _, columns, looked in (to_start, to_destination):
        assert seen[columns, looked].all()


def test_a_name_is_copied_from_the_question_word_by_word(model_and_vocabulary):
    model, vocabulary = model_and_vocabulary
    decode = vocabulary.tokenizer.decode
    tokens, targets = batch(vocabulary, "0.051 m", TRACED, question="push the block to the red block")
    ids = tokens["input_ids"]
    _, columns, wanted = Gaze(model, vocabulary.tokenizer)._names(ids, targets)
    said = [decode([targets[0, column]]) for column in columns]
    there = [decode([ids[0, looked]]) for looked in wanted]
    assert "".join(said) == "red block"
    assert [word.strip() for word in said] == [word.strip() for word in there]
    # The red block is named, not the other one, and in its own question.
    assert decode([ids[0, wanted[0] - 1]]).strip() == "the"
    assert all(tokens["attention_mask"][0, 0, column, looked] for column, looked in zip(columns, wanted, strict=True))


@pytest.mark.parametrize(
    ("question", "name", "place"),
    [
        ("put the white cup on the cup", ["cup"], 6),
        ("put cup on plate", ["cup"], 1),
        ("put the cup down", ["bowl"], -1),
        ("move the second cup from the left", ["second", "cup", "from", "the", "left"], 2),
    ],
)
def test_a_name_stands_where_its_article_stands(question, name, place):
    words = question.split()
    assert _place(words, range(len(words)), name) == place


def test_depth_is_read_from_the_spatial_token_of_the_place(model_and_vocabulary):
    model, vocabulary = model_and_vocabulary
    tokens, targets = batch(vocabulary, REASONED, spatial=144)
    _, columns, wanted = Gaze(model, vocabulary.tokenizer)._depths(tokens["input_ids"], targets)
    said = [vocabulary.tokenizer.decode([targets[0, column]]) for column in sorted(columns.tolist())]
    assert said == [", 0.", "734"] * 2
    # (512, 260) of 12 x 12 cells, behind 144 tokens of the picture.
    assert wanted.tolist() == [144 + 3 * 12 + 6] * 4


def test_what_a_place_measures_itself_is_read_from_its_spatial_token(model_and_vocabulary):
    model, vocabulary = model_and_vocabulary
    tokens, targets = batch(vocabulary, MEASURED, spatial=144)
    gaze = Gaze(model, vocabulary.tokenizer)
    _, columns, openings = gaze._own_lengths(tokens["input_ids"], targets)
    said = [vocabulary.tokenizer.decode([targets[0, column]]).strip() for column in columns]
    assert said[1:3] + said[4:] == ["0", "212", "0", "081"]
    _, looking, wanted = gaze._depths(tokens["input_ids"], targets)
    of_own = dict(zip(looking.tolist(), wanted.tolist(), strict=True))
    # Of the block and of the cup; how far one is from the other is no single place's.
    assert [of_own[int(column)] for column in columns] == [144 + 3 * 12 + 6] * 3 + [144 + 1 * 12 + 0] * 3
    assert len(set(openings.tolist())) == 2


def test_a_destination_is_looked_up_among_the_spatial_tokens(model_and_vocabulary):
    model, vocabulary = model_and_vocabulary
    tokens, targets = batch(vocabulary, TRACED, spatial=144)
    _, columns, wanted = Gaze(model, vocabulary.tokenizer)._depths(tokens["input_ids"], targets)
    decode = vocabulary.tokenizer.decode
    where = {decode([targets[0, column]]): int(at) for column, at in zip(columns, wanted, strict=True)}
    assert where["80"] == where["90"] == where["612"] == 144 + 1 * 12 + 0
    assert "512" not in where


def test_a_list_of_one_point_looks_back_at_nothing(model_and_vocabulary):
    model, vocabulary = model_and_vocabulary
    tokens, targets = batch(vocabulary, "[(512, 304)]", "0.051 m")
    ends = Gaze(model, vocabulary.tokenizer)._numbers_of_ends(tokens["input_ids"], targets)
    assert [len(rows) for rows, _, _ in ends] == [0, 0]


def seen(kind=3, colour=2):
    """What each patch shows, as `dense_targets` has it: the same thing everywhere."""
    return {"kinds": torch.full((1, 144), kind), "colours": torch.full((1, 144), colour)}


def test_an_answer_without_a_place_costs_nothing(model_and_vocabulary):
    model, vocabulary = model_and_vocabulary
    tokens, targets = batch(vocabulary, "0.051 m")
    assert Gaze(model, vocabulary.tokenizer).loss(tokens["input_ids"], targets, seen()) == 0


def test_attention_learns_to_look_there(model_and_vocabulary):
    model, vocabulary = model_and_vocabulary
    gaze = Gaze(model, vocabulary.tokenizer)
    tokens, targets = batch(vocabulary, "[(512, 304)]", "[(80, 900)]")
    pictures = torch.rand(1, 3, 192, 192) * 2 - 1
    optimiser = torch.optim.Adam([*model.parameters(), *gaze.parameters()], lr=3e-3)
    told = []
    for _ in range(30):
        inputs = {name: tokens[name] for name in ("input_ids", "attention_mask", "position_ids")}
        model(**inputs, pixel_values=pictures, use_cache=False)
        loss = gaze.loss(tokens["input_ids"], targets, seen())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        told.append(float(loss))
    # Where among 144 patches, which of 9 kinds, which of 10 colours.
    assert told[0] == pytest.approx(math.log(144 * 9 * 10), abs=1.5)
    assert told[-1] < told[0] - math.log(9 * 10) / 2


def test_where_nothing_is_shown_only_the_place_is_learned(model_and_vocabulary):
    model, vocabulary = model_and_vocabulary
    gaze = Gaze(model, vocabulary.tokenizer)
    tokens, targets = batch(vocabulary, "[(512, 304)]")
    inputs = {name: tokens[name] for name in ("input_ids", "attention_mask", "position_ids")}
    model(**inputs, pixel_values=torch.zeros(1, 3, 192, 192), use_cache=False)
    on_table, on_object = (
        gaze.loss(tokens["input_ids"], targets, seen(colour=-100)),
        gaze.loss(tokens["input_ids"], targets, seen()),
    )
    assert 0 < on_table < on_object


def test_attention_learns_to_look_back(model_and_vocabulary):
    model, vocabulary = model_and_vocabulary
    gaze = Gaze(model, vocabulary.tokenizer)
    tokens, targets = batch(vocabulary, TRACED)
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    told = []
    for _ in range(40):
        inputs = {name: tokens[name] for name in ("input_ids", "attention_mask", "position_ids")}
        model(**inputs, pixel_values=torch.zeros(1, 3, 192, 192), use_cache=False)
        loss = gaze._looking_back_loss(tokens["input_ids"], targets)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        told.append(loss.item())
    # The start, the destination and a name, each among all tokens before; no spatial tokens.
    assert told[0] == pytest.approx(3 * math.log(220), abs=1.5)
    assert told[-1] < 0.7 * told[0]
