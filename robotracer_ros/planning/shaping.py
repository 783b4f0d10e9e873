"""Where the waypoints of a path lie: repeated points removed, even steps, corners rounded."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from robotracer_ros.errors import PlanningError
from robotracer_ros.geometry.arrays import FloatArray

# Points nearer than a micrometre are one point: no camera tells them apart, and their direction is rounding.
SAME_POINT_M: Final = 1e-6
# A step may be longer than the spacing by this part of it, so that 0.1 m in steps of 0.02 m is 5 steps and not 6.
_ROUNDING: Final = 1e-9
# A step counts for at least this part of the mean step: two almost equal points would otherwise stiffen the curve.
_LEAST_STEP: Final = 0.1


def collapse(points_m: npt.ArrayLike) -> FloatArray:
    """Points (N, 3) without those closer than `SAME_POINT_M` to the last one kept; both ends stay exactly.

    Raises:
        PlanningError: for points of another shape, none at all, or values not finite.
    """
    points = _checked(points_m)
    rows = points.tolist()
    kept = [0]
    for index in range(1, len(rows)):
        if math.dist(rows[index], rows[kept[-1]]) > SAME_POINT_M:
            kept.append(index)
    if len(kept) > 1 and kept[-1] != len(rows) - 1:
        # The last point repeats the one kept before it, and wins: ends stay exactly.
        kept[-1] = len(rows) - 1
    return points[kept]


def resample(
    points_m: npt.ArrayLike, spacing_m: float, *, through_corners: bool = True, max_points: int | None = None
) -> FloatArray:
    """Walk along the polyline through points (N, 3) in steps of at most ``spacing_m``: (M, 3), ends exactly kept.

    With ``through_corners`` every given point is a waypoint and each stretch between two of them is cut into equal
    steps: the path keeps its length and every place it was told to pass. Without, all steps along the polyline are
    equal and corners are cut by up to half a step, which is what `smooth` wants to be given.

    Raises:
        PlanningError: for points or a spacing that cannot be used, and for more than ``max_points`` waypoints.
    """
    if not (math.isfinite(spacing_m) and spacing_m > 0):
        raise PlanningError(f"spacing_m must be above 0 m and finite, received {spacing_m}")
    points = collapse(points_m)
    if len(points) == 1:
        return points
    with np.errstate(over="ignore", invalid="ignore"):
        along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
        stretches = np.diff(along) if through_corners else along[-1:]
        steps = np.maximum(np.ceil(stretches / spacing_m - _ROUNDING), 1.0)
    # Compared this way round, an overflow to infinity or NaN is refused as well.
    if not steps.sum() + 1 <= (math.inf if max_points is None else max_points) or not math.isfinite(along[-1]):
        raise PlanningError(
            f"a path of {along[-1]:.4g} m in steps of {spacing_m:g} m takes {steps.sum() + 1:.4g} waypoints; accepted: "
            f"at most {max_points}. Raise spacing_m or max_points, or check the trace for a point far away"
        )
    counts = steps.astype(np.int64)
    if not through_corners:
        return _at_lengths(points, along, np.linspace(0.0, along[-1], int(counts[0]) + 1))
    segment = np.repeat(np.arange(len(counts)), counts)
    fraction = (np.arange(len(segment)) - np.repeat(np.cumsum(counts) - counts, counts)) / counts[segment]
    inner = points[segment] + fraction[:, None] * (points[segment + 1] - points[segment])
    return np.vstack([inner, points[-1:]])


def smooth(points_m: npt.ArrayLike, smoothing_m: float) -> FloatArray:
    """Iron points (N, 3) out, keeping their number and both ends exactly.

    The result x minimises, over the length s of the polyline p, the integral of ``|x - p|^2 + smoothing_m^4 |x''|^2``:
    linear least squares with a penalty on second differences (Whittaker's smoother, here with uneven steps). A wave
    of length ``2 pi smoothing_m`` is halved, longer ones stay, shorter ones go. Should a point move further than
    ``smoothing_m``, all moves shrink by one factor until none does.

    Raises:
        PlanningError: for points or a length that cannot be used.
    """
    if not (math.isfinite(smoothing_m) and smoothing_m >= 0):
        raise PlanningError(f"smoothing_m must be 0 m or more and finite, received {smoothing_m}")
    points = _checked(points_m)
    if len(points) < 3 or smoothing_m == 0:
        return points
    step = np.linalg.norm(np.diff(points, axis=0), axis=1)
    if not step.any():
        return points
    move = _smoothing_moves(points, np.maximum(step, _LEAST_STEP * step.mean()), smoothing_m)
    furthest = float(np.linalg.norm(move, axis=1).max())
    smoothed = points.copy()
    smoothed[1:-1] += move * (1.0 if furthest <= smoothing_m else smoothing_m / furthest)
    return smoothed


def shape(points_m: npt.ArrayLike, spacing_m: float, smoothing_m: float, max_points: int) -> FloatArray:
    """Waypoints (M, 3) along points (N, 3): smoothed if asked for, in steps of at most ``spacing_m``, ends kept.

    Raises:
        PlanningError: for points that no path can be made of, and for more than ``max_points`` waypoints.
    """
    if smoothing_m == 0:
        return resample(points_m, spacing_m, max_points=max_points)
    even = resample(points_m, spacing_m, through_corners=False, max_points=max_points)
    return resample(smooth(even, smoothing_m), spacing_m, max_points=max_points)


def _checked(points_m: npt.ArrayLike) -> FloatArray:
    points = np.array(points_m, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 3 or not len(points):
        raise PlanningError(f"a path is made of points (N, 3) with N at least 1, received shape {points.shape}")
    wrong = np.flatnonzero(~np.isfinite(points).all(axis=1))
    if len(wrong):
        first = int(wrong[0])
        raise PlanningError(f"point {first + 1} of {len(points)} must be finite, received {points[first].tolist()}")
    return points


def _at_lengths(points: FloatArray, along: FloatArray, wanted: FloatArray) -> FloatArray:
    found = np.column_stack([np.interp(wanted, along, points[:, axis]) for axis in range(3)])
    found[0], found[-1] = points[0], points[-1]
    return found


def _smoothing_moves(points: FloatArray, step: FloatArray, smoothing_m: float) -> FloatArray:
    """How `smooth` moves the inner points (N-2, 3): solve ``(W + s^4 D'WD) move = -s^4 D'W D points``.

    D takes second differences with the uneven ``step`` (N-1,), W weighs each inner point with its share of the length.
    """
    weight = (step[:-1] + step[1:]) / 2
    before, after = 1 / (step[:-1] * weight), 1 / (step[1:] * weight)
    here = -(before + after)
    stiff = smoothing_m**4 * weight
    main = weight + stiff * here**2
    main[:-1] += stiff[1:] * before[1:] ** 2
    main[1:] += stiff[:-1] * after[:-1] ** 2
    first = stiff[:-1] * here[:-1] * after[:-1] + stiff[1:] * before[1:] * here[1:]
    second = stiff[1:-1] * before[1:-1] * after[1:-1]
    curvature = before[:, None] * points[:-2] + here[:, None] * points[1:-1] + after[:, None] * points[2:]
    pull = stiff[:, None] * curvature
    force = here[:, None] * pull
    force[:-1] += before[1:, None] * pull[1:]
    force[1:] += after[:-1, None] * pull[:-1]
    return _solve_pentadiagonal(main, first, second, -force)


def _solve_pentadiagonal(main: FloatArray, first: FloatArray, second: FloatArray, right: FloatArray) -> FloatArray:
    """Solve the symmetric positive definite system with these diagonals for (N, K) ``right``, by L D L^T in O(N)."""
    count = len(main)
    # Two zeros longer than their bands, so that index -1 and -2 of the first two rows read zeros.
    pivot, lower1, lower2 = ([0.0] * (count + 2) for _ in range(3))
    off1, off2 = [*first.tolist(), 0.0], [*second.tolist(), 0.0, 0.0]
    solved = np.vstack([right, np.zeros((2, right.shape[1]))])
    for j, value in enumerate(main.tolist()):
        pivot[j] = value - lower1[j - 1] ** 2 * pivot[j - 1] - lower2[j - 2] ** 2 * pivot[j - 2]
        lower1[j] = (off1[j] - lower2[j - 1] * pivot[j - 1] * lower1[j - 1]) / pivot[j]
        lower2[j] = off2[j] / pivot[j]
        solved[j] -= lower1[j - 1] * solved[j - 1] + lower2[j - 2] * solved[j - 2]
    solved[:count] /= np.array(pivot[:count])[:, None]
    for j in range(count - 1, -1, -1):
        solved[j] -= lower1[j] * solved[j + 1] + lower2[j] * solved[j + 2]
    return solved[:count]
