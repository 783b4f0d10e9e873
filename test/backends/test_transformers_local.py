"""Checkpoints of four architectures in this process: their answers, their probabilities, and how they refuse."""

from __future__ import annotations

import functools
import gc
import json
import re
import shutil
import sys
import threading
import time
import weakref
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("torchvision", exc_type=ImportError)

from backends.tiny_checkpoints import MAKERS  # noqa: E402

from robotracer_ros.backends import open_backend  # noqa: E402
from robotracer_ros.backends.deadline import Deadline  # noqa: E402
from robotracer_ros.backends.query_dialects import ROBOTRACER_MODES  # noqa: E402
from robotracer_ros.backends.transformers_generation import Generator, Watch  # noqa: E402
from robotracer_ros.errors import (  # noqa: E402
    BackendError,
    BackendFailed,
    BackendTimeout,
    BackendUnavailable,
    InvalidRequest,
)
from robotracer_ros.families import Mode, open_family  # noqa: E402
from robotracer_ros.geometry.camera import CameraIntrinsics  # noqa: E402
from robotracer_ros.geometry.observation import RgbdObservation  # noqa: E402
from robotracer_ros.tracer import Tracer  # noqa: E402

FAMILY = open_family("robotracer")
SIZE = (96, 128)
RANDOM = np.random.default_rng(5)
OBSERVATION = RgbdObservation(
    RANDOM.integers(0, 256, (*SIZE, 3), dtype=np.uint8),
    RANDOM.uniform(0.5, 2.0, SIZE).astype(np.float32),
    CameraIntrinsics(128, 96, 110.0, 110.0, 64.0, 48.0),
    "camera",
    0,
)
QUERY = replace(FAMILY.query(OBSERVATION, "put the red block into the bowl", timeout_s=60.0), max_new_tokens=12)


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory):
    """A folder with a checkpoint of each architecture, by name, made when asked for."""
    root, made = tmp_path_factory.mktemp("checkpoints"), {}

    def folder(name):
        if name not in made:
            made[name] = MAKERS[name](root / name)
        return made[name]

    return folder


@pytest.fixture
def opened(checkpoints):
    """Opens backends over these checkpoints, or over a folder, and closes them."""
    backends = []

    def open_one(name, **options):
        model = checkpoints(name) if name in MAKERS else name
        backends.append(open_backend("transformers_local", {"model": model, "threads": 1, **options}))
        return backends[-1]

    yield open_one
    for backend in backends:
        backend.close()


def copied(folder, tmp_path, **generation):
    """A copy of a checkpoint with some settings of its generation changed."""
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    file = copy / "generation_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **generation}))
    return copy


def said_ids(backend, query, monkeypatch):
    """(answer, token ids) of a query."""
    said, generate = [], Generator.generate

    def kept(self, *arguments):
        said.append(generate(self, *arguments))
        return said[-1]

    monkeypatch.setattr(Generator, "generate", kept)
    answer = backend.answer(query)
    monkeypatch.setattr(Generator, "generate", generate)
    return answer, said[-1].ids


def logprobs_by_one_pass(backend, query, ids):
    """What a single pass over prompt and answer says of the answer's tokens."""
    engine = backend._engine
    inputs = engine.prompter.inputs(query)
    prompt = inputs["input_ids"].shape[1]
    answer = torch.tensor([ids])
    for name, filling in (("attention_mask", torch.ones_like(answer)), ("mm_token_type_ids", torch.zeros_like(answer))):
        if name in inputs:
            inputs[name] = torch.cat([inputs[name], filling], dim=1)
    inputs["input_ids"] = torch.cat([inputs["input_ids"], answer], dim=1)
    with torch.no_grad():
        logits = engine.generator._model(**inputs).logits[0, prompt - 1 : -1]
    return torch.log_softmax(logits.float(), dim=-1).gather(1, answer.T)[:, 0].numpy()


