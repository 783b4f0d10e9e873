"""How the tool stands at each waypoint.

The tool's z axis is its approach axis: it points out of the gripper, towards what is touched. The target frame's z
axis points up (REP 103). The rules of `PathSettings.orientation`:

- ``tool_down``: z points down, x along the target frame's x.
- ``along_path``: x points along the path, z as nearly up as that allows. Where the path climbs or falls within
  10 degrees of the vertical, "as nearly up" means little; the roll about the path is carried over from its
  neighbours there, and it never turns by more than 20 degrees from one waypoint to the next.
- ``keep_current``: as the tool stands now.
- ``surface_normal``: z points into the observed surface at the first and at the last waypoint, turned there from
  ``tool_down`` by the smallest angle; in between the tool turns evenly with the length of the path.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
from transforms3d.quaternions import mat2quat

from robotracer_ros.geometry.arrays import FloatArray

# Half a turn about x: x stays, y and z turn over.
TOOL_DOWN_XYZW: Final = (1.0, 0.0, 0.0, 0.0)
_UP: Final = np.array([0.0, 0.0, 1.0])
# Sine of 10 degrees, the lean from the vertical under which "nearly up" is noise.
_STEEP: Final = 0.17
_MAX_ROLL_STEP_RAD: Final = np.deg2rad(20.0)
_TIE_RAD: Final = 1e-6
# Directions that differ by less than this are opposite or equal to within the rounding of their points.
_PARALLEL: Final = 1e-9


def constant(quaternion_xyzw: tuple[float, ...] | FloatArray, count: int) -> FloatArray:
    """The same orientation at every waypoint: (count, 4)."""
    return np.tile(np.array(quaternion_xyzw, dtype=np.float64), (count, 1))


def along_path(positions_m: FloatArray) -> FloatArray:
    """Orientations (M, 4) xyzw that look along positions (M, 3), z as nearly up as that allows; M at least 2.

    A vertical path has no nearest: its z points to the target frame's -x when it climbs and to +x when it falls, the
    limit of a path that leans towards +x.
    """
    forward = tangents(positions_m)
    carried = _carried_normals(forward)
    aside = np.cross(forward, carried)
    roll = _bounded(_upright_roll(forward, carried, aside), _MAX_ROLL_STEP_RAD)
    upward = np.cos(roll)[:, None] * carried + np.sin(roll)[:, None] * aside
    return sign_continuous(quaternions_from_axes(np.stack([forward, np.cross(upward, forward), upward], axis=-1)))


def towards_surface(normal: FloatArray) -> FloatArray:
    """The orientation (4,) xyzw whose z points against a surface's outward unit ``normal`` (3,), nearest to tool down.

    Seen from below, where every turn is equally far, the tool turns over about the target frame's x.
    """
    x, y, cosine = normal.tolist()
    if cosine < 0 and x * x + y * y < _PARALLEL**2:
        return np.array([0.0, 0.0, 0.0, 1.0])
    # The smallest turn from -z to -normal is the quaternion w = 1 + cosine, axis (-y, x, 0), here multiplied with the
    # half turn about x.
    return unit(np.array([1 + cosine, 0.0, -x, y]))


def between(first_xyzw: FloatArray, last_xyzw: FloatArray, fraction: FloatArray) -> FloatArray:
    """Turn evenly from one orientation to another, the shorter way, at ``fraction`` (M,) in [0, 1]: (M, 4).

    Each of the two is (4,), or (M, 4) where every fraction has a turn of its own.
    """
    first, last = (np.broadcast_to(ends, (len(fraction), 4)) for ends in (first_xyzw, last_xyzw))
    cosine = np.einsum("ij,ij->i", first, last)
    last = np.where(cosine[:, None] < 0, -last, last)
    angle = np.arccos(np.minimum(np.abs(cosine), 1.0))
    turns = angle >= _PARALLEL
    share = np.where(turns, np.sin((1 - fraction) * angle), 1.0), np.where(turns, np.sin(fraction * angle), 0.0)
    return unit(share[0][:, None] * first + share[1][:, None] * last)


def tangents(positions_m: FloatArray) -> FloatArray:
    """Unit directions (M, 3) of the path at positions (M, 3), of which no two in a row are the same; M at least 2.

    At an inner waypoint the direction halfway between coming and leaving; where the path turns back on itself, the
    one of leaving.
    """
    steps = unit(np.diff(positions_m, axis=0))
    inner = steps[:-1] + steps[1:]
    length = np.linalg.norm(inner, axis=1, keepdims=True)
    inner = np.where(length > _PARALLEL, inner / np.maximum(length, _PARALLEL), steps[1:])
    return np.concatenate([steps[:1], inner, steps[-1:]])


def sign_continuous(quaternions: FloatArray) -> FloatArray:
    """The same orientations (M, 4), each with the sign nearer to the one before; the first has w >= 0."""
    agree = np.einsum("ij,ij->i", quaternions[:-1], quaternions[1:]) >= 0
    first = 1.0 if quaternions[0, 3] >= 0 else -1.0
    signs = first * np.cumprod(np.concatenate([[1.0], np.where(agree, 1.0, -1.0)]))
    found: FloatArray = quaternions * signs[:, None]
    return found


def quaternions_from_axes(rotations: FloatArray) -> FloatArray:
    """Unit quaternions (M, 4) xyzw of rotations (M, 3, 3)."""
    return unit(np.array([np.roll(mat2quat(rotation), -1) for rotation in rotations]))


def unit(vectors: FloatArray) -> FloatArray:
    """Vectors (..., K) scaled to length 1; none of them may be zero."""
    scaled: FloatArray = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return scaled


def _carried_normals(forward: FloatArray) -> FloatArray:
    """A unit direction (M, 3) across the path, carried along it without turning about it (parallel transport)."""
    # Perpendicular to the first tangent: nearly up, or for a vertical one the limit told in `along_path`.
    start = _UP - forward[0, 2] * forward[0]
    if np.linalg.norm(start) < _PARALLEL:
        start = np.array([-np.sign(forward[0, 2]), 0.0, 0.0])
    normals = [unit(start)]
    for now, after in pairwise(forward):
        normal, cosine = normals[-1], float(now @ after)
        if cosine > -1 + _PARALLEL:
            # Rodrigues' formula for the smallest turn of `now` onto `after`, for a vector across `now`.
            normal = normal - float(normal @ after) / (1 + cosine) * (now + after)
            normal = normal - float(normal @ after) * after
        normals.append(unit(normal))
    return np.array(normals)


def _upright_roll(forward: FloatArray, carried: FloatArray, aside: FloatArray) -> FloatArray:
    """Angle (M,) about the tangent from ``carried`` to the direction nearest to up; interpolated where it is steep."""
    known = np.hypot(forward[:, 0], forward[:, 1]) > _STEEP
    if not known.any():
        return np.zeros(len(forward))
    index = np.arange(len(forward))
    roll = np.arctan2(aside[known, 2], carried[known, 2])
    # The shorter way round, and where both are equally long always the positive one, not the one rounding chooses.
    half = np.pi - _TIE_RAD
    turn = np.mod(np.diff(roll) + half, 2 * np.pi) - half
    return np.asarray(np.interp(index, index[known], roll[0] + np.concatenate([[0.0], np.cumsum(turn)])))


def _bounded(values: FloatArray, largest_step: float) -> FloatArray:
    """The mean of the highest curve below and the lowest curve above ``values`` that never step by more than this.

    Each of the two is Lipschitz, so their mean is; values that already are stay as they are.
    """
    slope = largest_step * np.arange(len(values))

    def highest_below(curve: FloatArray) -> FloatArray:
        forwards = np.minimum.accumulate(curve - slope) + slope
        backwards = np.minimum.accumulate((curve + slope)[::-1])[::-1] - slope
        return np.asarray(np.minimum(forwards, backwards))

    bounded: FloatArray = (highest_below(values) - highest_below(-values)) / 2
    return bounded
