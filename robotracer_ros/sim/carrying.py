"""The way a block goes from the table onto the tray: up, over what stands between, and down."""

from __future__ import annotations

from typing import Final

import numpy as np

from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.sim.arrangement import BLOCK_SIDE_M, Arrangement

# Shares of the way across and of the height at each waypoint.
_ACROSS: Final = np.array([0.0, 0.01, 0.10, 0.32, 0.62, 0.88, 0.99, 1.0])
_RAISED: Final = np.array([0.0, 0.50, 0.88, 1.0, 1.0, 0.88, 0.50, 0.0])
_CARRY_HEIGHTS_M: Final = np.arange(0.10, 0.32, 0.02)
# The traced point lies on the block's side, so low that it ends within a hair of the tray it is put on.
FOOT_HEIGHT_M: Final = 0.003
_CHECK_SPACING_M: Final = 0.005
CLEARANCE_M: Final = 0.015


def carried_point_m(arrangement: Arrangement, eye_m: FloatArray) -> FloatArray:
    """(3,) the point that is traced: the foot of the block's side that faces ``eye_m``, in the table frame."""
    pose = arrangement.block.table_from_thing
    towards = eye_m[:2] - pose.translation_m[:2]
    sides = np.array([[1.0, 0, 0], [-1.0, 0, 0], [0, 1.0, 0], [0, -1.0, 0]]) * BLOCK_SIDE_M / 2
    facing = pose.rotate(sides)[:, :2] @ towards
    side: FloatArray = sides[int(np.argmax(facing))] + (0.0, 0.0, FOOT_HEIGHT_M)
    return pose.apply(side)


def carrying_way_m(arrangement: Arrangement, eye_m: FloatArray) -> FloatArray:
    """(8, 3) places of the traced point, table frame, along the lowest way on which the block touches nothing.

    Returns (0, 3) when even the highest one does.
    """
    start = carried_point_m(arrangement, eye_m)
    shift = arrangement.tray.table_from_thing.translation_m - arrangement.block.table_from_thing.translation_m
    end = start + shift + (0.0, 0.0, arrangement.tray_floor_m)
    for height_m in _CARRY_HEIGHTS_M:
        way = start + _ACROSS[:, None] * (end - start)
        way[:, 2] += _RAISED * height_m
        if is_free(arrangement, way - start):
            return way
    return np.zeros((0, 3))


def is_free(arrangement: Arrangement, shifts_m: FloatArray) -> bool:
    """Whether the block, moved by (N, 3) ``shifts_m`` in a polyline, keeps `CLEARANCE_M` from all but its support.

    The block counts as the upright cylinder around it, and each obstacle as reaching down to the table: cautious, so
    that a free way is free.
    """
    lengths = np.linalg.norm(np.diff(shifts_m, axis=0), axis=1)
    travelled = np.concatenate([[0.0], np.cumsum(lengths)])
    where = np.linspace(0, travelled[-1], int(travelled[-1] / _CHECK_SPACING_M) + 2)
    moved = np.column_stack([np.interp(where, travelled, column) for column in shifts_m.T])
    middle = arrangement.block.table_from_thing.translation_m + moved
    radius = BLOCK_SIDE_M / np.sqrt(2) + CLEARANCE_M
    tray_floor = arrangement.tray.parts[0]
    for obstacle in arrangement.obstacles:
        above = middle[:, 2] >= obstacle.top_m + (0.0 if obstacle is tray_floor else CLEARANCE_M) - 1e-9
        aside = obstacle.plan_distances_m(middle[:, :2]) > radius
        if not (above | aside).all():
            return False
    return True