@pytest.mark.parametrize("name", MAKERS)
def test_a_free_answer_and_its_probabilities(opened, name, monkeypatch):
    backend = opened(name)
    answer, ids = said_ids(backend, QUERY, monkeypatch)
    assert answer.model == name and answer.latency_s > 0
    assert answer.truncated and len(answer.token_logprobs) == len(ids) == QUERY.max_new_tokens
    assert "".join(piece for piece, _ in answer.token_logprobs) == answer.text
    expected = logprobs_by_one_pass(backend, QUERY, ids)
    np.testing.assert_allclose([logprob for _, logprob in answer.token_logprobs], expected, atol=2e-4)
    assert backend.answer(QUERY).text == answer.text


@pytest.mark.parametrize("name", MAKERS)
def test_greedy_as_transformers_itself_is_with_all_inputs(opened, checkpoints, name, monkeypatch):
    backend = opened(name)
    _, ids = said_ids(backend, QUERY, monkeypatch)
    model = transformers.AutoModelForImageTextToText.from_pretrained(checkpoints(name), dtype=torch.float32)
    inputs = backend._engine.prompter.inputs(QUERY)
    said = model.generate(**inputs, do_sample=False, max_new_tokens=QUERY.max_new_tokens)
    assert said[0, inputs["input_ids"].shape[1] :].tolist() == ids


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("mode", Mode)
def test_a_constrained_answer_is_a_trace_with_confidence(opened, name, mode, monkeypatch):
    pytest.importorskip("llguidance")
    backend = opened(name, constrained=True)
    query = replace(FAMILY.query(OBSERVATION, "go", mode), max_new_tokens=150)
    answer, ids = said_ids(backend, query, monkeypatch)
    assert re.fullmatch(query.pattern, answer.text) and not answer.truncated
    # The model's own probabilities, not those among the tokens that the form left over.
    expected = logprobs_by_one_pass(backend, query, ids)
    np.testing.assert_allclose([logprob for _, logprob in answer.token_logprobs], expected, atol=2e-4)
    trace = FAMILY.read(answer)
    assert (trace.depth_m is None) == (mode is not Mode.TRACE_3D)
    least, most = np.exp(expected.min()), np.exp(expected.max())
    assert ((trace.confidence >= least * 0.99) & (trace.confidence <= most * 1.01)).all()
    assert most < 0.5


def test_confidence_reaches_the_metric_trace(opened):
    pytest.importorskip("llguidance")
    result = Tracer(FAMILY, opened("qwen3_vl", constrained=True)).trace(OBSERVATION, "go", Mode.POINTS)
    assert len(result.spatial.confidence) == len(result.visual.uv)
    assert (result.spatial.confidence < 0.5).all()


@pytest.mark.parametrize("name", ["qwen3_vl", "robotracer"])
def test_an_answer_that_the_model_ends_is_not_truncated(opened, checkpoints, tmp_path, name, monkeypatch):
    answer, ids = said_ids(opened(name), QUERY, monkeypatch)
    end = ids[-1]
    first = ids.index(end)
    ending = opened(copied(checkpoints(name), tmp_path, eos_token_id=end)).answer(QUERY)
    assert not ending.truncated and len(ending.token_logprobs) == first + 1
    assert ending.token_logprobs[-1][0] == ""
    assert ending.text == "".join(piece for piece, _ in answer.token_logprobs[:first])


def test_the_backends_own_limit_of_tokens(opened):
    backend = opened("llava", max_new_tokens=5)
    assert len(backend.answer(QUERY).token_logprobs) == 5


