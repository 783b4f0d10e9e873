"""Constrained decoding: a model may only say what continues an answer of the wanted form."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from typing import Any, Final

import numpy as np
import torch
from transformers import LogitsProcessor

from robotracer_ros.errors import BackendFailed, BackendUnavailable

# Below so many tokens an answer is hurried from its start: room for the shortest trace with its tags.
_LEAST_HURRIED_TOKENS: Final = 64
# Tags that are part of an answer's words, though many tokenizers list them among their control tokens.
SPOKEN_TAG: Final = re.compile(r"</?(think|answer|ans|points?)>")


class Grammars:
    """What llguidance knows of one tokenizer; it makes a `Constraint` of each pattern.

    Args:
        tokenizer: a fast tokenizer of transformers.
        end_ids: the tokens that end an answer.

    Raises:
        BackendUnavailable: where llguidance is absent, or cannot work with this tokenizer.
    """

    def __init__(self, tokenizer: Any, end_ids: Sequence[int]) -> None:
        try:
            self._library = import_module("llguidance")
        except ImportError as error:
            raise BackendUnavailable(
                "constrained answers need the Python package llguidance; install it (pip install llguidance) or set "
                "constrained to false"
            ) from error
        if getattr(tokenizer, "backend_tokenizer", None) is None:
            raise BackendUnavailable(
                f"constrained answers need a fast tokenizer, and {type(tokenizer).__name__} is none; set constrained "
                "to false"
            )
        try:
            spoken = self._library.TokenizerWrapper(_Spoken(self._library, tokenizer, list(end_ids)))
            self._tokenizer = self._library.LLTokenizer(spoken, eos_token=list(end_ids))
        except (ValueError, RuntimeError) as error:
            raise BackendUnavailable(
                f"llguidance cannot read the tokenizer of this checkpoint ({error!s:.200}); set constrained to false"
            ) from error
        self._checked = lru_cache(maxsize=16)(self._checked_grammar)

    def constraint(self, pattern: str) -> Constraint:
        """A fresh constraint to answers that match ``pattern``.

        Raises:
            BackendFailed: for a pattern that llguidance cannot use.
        """
        self._checked(pattern)
        return Constraint(self, pattern)

    def matcher(self, pattern: str) -> Any:
        """One that follows an answer which matches ``pattern``."""
        return self._library.LLMatcher(self._tokenizer, self._checked(pattern), log_level=0)

    def hurried_matcher(self, pattern: str, said: Sequence[int], left: int) -> Any:
        """The same for an answer that began with ``said`` and whose rest takes at most ``left`` tokens.

        A token writes at least a byte, so a rest of at most as many ASCII characters fits. None where no such rest
        exists, or where ``said`` ends within a character.
        """
        begun = self._tokenizer.decode_bytes(list(said)).decode("utf-8", "replace")
        short = f"{_spelled(begun)}[\\x00-\\x7f]{{0,{left}}}"
        lark = f"start: ANSWER\nANSWER: /{_in_slashes(pattern)}/ & /{short}/\n"
        matcher = self._library.LLMatcher(self._tokenizer, self._library.LLMatcher.grammar_from_lark(lark), log_level=0)
        matcher.consume_tokens(list(said))
        # That nothing fits shows when it looks for the first token.
        matcher.compute_bitmask()
        return None if matcher.is_error() else matcher

    def _checked_grammar(self, pattern: str) -> str:
        grammar: str = self._library.LLMatcher.grammar_from_regex(pattern)
        complaint = self._library.LLMatcher.validate_grammar(grammar, self._tokenizer)
        if complaint and not complaint.startswith("WARNING"):
            raise BackendFailed(f"the pattern of this query cannot constrain an answer: {' '.join(complaint.split())}")
        return grammar


class _Spoken:
    """A tokenizer as llguidance reads one that is none of its own kinds.

    Of its own accord llguidance takes every token in angle brackets for a control token, which no grammar reaches by
    its letters; a model trained on the single token ``<think>`` would have to spell it out.
    """

    def __init__(self, library: Any, tokenizer: Any, end_ids: list[int]) -> None:
        plain = tokenizer.backend_tokenizer
        known = library.LLTokenizer(_definition(plain), eos_token=end_ids)
        self._plain = plain
        self.eos_token_id = known.eos_token
        self.bos_token_id = None
        # Ids beyond the tokenizer's pad the model's vocabulary and write nothing.
        size = plain.get_vocab_size(with_added_tokens=True)
        self.tokens = [known.decode_bytes([token]) if token < size else b"" for token in range(known.vocab_size)]
        self.special_token_ids = [
            token
            for token, written in enumerate(self.tokens)
            if known.is_special_token(token) and SPOKEN_TAG.fullmatch(written.decode("utf-8", "replace")) is None
        ]

    def __call__(self, text: str) -> list[int]:
        """The tokens of ``text``."""
        if not isinstance(text, str):
            raise TypeError("llguidance shall hand over text, not bytes")
        ids: list[int] = self._plain.encode(text, add_special_tokens=False).ids
        return ids


def _definition(tokenizer: Any) -> str:
    """The JSON of a tokenizer, without what pads and cuts prompts."""
    definition = json.loads(tokenizer.to_str())
    definition["padding"] = definition["truncation"] = None
    return json.dumps(definition)


class Constraint(LogitsProcessor):  # type: ignore[misc]
    """One answer's way through its grammar: it hides the tokens that leave it.

    A model that does not come to the point would be cut off out of form. So when two thirds of the tokens are spent,
    only what can still be brought to its end in the rest stays allowed.
    """

    def __init__(self, grammars: Grammars, pattern: str) -> None:
        self._grammars = grammars
        self._pattern = pattern
        self.begin(0)

    def begin(self, room: int) -> None:
        """Start an answer of at most ``room`` tokens, 0 for any number."""
        self._said: list[int] = []
        self._room = room
        self._unhurried = room - max(_LEAST_HURRIED_TOKENS, room // 3)
        self._hurried = not room
        self._matcher = self._grammars.matcher(self._pattern)
        self._hurry_when_due()

    @property
    def complete(self) -> bool:
        """Nothing can follow what was said."""
        return bool(self._matcher.is_stopped() and self._matcher.is_accepting())

    def take(self, token_id: int) -> None:
        """Follow the token that was said.

        Raises:
            BackendFailed: when the grammar does not hold it.
        """
        if self.complete:
            return
        if not self._matcher.consume_token(token_id):
            raise BackendFailed(f"the constrained answer left its grammar: {self._matcher.get_error()!s:.200}")
        self._said.append(token_id)
        self._hurry_when_due()

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """(1, V) scores with minus infinity for every token that would leave the grammar."""
        bits = np.unpackbits(np.frombuffer(self._matcher.compute_bitmask(), np.uint8), bitorder="little")
        allowed = np.zeros(scores.shape[-1], bool)
        shared = min(len(allowed), len(bits))
        allowed[:shared] = bits[:shared]
        if not allowed.any():
            raise BackendFailed(f"no token continues the constrained answer: {self._matcher.get_error()!s:.200}")
        return scores.masked_fill(~torch.from_numpy(allowed).to(scores.device), -torch.inf)

    def _hurry_when_due(self) -> None:
        if self._hurried or self.complete or len(self._said) < self._unhurried:
            return
        hurried = self._grammars.hurried_matcher(self._pattern, self._said, self._room - len(self._said))
        if hurried is not None:
            self._matcher, self._hurried = hurried, True
        # A half written character is whole after three more tokens; a rest that has no room will not get any.
        elif len(self._said) - max(0, self._unhurried) >= 3:
            self._hurried = True


def _spelled(text: str) -> str:
    """A regular expression for ``text`` itself."""
    return "".join(char if char.isalnum() else f"\\x{{{ord(char):x}}}" for char in text)


def _in_slashes(pattern: str) -> str:
    """``pattern`` as it stands between the slashes of a Lark terminal."""
    escaped = re.sub(r"(\\.)|/", lambda found: found[1] or r"\/", pattern, flags=re.DOTALL)
    return escaped.replace("\n", r"\n")
