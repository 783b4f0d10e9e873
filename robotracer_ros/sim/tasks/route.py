"""The way a thing is carried: up from where it stands, over what lies between, down to where it belongs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.sim.scene import SceneObject
from robotracer_ros.sim.tasks.solids import signed_distance_m

STEP_M: Final = 0.005
# Near the object a path starts from, and the one that holds its end, nothing counts as a collision.
NEAR_ENDS_M: Final = 0.03
# Sensors and models put the table's top a little too low.
BELOW_TABLE_M: Final = 0.01
# Lifted at least this much, and this much higher than what lies below the way.
_LIFT_M: Final = 0.06
_CLEARANCE_M: Final = 0.02


def sampled(points_m: FloatArray, step_m: float = STEP_M) -> FloatArray:
    """(M, 3) points no more than ``step_m`` apart along the segments of (N, 3) points, ends included."""
    lengths = np.linalg.norm(np.diff(points_m, axis=0), axis=1)
    counts = np.maximum(np.ceil(lengths / step_m).astype(np.intp), 1)
    segment = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(segment)) - np.repeat(np.cumsum(counts) - counts, counts)
    share = (place / counts[segment])[:, None]
    between = points_m[segment] * (1 - share) + points_m[segment + 1] * share
    return np.concatenate([between, points_m[-1:]])


def is_free(points_m: FloatArray, ends: Sequence[SceneObject], obstacles: Sequence[SceneObject]) -> bool:
    """Whether the path along (N, 3) points of the table frame enters no obstacle and does not go below the table.

    What lies within `NEAR_ENDS_M` of the objects in ``ends`` does not count.
    """
    path = sampled(points_m)
    counted = np.ones(len(path), dtype=np.bool_)
    for thing in ends:
        counted &= ~(signed_distance_m(thing, path) < NEAR_ENDS_M)
    path = path[counted]
    if (path[:, 2] < -BELOW_TABLE_M).any():
        return False
    return not any(_enters(thing, path) for thing in obstacles)


def _enters(thing: SceneObject, path: FloatArray) -> bool:
    offset = path - thing.centre_m
    near = (np.abs(offset[:, 2]) <= thing.size_m[2] / 2) & (np.hypot(offset[:, 0], offset[:, 1]) <= thing.radius_m)
    return bool(near.any() and (signed_distance_m(thing, path[near]) < 0).any())


def carried(start_m: FloatArray, end_m: FloatArray, radius_m: float, others: Sequence[SceneObject]) -> FloatArray:
    """(5, 3) points of a way from one (3,) point to another over everything in between, metres in the table frame.

    The carried thing is ``radius_m`` wide and hangs below the point it is held at as far as this is above the table.
    """
    top_m = highest_m(start_m[:2], end_m[:2], radius_m, others)
    height_m = max(start_m[2] + _LIFT_M, end_m[2] + _LIFT_M, top_m + start_m[2] + _CLEARANCE_M)
    over = np.array([start_m, (start_m + end_m) / 2, end_m])
    over[:, 2] = height_m
    return np.concatenate([start_m[None], over, end_m[None]])


def highest_m(start_m: FloatArray, end_m: FloatArray, radius_m: float, others: Sequence[SceneObject]) -> float:
    """Height of the tallest object within ``radius_m`` of the way between two spots (2,) of the table, 0 for none."""
    if not others:
        return 0.0
    return float(
        max(thing.top_m * near for thing, near in zip(others, _near(start_m, end_m, radius_m, others), strict=True))
    )


def corridor_is_free(start_m: FloatArray, end_m: FloatArray, radius_m: float, others: Sequence[SceneObject]) -> bool:
    """Whether a thing of this radius slides from one spot (2,) to another without touching the others."""
    return not (others and _near(start_m, end_m, radius_m, others).any())


def _near(
    start_m: FloatArray, end_m: FloatArray, radius_m: float, others: Sequence[SceneObject]
) -> npt.NDArray[np.bool_]:
    centres = np.array([thing.centre_m[:2] for thing in others])
    radii = np.array([thing.radius_m for thing in others])
    along = end_m - start_m
    share = np.clip((centres - start_m) @ along / max(float(along @ along), 1e-12), 0.0, 1.0)
    away = centres - (start_m + share[:, None] * along)
    return np.asarray(np.hypot(away[:, 0], away[:, 1]) < radii + radius_m)