@pytest.mark.parametrize("name", ["qwen3_vl", "qwen2_5_vl"])
def test_the_pictures_tokens_are_told_from_words_whatever_the_processor_says(opened, name, monkeypatch):
    backend = opened(name)
    prompter, generator = backend._engine.prompter, backend._engine.generator
    inputs, processor = prompter.inputs(QUERY), prompter._processor
    assert inputs["mm_token_type_ids"].sum() > 1

    class Forgetful:
        chat_template = processor.chat_template
        apply_chat_template = staticmethod(processor.apply_chat_template)
        create_mm_token_type_ids = staticmethod(processor.create_mm_token_type_ids)

        def __call__(self, **given):
            return {key: value for key, value in processor(**given).items() if key != "mm_token_type_ids"}

    monkeypatch.setattr(prompter, "_processor", Forgetful())
    torch.testing.assert_close(prompter.inputs(QUERY)["mm_token_type_ids"], inputs["mm_token_type_ids"])
    # The trap: without them generate() says nothing, and something else.
    watch = Watch(time.monotonic() + 60.0, threading.Event(), None)
    right = generator.generate(dict(inputs), 12, watch, None).logprobs
    np.testing.assert_array_equal(generator.generate(dict(inputs), 12, watch, None).logprobs, right)
    inputs.pop("mm_token_type_ids")
    assert np.abs(np.subtract(generator.generate(inputs, 12, watch, None).logprobs, right)).max() > 2e-6


def test_the_cues_of_a_robotracer_follow_the_mode(opened):
    def logprobs(backend, query):
        return np.array([logprob for _, logprob in backend.answer(query).token_logprobs])

    bare = replace(QUERY, depth_m=None, intrinsics=None)
    by_mode = {mode: logprobs(opened("robotracer", mode=mode), QUERY) for mode in ROBOTRACER_MODES}
    for index, mode in enumerate(ROBOTRACER_MODES):
        for other in ROBOTRACER_MODES[:index]:
            assert np.abs(by_mode[mode][0] - by_mode[other][0]) > 1e-6, (mode, other)
    richest = opened("robotracer")
    np.testing.assert_allclose(logprobs(richest, QUERY), by_mode[ROBOTRACER_MODES[3]], atol=1e-4)
    np.testing.assert_allclose(logprobs(richest, bare), by_mode["RGB+encoder"], atol=1e-4)
    with pytest.raises(BackendFailed, match="needs the camera's intrinsics"):
        opened("robotracer", mode="RGB+encoder+intrinsics").answer(bare)


def test_a_late_answer_stops_and_the_next_one_comes(opened, monkeypatch):
    backend = opened("llava")
    model = backend._engine.generator._model
    forward, steps = model.forward, []

    @functools.wraps(forward)
    def slow(*arguments, **named):
        steps.append(time.monotonic())
        time.sleep(0.05)
        return forward(*arguments, **named)

    monkeypatch.setattr(model, "forward", slow)
    with pytest.raises(BackendTimeout):
        backend.answer(replace(QUERY, max_new_tokens=1000, timeout_s=0.3))
    monkeypatch.setattr(model, "forward", forward)
    assert len(backend.answer(QUERY).token_logprobs) == 12
    assert 2 <= len(steps) < 20


def test_queries_from_several_threads_are_answered_in_turn(opened):
    backend = Deadline(opened("qwen2_5_vl"))
    alone, said = backend.answer(QUERY).text, []
    threads = [threading.Thread(target=lambda: said.append(backend.answer(QUERY).text)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == [alone] * 4


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory"),
        MemoryError(),
    ],
)
def test_out_of_memory_is_told_and_the_backend_stays(opened, error, monkeypatch):
    backend = opened("llava")
    model = backend._engine.generator._model

    def full(**_):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(model, "generate", full)
        with pytest.raises(BackendFailed, match=r"out of memory on a 128x96 picture with up to 12 new tokens.*smaller"):
            backend.answer(QUERY)
    assert backend.answer(QUERY).text


def test_whatever_else_goes_wrong_is_a_backend_error(opened, monkeypatch):
    backend = opened("robotracer")
    with pytest.raises(BackendFailed, match="has room for 2048"):
        backend.answer(replace(QUERY, text="é{}~ " * 2000))
    with pytest.raises(BackendFailed, match=r"InvalidRequest.*<\|image_pad\|>"):
        backend.answer(replace(QUERY, text="point to <|image_pad|>"))
    monkeypatch.setattr(backend._engine.generator._model, "generate", lambda **_: {}["none"])
    with pytest.raises(BackendFailed, match="KeyError"):
        backend.answer(QUERY)


