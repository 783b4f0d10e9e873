"""Places on the table by their relation to objects, and whether they are free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.sim.scene import SceneObject
from robotracer_ros.sim.tasks.crowd import Crowd
from robotracer_ros.sim.tasks.sight import Sight
from robotracer_ros.sim.tasks.solids import extent_m
from robotracer_ros.sim.tasks.task import Goal, Infeasible

SIDES: Final = ("left", "right", "front", "behind")
# Between a thing set down beside another and that one; tried in this order.
_GAPS_M: Final = (0.03, 0.05, 0.015)
# A place beside something reaches this far behind where a thing of the same size would be set down.
_DEEPER_M: Final = 0.05
_LEAST_HALF_WIDTH_M: Final = 0.03
_SPARE_M: Final = 0.005
# A thing that stands this near to a place is there already.
_ALREADY_THERE_M: Final = 0.06


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A spot (2,) of the table for the middle of a thing, and the region that counts as there, metres."""

    spot_m: FloatArray
    goal: Goal


def direction(sight: Sight, side: str) -> FloatArray:
    """(2,) unit vector on the table: right is the camera's, and behind is away from it."""
    return {"left": -sight.right, "right": sight.right, "front": -sight.away, "behind": sight.away}[side]


def is_free(sight: Sight, spot_m: FloatArray, radius_m: float, standing: Crowd) -> bool:
    """Whether a thing of this radius may stand on the table at a spot (2,), beside what stands there."""
    if not (np.abs(spot_m) < sight.scene.look.table_half_m - radius_m).all():
        return False
    return bool((standing.distances_m(spot_m) > radius_m + _SPARE_M).all())


def beside(sight: Sight, mark: SceneObject, side: str, radius_m: float, height_m: float, standing: Crowd) -> Place:
    """Next to an object, on one side of it, free of ``standing``, for a thing of this radius and height.

    Raises:
        Infeasible: when no spot there is free.
    """
    way = direction(sight, side)
    edge_m = extent_m(mark, way)
    for gap_m in _GAPS_M:
        spot_m = mark.centre_m[:2] + way * (edge_m + gap_m + radius_m)
        if is_free(sight, spot_m, radius_m, standing):
            break
    else:
        raise Infeasible("no free spot beside the object")
    low_m, high_m = edge_m + 0.7 * radius_m, edge_m + max(_GAPS_M) + radius_m + _DEEPER_M
    across_m = max(0.7 * extent_m(mark, np.array([-way[1], way[0]])), _LEAST_HALF_WIDTH_M)
    middle_m = mark.centre_m[:2] + way * (low_m + high_m) / 2
    half_m = ((high_m - low_m) / 2, across_m, height_m / 4)
    goal = Goal(np.array([*middle_m, height_m / 4]), np.array(half_m), float(np.arctan2(way[1], way[0])))
    return Place(spot_m, goal)


def between(
    sight: Sight, one: SceneObject, other: SceneObject, radius_m: float, height_m: float,
    standing: Crowd,
) -> Place:  # fmt: skip
    """In the middle of the gap between two objects, free of ``standing``.

    Raises:
        Infeasible: when the gap is too narrow or something stands there.
    """
    apart = other.centre_m[:2] - one.centre_m[:2]
    distance_m = float(np.hypot(*apart))
    way = apart / distance_m
    near_m, far_m = extent_m(one, way), distance_m - extent_m(other, -way)
    spot_m = one.centre_m[:2] + way * (near_m + far_m) / 2
    if far_m - near_m < 2 * (radius_m + _SPARE_M) or not is_free(sight, spot_m, radius_m, standing):
        raise Infeasible("no free spot between the objects")
    half_m = ((far_m - near_m) / 2, _LEAST_HALF_WIDTH_M, height_m / 4)
    goal = Goal(np.array([*spot_m, height_m / 4]), np.array(half_m), float(np.arctan2(way[1], way[0])))
    return Place(spot_m, goal)


def at_spot(sight: Sight, spot_m: FloatArray, radius_m: float, height_m: float, standing: Crowd) -> Place:
    """That very spot (2,).

    Raises:
        Infeasible: when something stands there, or it lies beside the table.
    """
    if not is_free(sight, spot_m, radius_m, standing):
        raise Infeasible("the spot is not free")
    goal = Goal(np.array([*spot_m, height_m / 4]), np.array([0.0, 0.0, height_m / 4]), round_=True)
    return Place(spot_m, goal)


def require_elsewhere(thing: SceneObject, place: Place) -> None:
    """Check that a thing is not at a place already.

    Raises:
        Infeasible: when it stands nearly there.
    """
    foot_m = np.array([*thing.centre_m[:2], place.goal.centre_m[2]])
    near = np.hypot(*(foot_m[:2] - place.spot_m)) < _ALREADY_THERE_M
    if near or place.goal.distance_m(foot_m)[0] < 0.02:
        raise Infeasible("the thing is there already")


def corners_m(goal: Goal) -> FloatArray:
    """(4, 2) corners of a box-shaped goal seen from above, in the table frame."""
    cos, sin = np.cos(goal.yaw_rad), np.sin(goal.yaw_rad)
    x, y = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]).T * goal.half_m[:2, None]
    return np.column_stack([cos * x - sin * y, sin * x + cos * y]) + goal.centre_m[:2]
