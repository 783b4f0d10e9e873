"""The parts of a model's words: what it thought, and what it answered."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_THINK_OPEN: Final = re.compile(r"<think>", re.IGNORECASE)
_THINK_CLOSE: Final = re.compile(r"</think>", re.IGNORECASE)
_ANSWER_OPEN: Final = re.compile(r"<(?:answer|ans)>", re.IGNORECASE)
_ANSWER_CLOSE: Final = re.compile(r"</(?:answer|ans)>", re.IGNORECASE)
_FENCE: Final = re.compile(r"```[A-Za-z0-9]*")


@dataclass(frozen=True, slots=True)
class AnswerText:
    """A model's words, divided.

    Attributes:
        whole: everything it said.
        reasoning: what precedes the answer, without tags; "" when it did not reason aloud.
        start, end: where in ``whole`` the answer stands.
        cut: the words end before a tag that was opened is closed.
        cut_in_reasoning: the words end inside the reasoning, so there is no answer.
    """

    whole: str
    reasoning: str
    start: int
    end: int
    cut: bool = False
    cut_in_reasoning: bool = False

    @property
    def answer(self) -> str:
        """The words of the answer itself."""
        return self.whole[self.start : self.end]


def divide(text: str) -> AnswerText:
    """Divide a model's words into reasoning and answer.

    Reasoning ends at the last ``</think>``, with or without an opening tag before it (chat templates often put the
    opening tag into the prompt). An opened ``<think>`` that is never closed leaves no answer: the points inside are
    intermediate results. Within the rest, the last ``<answer>`` or ``<ans>`` counts, and in it the last fenced block
    that has a bracket in it.
    """
    start, end, reasoning_end, cut = 0, len(text), 0, False
    close = _last(_THINK_CLOSE, text, 0)
    if close is not None:
        reasoning_end, start = close.span()
    reopened = _THINK_OPEN.search(text, start)
    if reopened is not None:
        if not text[start : reopened.start()].strip():
            return AnswerText(text, text[reopened.end() :].strip(), end, end, cut=True, cut_in_reasoning=True)
        end, cut = reopened.start(), True
    opened = _last(_ANSWER_OPEN, text[:end], start)
    if opened is not None:
        reasoning_end = reasoning_end or opened.start()
        start = opened.end()
    closed = _ANSWER_CLOSE.search(text, start, end)
    if closed is not None:
        end = closed.start()
    else:
        cut = cut or opened is not None
    reasoning = _THINK_OPEN.sub("", text[:reasoning_end]).strip()
    start, end, cut_fence = _inside_fence(text, start, end)
    return AnswerText(text, reasoning, start, end, cut or cut_fence)


def _last(pattern: re.Pattern[str], text: str, start: int) -> re.Match[str] | None:
    found = None
    for match in pattern.finditer(text, start):
        found = match
    return found


def _inside_fence(text: str, start: int, end: int) -> tuple[int, int, bool]:
    """The last fenced block of ``text[start:end]`` that holds a bracket, and whether it was left open."""
    fences = list(_FENCE.finditer(text, start, end))
    blocks = [
        (opening.end(), fences[index + 1].start() if index + 1 < len(fences) else end, index + 1 == len(fences))
        for index, opening in enumerate(fences)
        if index % 2 == 0
    ]
    for first, last, left_open in reversed(blocks):
        if text.find("[", first, last) >= 0 or text.find("(", first, last) >= 0:
            return first, last, left_open
    return start, end, False


def shortened(text: str, limit: int = 60) -> str:
    """``text`` on one line in quotes, its middle left out when it is longer than ``limit`` characters."""
    if len(text) > 2 * limit:
        text = f"{text[:limit]} ... {text[-limit // 2 :]}"
    line = " ".join(text.split())
    if len(line) > limit:
        line = f"{line[: limit - limit // 3]} ... {line[-limit // 3 :]}"
    return repr(line)