def test_closing_frees_the_model_and_ends_answers(opened):
    backend = opened("qwen3_vl")
    model = weakref.ref(backend._engine.generator._model)
    caught = []

    def ask():
        try:
            backend.answer(replace(QUERY, max_new_tokens=1000))
        except BackendError as error:
            caught.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(0.2)
    backend.close()
    backend.close()
    asking.join()
    assert [type(error) for error in caught] == [BackendUnavailable]
    with pytest.raises(BackendUnavailable, match="closed"):
        backend.answer(QUERY)
    gc.collect()
    assert model() is None


def test_a_static_cache_that_is_used_again_changes_nothing(opened):
    for name in MAKERS:
        generator = (engine := opened(name)._engine).generator
        watch = Watch(time.monotonic() + 60.0, threading.Event(), None)
        short = replace(QUERY, text="go")
        dynamic = [generator.generate(engine.prompter.inputs(query), 12, watch, None) for query in (QUERY, short)]
        generator._compiled = True
        for query, said in zip((QUERY, short, QUERY), (*dynamic, dynamic[0]), strict=True):
            again = generator.generate(engine.prompter.inputs(query), 12, watch, None)
            assert again.ids == said.ids
            np.testing.assert_allclose(again.logprobs, said.logprobs, atol=2e-4)


def test_compiling_that_fails_is_noted_and_the_answer_comes_all_the_same(opened, monkeypatch):
    backend = opened("qwen3_vl", constrained=True)
    query = replace(QUERY, max_new_tokens=100)
    plain, generator = backend.answer(query).text, backend._engine.generator
    generate = type(generator._model).generate

    def failing(self, **given):
        if "past_key_values" in given:
            # After some tokens, which the constraint has followed.
            generate(self, **{**given, "max_new_tokens": 3})
            raise RuntimeError("no C++ compiler\nanywhere")
        return generate(self, **given)

    monkeypatch.setattr(type(generator._model), "generate", failing)
    generator._compiled = True
    assert backend.answer(query).text == plain
    assert not generator.compiled
    assert backend.notes[-1] == (
        "decoding runs uncompiled: compiling failed with RuntimeError: no C++ compiler anywhere"
    )


def test_the_cpu_decodes_uncompiled_and_says_so(opened):
    assert opened("llava", device="cpu").notes == ("decoding runs uncompiled: compiled decoding is for CUDA",)
    assert opened("llava", device="cpu", compile=False).notes == ()


def test_threads_and_dtype_are_those_asked_for(opened):
    backend = opened("llava", threads=1, dtype="bfloat16", device="cpu")
    assert backend._thread.call(torch.get_num_threads, 5.0) == 1
    assert backend._engine.generator._model.dtype == torch.bfloat16
    assert backend.answer(QUERY).token_logprobs


def test_a_checkpoint_without_a_chat_template_gets_the_words_as_they_stand(opened, checkpoints, tmp_path):
    copy = copied(checkpoints("llava"), tmp_path)
    (copy / "chat_template.jinja").unlink()
    backend = opened(copy)
    assert any("no chat template" in note for note in backend.notes)
    assert backend.answer(QUERY).token_logprobs


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"device": "gpu"}, "device 'gpu' is not known; accepted: auto, cpu, cuda"),
        ({"dtype": "int8"}, "dtype 'int8' is not known; accepted: auto, float32"),
        ({"mode": "depth"}, "mode 'depth' is not known; accepted: RGB"),
        ({"threads": -1}, "threads must be 0"),
        ({"max_new_tokens": 0}, "max_new_tokens must be at least 1"),
        ({"constrained": "yes"}, "'constrained' .* must be bool"),
        ({"temperature": 1.0}, "does not know 'temperature'; accepted: model"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_loaded(options, words):
    with pytest.raises(InvalidRequest, match=words):
        open_backend("transformers_local", {"model": "does/not-matter", **options})


def test_a_mode_is_refused_where_there_is_no_spatial_encoder(opened):
    with pytest.raises(InvalidRequest, match="LlavaForConditionalGeneration has none; leave mode empty"):
        opened("llava", mode="RGB+encoder")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_a_cpu_machine_asked_for_cuda(opened, device):
    with pytest.raises(BackendUnavailable, match=f"'{device}' was asked for and no CUDA device is there.*use cpu"):
        opened("llava", device=device)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("no-such-model", "there is no checkpoint 'no-such-model'; accepted: a folder"),
        ("./no/such/folder", "there is no checkpoint"),
        ("/no/such/folder", "there is no checkpoint"),
    ],
)
def test_a_missing_checkpoint_says_what_is_accepted(model, words):
    with pytest.raises(BackendUnavailable, match=words):
        open_backend("transformers_local", {"model": model})


