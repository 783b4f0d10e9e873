from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.models import spatial_grids
from robotracer_ros.models.spatial_grids import PICTURE

QUESTION = "put the red block into the blue bowl"
SPATIAL = ("spatial_pixel_values", "rays", "has_rays", "depth", "depth_valid", "has_depth")


def test_the_prompt_is_picture_space_scale_question(processor, rgb):
    inputs = processor(images=rgb, text=QUESTION)
    image = "<|image_pad|>" * processor.num_image_tokens
    spatial = "<|spatial_pad|>" * processor.num_spatial_tokens
    expected = f"{image}{spatial}<SCALE>{QUESTION}<|assistant|>"
    assert processor.tokenizer.decode(inputs["input_ids"][0]) == expected
    assert inputs["pixel_values"].shape == (1, 3, PICTURE, PICTURE)
    assert inputs["pixel_values"].dtype == torch.float32


def test_mode_rgb_has_no_spatial_tokens(processor, rgb):
    inputs = processor(images=rgb, text=QUESTION, encoder=False)
    assert set(inputs) == {"input_ids", "attention_mask", "pixel_values"}
    assert "<|spatial_pad|>" not in processor.tokenizer.decode(inputs["input_ids"][0])


def test_each_mode_says_what_is_known(processor, rgb, modes):
    known = {
        mode: tuple(float(inputs[name]) for name in ("has_rays", "has_depth"))
        for mode, given in modes.items()
        if mode != "RGB" and (inputs := processor(images=rgb, text=QUESTION, **given))
    }
    assert list(known.values()) == [(0, 0), (1, 0), (1, 1)]


def test_the_grids_are_those_that_training_uses(processor, rgb, intrinsics, depth_m):
    inputs = processor(images=rgb, text=QUESTION, intrinsics=intrinsics, depth_m=depth_m)
    for name, grid in spatial_grids(rgb, intrinsics, depth_m).items():
        np.testing.assert_array_equal(inputs[name][0].numpy(), grid, err_msg=name)


def test_a_matrix_serves_as_intrinsics(processor, rgb, intrinsics):
    one = processor(images=rgb, text=QUESTION, intrinsics=intrinsics)
    for matrix in (intrinsics.matrix, intrinsics.matrix.tolist(), torch.tensor(intrinsics.matrix)):
        assert torch.equal(processor(images=rgb, text=QUESTION, intrinsics=matrix)["rays"], one["rays"])


def test_a_batch_is_its_rows_padded_on_the_left(processor, rgb, intrinsics, depth_m):
    other = np.ascontiguousarray(rgb[::-1])
    batch = processor(
        images=[rgb, other], text=["short", QUESTION], intrinsics=[None, intrinsics], depth_m=[depth_m, None]
    )
    rows = [
        processor(images=rgb, text="short", depth_m=depth_m),
        processor(images=other, text=QUESTION, intrinsics=intrinsics),
    ]
    for index, row in enumerate(rows):
        tokens = batch["input_ids"][index][batch["attention_mask"][index].bool()]
        assert torch.equal(tokens, row["input_ids"][0])
        for name in ("pixel_values", *SPATIAL):
            assert torch.equal(batch[name][index], row[name][0]), name
    assert batch["attention_mask"][0, 0] == 0


def test_one_camera_serves_all_pictures(processor, rgb, intrinsics):
    batch = processor(images=[rgb, rgb], text=["a", "b"], intrinsics=intrinsics)
    assert batch["has_rays"].tolist() == [1, 1]
    assert torch.equal(batch["rays"][0], batch["rays"][1])


def test_the_chat_template_gives_the_same_inputs(processor, rgb, intrinsics):
    for content in (
        [{"type": "image", "image": rgb}, {"type": "text", "text": QUESTION}],
        [{"type": "text", "text": QUESTION}, {"type": "image", "image": rgb}],
    ):
        inputs = processor.apply_chat_template(
            [{"role": "user", "content": content}],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            processor_kwargs={"intrinsics": intrinsics},
        )
        expected = processor(images=rgb, text=QUESTION, intrinsics=intrinsics)
        assert set(inputs) == set(expected)
        assert all(torch.equal(inputs[name], expected[name]) for name in expected)


def test_an_answer_in_the_chat_ends_or_goes_on(processor):
    chat = [
        {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "where?"}]},
        {"role": "assistant", "content": "[(1, 2)]"},
    ]
    prompt = "<|image_pad|><SCALE>where?<|assistant|>[(1, 2)]"
    assert processor.apply_chat_template(chat) == prompt + "<|end|>"
    assert processor.apply_chat_template(chat, continue_final_message=True) == prompt


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": None}, "both images and text"),
        ({"images": []}, "at least one"),
        ({"images": np.zeros((4, 4, 3))}, "uint8"),
        ({"text": ["a", "b"]}, "2 texts and 1 pictures"),
        ({"text": "<|image_pad|><|image_pad|><SCALE>"}, "once"),
        ({"text": "<|spatial_pad|>"}, "never"),
        ({"text": "<SCALE>"}, "once"),
        ({"intrinsics": np.eye(4)}, "3 x 3"),
        ({"depth_m": np.ones((4, 4), np.float32)}, "picture's shape"),
        ({"depth_m": np.ones((48, 64), np.uint16)}, "millimetres"),
        ({"encoder": False, "intrinsics": np.eye(3)}, "encoder"),
        ({"intrinsics": [None, None]}, "each of 1 pictures"),
        ({"videos": []}, "videos"),
    ],
)
def test_what_does_not_fit_is_refused(processor, rgb, change, message):
    with pytest.raises(InvalidRequest, match=message):
        processor(**{"images": rgb, "text": QUESTION, **change})


def test_intrinsics_of_another_picture_size_are_refused(processor, rgb, intrinsics):
    with pytest.raises(InvalidRequest, match="scaled_to"):
        processor(images=rgb, text=QUESTION, intrinsics=intrinsics.scaled_to(128, 96))


def test_a_system_message_is_refused(processor):
    with pytest.raises(Exception, match="user or assistant"):
        processor.apply_chat_template([{"role": "system", "content": "be kind"}])
