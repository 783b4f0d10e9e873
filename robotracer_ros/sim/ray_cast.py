"""Casting rays from one eye into a room of solids, and shadow rays from what they hit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.sim.solids import Solid

NOTHING = -1
# Shadow rays start this far off the surface, so that rounding does not let a body shade itself.
_LIFT_OFF_M = 2e-4


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """What N rays met first.

    Attributes:
        distance: (N,) multiples of the ray's direction, infinity where it met nothing.
        solid: (N,) index of the solid, `NOTHING` where there is none.
        points_m: (N, 3) where; not a number for rays that met nothing.
        normals: (N, 3) outward, zero for rays that met nothing.
    """

    distance: FloatArray
    solid: npt.NDArray[np.int16]
    points_m: FloatArray
    normals: FloatArray


def cast(solids: Sequence[Solid], eye_m: FloatArray, directions: FloatArray) -> Hits:
    """First hits of rays from ``eye_m`` (3,) along (N, 3) ``directions`` of any length; NaN directions hit nothing."""
    lengths = np.sqrt(np.einsum("ij,ij->i", directions, directions))
    distance = np.full(len(directions), np.inf)
    which = np.full(len(directions), NOTHING, dtype=np.int16)
    for index, solid in enumerate(solids):
        rays = _towards(solid, eye_m, directions, lengths)
        found = solid.distances(eye_m, directions[rays])
        nearer = found < distance[rays]
        distance[rays[nearer]] = found[nearer]
        which[rays[nearer]] = index
    with np.errstate(invalid="ignore"):
        points_m = eye_m + distance[:, None] * directions
    points_m[which == NOTHING] = np.nan
    normals = np.zeros_like(points_m)
    for index, solid in enumerate(solids):
        on_it = np.flatnonzero(which == index)
        normals[on_it] = solid.normals(points_m[on_it])
    return Hits(distance, which, points_m, normals)


def _towards(solid: Solid, eye_m: FloatArray, directions: FloatArray, lengths: FloatArray) -> npt.NDArray[np.intp]:
    """Rays inside the cone from the eye around the solid's ball; the others cannot meet it."""
    to_centre = solid.centre_m - eye_m
    away = float(np.linalg.norm(to_centre))
    if away <= solid.radius_m:
        return np.flatnonzero(np.isfinite(lengths))
    cosine = np.sqrt(1 - (solid.radius_m / away) ** 2)
    with np.errstate(invalid="ignore"):
        return np.flatnonzero(directions @ (to_centre / away) >= cosine * lengths)


def lit_share(solids: Sequence[Solid], casters: Sequence[int], hits: Hits, to_light: FloatArray) -> FloatArray:
    """How much of a distant light reaches each hit.

    Args:
        solids: those that were cast against.
        casters: indices of the solids that throw shadows.
        hits: N of them.
        to_light: (L, 3) unit directions to parts of the light, all upward; more of them soften the edges of shadows.

    Returns:
        (N,) share of the light's parts that nothing hides, from 0 to 1.
    """
    middle = to_light.mean(axis=0)
    middle /= np.linalg.norm(middle)
    spread = float(np.linalg.norm(to_light - middle, axis=1).max())
    view = _light_view(middle)
    # Single precision serves to choose which rays are worth casting; the casting itself is double.
    u, v, along = (hits.points_m @ view).astype(np.float32).T.copy()
    height = hits.points_m[:, 2].astype(np.float32)
    hidden = np.zeros((len(along), len(to_light)), dtype=np.bool_)
    for caster in casters:
        solid = solids[caster]
        centre_u, centre_v, centre_along = (solid.centre_m @ view).tolist()
        reach = solid.radius_m + spread * np.maximum(centre_along + solid.radius_m - along, 0.0)
        near = (u - centre_u) ** 2 + (v - centre_v) ** 2 <= reach * reach
        # The light stands above: what is higher than a body cannot lie in its shadow. And the bodies are
        # convex: none hides the light from a side of its own that faces it.
        shaded = np.flatnonzero(near & (height < solid.top_m) & (hits.solid != caster))
        if not len(shaded):
            continue
        starts = hits.points_m[shaded] + _LIFT_OFF_M * hits.normals[shaded]
        for part, direction in enumerate(to_light):
            hidden[shaded, part] |= np.isfinite(solid.distances(starts, direction))
    share: FloatArray = 1 - hidden.mean(axis=1)
    return share


def _light_view(to_light: FloatArray) -> FloatArray:
    """(3, 3) columns: two directions across the light, and the one towards it."""
    across = np.cross(to_light, [0.0, 0.0, 1.0] if abs(to_light[2]) < 0.9 else [1.0, 0.0, 0.0])
    across /= np.linalg.norm(across)
    return np.column_stack([across, np.cross(to_light, across), to_light])
