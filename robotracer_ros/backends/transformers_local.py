"""A vision-language model in this process: any image-text-to-text checkpoint of transformers, RoboTracer among them."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np

from robotracer_ros.backends.input_modes import require_input_mode
from robotracer_ros.backends.one_thread import OneThread
from robotracer_ros.backends.token_pieces import token_pieces
from robotracer_ros.checkpoints import DEFAULT_CHECKPOINT
from robotracer_ros.errors import BackendError, BackendFailed, BackendTimeout, BackendUnavailable, InvalidRequest
from robotracer_ros.geometry.camera import CameraIntrinsics
from robotracer_ros.query import ModelAnswer, ModelQuery

if TYPE_CHECKING:
    from robotracer_ros.backends.transformers_generation import Generated, Generator
    from robotracer_ros.backends.transformers_grammar import Grammars
    from robotracer_ros.backends.transformers_prompt import Prompter

DTYPES: Final = ("auto", "float32", "bfloat16", "float16")
_DEVICE: Final = re.compile(r"auto|cpu|cuda(:[0-9]{1,3})?")
# A download or a compilation takes minutes; whoever opens a backend may wait for it, but not forever.
_OPENING_S: Final = 3600.0
_CLOSING_S: Final = 10.0
# What the first answer would otherwise pay for: kernels are chosen and compiled, memory is allocated.
_WARM_UP_TOKENS: Final = 4
_LOG: Final = logging.getLogger(__name__)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Engine:
    """An opened model with all that it takes to ask it; the modules behind it need torch."""

    name: str
    tokenizer: Any
    device: Any
    prompter: Prompter
    generator: Generator
    grammars: Grammars | None
    silent_ids: frozenset[int]


class TransformersLocal:
    """A checkpoint loaded into this process.

    Opening loads it and lets it answer once, so that the first request is as fast as the others.

    Args:
        model: a checkpoint of this package, a folder, or a name on the Hugging Face hub.
        device: "auto" (a GPU where there is one), "cpu", "cuda" or "cuda:N".
        dtype: "auto" (bfloat16 on a GPU, float32 on a CPU), "float32", "bfloat16" or "float16".
        mode: which cues a RoboTracer gets, one of `query_dialects.ROBOTRACER_MODES`; "" for all that a query has.
        constrained: let the model say only what matches the query's ``pattern``; needs llguidance.
        compile: on a GPU, decode with a compiled model and a static cache, where the model supports it.
        trust_remote_code: run Python code that the checkpoint brings.
        threads: of a CPU, 0 for torch's own choice.
        max_new_tokens: the most that any answer may take, whatever the query asks for.

    Raises:
        InvalidRequest: for a value that cannot be used, naming those that can.
        BackendUnavailable: for a missing library, checkpoint or device, and for a checkpoint that cannot answer.
    """

    def __init__(
        self,
        model: str = DEFAULT_CHECKPOINT,
        device: str = "auto",
        dtype: str = "auto",
        mode: str = "",
        constrained: bool = False,
        compile: bool = True,
        trust_remote_code: bool = False,
        threads: int = 0,
        max_new_tokens: int = 1024,
    ) -> None:
        _check(device, dtype, threads, max_new_tokens)
        require_input_mode(mode)
        self._cap = max_new_tokens
        self._unwanted = threading.Event()
        self._lock = threading.Lock()
        self._engine: _Engine | None = None
        self._thread = OneThread(f"the model {model}")

        def opened() -> _Engine:
            _set_threads(threads)
            engine = _open(
                model, device, dtype, mode, constrained, compile, trust_remote_code, most_new_tokens=max_new_tokens
            )
            self._warm_up(engine)
            return engine

        try:
            self._engine = self._thread.call(lambda: _bordered(opened, BackendUnavailable), _OPENING_S)
        except BaseException:
            self._unwanted.set()
            self._thread.end()
            raise

    @property
    def notes(self) -> tuple[str, ...]:
        """What runs otherwise than asked for, and why; one sentence each."""
        return () if self._engine is None else tuple(self._engine.generator.notes)

    def answer(self, query: ModelQuery) -> ModelAnswer:
        """Ask the model; queries from several threads are answered in turn.

        Raises:
            BackendUnavailable: after `close`.
            BackendTimeout: when the model is not done within the query's ``timeout_s``; it stops at its next token.
            BackendFailed: for a query that lacks a cue which the mode names, or leaves no room for an answer; when
                memory runs out, saying how much there is; and for whatever else transformers raises. The next query
                may succeed.
        """
        began_s = time.monotonic()
        engine = self._engine
        if engine is None:
            raise BackendUnavailable("the model is closed; open the backend again")

        def answered() -> ModelAnswer:
            return self._answer(engine, query, began_s)

        return self._thread.call(lambda: _bordered(answered, BackendFailed), query.timeout_s)

    def close(self) -> None:
        """Free the model; an answer under way ends at its next token.

        Raises:
            BackendTimeout: when the model hangs and cannot be freed now.
        """
        with self._lock:
            engine, self._engine = self._engine, None
        if engine is None:
            return
        self._unwanted.set()
        try:
            self._thread.call(engine.generator.close, _CLOSING_S)
        finally:
            self._thread.end()

    def _answer(self, engine: _Engine, query: ModelQuery, began_s: float) -> ModelAnswer:
        """Ask in the model's own thread; ``began_s`` is when the caller did, by `time.monotonic`."""
        if self._unwanted.is_set():
            raise BackendUnavailable(f"{engine.name} is closed")
        said = self._generated(engine, query, began_s + query.timeout_s)
        if not said.finished and self._unwanted.is_set():
            raise BackendUnavailable(f"{engine.name} was closed while it answered")
        if not said.finished and time.monotonic() >= began_s + query.timeout_s:
            raise BackendTimeout(f"{engine.name} was not done after {query.timeout_s:g} s and {len(said.ids)} tokens")
        pieces = token_pieces(said.ids, lambda ids: _decoded(engine, ids))
        logprobs = tuple(zip(pieces, said.logprobs, strict=True))
        return ModelAnswer("".join(pieces), engine.name, time.monotonic() - began_s, not said.finished, logprobs)

    def _generated(self, engine: _Engine, query: ModelQuery, deadline_s: float) -> Generated:
        from robotracer_ros.backends.transformers_generation import Watch
        from robotracer_ros.backends.transformers_memory import is_out_of_memory, memory_in_words

        constraint = engine.grammars.constraint(query.pattern) if engine.grammars and query.pattern else None
        watch = Watch(deadline_s, self._unwanted, constraint)
        room = min(query.max_new_tokens, self._cap)
        try:
            return engine.generator.generate(engine.prompter.inputs(query), room, watch, constraint)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            height, width = query.image.shape[:2]
            failure = (
                f"{engine.name} ran out of memory on a {width}x{height} picture with up to {room} new tokens: "
                f"{memory_in_words(engine.device)}; use a smaller picture, a smaller max_new_tokens, dtype bfloat16, a "
                f"smaller checkpoint, or end what else uses the memory"
            )
        # Outside of the handler: its exception holds the tensors that are to be freed.
        engine.generator.forget()
        raise BackendFailed(failure)

    def _warm_up(self, engine: _Engine) -> None:
        height, width = 480, 640
        query = ModelQuery(
            "Where is the cup?",
            np.full((height, width, 3), 127, np.uint8),
            depth_m=np.ones((height, width), np.float32),
            intrinsics=CameraIntrinsics(width, height, 600.0, 600.0, width / 2, height / 2),
            max_new_tokens=_WARM_UP_TOKENS,
            timeout_s=_OPENING_S,
            pattern=r"\[\([0-9]+, [0-9]+\)\]",
        )
        answer = self._answer(engine, query, time.monotonic())
        _LOG.info("%s on %s is ready; its first answer took %.2f s", engine.name, engine.device, answer.latency_s)


