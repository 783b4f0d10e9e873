"""Bracketed lists of points in a model's words, read in one pass without recursion or evaluation."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from robotracer_ros.errors import NoTrace, UnreadableAnswer
from robotracer_ros.families.answer_text import shortened
from robotracer_ros.families.lengths import METRES_PER_UNIT, number

# Traces have 4 to 12 points (RoboTracer, section 3.1); a longer list is a model that repeats itself.
MAX_POINTS: Final = 256
# Bounds the work on an answer that is all brackets; a list of MAX_POINTS takes an eighth of it.
_MAX_TOKENS: Final = 20_000
# Points handed outwards through every level would make the work quadratic; lists nest two or three deep.
_MAX_DEPTH: Final = 32

_OPENING: Final = re.compile(r"[\[({]")
_TOKEN: Final = re.compile(
    r"""(?P<space>[\s:]+)
    | (?P<comma>[,;])
    | (?P<open>[\[({])
    | (?P<close>[\])}])
    | (?P<number>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    | (?P<quoted>"[^"\[\](){}\n]{0,100}"|'[^'\[\](){}\n]{0,100}')
    | (?P<word>[^\s,;:\[\](){}"'0-9+.-][^\s,;:\[\](){}"']*)
    | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_NUMBER: Final = re.compile(r"\s*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*")
_NOT_FINITE: Final = {"nan": math.nan, "inf": math.inf, "infinity": math.inf}
# What may stand between two points of one list without brackets: commas, an arrow, or the next item's number.
_BETWEEN: Final = re.compile(
    r"[\s,;]*(?:(?:->|=>|\u2192|[-*\u2022]|(?:[A-Za-z]{1,10}\s?)?[0-9]{1,3}\s?[.):])[\s,;]*)?"
)
_MAX_BETWEEN_CHARACTERS: Final = 40


@dataclass(frozen=True, slots=True)
class WrittenPoint:
    """One tuple of numbers as the model wrote it.

    Attributes:
        values: the numbers, unscaled; NaN or infinite where the model wrote so.
        metres_per_unit: for each number the unit written behind it, 0 where there is none.
        start, end: where the tuple stands in the text.
    """

    values: tuple[float, ...]
    metres_per_unit: tuple[float, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class PointList:
    """Points that stand in one list.

    Attributes:
        points: in the order written.
        truncated: the text ends before the list does; the points are the complete ones.
    """

    points: tuple[WrittenPoint, ...]
    truncated: bool


def read_point_list(text: str) -> PointList:
    """The list of points that answers, out of all that ``text`` contains.

    That is the last bracketed list, one with three numbers per point before one with two; without any brackets
    around, the only run of points. Points scattered in a sentence are refused: their order is not known.

    Raises:
        NoTrace: when there is no complete point.
        UnreadableAnswer: for a list with something else inside, scattered points, more than `MAX_POINTS`.
    """
    groups, cut = _groups(text)
    chosen = _choose(text, _joined(text, groups), cut)
    if chosen.spoiled_by:
        raise UnreadableAnswer(
            f"the list {shortened(text[chosen.start : chosen.end])} holds {shortened(chosen.spoiled_by, 30)} "
            f"between its points; accepted: tuples of numbers"
        )
    if len(chosen.points) > MAX_POINTS:
        raise UnreadableAnswer(f"the answer lists {len(chosen.points)} points; at most {MAX_POINTS} are accepted")
    return PointList(tuple(chosen.points), chosen.left_open or cut)


@dataclass(slots=True)
class _Group:
    """Points that stand together: inside brackets of their own, or bare in the text."""

    points: list[WrittenPoint]
    start: int
    end: int
    bracketed: bool = False
    left_open: bool = False
    spoiled_by: str = ""


@dataclass(slots=True)
class _Frame:
    """One pair of brackets while it is being read."""

    opener: str
    start: int
    values: list[float] = field(default_factory=list)
    units: list[float] = field(default_factory=list)
    groups: list[_Group] = field(default_factory=list)
    spoiled_by: str = ""
    before: str = "open"

    def take_comma(self) -> None:
        self.before = "gap" if self.before in ("open", "comma", "gap") else "comma"

    def take_number(self, value: float, words: str) -> None:
        # Two numbers without a comma, or a comma without a number, mean that one was lost; so does a {mapping}.
        if self.before not in ("open", "comma") or self.opener == "{":
            self.spoil(words)
        self.values.append(value)
        self.units.append(0.0)
        self.before = "number"

    def take_word(self, word: str) -> None:
        lowered = word.lower()
        if self.before == "number" and lowered in METRES_PER_UNIT:
            self.units[-1] = METRES_PER_UNIT[lowered]
            self.before = "unit"
        elif lowered in _NOT_FINITE and self.before in ("open", "comma"):
            self.take_number(_NOT_FINITE[lowered], word)
        else:
            self.spoil(word)

    def take_groups(self, groups: list[_Group]) -> None:
        self.groups += groups
        self.before = "group"

    def spoil(self, words: str) -> None:
        self.spoiled_by = self.spoiled_by or words

    def finished(self, end: int) -> list[_Group]:
        """What these brackets, now closed, hand to those around them."""
        if self.values and self.groups:
            self.spoil(f"{self.values[0]:g}")
        if self.spoiled_by:
            direct = [group for group in self.groups if not group.bracketed]
            if not direct or self.opener == "(":
                return self.groups
            points = [point for group in self.groups for point in group.points]
            return [_Group(points, self.start, end, bracketed=True, spoiled_by=self.spoiled_by)]
        if self.values:
            point = WrittenPoint(tuple(self.values), tuple(self.units), self.start, end)
            return [_Group([point], self.start, end)]
        return [self._merged(end)] if self.groups else []

    def unfinished(self, end: int) -> list[_Group]:
        """What these brackets hand on when the text ends inside them; a point that is not complete is left out."""
        if self.spoiled_by:
            for group in self.groups:
                group.left_open = group.left_open or not group.bracketed
            return self.groups
        if not self.groups:
            return []
        merged = self._merged(end)
        merged.left_open = True
        return [merged]

    def _merged(self, end: int) -> _Group:
        first = self.groups[0]
        for other in self.groups[1:]:
            first.points += other.points
        spoiled_by = next((group.spoiled_by for group in self.groups if group.spoiled_by), "")
        left_open = any(group.left_open for group in self.groups)
        return _Group(first.points, self.start, end, bracketed=True, left_open=left_open, spoiled_by=spoiled_by)


def _groups(text: str) -> tuple[list[_Group], bool]:
    """All groups outside of any brackets, in order, and whether the text ends inside a list or a point."""
    found: list[_Group] = []
    stack: list[_Frame] = []
    for kind, words, start, end in _tokens(text, stack):
        if kind == "open":
            if len(stack) == _MAX_DEPTH:
                raise UnreadableAnswer(
                    f"the answer nests brackets more than {_MAX_DEPTH} deep; accepted: one list of tuples "
                    f"(it begins {shortened(text)})"
                )
            stack.append(_Frame(words, start))
        elif kind == "close":
            frame = stack.pop()
            _hand_on(frame, frame.finished(end), stack, found)
        elif kind == "comma":
            stack[-1].take_comma()
        elif kind == "number":
            stack[-1].take_number(number(words), words)
        elif kind == "quoted":
            # In a {mapping} a quoted number is a label.
            if stack[-1].opener != "{" and _NUMBER.fullmatch(words, 1, len(words) - 1):
                stack[-1].take_number(number(words[1:-1].strip()), words)
        elif kind == "word":
            stack[-1].take_word(words)
        else:
            stack[-1].spoil(words)
    cut = any(not frame.spoiled_by for frame in stack)
    while stack:
        frame = stack.pop()
        _hand_on(frame, frame.unfinished(len(text)), stack, found)
    return found, cut


def _hand_on(frame: _Frame, groups: list[_Group], stack: list[_Frame], found: list[_Group]) -> None:
    if not stack:
        found += groups
        return
    if groups:
        stack[-1].take_groups(groups)
    if frame.spoiled_by:
        stack[-1].spoil(frame.spoiled_by)


def _tokens(text: str, stack: list[_Frame]) -> Iterator[tuple[str, str, int, int]]:
    """Kind, words, start and end of every token inside brackets; prose outside of them is skipped unread."""
    position, count = 0, 0
    while position < len(text):
        match = (_TOKEN if stack else _OPENING).search(text, position)
        if match is None:
            return
        position = match.end()
        kind = match.lastgroup or "open"
        if kind == "space":
            continue
        count += 1
        if count > _MAX_TOKENS:
            raise UnreadableAnswer(
                f"the answer holds more than {_MAX_TOKENS} numbers, words and brackets inside brackets; "
                f"accepted: up to {MAX_POINTS} points (it begins {shortened(text)})"
            )
        yield kind, match[0], match.start(), position


def _joined(text: str, groups: list[_Group]) -> list[_Group]:
    """The groups, those that only separators part counted as one."""
    joined: list[_Group] = []
    for group in groups:
        if not group.bracketed and len(group.points[0].values) < 2:
            continue
        last = joined[-1] if joined else None
        if last is not None and last.bracketed == group.bracketed and _separates(text, last.end, group.start):
            last.points += group.points
            last.end = group.end
            last.left_open = last.left_open or group.left_open
            last.spoiled_by = last.spoiled_by or group.spoiled_by
        else:
            joined.append(group)
    return joined


def _separates(text: str, start: int, end: int) -> bool:
    return end - start <= _MAX_BETWEEN_CHARACTERS and _BETWEEN.fullmatch(text, start, end) is not None


def _choose(text: str, groups: list[_Group], cut: bool) -> _Group:
    bracketed = [group for group in groups if group.bracketed]
    clean = [group for group in bracketed if not group.spoiled_by]
    with_depth = [group for group in clean if any(len(point.values) == 3 for point in group.points)]
    for candidates in (with_depth, clean, bracketed):
        if candidates:
            return candidates[-1]
    if not groups:
        raise NoTrace(
            f"the answer {'was cut off before its first point was complete' if cut else 'names no point'}: "
            f"{shortened(text)}"
        )
    runs = [group for group in groups if len(group.points) > 1] or groups
    if len(runs) > 1:
        raise UnreadableAnswer(
            f"the answer scatters {sum(len(group.points) for group in runs)} points over its sentences: "
            f"{shortened(text)}; accepted: one list, as in [(480, 350, 1.25), (510, 300, 1.31)]"
        )
    return runs[0]
