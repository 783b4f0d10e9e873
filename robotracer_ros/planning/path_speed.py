"""How fast a path can be followed: at every place the highest speed from which it can still be followed to its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.planning.blended_path import BlendedPath

# Steps in which the speed is sought: of every piece at least, of the whole path about, and of a turn.
_STEPS_PER_PIECE: Final = 4
_STEPS_OF_ALL: Final = 200
_TURN_RAD: Final = 0.1
# Of the search for how a step begins fastest; each takes a third off.
_NARROWINGS: Final = 40
_TINY: Final = 1e-150


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """The steps of a path, one behind the other.

    Attributes:
        piece: (S,) of the path, that each lies on.
        along: (S,) from the beginning of the piece to that of the step.
        length: (S,).
        speed: (S + 1,) along the path at their ends; its square changes evenly along a step.
    """

    piece: npt.NDArray[np.intp]
    along: FloatArray
    length: FloatArray
    speed: FloatArray


def fastest(path: BlendedPath, velocity: FloatArray, acceleration: FloatArray) -> Steps:
    """From rest to rest, at joint velocities and accelerations (N,) that may not be exceeded.

    Reachability analysis (Pham and Pham, A new approach to time-optimal path parameterization based on reachability
    analysis, 2018) in squared speed: backwards, the highest speed from which every later step can be done; forwards,
    the highest that can be reached. Both ends of a step are held to the limits on its own piece, so that the jump of
    the curvature from one piece to the next costs nothing. The library toppra takes one curvature at every place, and
    where it is given both its solver leaves the limits, or finds no speed at all.
    """
    piece, along, length, turn = _divided(path)
    # Between the ends of a step on a circle, a joint gets up to so much more than at the ends.
    spared = np.cos(turn / 2)[:, None]
    rows, highest = [], []
    for place in (along, along + length):
        _, first, second = path.at(piece, place)
        with np.errstate(divide="ignore"):
            highest.append((velocity * spared / np.abs(first)).min(axis=1) ** 2)
        rows.append((first / (acceleration * spared), second / (acceleration * spared)))
    most = np.minimum(np.append(np.inf, highest[1]), np.append(highest[0], np.inf))
    most[np.append(_is_first(piece) & path.stops[piece], True)] = 0.0
    reached = _both_ways(_Bounds(rows, length), most)
    return Steps(piece, along, length, np.sqrt(reached))


def _divided(path: BlendedPath) -> tuple[npt.NDArray[np.intp], FloatArray, FloatArray, FloatArray]:
    """Of each step its piece, where it begins on that, its length and by how much it turns."""
    parts = np.maximum(_STEPS_PER_PIECE, np.ceil(_STEPS_OF_ALL * path.lengths / path.lengths.sum()))
    counts = np.maximum(parts, np.ceil(path.turns / _TURN_RAD)).astype(np.intp)
    piece = np.repeat(np.arange(len(counts)), counts)
    number = np.arange(len(piece)) - np.repeat(np.cumsum(counts) - counts, counts)
    length = (path.lengths / counts)[piece]
    return piece, number * length, length, (path.turns / counts)[piece]


def _is_first(piece: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    """(S,) whether a step is the first of its piece."""
    return np.append(True, np.diff(piece) > 0)


class _Bounds:
    """What the joints' accelerations say of the squared speeds at the two ends of each step.

    A joint accelerates by first * change + second * square, where the change is that of half the squared speed in a
    unit of length. In shares of the limits, |here * square before + there * square after| <= 1 for every joint.

    Args:
        rows: for the begin and the end of the steps, (S, N) first and second derivatives of the path, divided by the
            accelerations.
        length: (S,) of the steps.
    """

    def __init__(self, rows: list[tuple[FloatArray, FloatArray]], length: FloatArray) -> None:
        change = [first / (2 * length[:, None]) for first, _ in rows]
        here = np.concatenate([rows[0][1] - change[0], -change[1]], axis=1)
        there = np.concatenate([change[0], rows[1][1] + change[1]], axis=1)
        self._before, self._after = _solved(here, there), _solved(there, here)
        self.top, self.after_top = _tops(here, there)

    def before(self, step: int, after: float) -> float:
        """The highest square at the begin of a step whose end has this one."""
        return float((self._before[0][step] - self._before[1][step] * after).min())

    def after(self, step: int, before: float) -> float:
        """The highest square at the end of a step that begins with this one."""
        return float((self._after[0][step] - self._after[1][step] * before).min())


def _solved(factor: FloatArray, other: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Bounds (S, 2N) of a square, where the other is 0, and what the other takes off them."""
    with np.errstate(divide="ignore"):
        return 1 / np.abs(factor), np.divide(other, factor, out=np.zeros_like(factor), where=factor != 0)


def _tops(here: FloatArray, there: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(S,) the highest squares with which steps can begin at all, and those that they end with then."""
    # For a square that grows by so many times itself, the highest row bounds it: convex, so narrowed from both ends.
    even = here + there
    high = 2 * np.abs(even).max(axis=1) / np.abs(there).max(axis=1)
    low = np.maximum(-high, -1.0)
    for _ in range(_NARROWINGS):
        one, other = low + (high - low) / 3, high - (high - low) / 3
        falls = _highest(even, there, one) > _highest(even, there, other)
        low, high = np.where(falls, one, low), np.where(falls, high, other)
    growth = (low + high) / 2
    top = 1 / np.maximum(_highest(even, there, growth), _TINY)
    return top, (1 + growth) * top


def _highest(even: FloatArray, there: FloatArray, growth: FloatArray) -> FloatArray:
    return np.asarray(np.abs(even + there * growth[:, None]).max(axis=1))


def _both_ways(bounds: _Bounds, most: FloatArray) -> FloatArray:
    """(S + 1,) squared speeds."""
    reached = most.copy()
    for step in range(len(most) - 2, -1, -1):
        after = reached[step + 1]
        # The slice of what is possible grows up to its top: above that, the step ends slower than it might.
        top = bounds.top[step] if bounds.after_top[step] <= after else bounds.before(step, after)
        reached[step] = max(min(reached[step], top), 0.0)
    for step in range(len(most) - 1):
        reached[step + 1] = max(min(reached[step + 1], bounds.after(step, reached[step])), 0.0)
    return reached
