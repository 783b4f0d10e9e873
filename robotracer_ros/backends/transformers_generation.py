"""Greedy decoding with a deadline, with or without a constraint, compiled where model and device allow it."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import Any, Final

import torch
from transformers import StaticCache, StoppingCriteria

from robotracer_ros.backends.transformers_grammar import Constraint
from robotracer_ros.backends.transformers_memory import give_back_memory, is_out_of_memory
from robotracer_ros.errors import BackendFailed, RobotracerError

# The length of a static cache grows in steps of this many tokens: every new length is compiled anew.
_CACHE_STEP: Final = 512
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Generated:
    """What the model said: token ids, each with the natural logarithm of its probability, and how it ended.

    The probabilities are the model's own: a constraint hides tokens and leaves the others' probabilities as they are.
    """

    ids: list[int]
    logprobs: list[float]
    finished: bool


class Watch(StoppingCriteria):  # type: ignore[misc]
    """Ends an answer that is complete in its grammar, late, or no longer wanted."""

    def __init__(self, deadline_s: float, unwanted: threading.Event, constraint: Constraint | None) -> None:
        self._deadline_s = deadline_s
        self._unwanted = unwanted
        self._constraint = constraint

    def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
        """(B,) bool, true to end."""
        if self._constraint is not None:
            self._constraint.take(int(input_ids[0, -1]))
        ends = self.late or self._unwanted.is_set() or (self._constraint is not None and self._constraint.complete)
        return torch.full((len(input_ids),), ends, device=input_ids.device, dtype=torch.bool)

    @property
    def late(self) -> bool:
        """Whether the deadline, of `time.monotonic`, has passed."""
        return time.monotonic() >= self._deadline_s


class Generator:
    """Generates with one model.

    Args:
        model: of transformers.
        end_ids: the tokens that end an answer.
        compiled: decode with a compiled model and a static cache, where that is possible.
        most_new_tokens: of any answer; the static cache has room for them from the start, because a longer one would
            be compiled anew in the middle of somebody's request.

    Attributes:
        notes: why it does otherwise than asked, in sentences.
    """

    def __init__(self, model: Any, end_ids: tuple[int, ...], compiled: bool, most_new_tokens: int) -> None:
        self._model = model
        self._end_ids = end_ids
        self._most_new_tokens = most_new_tokens
        self._cache: Any = None
        self._cache_length = 0
        self.notes: list[str] = []
        self._compiled = compiled and self._can_compile()
        settings = model.generation_config
        settings.do_sample, settings.num_beams = False, 1
        settings.temperature = settings.top_p = settings.top_k = settings.max_length = None
        settings.cache_implementation = None
        settings.eos_token_id = list(end_ids)
        if settings.pad_token_id is None:
            settings.pad_token_id = end_ids[0]

    @property
    def compiled(self) -> bool:
        """Whether decoding is compiled."""
        return self._compiled

    def generate(
        self,
        inputs: dict[str, Any],
        max_new_tokens: int,
        watch: Watch,
        constraint: Constraint | None,
    ) -> Generated:
        """Decode until the model ends, ``watch`` ends it, or ``max_new_tokens`` are said.

        Raises:
            BackendFailed: for a prompt that leaves the model no room to answer.
            Exception: whatever transformers raises; a failure of compiling is noted and decoding goes on without.
        """
        room = min(max_new_tokens, self._room(inputs))
        try:
            return self._generate(inputs, room, watch, constraint)
        except RobotracerError:
            raise
        except Exception as error:
            if not self._compiled or is_out_of_memory(error):
                raise
            self.without_compiling(error)
        return self._generate(inputs, room, watch, constraint)

    def without_compiling(self, error: Exception) -> None:
        """Decode uncompiled from now on, because of ``error``."""
        self._compiled = False
        self.forget()
        said = " ".join(str(error).split())
        self._note(f"decoding runs uncompiled: compiling failed with {type(error).__name__}: {said[:200]}")

    def close(self) -> None:
        """Free the model."""
        self._model = None
        self.forget()

    def forget(self) -> None:
        """Free what is kept between answers."""
        self._cache, self._cache_length = None, 0
        give_back_memory()

    def _generate(
        self, inputs: dict[str, Any], max_new_tokens: int, watch: Watch, constraint: Constraint | None
    ) -> Generated:
        if constraint is not None:
            constraint.begin(max_new_tokens)
        said = self._model.generate(
            **inputs,
            **self._decoding(inputs["input_ids"].shape[1] + max(max_new_tokens, self._most_new_tokens)),
            max_new_tokens=max_new_tokens,
            logits_processor=[] if constraint is None else [constraint],
            stopping_criteria=[watch],
            return_dict_in_generate=True,
            output_logits=True,
        )
        ids = said.sequences[0, -len(said.logits) :]
        logprobs = torch.stack([
            logits[0, token] - logits[0].logsumexp(-1) for logits, token in zip(said.logits, ids, strict=True)
        ])
        ids = ids.tolist()
        finished = ids[-1] in self._end_ids or (constraint is not None and constraint.complete)
        return Generated(ids, logprobs.tolist(), finished)

    def _decoding(self, length: int) -> dict[str, Any]:
        if not self._compiled:
            return {"disable_compile": True}
        return {"past_key_values": self._emptied_cache(length)}

    def _emptied_cache(self, length: int) -> Any:
        """The static cache, one and the same between answers: CUDA graphs are bound to its place in memory."""
        if self._cache is None or length > self._cache_length:
            self._cache_length = -(-length // _CACHE_STEP) * _CACHE_STEP
            text = self._model.config.get_text_config(decoder=True)
            self._cache = StaticCache(config=text, max_cache_len=self._cache_length)
        else:
            self._cache.reset()
        return self._cache

    def _room(self, inputs: dict[str, Any]) -> int:
        """How many tokens the model's context leaves for the answer."""
        positions = getattr(self._model.config.get_text_config(decoder=True), "max_position_embeddings", None)
        if positions is None or self._model.config.is_encoder_decoder:
            return 1 << 30
        prompt = int(inputs["input_ids"].shape[1])
        if prompt >= positions:
            raise BackendFailed(
                f"the prompt takes {prompt} tokens and the model has room for {positions}; send a smaller picture or a "
                f"shorter instruction"
            )
        return int(positions) - prompt

    def _can_compile(self) -> bool:
        if self._model.device.type != "cuda":
            self._note("decoding runs uncompiled: compiled decoding is for CUDA")
        elif self._model.config.is_encoder_decoder or not getattr(self._model, "_can_compile_fullgraph", False):
            self._note(f"decoding runs uncompiled: {type(self._model).__name__} does not support a static cache")
        else:
            return True
        return False

    def _note(self, note: str) -> None:
        self.notes.append(note)
        _LOG.info(note)