def _check(device: str, dtype: str, threads: int, max_new_tokens: int) -> None:
    if _DEVICE.fullmatch(device) is None:
        raise InvalidRequest(f"device {device!r} is not known; accepted: auto, cpu, cuda, cuda:0, cuda:1, ...")
    if dtype not in DTYPES:
        raise InvalidRequest(f"dtype {dtype!r} is not known; accepted: {', '.join(DTYPES)}")
    if threads < 0:
        raise InvalidRequest(f"threads must be 0 (torch's own choice) or more, received {threads}")
    if max_new_tokens < 1:
        raise InvalidRequest(f"max_new_tokens must be at least 1, received {max_new_tokens}")


def _set_threads(threads: int) -> None:
    if threads:
        _require_libraries()
        import torch

        torch.set_num_threads(threads)


def _open(
    reference: str,
    device: str,
    dtype: str,
    mode: str,
    constrained: bool,
    compiled: bool,
    trust_remote_code: bool,
    most_new_tokens: int,
) -> _Engine:
    _require_libraries()
    from robotracer_ros.backends.transformers_generation import Generator
    from robotracer_ros.backends.transformers_grammar import SPOKEN_TAG, Grammars
    from robotracer_ros.backends.transformers_loading import load_checkpoint
    from robotracer_ros.backends.transformers_prompt import Prompter

    loaded = load_checkpoint(reference, device, dtype, trust_remote_code)
    tokenizer = loaded.processor.tokenizer
    prompter = Prompter(loaded.model, loaded.processor, mode)
    end_ids = _end_ids(loaded.model, tokenizer)
    generator = Generator(loaded.model, end_ids, compiled, most_new_tokens)
    if not prompter.has_chat_template:
        generator.notes.append(f"{loaded.name} has no chat template; questions are put to it as they stand")
    control = {*tokenizer.all_special_ids, *end_ids}
    spoken = {token for token in control if SPOKEN_TAG.fullmatch(str(tokenizer.convert_ids_to_tokens(token)))}
    grammars = Grammars(tokenizer, end_ids) if constrained else None
    silent = frozenset(control - spoken)
    return _Engine(loaded.name, tokenizer, loaded.device, prompter, generator, grammars, silent)


