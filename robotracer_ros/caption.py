"""Words on a picture: the caption bar with its legend, and small labels, in OpenCV's ASCII letters."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

# The double strokes of the larger letters run into each other below this scale.
_SMALLEST_DOUBLE_STROKE: Final = 0.42
_INK: Final = (245, 245, 248)
_PANEL: Final = (18, 18, 24)
_PANEL_OPACITY: Final = 0.72
_CAPTION_LINES: Final = 2
# Text beyond this is never shown; cutting first keeps a pasted book from being measured word by word.
_MOST_CHARACTERS: Final = 400
# Below this width no sentence can be read, and the picture keeps its pixels.
_NARROWEST_PX: Final = 120
# Letters that Unicode's decomposition does not bring to ASCII by itself.
_NEAR_LETTERS: Final = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201b\u2032", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u2033\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
        "\u2192": "->",
        "\u00df": "ss",
        "\u00e6": "ae",
        "\u00c6": "AE",
        "\u0153": "oe",
        "\u00f8": "o",
        "\u00d8": "O",
        "\u0142": "l",
        "\u0141": "L",
        "\u00d7": "x",
        "\u00b0": " deg",
    }
)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on the picture, pixels, right and bottom excluded."""

    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Box) -> bool:
        """Whether the two share any area."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def inside(self, width: int, height: int) -> bool:
        """Whether a ``width`` x ``height`` picture holds all of it."""
        return self.left >= 0 and self.top >= 0 and self.right <= width and self.bottom <= height

    def is_free_of(self, points: npt.NDArray[np.float64], margin_px: float = 0.0) -> bool:
        """Whether none of (N, 2) points lies in it or within ``margin_px`` of it."""
        low = np.array([self.left - margin_px, self.top - margin_px])
        high = np.array([self.right + margin_px, self.bottom + margin_px])
        return not bool(((points >= low) & (points <= high)).all(axis=1).any())


def ascii_text(text: str) -> str:
    """``text`` on one line in printable ASCII: accents dropped, quotes and dashes plain, other letters one "?"."""
    text = " ".join(text[: 4 * _MOST_CHARACTERS].translate(_NEAR_LETTERS).split())
    letters: list[str] = []
    for letter in unicodedata.normalize("NFKD", text):
        if " " <= letter <= "~":
            letters.append(letter)
        elif not unicodedata.combining(letter) and letters[-1:] != ["?"]:
            letters.append("?")
    return "".join(letters)


def text_size(text: str, scale: float, unit: float) -> tuple[float, float]:
    """Width and height in pixels of a label with its padding."""
    (width, height), _ = cv2.getTextSize(text, _font(scale), scale, _stroke(scale))
    return width + 10 * unit, height + 9 * unit


def draw_text(picture: npt.NDArray[np.uint8], text: str, box: Box, scale: float, unit: float) -> None:
    """A label on its own dark panel, in the middle of ``box``."""
    _darken(picture, box)
    (width, height), _ = cv2.getTextSize(text, _font(scale), scale, _stroke(scale))
    left = (box.left + box.right - width) / 2
    _write(picture, text, left, (box.top + box.bottom + height) / 2, scale)


@dataclass(frozen=True, slots=True)
class Caption:
    """The bar along one edge: the instruction in up to two lines, and what the colours of the dots mean.

    Attributes:
        box: the bar's place; of no area when nothing is to be written.
        lines: of the instruction.
        legend: words and RGB of each dot.
        unit: pixels of one designed pixel.
        scale: of the letters.
    """

    box: Box
    lines: tuple[str, ...]
    legend: tuple[tuple[str, tuple[int, int, int]], ...]
    unit: float
    scale: float

    @classmethod
    def laid_out(
        cls,
        width: int,
        height: int,
        unit: float,
        instruction: str,
        legend: list[tuple[str, tuple[int, int, int]]],
        points: npt.NDArray[np.float64],
    ) -> Caption:
        """Break the lines and choose the edge: the top unless points lie there and fewer at the bottom."""
        scale = 0.72 * unit
        lines = _wrapped(ascii_text(instruction), scale, width - 32 * unit)
        tall = len(lines) * 30 * unit + (24 * unit if legend else 0) + 18 * unit
        if width < _NARROWEST_PX or tall > height / 3 or not (lines or legend):
            return cls(Box(0, 0, 0, 0), (), (), unit, scale)
        top, bottom = Box(0, 0, width, tall), Box(0, height - tall, width, height)
        margin = 24 * unit
        # The points are drawn over the bar, so where both edges have some, none is hidden.
        in_top, in_bottom = (
            int(((points[:, 1] >= box.top - margin) & (points[:, 1] <= box.bottom + margin)).sum())
            for box in (top, bottom)
        )
        return cls(top if in_top <= in_bottom else bottom, tuple(lines), tuple(legend), unit, scale)

    def draw(self, picture: npt.NDArray[np.uint8]) -> None:
        """Write it onto ``picture``."""
        if not (self.lines or self.legend):
            return
        _darken(picture, self.box)
        left, baseline = 16 * self.unit, self.box.top + 5 * self.unit
        for line in self.lines:
            baseline += 30 * self.unit
            _write(picture, line, left, baseline - 2 * self.unit, self.scale)
        baseline += 24 * self.unit
        scale = 0.62 * self.scale
        for words, colour in self.legend:
            centre = (round(left + 6 * self.unit), round(baseline - 5 * self.unit))
            cv2.circle(picture, centre, max(2, round(6 * self.unit)), colour, -1, cv2.LINE_AA)
            left += 19 * self.unit
            _write(picture, words, left, baseline, scale)
            left += cv2.getTextSize(words, _font(scale), scale, _stroke(scale))[0][0] + 24 * self.unit


def _wrapped(text: str, scale: float, room_px: float) -> list[str]:
    """Lines of whole words, the last one cut with dots where the text goes on; a word wider than a line is cut too."""

    def fits(line: str) -> bool:
        return bool(cv2.getTextSize(line, _font(scale), scale, _stroke(scale))[0][0] <= room_px)

    lines: list[str] = []
    words = text[:_MOST_CHARACTERS].split()
    while words and len(lines) < _CAPTION_LINES:
        line = words.pop(0)
        while words and fits(f"{line} {words[0]}"):
            line = f"{line} {words.pop(0)}"
        lines.append(line)
        if not fits(line):
            break
    if lines and (words or len(text) > _MOST_CHARACTERS or not fits(lines[-1])):
        kept = lines[-1]
        while kept and not fits(kept + "..."):
            kept = kept[:-1]
        lines[-1] = kept.rstrip() + "..."
    return lines


def _font(scale: float) -> int:
    return cv2.FONT_HERSHEY_DUPLEX if scale >= _SMALLEST_DOUBLE_STROKE else cv2.FONT_HERSHEY_SIMPLEX


def _stroke(scale: float) -> int:
    return max(1, round(1.6 * scale))


def _write(picture: npt.NDArray[np.uint8], text: str, left: float, baseline: float, scale: float) -> None:
    cv2.putText(picture, text, (round(left), round(baseline)), _font(scale), scale, _INK, _stroke(scale), cv2.LINE_AA)


def _darken(picture: npt.NDArray[np.uint8], box: Box) -> None:
    rows, columns = slice(round(box.top), round(box.bottom)), slice(round(box.left), round(box.right))
    panel = np.empty_like(picture[rows, columns])
    panel[:] = _PANEL
    picture[rows, columns] = cv2.addWeighted(picture[rows, columns], 1 - _PANEL_OPACITY, panel, _PANEL_OPACITY, 0)
