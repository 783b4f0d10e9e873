"""The lifting benchmark: the sensor's depth fused with the model's, against the model's alone, in centimetres."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from robotracer_ros.bench.asking import Asker
from robotracer_ros.bench.examples import Example
from robotracer_ros.bench.input_modes import RICHEST
from robotracer_ros.bench.tables import table
from robotracer_ros.errors import CameraError, InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.lifting import LiftSettings, lift
from robotracer_ros.geometry.trace import VisualTrace
from robotracer_ros.sim.tasks import TRACE, points_in_table

PLACES: Final = ("start", "middle", "end")
WAYS: Final = ("fused", "model")
ALL: Final = "all answers"
# What lifting cannot mend is an answer that starts at another object; these show lifting by itself.
FOUND: Final = "starting on the named object"


@dataclass(frozen=True, slots=True)
class Offs:
    """How far one lifted answer lies from the truth, metres; NaN where the trace has no such place.

    Attributes:
        start, end: to the true contact; an end that hovers is no contact and belongs to the middle.
        middle: to the true way, the mean over the points between the contacts.
    """

    start: float
    middle: float
    end: float


@dataclass(frozen=True, slots=True)
class Lifted:
    """One answer lifted in both ways."""

    by_way: Mapping[str, Offs]
    found: bool


def compare(examples: Iterable[Example], asker: Asker) -> tuple[list[Lifted], int]:
    """Lift the answers to all tasks that trace; with them, how many of the tasks had no answer that can be lifted.

    Raises:
        InvalidRequest: for an asker that gives its model no depth: the answers would be others.
        BackendUnavailable: when there is no model.
    """
    if asker.mode != RICHEST:
        raise InvalidRequest(f"lifting is compared in the input mode {RICHEST}, received {asker.mode!r}")
    lifted, lost = [], 0
    for example in examples:
        if example.task.kind != TRACE:
            continue
        visual = asker.ask(example).visual
        try:
            lifted += [] if visual is None else [lifted_both_ways(example, visual)]
        except CameraError:
            visual = None
        lost += visual is None
    return lifted, lost


def lifted_both_ways(example: Example, visual: VisualTrace) -> Lifted:
    """Lift one answer with the sensor's depth and by its own depth alone.

    Raises:
        NoDepth, BadCameraInfo: when it cannot be lifted.
    """
    settings = LiftSettings(contacts=example.task.contacts)
    offs = {}
    for way in WAYS:
        spatial = lift(visual, example.observed(with_depth=way == "fused"), settings)
        offs[way] = offs_of(example, spatial.moved(example.scene.table_from_camera).points_m)
    column, row = np.rint(visual.pixels(example.intrinsics.width, example.intrinsics.height)[0]).astype(int)
    return Lifted(offs, bool(example.view.labels[row, column] == example.task.subject))


def offs_of(example: Example, points_m: FloatArray) -> Offs:
    """How far (N, 3) points of the table frame, metres, lie from the truth.

    Raises:
        InvalidRequest: for a task without a true trace.
    """
    truth = example.task.trace
    if truth is None or truth.depth_m is None:
        raise InvalidRequest(f"the task {example.task.sentence!r} has no true trace to compare with")
    true_m = points_in_table(example.scene, truth.uv, truth.depth_m)
    lands = example.task.contacts == "ends"
    between = points_m[1:-1] if lands else points_m[1:]
    return Offs(
        float(np.linalg.norm(points_m[0] - true_m[0])),
        float(distance_to_way_m(between, true_m).mean()) if len(between) else np.nan,
        float(np.linalg.norm(points_m[-1] - true_m[-1])) if lands else np.nan,
    )


def distance_to_way_m(points_m: FloatArray, way_m: FloatArray) -> FloatArray:
    """(N,) metres from (N, 3) points to the straight segments between (K, 3) points, K at least 2."""
    start, along = way_m[:-1], np.diff(way_m, axis=0)
    offset = points_m[:, None, :] - start
    length2 = np.maximum(np.einsum("kd,kd->k", along, along), 1e-18)
    share = np.clip(np.einsum("nkd,kd->nk", offset, along) / length2, 0.0, 1.0)
    away = offset - share[:, :, None] * along
    return np.asarray(np.linalg.norm(away, axis=2).min(axis=1))


def described(lifted: Sequence[Lifted], lost: int) -> dict[str, Any]:
    """As JSON has it: quartiles in centimetres, by group, way and place."""
    groups = {
        group: {way: {place: _quartiles_cm(members, way, place) for place in PLACES} for way in WAYS}
        for group, members in _groups(lifted).items()
    }
    counts = {group: len(members) for group, members in _groups(lifted).items()}
    return {"n": len(lifted) + lost, "without_answer": lost, "lifted": counts, "centimetres": groups}


def in_words(lifted: Sequence[Lifted], lost: int) -> str:
    """A table for a terminal."""
    parts = []
    for group, members in _groups(lifted).items():
        head = [f"{group} ({len(members)})", *(f"{place}, cm" for place in PLACES)]
        rows = [[f"{way} depth", *(_cell(_quartiles_cm(members, way, place)) for place in PLACES)] for way in WAYS]
        parts.append(table([head, *rows]))
    parts.append(f"median (quartiles) of the distance to the truth; without an answer that can be lifted: {lost}")
    return "\n\n".join(parts)


def _groups(lifted: Sequence[Lifted]) -> dict[str, Sequence[Lifted]]:
    return {ALL: lifted, FOUND: [one for one in lifted if one.found]}


def _quartiles_cm(lifted: Sequence[Lifted], way: str, place: str) -> list[float] | None:
    """Quarter, median and three quarters; None where no answer has that place."""
    offs = np.array([getattr(one.by_way[way], place) for one in lifted], dtype=np.float64)
    offs = offs[np.isfinite(offs)]
    return [round(float(value), 3) for value in 100 * np.quantile(offs, (0.25, 0.5, 0.75))] if len(offs) else None


def _cell(quartiles_cm: list[float] | None) -> str:
    if quartiles_cm is None:
        return "-"
    low, median, high = quartiles_cm
    return f"{median:.1f} ({low:.1f} to {high:.1f})"
