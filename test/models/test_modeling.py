from __future__ import annotations

import math

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from robotracer_ros.errors import InvalidRequest

QUESTION = "put the red block into the blue bowl"


@pytest.fixture
def inputs(processor, rgb, modes):
    return processor(images=rgb, text=QUESTION, **modes["RGB+encoder+intrinsics+depth"])


def answer_labels(inputs, count=4):
    """Labels on the last tokens, as if they were the answer."""
    labels = torch.full_like(inputs["input_ids"], -100)
    labels[:, -count:] = inputs["input_ids"][:, -count:]
    return labels


def test_the_four_modes_differ_and_all_generate(model, processor, rgb, modes):
    scores = []
    for given in modes.values():
        inputs = processor(images=rgb, text=QUESTION, **given)
        generated = model.generate(**inputs, max_new_tokens=4, min_new_tokens=4, do_sample=False)
        assert generated.shape[1] == inputs["input_ids"].shape[1] + 4
        with torch.no_grad():
            scores.append(model(**inputs).logits[0, -1])
    for index, one in enumerate(scores):
        assert all(not torch.allclose(one, other, atol=1e-3) for other in scores[index + 1 :])


@pytest.mark.parametrize("settings", [{}, {"cache_implementation": "static"}])
def test_a_cache_changes_no_word(model, inputs, settings):
    uncached = model.generate(**inputs, max_new_tokens=12, min_new_tokens=12, do_sample=False, use_cache=False)
    cached = model.generate(**inputs, max_new_tokens=12, min_new_tokens=12, do_sample=False, **settings)
    assert torch.equal(cached, uncached)


def test_pictures_are_encoded_once(model, inputs, monkeypatch):
    seen = []
    for name in ("vision_features", "spatial_features"):
        encode = getattr(model, name)
        monkeypatch.setattr(model, name, lambda *a, n=name, e=encode, **k: seen.append(n) or e(*a, **k))
    model.generate(**inputs, max_new_tokens=5, min_new_tokens=5, do_sample=True, num_return_sequences=3)
    assert sorted(seen) == ["spatial_features", "vision_features"]


def test_rows_that_share_a_picture_are_rows_with_copies_of_it(model, processor, rgb, modes):
    given = modes["RGB+encoder+intrinsics+depth"]
    copies = processor(images=[rgb, rgb], text=[QUESTION, "where?"], **given)
    shared = {name: value if "ids" in name or "mask" in name else value[:1] for name, value in copies.items()}
    with torch.no_grad():
        torch.testing.assert_close(model(**shared).logits[:, -1], model(**copies).logits[:, -1], atol=1e-5, rtol=1e-5)


def test_rows_without_spatial_encoder_stand_among_others(model, processor, rgb, modes):
    pad = processor.tokenizer.pad_token_id
    whole = processor(images=rgb, text="where?", **modes["RGB+encoder+intrinsics+depth"])
    plain = processor(images=rgb, text="where?", **modes["RGB"])
    ids, mask = (
        torch.cat([torch.nn.functional.pad(plain[name], (model.config.num_spatial_tokens, 0), value=fill), whole[name]])
        for name, fill in (("input_ids", pad), ("attention_mask", 0))
    )
    positions = (mask.cumsum(dim=1) - 1).clamp_min(0)
    pictures = {name: value for name, value in whole.items() if name not in ("input_ids", "attention_mask")}
    with torch.no_grad():
        mixed = model(input_ids=ids, attention_mask=mask, position_ids=positions, **pictures).logits[:, -1]
        alone = torch.cat([model(**plain).logits[:, -1], model(**whole).logits[:, -1]])
    torch.testing.assert_close(mixed, alone, atol=1e-4, rtol=1e-4)


def test_padding_changes_no_answer(model, processor, rgb, modes):
    given = modes["RGB+encoder"]
    batch = processor(images=[rgb, rgb], text=["where?", QUESTION], **given)
    alone = processor(images=rgb, text="where?", **given)
    settings = {"max_new_tokens": 6, "min_new_tokens": 6, "do_sample": False}
    assert torch.equal(model.generate(**batch, **settings)[0, -6:], model.generate(**alone, **settings)[0, -6:])


