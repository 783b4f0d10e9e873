"""Paths of a mobile base: flat on the ground, looking where they go."""

from __future__ import annotations

import numpy as np

from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.planning.orientation import sign_continuous, tangents


def projected(points_m: FloatArray, ground_z_m: float) -> FloatArray:
    """Points (N, 3) straight down (or up) onto the plane z = ``ground_z_m``."""
    flat = np.array(points_m, dtype=np.float64)
    flat[:, 2] = ground_z_m
    return flat


def headings(positions_m: FloatArray, lone_quaternion_xyzw: tuple[float, ...] | None) -> FloatArray:
    """Yaw-only orientations (M, 4) xyzw along flat positions (M, 3); the last one keeps the yaw it is reached with.

    A single waypoint has no direction: it takes the yaw of ``lone_quaternion_xyzw``, or 0 where that is None.
    """
    if len(positions_m) == 1:
        x, y, z, w = lone_quaternion_xyzw or (0.0, 0.0, 0.0, 1.0)
        yaw = np.array([np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))])
    else:
        forward = tangents(positions_m)
        yaw = np.arctan2(forward[:, 1], forward[:, 0])
    zero = np.zeros(len(yaw))
    return sign_continuous(np.column_stack([zero, zero, np.sin(yaw / 2), np.cos(yaw / 2)]))