def _require_libraries() -> None:
    try:
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as error:
        raise BackendUnavailable(
            f"this backend needs torch and transformers, and importing them failed ({error}); install them "
            f"(pip install torch torchvision transformers pillow), or use a model server with the backend query_api"
        ) from error


def _end_ids(model: Any, tokenizer: Any) -> tuple[int, ...]:
    """The tokens that end an answer, as the checkpoint or else its tokenizer says.

    Raises:
        BackendUnavailable: when neither does.
    """
    said = model.generation_config.eos_token_id
    ends = said if isinstance(said, list | tuple) else [tokenizer.eos_token_id if said is None else said]
    if None in ends or not ends:
        raise BackendUnavailable("neither the checkpoint nor its tokenizer names the token that ends an answer")
    return tuple(int(end) for end in ends)


def _decoded(engine: _Engine, ids: Any) -> str:
    words = [token for token in ids if token not in engine.silent_ids]
    text: str = engine.tokenizer.decode(words, skip_special_tokens=False, clean_up_tokenization_spaces=False)
    return text


def _bordered(work: Callable[[], _T], kind: type[BackendError]) -> _T:
    """What ``work`` returns; its exceptions as those a backend may raise.

    When opening, a value that cannot be used stays an `InvalidRequest`; a query has no such values.
    """
    try:
        return work()
    except (BackendUnavailable, BackendTimeout, BackendFailed) as error:
        if kind is BackendUnavailable and not isinstance(error, BackendUnavailable):
            raise BackendUnavailable(f"the checkpoint was loaded and cannot answer: {error}") from error
        raise
    except Exception as error:
        if isinstance(error, InvalidRequest) and kind is BackendUnavailable:
            raise
        said = " ".join(str(error).split())
        raise kind(f"the model failed: {type(error).__name__}: {said[:300]}") from error
