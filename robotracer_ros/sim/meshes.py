"""Meshes of the shapes that are no primitive solids: bowls, plates, cups and trays."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from robotracer_ros.geometry.arrays import FloatArray

_SIDES: Final = 40
# Outline from the middle of the foot up the outside, over the rim and down the inside to the middle, as shares of the
# radius and of the height.
_PROFILES: Final = {
    "bowl": ((0, 0), (0.45, 0), (0.74, 0.30), (0.93, 0.70), (1, 1), (0.94, 1), (0.86, 0.70), (0.66, 0.36), (0.40, 0.14),
             (0, 0.11)),
    "plate": ((0, 0), (0.58, 0), (0.70, 0.30), (1, 0.85), (1, 1), (0.72, 0.52), (0.60, 0.28), (0, 0.26)),
    "cup": ((0, 0), (0.74, 0), (0.80, 0.06), (1, 1), (0.92, 1), (0.74, 0.10), (0, 0.07)),
}  # fmt: skip
# Walls of a tray, metres at any size, and the thickness of its floor as a share of its height.
TRAY_WALL_M: Final = 0.007
TRAY_FLOOR: Final = 0.25


def floor_share(shape: str) -> float:
    """Height of the middle of the inside, as a share of the whole height."""
    return TRAY_FLOOR if shape == "tray" else float(_PROFILES[shape][-1][1])


def mesh(shape: str, size_m: FloatArray) -> tuple[FloatArray, npt.NDArray[np.int32]]:
    """(V, 3) corners in metres about the centre of the box of ``size_m``, and (F, 3) triangles, outside to the left."""
    if shape == "tray":
        return _tray(size_m)
    corners, faces = _turned(np.array(_PROFILES[shape], dtype=np.float64))
    corners = corners * (size_m[0] / 2, size_m[1] / 2, size_m[2]) - (0.0, 0.0, size_m[2] / 2)
    return corners, faces


def _turned(profile: FloatArray) -> tuple[FloatArray, npt.NDArray[np.int32]]:
    """A profile of (radius, height) turned about z; its first and last points lie on the axis."""
    angles = np.arange(_SIDES) * (2 * np.pi / _SIDES)
    rings = [
        np.column_stack([radius * np.cos(angles), radius * np.sin(angles), np.full(_SIDES, height)])
        for radius, height in profile[1:-1]
    ]
    corners = np.concatenate([*rings, [[0, 0, profile[0, 1]]], [[0, 0, profile[-1, 1]]]])
    first, last = len(rings) * _SIDES, len(rings) * _SIDES + 1
    here, there = np.arange(_SIDES), (np.arange(_SIDES) + 1) % _SIDES
    faces = [np.column_stack([np.full(_SIDES, first), there, here])]
    for ring in range(len(rings) - 1):
        low, high = ring * _SIDES, (ring + 1) * _SIDES
        faces.append(np.column_stack([low + here, low + there, high + there]))
        faces.append(np.column_stack([low + here, high + there, high + here]))
    top = (len(rings) - 1) * _SIDES
    faces.append(np.column_stack([top + here, top + there, np.full(_SIDES, last)]))
    return corners, np.concatenate(faces).astype(np.int32)


def _tray(size_m: FloatArray) -> tuple[FloatArray, npt.NDArray[np.int32]]:
    """Outer and inner rectangles: foot, rim outside, rim inside, floor inside."""
    x, y, z = size_m / 2
    inner_x, inner_y, floor = x - TRAY_WALL_M, y - TRAY_WALL_M, -z + TRAY_FLOOR * 2 * z
    levels = ((x, y, -z), (x, y, z), (inner_x, inner_y, z), (inner_x, inner_y, floor))
    corners = np.array([[sx * a, sy * b, h] for a, b, h in levels for sx, sy in ((-1, -1), (1, -1), (1, 1), (-1, 1))])
    faces = [(0, 2, 1), (0, 3, 2)]
    for level in range(3):
        low, high = 4 * level, 4 * level + 4
        for side in range(4):
            after = (side + 1) % 4
            faces += [(low + side, low + after, high + after), (low + side, high + after, high + side)]
    faces += [(12, 13, 14), (12, 14, 15)]
    return corners, np.array(faces, dtype=np.int32)
