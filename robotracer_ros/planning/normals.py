"""Which way an observed surface faces."""

from __future__ import annotations

from typing import Final

import numpy as np

from robotracer_ros.errors import PlanningError
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.planning.depth_view import DepthView

_LEAST_READINGS: Final = 12
_ROUNDS: Final = 6
# 1.4826 times the median absolute deviation is the standard deviation of normal noise; 2.5 of them keep 99 % of it.
_KEPT_DEVIATIONS: Final = 2.5 * 1.4826
# A plane's readings are kept within this in any case: depth images are quantised to a millimetre.
_QUANTUM_M: Final = 0.001
# A patch narrower than this part of its length is a line, and has no normal.
_NARROW: Final = 0.1


def surface_normal(view: DepthView, point_m: FloatArray, radius_m: float, name: str) -> FloatArray:
    """Unit normal (3,), view frame, of the surface seen at ``point_m`` (3,), turned towards the camera.

    A plane is fitted in metres to the readings within ``radius_m``: by least squares, the readings that lie off it
    by more than 2.5 robust standard deviations left out, over and over, beginning with those within half the radius.

    Raises:
        PlanningError: naming the contact ``name``, when fewer than 12 readings are there or they form a line.
    """
    readings = view.points_in(*view.window(point_m, radius_m)).reshape(-1, 3)
    with np.errstate(invalid="ignore"):
        away = np.linalg.norm(readings - point_m, axis=1)
        readings, away = readings[away <= radius_m], away[away <= radius_m]
    if len(readings) < _LEAST_READINGS:
        raise PlanningError(
            f'orientation "surface_normal" needs at least {_LEAST_READINGS} depth readings within normal_radius_m '
            f"{radius_m:g} m of the {name}, received {len(readings)}; accepted as well: another orientation"
        )
    kept = away <= radius_m / 2
    if np.count_nonzero(kept) < _LEAST_READINGS:
        kept = np.ones(len(readings), dtype=np.bool_)
    for _ in range(_ROUNDS):
        centre = readings[kept].mean(axis=0)
        spread, directions = np.linalg.eigh(np.cov(readings[kept].T))
        normal: FloatArray = directions[:, 0]
        off = np.abs((readings - centre) @ normal)
        kept = off <= max(_KEPT_DEVIATIONS * float(np.median(off)), _QUANTUM_M)
        if np.count_nonzero(kept) < _LEAST_READINGS:
            break
    if spread[1] < _NARROW**2 * spread[2]:
        raise PlanningError(
            f'orientation "surface_normal" needs a patch of surface at the {name}; the readings within '
            f"normal_radius_m {radius_m:g} m form a line. Accepted as well: a larger radius, another orientation"
        )
    return normal if float(normal @ point_m) < 0 else -normal