def test_a_folder_without_a_checkpoint(tmp_path):
    with pytest.raises(BackendUnavailable, match=r"holds no checkpoint: it has no config.json"):
        open_backend("transformers_local", {"model": tmp_path})


def test_a_hub_name_without_a_network(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(BackendUnavailable, match="nobody/nothing is neither a folder here nor in the local cache"):
        open_backend("transformers_local", {"model": "nobody/nothing"})


def test_pickled_weights_are_never_read(opened, checkpoints, tmp_path):
    copy = copied(checkpoints("llava"), tmp_path)
    (copy / "model.safetensors").unlink()
    read = tmp_path / "read"

    class Trap:
        def __reduce__(self):
            return (open, (str(read), "w"))

    torch.save({"lm_head.weight": Trap()}, copy / "pytorch_model.bin")
    with pytest.raises(BackendUnavailable, match=r"holds no \*.safetensors"):
        opened(copy)
    assert not read.exists()


def test_weights_that_are_missing_are_not_made_up(opened, checkpoints, tmp_path):
    from safetensors.torch import load_file, save_file

    copy = copied(checkpoints("llava"), tmp_path)
    weights = load_file(copy / "model.safetensors")
    dropped = next(name for name in weights if "layers.1.mlp" in name)
    del weights[dropped]
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BackendUnavailable, match="lacks 1 of its model's weights"):
        opened(copy)


@pytest.mark.parametrize("content", [b"", b"{}", b"\x00" * 100])
def test_broken_weights(opened, checkpoints, tmp_path, content):
    copy = copied(checkpoints("llava"), tmp_path)
    (copy / "model.safetensors").write_bytes(content)
    with pytest.raises(BackendUnavailable, match="cannot be loaded"):
        opened(copy)


@pytest.mark.parametrize("config", [{"model_type": "llava_llama"}, {"model_type": "qwen2"}, {}])
def test_what_is_no_image_text_to_text_model(opened, checkpoints, tmp_path, config):
    copy = copied(checkpoints("llava"), tmp_path)
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(BackendUnavailable, match="cannot be loaded as an image-text-to-text model"):
        opened(copy)


def test_code_of_a_checkpoint_is_run_only_when_asked_for(opened, checkpoints, tmp_path, monkeypatch):
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    ran = tmp_path / "ran"
    copy = copied(checkpoints("llava"), tmp_path)
    own = {"AutoConfig": "own.OwnConfig", "AutoModelForImageTextToText": "own.Own"}
    config = {"model_type": "own", "auto_map": own}
    (copy / "config.json").write_text(json.dumps(config))
    (copy / "own.py").write_text(f"open({str(ran)!r}, 'w')\nraise RuntimeError('ran')\n")
    with pytest.raises(BackendUnavailable, match="set trust_remote_code to true"):
        opened(copy)
    assert not ran.exists()
    with pytest.raises(BackendUnavailable, match="ran"):
        opened(copy, trust_remote_code=True)
    assert ran.exists()


def test_a_checkpoint_that_loads_and_cannot_answer(opened, monkeypatch):
    monkeypatch.setattr(Generator, "_generate", lambda *_: 1 / 0)
    with pytest.raises(BackendUnavailable, match="ZeroDivisionError"):
        opened("llava")


def test_without_the_libraries_the_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(BackendUnavailable, match=r"pip install torch torchvision transformers.*query_api"):
        open_backend("transformers_local", {"model": "any/model"})