def test_the_loss_is_next_token_plus_a_tenth_of_the_scale_error(model, inputs):
    labels = answer_labels(inputs)
    with torch.no_grad():
        out = model(**inputs, labels=labels, scale_m=torch.tensor([0.7]))
    expected = torch.nn.functional.cross_entropy(out.logits[0, -5:-1], inputs["input_ids"][0, -4:])
    scale = (math.log(float(out.scale_m)) - math.log(0.7)) ** 2
    torch.testing.assert_close(out.token_loss, expected)
    assert math.isclose(float(out.scale_loss), scale, rel_tol=1e-3, abs_tol=1e-6)
    torch.testing.assert_close(out.loss, expected + 0.1 * out.scale_loss)


def test_a_scale_that_is_not_given_costs_nothing(model, processor, rgb):
    batch = processor(images=[rgb, rgb], text=["a", "b"])
    with torch.no_grad():
        both = model(**batch, scale_m=torch.tensor([0.7, math.nan]))
        none = model(**batch, scale_m=torch.tensor([math.nan, math.nan]))
    expected = (math.log(float(both.scale_m[0])) - math.log(0.7)) ** 2
    assert math.isclose(float(both.scale_loss), expected, rel_tol=1e-3, abs_tol=1e-6)
    assert none.loss == 0


def test_a_row_without_scale_token_has_none_and_no_gradient(model):
    ids = torch.tensor([[50, 51, 52]])
    out = model(input_ids=ids, labels=ids, scale_m=torch.tensor([1.0]))
    assert out.scale_m.isnan().all()
    out.loss.backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


def test_positions_to_keep_change_no_loss(model, inputs):
    labels = answer_labels(inputs)
    positions = torch.arange(labels.shape[1])[-5:-1]
    mask = torch.zeros_like(labels, dtype=torch.bool)
    mask[:, -5:-1] = True
    with torch.no_grad():
        whole = model(**inputs, labels=labels)
        kept = [model(**inputs, labels=labels, logits_to_keep=keep) for keep in (6, positions, positions[None], mask)]
    assert [tuple(out.logits.shape[:-1]) for out in kept] == [(1, 6), (1, 4), (1, 4), (4,)]
    for out in kept:
        torch.testing.assert_close(out.loss, whole.loss)


def test_gradients_reach_every_part(model, processor, rgb, intrinsics, depth_m):
    cues = {"intrinsics": [intrinsics, None, intrinsics], "depth_m": [None, depth_m, depth_m]}
    batch = processor(images=[rgb] * 3, text=["a", "b", "c"], **cues)
    model.train()
    model(**batch, labels=answer_labels(batch, 1), scale_m=torch.tensor([0.5, 0.9, 0.7])).loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        # The bias of a key shifts all scores of a query alike, which the softmax takes out again.
        assert parameter.grad.any() or name.endswith("k_proj.bias"), name


def test_features_before_projection_keep_their_patches(model, inputs):
    spatial = {name: value for name, value in inputs.items() if name.startswith(("spatial", "rays", "has", "depth"))}
    with torch.no_grad():
        assert model.vision_features(inputs["pixel_values"]).shape == (1, model.config.num_image_tokens, 32)
        assert model.spatial_features(**spatial).shape == (1, model.config.num_spatial_tokens, 32)


@pytest.mark.parametrize(
    ("drop", "message"),
    [("rays", "without rays"), ("input_ids", "input_ids or inputs_embeds"), ("has_depth", "without has_depth")],
)
def test_missing_inputs_are_named(model, inputs, drop, message):
    with pytest.raises(InvalidRequest, match=message):
        model(**{name: value for name, value in inputs.items() if name != drop})


def test_place_holders_that_do_not_fit_are_refused(model, inputs, processor, rgb):
    with pytest.raises(InvalidRequest, match=r"must hold [0-9]+ <\|image_pad\|>"):
        model(input_ids=inputs["input_ids"][:, 3:], pixel_values=inputs["pixel_values"])
    three = processor(images=[rgb] * 3, text=["a", "b", "c"], encoder=False)
    with pytest.raises(InvalidRequest, match="2 pictures for 3 rows"):
        model(input_ids=three["input_ids"], pixel_values=three["pixel_values"][:2])


@pytest.mark.parametrize("scale", [[0.0], [-1.0], [1.0, 2.0]])
def test_an_impossible_scale_is_refused(model, inputs, scale):
    with pytest.raises(InvalidRequest, match="scale_m"):
        model(**inputs, scale_m=torch.tensor(scale))
