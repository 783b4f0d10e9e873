"""The distance from points to the nearest of very many others, exact, opening as few tiles as possible."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.planning.tiles import Tiles

# Points handled together; neighbours on a path share most of their tiles.
_CHUNK: Final = 64
# Pairs of point and tile measured at once: 256 of them with 256 points each stay within a processor's cache.
_PAIRS: Final = 256


def nearest_distance(points_m: FloatArray, tiles: Tiles, reach_m: float) -> FloatArray:
    """Distance (N,) from each of points (N, 3) to the nearest point of ``tiles``, infinite from ``reach_m`` on.

    The distance to a tile's box bounds the distance to its points from below. The tile with the least bound is opened
    first; then only those that can still hold a nearer point are. The result is the brute-force one.
    """
    squared = np.full(len(points_m), np.inf)
    for start in range(0, len(points_m), _CHUNK):
        chunk = points_m[start : start + _CHUNK]
        close = (tiles.lower_m <= chunk.max(axis=0) + reach_m) & (tiles.upper_m >= chunk.min(axis=0) - reach_m)
        candidates = np.flatnonzero(close.all(axis=1))
        if len(candidates):
            squared[start : start + _CHUNK] = _nearest_squared(chunk, tiles, candidates, reach_m**2)
    return np.where(squared < reach_m**2, np.sqrt(squared), np.inf)


def _nearest_squared(
    points: FloatArray, tiles: Tiles, candidates: npt.NDArray[np.int64], reach_squared: float
) -> FloatArray:
    bound = np.zeros((len(points), len(candidates)))
    for axis in range(3):
        here = points[:, axis, None]
        outside = np.maximum(tiles.lower_m[candidates, axis] - here, here - tiles.upper_m[candidates, axis])
        bound += np.maximum(outside, 0.0) ** 2
    squared = np.full(len(points), np.inf)
    first = bound.argmin(axis=1)
    row = np.flatnonzero(bound[np.arange(len(points)), first] < reach_squared)
    _measure(points, tiles, row, candidates[first[row]], squared)
    bound[row, first[row]] = np.inf
    row, column = np.nonzero(bound < np.minimum(squared, reach_squared)[:, None])
    _measure(points, tiles, row, candidates[column], squared)
    return squared


def _measure(
    points: FloatArray, tiles: Tiles, row: npt.NDArray[np.int64], tile: npt.NDArray[np.int64], squared: FloatArray
) -> None:
    """Lower ``squared[row]`` to the least squared distance from ``points[row]`` to the points of ``tile``."""
    if not len(row):
        return
    opened, which = np.unique(tile, return_inverse=True)
    held = tiles.points(opened)
    for start in range(0, len(row), _PAIRS):
        rows = row[start : start + _PAIRS]
        offset = held[which[start : start + _PAIRS]] - points[rows, None]
        least = np.fmin.reduce(np.einsum("ijk,ijk->ij", offset, offset), axis=1)
        np.fmin.at(squared, rows, least)
