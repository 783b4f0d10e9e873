"""Recorded answers: played back from a JSON Lines file, and written to one while another backend answers."""

from __future__ import annotations

import difflib
import json
import os
import textwrap
from collections import defaultdict
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Final

from robotracer_ros.errors import BackendFailed, BackendUnavailable, InvalidRequest, NoRecordedAnswer
from robotracer_ros.query import Backend, ModelAnswer, ModelQuery

# Comparing sentences is quadratic in their length; the start of each, and so many of them, tell the nearest.
_COMPARED_CHARACTERS: Final = 200
_COMPARED_SENTENCES: Final = 500
_SHOWN_CHARACTERS: Final = 90


@dataclass(frozen=True, slots=True)
class _Recorded:
    """One answer of the file with what it answers; "" where a row does not say."""

    sample_id: str
    instruction: str
    text: str
    answer: ModelAnswer


class Replay:
    """A backend that answers from a file.

    Each line is a JSON object: a benchmark's row with ``question_id``, ``prompt`` (the instruction) and
    ``model_prediction``, or a row of `Recorder` with ``sample_id``, ``instruction``, ``text`` (the whole prompt),
    ``answer``, ``model``, ``latency_s`` and ``truncated``. More keys are allowed, empty lines are passed over.

    Raises:
        InvalidRequest: when the file cannot be read, holds no answer, or has a broken line, which is named.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._by_sample: dict[str, list[_Recorded]] = defaultdict(list)
        self._by_instruction: dict[str, list[_Recorded]] = defaultdict(list)
        self._by_plain_instruction: dict[str, list[_Recorded]] = defaultdict(list)
        self._played: dict[tuple[str, str, str], int] = defaultdict(int)
        self._lock = Lock()
        self._count = 0
        for row in _read_rows(self._path):
            self._count += 1
            if row.sample_id:
                self._by_sample[row.sample_id].append(row)
            if row.instruction:
                self._by_instruction[row.instruction].append(row)
                self._by_plain_instruction[_plain(row.instruction)].append(row)
        if not self._count:
            raise InvalidRequest(f"{self._path} holds no answers; expected one JSON object per line")

    def __len__(self) -> int:
        return self._count

    def answer(self, query: ModelQuery) -> ModelAnswer:
        """The recorded answer to the query's sample, else to its instruction, case and spaces aside if need be.

        Of several, those recorded for the same prompt come first, in the order recorded and then from the start again.

        Raises:
            NoRecordedAnswer: naming the instruction and the nearest recorded ones.
        """
        candidates = (
            (query.sample_id and self._by_sample.get(query.sample_id))
            or self._by_instruction.get(query.instruction)
            or self._by_plain_instruction.get(_plain(query.instruction))
        )
        if not candidates:
            raise NoRecordedAnswer(self._nothing_for(query))
        same_prompt = [row for row in candidates if row.text == query.text] or candidates
        with self._lock:
            key = (query.sample_id, query.instruction, query.text)
            turn = self._played[key]
            self._played[key] = (turn + 1) % len(same_prompt)
        return same_prompt[turn].answer

    def close(self) -> None:
        """Nothing to free: the file was read whole."""

    def _nothing_for(self, query: ModelQuery) -> str:
        wanted = _plain(query.instruction[: 2 * _COMPARED_CHARACTERS])[:_COMPARED_CHARACTERS]
        recorded = {
            plain[:_COMPARED_CHARACTERS]: rows[0].instruction
            for plain, rows in islice(self._by_plain_instruction.items(), _COMPARED_SENTENCES)
        }
        nearest = difflib.get_close_matches(wanted, recorded, n=3, cutoff=0.3)
        sample = f" and sample {_shown(query.sample_id)}" if query.sample_id else ""
        listed = "; ".join(_shown(recorded[plain]) for plain in nearest)
        answers = f"{self._count} answer{'' if self._count == 1 else 's'}"
        return f"{self._path.name} holds no answer to {_shown(query.instruction)}{sample}; " + (
            f"of its {answers} the nearest are for: {listed}" if listed else f"none of its {answers} is for one near it"
        )


class Recorder:
    """A backend that hands every query on and appends each answer to a file that `Replay` reads.

    Each row is flushed before its answer is returned, so that a crash of the process loses none. Closing it closes
    ``backend``.

    Raises:
        InvalidRequest: when the file cannot be opened for appending.
    """

    def __init__(self, backend: Backend, path: str | os.PathLike[str]) -> None:
        self._backend = backend
        self._path = Path(path)
        self._lock = Lock()
        try:
            self._file = self._path.open("a+b")
            # A line that a crash cut off must not swallow the next row.
            size = self._file.seek(0, os.SEEK_END)
            self._file.seek(max(0, size - 1))
            if self._file.read(1) not in (b"", b"\n"):
                self._file.write(b"\n")
        except OSError as error:
            raise InvalidRequest(f"cannot record answers in {self._path}: {error.strerror or error}") from error

    def answer(self, query: ModelQuery) -> ModelAnswer:
        """The inner backend's answer, recorded.

        Raises:
            BackendUnavailable: after `close`.
            BackendFailed: when the row cannot be written.
            BackendError: whatever the inner backend raises; failures are not recorded.
        """
        if self._file.closed:
            raise BackendUnavailable(f"the recorder of {self._path} is closed")
        answer = self._backend.answer(query)
        row = {
            "sample_id": query.sample_id,
            "instruction": query.instruction,
            "text": query.text,
            "answer": answer.text,
            "model": answer.model,
            "latency_s": answer.latency_s,
            "truncated": answer.truncated,
        }
        if answer.token_logprobs:
            row["token_logprobs"] = answer.token_logprobs
        try:
            with self._lock:
                self._file.write(json.dumps(row).encode("ascii") + b"\n")
                self._file.flush()
        except (OSError, ValueError) as error:
            raise BackendFailed(f"the answer came but could not be recorded in {self._path}: {error}") from error
        return answer

    def close(self) -> None:
        """Close the file and the inner backend."""
        with self._lock:
            self._file.close()
        self._backend.close()


def _read_rows(path: Path) -> list[_Recorded]:
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise InvalidRequest(f"cannot read recorded answers from {path}: {error.strerror or error}") from error
    return [_row(line, f"{path}, line {number}", path.stem) for number, line in enumerate(lines, 1) if line.strip()]


def _row(line: bytes, place: str, default_model: str) -> _Recorded:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"{place}: not a JSON object ({error})") from error
    if not isinstance(row, dict):
        raise InvalidRequest(f"{place}: expected a JSON object, received {type(row).__name__}")
    answer = row.get("answer", row.get("model_prediction"))
    if not isinstance(answer, str):
        raise InvalidRequest(
            f"{place}: needs the model's words as a string under 'answer' or 'model_prediction'; "
            f"its keys are {', '.join(map(str, list(row)[:12]))}"
        )
    sample_id = row.get("sample_id", row.get("question_id", ""))
    instruction = row.get("instruction", row.get("prompt", ""))
    text = row.get("text", "")
    if not isinstance(sample_id, str | int) or not isinstance(instruction, str) or not isinstance(text, str):
        raise InvalidRequest(f"{place}: the sample id must be a string or a whole number, instruction and text strings")
    if not (sample_id != "" or instruction):
        raise InvalidRequest(f"{place}: needs 'instruction' or 'prompt', 'sample_id' or 'question_id' to be found by")
    return _Recorded(str(sample_id), instruction, text, _model_answer(row, answer, place, default_model))


def _model_answer(row: dict[str, object], text: str, place: str, default_model: str) -> ModelAnswer:
    model = row.get("model", default_model)
    latency_s = row.get("latency_s", 0.0)
    truncated = row.get("truncated", False)
    logprobs = row.get("token_logprobs", [])
    if not isinstance(model, str) or not isinstance(latency_s, int | float) or not isinstance(truncated, bool):
        raise InvalidRequest(f"{place}: model must be a string, latency_s a number of seconds, truncated true or false")
    try:
        pairs = tuple((str(word), float(logprob)) for word, logprob in logprobs)  # type: ignore[attr-defined]
    except (TypeError, ValueError) as error:
        raise InvalidRequest(f"{place}: token_logprobs must be a list of [token, logarithm] pairs") from error
    return ModelAnswer(text, model, float(latency_s), truncated, pairs)


def _plain(sentence: str) -> str:
    return " ".join(sentence.split()).casefold()


def _shown(sentence: str) -> str:
    if len(sentence) > _SHOWN_CHARACTERS:
        sentence = textwrap.shorten(sentence[: 4 * _SHOWN_CHARACTERS], _SHOWN_CHARACTERS, placeholder=" ...")
    return repr(sentence)
