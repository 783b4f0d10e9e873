"""What went wrong, to look at: a picture of each miss with its answer and the truth, and a row for every example."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from robotracer_ros.bench.asking import Reply
from robotracer_ros.bench.examples import Example
from robotracer_ros.bench.tally import CRITERIA
from robotracer_ros.caption import Caption
from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.overlay import draw_overlay
from robotracer_ros.rgbd_files import write_rgb
from robotracer_ros.sim.tasks import MEASURE

# The truth: white, with a dark rim that shows on a white table.
_TRUE: Final = (255, 255, 255)
_RIM: Final = (20, 20, 20)
_ANSWERED: Final = (246, 70, 90)
# Letters are of their full size where the shorter side is this long.
_DESIGNED_FOR_PX: Final = 720
_SMALLEST_UNIT: Final = 0.42


class Misses:
    """Writes them into a folder.

    Raises:
        InvalidRequest: when the folder cannot be written.
    """

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / "examples.jsonl").write_text("")
        except OSError as error:
            raise InvalidRequest(f"cannot write pictures into {folder}: {error.strerror or error}") from error

    def add(self, mode: str, example: Example, reply: Reply) -> None:
        """Note a reply, and draw it when something is wrong with it; a wrong length has no picture."""
        with (self._folder / "examples.jsonl").open("a") as rows:
            rows.write(json.dumps(_row(mode, example, reply)) + "\n")
        if not reply.verdict.overall and example.task.kind != MEASURE:
            file = f"{example.number:03}_{example.task.family}_{mode}.png"
            write_rgb(self._folder / file, drawn(example, reply))


def drawn(example: Example, reply: Reply) -> npt.NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB: the view with the answer and, in white, the truth."""
    task = example.task
    wrong = reply.error or ", ".join(name for name, right in _criteria(reply).items() if not right)
    picture = np.array(example.view.rgb)
    caption = f"{task.sentence} - wrong: {wrong}"
    size = (example.intrinsics.width, example.intrinsics.height)
    true_px = np.zeros((0, 2)) if task.trace is None else task.trace.pixels(*size)
    if len(true_px):
        _draw(picture, true_px, _TRUE)
    if reply.spatial is not None:
        return draw_overlay(picture, reply.spatial, caption)
    if reply.visual is not None:
        _draw(picture, reply.visual.pixels(*size), _ANSWERED)
    _write_caption(picture, caption, true_px)
    return picture


def _row(mode: str, example: Example, reply: Reply) -> dict[str, Any]:
    task = example.task
    return {
        "example": example.number,
        "name": example.name,
        "mode": mode,
        "sentence": task.sentence,
        "unique": task.unique,
        "right": reply.verdict.overall,
        **_criteria(reply),
        "answer": None if reply.answer is None else reply.answer.text,
        "true_length_m": None if np.isnan(task.length_m) else task.length_m,
        "error": reply.error or None,
        "reason": reply.reason or None,
        "seconds": None if reply.answer is None else reply.answer.latency_s,
    }


def _criteria(reply: Reply) -> dict[str, bool]:
    judged = {name: getattr(reply.verdict, field) for name, field in CRITERIA.items()}
    return {name: right for name, right in judged.items() if right is not None}


def _draw(picture: npt.NDArray[np.uint8], pixels: FloatArray, colour: tuple[int, int, int]) -> None:
    corners = np.rint(pixels).astype(np.int32)
    for thickness, shade in ((4, _RIM), (2, colour)):
        cv2.polylines(picture, [corners], False, shade, thickness, cv2.LINE_AA)
        for corner in corners[[0, -1]]:
            cv2.circle(picture, corner.tolist(), 5, shade, thickness, cv2.LINE_AA)


def _write_caption(picture: npt.NDArray[np.uint8], words: str, pixels: FloatArray) -> None:
    """As `draw_overlay` does where there is a trace."""
    height, width = picture.shape[:2]
    unit = max(min(height, width) / _DESIGNED_FOR_PX, _SMALLEST_UNIT)
    Caption.laid_out(width, height, unit, words, [], pixels).draw(picture)
