"""Where a parallel gripper takes a tabletop object from above, by the simulator's own truth."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray, frozen_floats
from robotracer_ros.sim.meshes import TRAY_WALL_M
from robotracer_ros.sim.scene import SceneObject
from robotracer_ros.sim.tasks.solids import plan_distance_m, profile

# What goes between the fingers of ``urdf/tabletop_arm.urdf``, which open to 11 cm and need a little room.
WIDEST_M: Final = 0.083
OPENING_M: Final = 0.008
_OPEN_M: Final = 0.055
_FINGER_M: Final = (0.012, 0.022)
_PALM_HALF_M: Final = (0.06, 0.03)
# From the grasp point down to the finger tips, and up to the palm.
_TIPS_M: Final = 0.010
_PALM_M: Final = 0.060
_TIPS_OVER_TABLE_M: Final = 0.003
# Below a rim: a cup's, and that of a bowl, whose wall leans.
_CUP_DEPTH_M: Final = 0.025
_RIM_DEPTH_M: Final = 0.012
_TRAY_DEPTH_M: Final = 0.005
_AROUND: Final = 12
# Points on the edge of a square from -1 to 1.
_EDGE: Final = np.array(
    [(x, y) for x in (-1, -0.5, 0, 0.5, 1) for y in (-1, -0.5, 0, 0.5, 1) if max(abs(x), abs(y)) == 1]
)
# More room than this beside the fingers is no better.
_ROOM_M: Final = 0.015


@dataclass(frozen=True, slots=True, eq=False)
class Grasp:
    """A grasp from straight above.

    Attributes:
        position_m: (3,) between the finger tips, in the table frame.
        yaw_rad: of the way the fingers close, about the table's z; half a turn makes no difference.
        width_m: of what is between them.
    """

    position_m: FloatArray
    yaw_rad: float
    width_m: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "position_m", frozen_floats("position_m", self.position_m, (3,)))

    @property
    def pose(self) -> FloatArray:
        """(4, 4) of ``grasp_point`` in the table frame: z down, the fingers closing along y."""
        cos, sin = math.cos(self.yaw_rad), math.sin(self.yaw_rad)
        pose = np.eye(4)
        pose[:3, :3] = np.column_stack([(-sin, cos, 0.0), (cos, sin, 0.0), (0.0, 0.0, -1.0)])
        pose[:3, 3] = self.position_m
        return pose

    @property
    def opening_m(self) -> float:
        """Of ``finger_joint`` on the way down: half of the gap."""
        return min(self.width_m / 2 + OPENING_M, _OPEN_M)


def grasp_of(thing: SceneObject, others: Sequence[SceneObject] = ()) -> Grasp:
    """The grasp with the most room beside ``others``, across the narrower side where there is room for several.

    Blocks are taken across parallel sides, what is round across its middle, and what is wider than `WIDEST_M` by its
    wall, with one finger inside.

    Raises:
        InvalidRequest: for a plate, which lies too flat.
    """
    if thing.shape == "plate":
        raise InvalidRequest(f"the {thing.name} cannot be grasped from above: it is flat; accepted: any other shape")
    grasps = list(_grasps(thing))
    room = [min(_room_m(grasp, others), _ROOM_M) for grasp in grasps]
    return max(zip(grasps, room, strict=True), key=lambda one: (round(one[1], 3), -one[0].width_m))[0]


def _grasps(thing: SceneObject) -> Iterator[Grasp]:
    size_m, wide_m = thing.size_m, float(thing.size_m[0])
    if thing.shape == "block":
        for width_m, yaw_rad in ((wide_m, thing.yaw_rad), (float(size_m[1]), thing.yaw_rad + math.pi / 2)):
            if width_m <= WIDEST_M:
                yield Grasp(_at(thing, thing.centre_m[:2], float(thing.centre_m[2])), yaw_rad, width_m)
    elif thing.shape == "tray":
        yield from _by_boards(thing)
    elif wide_m <= WIDEST_M:
        height_m = thing.top_m - _CUP_DEPTH_M if thing.shape == "cup" else float(thing.centre_m[2])
        for number in range(_AROUND):
            yield Grasp(_at(thing, thing.centre_m[:2], height_m), math.pi * number / _AROUND, wide_m)
    else:
        yield from _by_wall(thing)


def _at(thing: SceneObject, spot_m: FloatArray, height_m: float) -> FloatArray:
    """The point, no deeper than the palm and the table allow."""
    return np.array([*spot_m, max(height_m, thing.top_m - _PALM_M + 0.005, _TIPS_M + _TIPS_OVER_TABLE_M)])


def _by_wall(thing: SceneObject) -> Iterator[Grasp]:
    depth_m = _CUP_DEPTH_M if thing.shape == "cup" else _RIM_DEPTH_M
    outline = profile(thing.shape) * (thing.size_m[0] / 2, thing.size_m[2])
    rim = int(np.argmax(outline[:, 1]))
    outside, inside = outline[1 : rim + 1], outline[:rim:-1]
    # From where the finger tips are up to the rim, both sides of the wall.
    low = float(thing.size_m[2]) - depth_m - _TIPS_M
    far = float(outside[-1, 0])
    near = float(np.interp(low, inside[:, 1], inside[:, 0]))
    for number in range(2 * _AROUND):
        angle = math.pi * number / _AROUND
        way = np.array([math.cos(angle), math.sin(angle)])
        spot_m = thing.centre_m[:2] + way * (near + far) / 2
        yield Grasp(_at(thing, spot_m, thing.top_m - depth_m), angle, far - near)


def _by_boards(thing: SceneObject) -> Iterator[Grasp]:
    for turn, half_m in ((0.0, thing.size_m[0] / 2), (math.pi / 2, thing.size_m[1] / 2)):
        yaw_rad = thing.yaw_rad + turn
        for side in (-1.0, 1.0):
            way = side * (half_m - TRAY_WALL_M / 2) * np.array([math.cos(yaw_rad), math.sin(yaw_rad)])
            yield Grasp(_at(thing, thing.centre_m[:2] + way, thing.top_m - _TRAY_DEPTH_M), yaw_rad, TRAY_WALL_M)


def _room_m(grasp: Grasp, others: Sequence[SceneObject]) -> float:
    """Between the open fingers, or the palm, and the nearest of what is as high, metres."""
    height_m = float(grasp.position_m[2])
    room = math.inf
    for other in others:
        if other.top_m > height_m - _TIPS_M:
            room = min(room, float(plan_distance_m(other, _finger_corners_m(grasp)).min()))
        if other.top_m > height_m + _PALM_M:
            room = min(room, float(plan_distance_m(other, _turned(grasp, _PALM_HALF_M)).min()))
    return room


def _finger_corners_m(grasp: Grasp) -> FloatArray:
    """(P, 2) points on the edges of both fingers, opened."""
    thick, wide = _FINGER_M
    inner, outer = ((grasp.opening_m + more, wide / 2) for more in (0.0, thick))
    return np.concatenate([_turned(grasp, inner), _turned(grasp, outer)])


def _turned(grasp: Grasp, half_m: tuple[float, float]) -> FloatArray:
    """(P, 2) points on the edge of a rectangle around the grasp, along and across the way the fingers close."""
    cos, sin = math.cos(grasp.yaw_rad), math.sin(grasp.yaw_rad)
    return np.asarray(_EDGE * half_m @ np.array([[cos, sin], [-sin, cos]]) + grasp.position_m[:2])
