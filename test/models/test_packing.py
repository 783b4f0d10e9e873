from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from robotracer_ros.models import packed_mask, packed_positions

SEGMENTS = torch.tensor([[0, 0, 1, 1, 2, 2, 2, -1]])


def test_a_question_sees_the_prefix_and_itself_alone():
    rows = packed_mask(SEGMENTS)[0, 0].int().tolist()
    assert rows == [
        [1, 0, 0, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0, 0, 0],
        [1, 1, 1, 1, 0, 0, 0, 0],
        [1, 1, 0, 0, 1, 0, 0, 0],
        [1, 1, 0, 0, 1, 1, 0, 0],
        [1, 1, 0, 0, 1, 1, 1, 0],
        [0, 0, 0, 0, 0, 0, 0, 1],
    ]


def test_each_question_begins_where_the_prefix_ends():
    assert packed_positions(SEGMENTS).tolist() == [[0, 1, 2, 3, 2, 3, 4, 0]]


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("as_float", [False, True])
def test_packed_questions_get_the_answers_of_separate_ones(model, processor, modes, rgb, attention, as_float):
    model.set_attn_implementation(attention)
    inputs = processor(images=rgb, text="x", **modes["RGB+encoder+intrinsics+depth"])
    pictures = {name: value for name, value in inputs.items() if name not in ("input_ids", "attention_mask")}
    length = processor.num_image_tokens + processor.num_spatial_tokens + 1
    prefix = inputs["input_ids"][0, :length]
    questions = [
        torch.tensor(processor.tokenizer(text).input_ids)
        for text in ("where is it?<|assistant|>[(5, 6)]", "put the red block down<|assistant|>[(7, 8, 0.900)]")
    ]
    row = torch.cat([prefix, *questions, torch.full((3,), processor.tokenizer.pad_token_id)])[None]
    lengths = [length, *map(len, questions), 3]
    segments = torch.repeat_interleave(torch.tensor([0, 1, 2, -1]), torch.tensor(lengths))[None]
    mask = packed_mask(segments)
    if as_float:
        mask = torch.zeros(mask.shape).masked_fill(~mask, torch.finfo(torch.float32).min)
    with torch.no_grad():
        packed = model(input_ids=row, attention_mask=mask, position_ids=packed_positions(segments), **pictures)
        alone = [model(input_ids=torch.cat([prefix, one])[None], **pictures) for one in questions]
    first, second = packed.logits[0, length:-3].split(lengths[1:3])
    torch.testing.assert_close(first, alone[0].logits[0, length:], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(second, alone[1].logits[0, length:], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(packed.scale_m, alone[1].scale_m, atol=1e-4, rtol=1e-4)
    assert torch.isfinite(packed.logits).all()
