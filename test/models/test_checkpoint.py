from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor, AutoTokenizer

from robotracer_ros.models import RoboTracerConfig, RoboTracerForConditionalGeneration, RoboTracerProcessor

QUESTION = "put the red block into the blue bowl"


@pytest.fixture
def checkpoint(tmp_path, model, processor, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    return tmp_path


def test_a_checkpoint_comes_back_through_the_auto_classes(checkpoint, model, processor, rgb, modes):
    loaded = AutoModelForImageTextToText.from_pretrained(checkpoint).eval()
    asked = AutoProcessor.from_pretrained(checkpoint)
    assert isinstance(loaded, RoboTracerForConditionalGeneration)
    assert isinstance(asked, RoboTracerProcessor)
    for given in modes.values():
        inputs, again = (one(images=rgb, text=QUESTION, **given) for one in (processor, asked))
        assert set(inputs) == set(again)
        assert all(torch.equal(inputs[name], again[name]) for name in inputs)
        with torch.no_grad():
            torch.testing.assert_close(loaded(**again).logits, model(**inputs).logits, atol=0, rtol=0)


def test_every_parameter_comes_back(checkpoint, model):
    loaded = AutoModelForImageTextToText.from_pretrained(checkpoint).state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in model.state_dict().items())


def test_the_checkpoint_is_safetensors_and_ties_its_embeddings(checkpoint):
    from safetensors import safe_open

    with safe_open(checkpoint / "model.safetensors", "pt") as file:
        names = set(file.keys())
    assert "lm_head.weight" not in names
    assert "language_model.embed_tokens.weight" in names
    assert not list(checkpoint.glob("*.bin"))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_loads_and_generates(checkpoint, processor, rgb, modes, dtype):
    loaded = AutoModelForImageTextToText.from_pretrained(checkpoint, dtype=dtype)
    assert {parameter.dtype for parameter in loaded.parameters()} == {dtype}
    inputs = processor(images=rgb, text=QUESTION, **modes["RGB+encoder+intrinsics+depth"])
    generated = loaded.generate(**inputs, max_new_tokens=3, min_new_tokens=3, do_sample=False)
    assert generated.shape[1] == inputs["input_ids"].shape[1] + 3


def test_configuration_and_tokenizer_come_back_alone(checkpoint, model, processor):
    config = AutoConfig.from_pretrained(checkpoint)
    assert isinstance(config, RoboTracerConfig)
    assert config.to_diff_dict().keys() == model.config.to_diff_dict().keys()
    assert config.spatial_config.depth_centre_m == model.config.spatial_config.depth_centre_m
    text = "[(512, 304, 0.734), (498, 250, 0.700)]"
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    assert tokenizer(text).input_ids == processor.tokenizer(text).input_ids
    assert tokenizer.decode(tokenizer(text).input_ids) == text


def test_generation_ends_at_the_end_token(checkpoint, processor):
    loaded = AutoModelForImageTextToText.from_pretrained(checkpoint)
    assert loaded.generation_config.eos_token_id == processor.tokenizer.eos_token_id
    assert loaded.generation_config.pad_token_id == processor.tokenizer.pad_token_id


def test_the_nano_size_fits_the_place_holders(tokenizer, processor):
    from robotracer_ros.models import nano_config

    config = nano_config(tokenizer)
    assert config.num_image_tokens == processor.num_image_tokens
    assert config.num_spatial_tokens == processor.num_spatial_tokens
    assert config.vision_config.hidden_size == 192
    assert config.spatial_config.hidden_size == 128
