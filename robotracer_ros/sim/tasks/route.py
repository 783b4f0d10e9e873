"""The way a thing is carried: up from where it stands, over what lies between, down to where it belongs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.sim.scene import SceneObject
from robotracer_ros.sim.tasks.crowd import Crowd
from robotracer_ros.sim.tasks.solids import signed_distance_m

STEP_M: Final = 0.005
# Near the object a path starts from, and the one that holds its end, nothing counts as a collision.
NEAR_ENDS_M: Final = 0.03
# Sensors and models put the table's top a little too low.
BELOW_TABLE_M: Final = 0.01
# Lifted at least this much, and this much higher than what lies below the way.
LIFT_M: Final = 0.06
CLEARANCE_M: Final = 0.02


def sampled(points_m: FloatArray, step_m: float = STEP_M) -> FloatArray:
    """(M, 3) points no more than ``step_m`` apart along the segments of (N, 3) points, ends included."""
    lengths = np.linalg.norm(np.diff(points_m, axis=0), axis=1)
    counts = np.maximum(np.ceil(lengths / step_m).astype(np.intp), 1)
    segment = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(segment)) - np.repeat(np.cumsum(counts) - counts, counts)
    share = (place / counts[segment])[:, None]
    between = points_m[segment] * (1 - share) + points_m[segment + 1] * share
    return np.concatenate([between, points_m[-1:]])


def is_free(points_m: FloatArray, ends: Sequence[SceneObject], obstacles: Crowd) -> bool:
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
    around = obstacles.around(path)
    return not any(
        (signed_distance_m(obstacles.things[index], path[around[:, index]]) < 0).any()
        for index in np.flatnonzero(around.any(axis=0))
    )


def carried(start_m: FloatArray, end_m: FloatArray, radius_m: float, others: Crowd) -> FloatArray:
    """(5, 3) points of a way from one (3,) point to another over everything in between, metres in the table frame.

    The carried thing is ``radius_m`` wide and hangs below the point it is held at as far as this is above the table.
    """
    top_m = others.highest_m(start_m[:2], end_m[:2], radius_m)
    height_m = max(start_m[2] + LIFT_M, end_m[2] + LIFT_M, top_m + start_m[2] + CLEARANCE_M)
    over = np.array([start_m, (start_m + end_m) / 2, end_m])
    over[:, 2] = height_m
    return np.concatenate([start_m[None], over, end_m[None]])
