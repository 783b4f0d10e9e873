"""Depths for image points that have none: the smoothest curve that stays in front of what the camera saw."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from robotracer_ros.geometry.arrays import FloatArray

# A sample that a free knot moves by less than this share is left to the fixed knot beside it.
_LEAST_INFLUENCE = 0.25
# Points stand at least this share of the way apart.
_LEAST_STEP = 1e-3
# What counts as nothing, in a problem whose rows are all of length one.
_TOLERANCE = 1e-10


def smoothest_depths(
    positions: FloatArray,
    depth_m: FloatArray,
    ceiling_positions: FloatArray,
    ceiling_m: FloatArray,
) -> FloatArray:
    """Fill the unknown depths of a trace.

    Smoothness is the bending of 1/z over the way along the image: between two points a straight line in space is
    linear in 1/z on the image, so a straight motion bends nothing and comes out exact.

    Args:
        positions: (N,) way along the image trace at each point, pixels, not decreasing.
        depth_m: (N,) metres, NaN where unknown; the first and the last are known.
        ceiling_positions: (K,) where along the way from the first point the ceilings stand, pixels.
        ceiling_m: (K,) the curve stays nearer to the camera than this; NaN for no ceiling.

    Returns:
        (N,) depths, the known ones untouched.
    """
    free = np.isnan(depth_m)
    if not free.any():
        return depth_m
    positions, ceiling_positions = _shares(positions, ceiling_positions)
    inverse = np.where(free, 0.0, 1.0 / np.where(free, 1.0, depth_m))
    bending = _second_differences(positions)
    _, upper = np.linalg.qr(bending[:, free])
    relaxed = np.linalg.lstsq(bending[:, free], -bending @ inverse, rcond=None)[0]
    rows, bounds = _floors(positions, inverse, free, ceiling_positions, ceiling_m)
    shift = _least_distance(np.linalg.solve(upper.T, rows.T).T, bounds - rows @ relaxed)
    solved = relaxed + np.linalg.solve(upper, shift)
    filled = depth_m.copy()
    filled[free] = 1.0 / solved
    return filled


def _floors(
    positions: FloatArray,
    inverse: FloatArray,
    free: npt.NDArray[np.bool_],
    ceiling_positions: FloatArray,
    ceiling_m: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Rows and bounds with rows @ (1/z of the free points) >= bounds: in front of the ceilings, and not at infinity."""
    known = np.isfinite(ceiling_m) & (ceiling_m > 0)
    weights = _interpolation(positions, ceiling_positions[known])
    moves = weights[:, free].max(axis=1, initial=0.0) >= _LEAST_INFLUENCE
    in_front = 1.0 / ceiling_m[known][moves] - weights[moves] @ inverse
    count = int(free.sum())
    # Between several known points a smooth curve may swing towards 1/z = 0; twice the farthest of them is far enough.
    finite = np.full(count, 0.5 * float(inverse[~free].min()))
    return np.vstack([weights[moves][:, free], np.eye(count)]), np.concatenate([in_front, finite])


def _shares(positions: FloatArray, ceiling_positions: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Both ways in shares of the whole, with a least distance between the points.

    Bending over a way in pixels is of the size of 1/px^3, which on a large image falls below the solver's tolerance
    and switches the ceilings off. Without the least distance, repeated points would bend infinitely.
    """
    way = positions - positions[0]
    total = max(float(way[-1]), 1.0)
    steps = np.maximum(np.diff(way) / total, _LEAST_STEP)
    shares = np.concatenate([[0.0], np.cumsum(steps)])
    distinct = np.concatenate([[True], np.diff(way) > 0])
    return shares, np.interp(ceiling_positions, way[distinct], shares[distinct])


def _second_differences(positions: FloatArray) -> FloatArray:
    """(N - 2, N) matrix whose squares sum to the bending energy of a polyline over uneven positions."""
    steps = np.diff(positions)
    count = len(positions)
    rows = np.zeros((count - 2, count))
    index = np.arange(count - 2)
    before, after = steps[:-1], steps[1:]
    norm = np.sqrt(2.0 / (before + after))
    rows[index, index] = norm / before
    rows[index, index + 1] = -norm * (1 / before + 1 / after)
    rows[index, index + 2] = norm / after
    return rows


def _interpolation(positions: FloatArray, at: FloatArray) -> FloatArray:
    """(K, N) weights that interpolate linearly between the two knots around each position."""
    right = np.clip(np.searchsorted(positions, at, side="right"), 1, len(positions) - 1)
    share = np.clip((at - positions[right - 1]) / (positions[right] - positions[right - 1]), 0.0, 1.0)
    weights = np.zeros((len(at), len(positions)))
    index = np.arange(len(at))
    weights[index, right - 1] = 1.0 - share
    weights[index, right] = share
    return weights


def _least_distance(rows: FloatArray, bounds: FloatArray) -> FloatArray:
    """The shortest x with rows @ x >= bounds (least distance programming: Lawson and Hanson 1974, chapter 23)."""
    size = rows.shape[1]
    if not len(bounds) or float(bounds.max()) <= 0:
        return np.zeros(size)
    # A bound may be scaled at will. With rows of length one and bounds up to one the two parts are of one size.
    length = np.maximum(np.linalg.norm(rows, axis=1), np.finfo(np.float64).tiny)
    rows, bounds = rows / length[:, None], bounds / length
    scale = float(np.abs(bounds).max())
    stacked = np.vstack([rows.T, bounds[None, :] / scale])
    residual = stacked @ _nonnegative_least_squares(stacked, np.append(np.zeros(size), 1.0))
    residual[-1] -= 1.0
    return np.asarray(-residual[:-1] / residual[-1] * scale)


def _nonnegative_least_squares(matrix: FloatArray, target: FloatArray) -> FloatArray:
    """The x >= 0 that brings matrix @ x nearest to target, by active sets (Lawson and Hanson 1974, chapter 23)."""
    count = matrix.shape[1]
    solution = np.zeros(count)
    passive: npt.NDArray[np.bool_] = np.zeros(count, dtype=bool)
    for _ in range(3 * count):
        gradient = matrix.T @ (target - matrix @ solution)
        gradient[passive] = -np.inf
        entering = int(np.argmax(gradient))
        if gradient[entering] <= _TOLERANCE:
            break
        passive[entering] = True
        while True:
            trial = np.zeros(count)
            trial[passive] = np.linalg.lstsq(matrix[:, passive], target, rcond=None)[0]
            leaving = passive & (trial <= 0)
            if not leaving.any():
                break
            step = float((solution[leaving] / (solution[leaving] - trial[leaving])).min())
            solution = solution + step * (trial - solution)
            passive &= solution > _TOLERANCE
            solution[~passive] = 0.0
        solution = trial
    return solution
