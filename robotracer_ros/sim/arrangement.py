"""Things on a table, set out at random: a block to carry, a tray to put it on, and others in between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.sim.solids import Ball, Box, Cylinder, Solid
from robotracer_ros.sim.surfaces import Surface, banded, filled, linear, plain

TABLE_FRAME: Final = "table"
TABLE_SIZE_M: Final = np.array([1.30, 0.80, 0.04])
_COLOURS: Final = {
    "red": linear(214, 44, 40),
    "blue": linear(38, 96, 196),
    "green": linear(46, 150, 84),
    "yellow": linear(244, 190, 40),
    "orange": linear(238, 118, 36),
    "purple": linear(122, 74, 168),
}
_WHITE: Final = linear(236, 233, 226)
_COFFEE: Final = linear(84, 50, 30)
_TIN: Final = linear(176, 180, 186)
BLOCK_SIDE_M: Final = 0.05
_TRAY_SIZE_M: Final = (0.21, 0.16)
_TRAY_FLOOR_M: Final = 0.008
_RIM_HEIGHT_M: Final = 0.018
_RIM_WIDTH_M: Final = 0.007
_LEAST_GAP_M: Final = 0.025


@dataclass(frozen=True, slots=True, eq=False)
class Thing:
    """Something on the table.

    Attributes:
        name: as an instruction calls it, such as "red block".
        table_from_thing: its pose; the origin lies in the middle of its foot, z up.
        reach_m: radius about the origin, seen from above, that holds all of it.
        parts: its solids, standing in the table frame.
        surfaces: how each part looks.
    """

    name: str
    table_from_thing: RigidTransform
    reach_m: float
    parts: tuple[Solid, ...]
    surfaces: tuple[Surface, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Arrangement:
    """A set table; the block is the first thing and the tray the second.

    Attributes:
        things: all of them.
        block_yaw_rad: how the block is turned, and stays turned while it is carried.
        tray_floor_m: height of the tray's floor.
    """

    things: tuple[Thing, ...]
    block_yaw_rad: float
    tray_floor_m: float = _TRAY_FLOOR_M

    @property
    def block(self) -> Thing:
        """What is to be carried."""
        return self.things[0]

    @property
    def tray(self) -> Thing:
        """Where it is to be put."""
        return self.things[1]

    @property
    def obstacles(self) -> tuple[Solid, ...]:
        """Every part of every thing but the block."""
        return tuple(part for thing in self.things[1:] for part in thing.parts)


def set_out(rng: np.random.Generator) -> Arrangement:
    """Set the table: block and tray on opposite sides, a carton between them, the rest where there is room."""
    block_colour, tray_colour, tin_colour, ball_colour = rng.permutation(list(_COLOURS))[:4]
    side = rng.choice([-1.0, 1.0])
    yaw = float(rng.uniform(-0.6, 0.6))
    block_at = np.array([side * rng.uniform(0.18, 0.27), rng.uniform(-0.14, 0.0)])
    tray_at = np.array([-side * rng.uniform(0.20, 0.27), rng.uniform(-0.08, 0.06)])
    carton_at = np.array([rng.uniform(-0.04, 0.04), rng.uniform(0.0, 0.10)])
    things = [
        _block(f"{block_colour} block", block_at, yaw, _COLOURS[block_colour]),
        _tray(f"{tray_colour} tray", tray_at, float(rng.uniform(-0.25, 0.25)), _COLOURS[tray_colour]),
        _carton(carton_at, float(rng.uniform(-0.5, 0.5))),
    ]
    for make in (
        lambda at: _mug(at, float(rng.uniform(-np.pi, np.pi))),
        lambda at: _tin(f"{tin_colour} tin", at, _COLOURS[tin_colour]),
        lambda at: _ball(f"{ball_colour} ball", at, _COLOURS[ball_colour]),
        _bottle,
    ):
        _add_where_free(make, things, rng)
    return Arrangement(tuple(things), yaw)


def _add_where_free(make: Callable[[FloatArray], Thing], things: list[Thing], rng: np.random.Generator) -> None:
    """Append a thing at a free place; a table that is full goes without it."""
    for _ in range(60):
        thing = make(np.array([rng.uniform(-0.42, 0.42), rng.uniform(-0.16, 0.30)]))
        if all(_gap_m(thing, other) > _LEAST_GAP_M for other in things):
            things.append(thing)
            return


def _gap_m(one: Thing, two: Thing) -> float:
    between = one.table_from_thing.translation_m - two.table_from_thing.translation_m
    return float(np.linalg.norm(between)) - one.reach_m - two.reach_m


def _standing(name: str, at: FloatArray, yaw_rad: float, reach_m: float, parts: list[tuple[Solid, Surface]]) -> Thing:
    cosine, sine = np.cos(yaw_rad), np.sin(yaw_rad)
    rotation = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
    pose = RigidTransform(TABLE_FRAME, name, rotation, np.array([at[0], at[1], 0.0]))
    return Thing(name, pose, reach_m, tuple(solid for solid, _ in parts), tuple(surface for _, surface in parts))


def _box(at: FloatArray, offset_m: FloatArray, size_m: FloatArray, yaw_rad: float) -> Box:
    cosine, sine = np.cos(yaw_rad), np.sin(yaw_rad)
    centre = np.array(
        [
            at[0] + cosine * offset_m[0] - sine * offset_m[1],
            at[1] + sine * offset_m[0] + cosine * offset_m[1],
            offset_m[2],
        ]
    )
    return Box(centre, np.asarray(size_m, dtype=np.float64), yaw_rad)


def _block(name: str, at: FloatArray, yaw_rad: float, colour: FloatArray) -> Thing:
    cube = _box(at, np.array([0, 0, BLOCK_SIDE_M / 2]), np.full(3, BLOCK_SIDE_M), yaw_rad)
    return _standing(name, at, yaw_rad, BLOCK_SIDE_M / np.sqrt(2), [(cube, Surface(plain(colour), 0.15))])


def _tray(name: str, at: FloatArray, yaw_rad: float, colour: FloatArray) -> Thing:
    (length, width), rim = _TRAY_SIZE_M, _RIM_WIDTH_M
    glaze = Surface(plain(colour), 0.3)
    slabs = [((0.0, 0.0, _TRAY_FLOOR_M / 2), (length, width, _TRAY_FLOOR_M))]
    for sign in (-1.0, 1.0):
        slabs.append(((sign * (length - rim) / 2, 0.0, _RIM_HEIGHT_M / 2), (rim, width, _RIM_HEIGHT_M)))
        slabs.append(((0.0, sign * (width - rim) / 2, _RIM_HEIGHT_M / 2), (length, rim, _RIM_HEIGHT_M)))
    parts: list[tuple[Solid, Surface]] = [
        (_box(at, np.array(offset), np.array(size), yaw_rad), glaze) for offset, size in slabs
    ]
    return _standing(name, at, yaw_rad, float(np.hypot(length, width)) / 2, parts)


def _carton(at: FloatArray, yaw_rad: float) -> Thing:
    size = np.array([0.11, 0.045, 0.15])
    paint = banded(linear(232, 222, 196), linear(196, 92, 60), 0.055, 0.105)
    box = _box(at, np.array([0, 0, size[2] / 2]), size, yaw_rad)
    return _standing("carton", at, yaw_rad, float(np.hypot(*size[:2])) / 2, [(box, Surface(paint, 0.05))])


def _mug(at: FloatArray, yaw_rad: float) -> Thing:
    body = Cylinder(np.array([*at, 0.045]), 0.038, 0.09)
    glaze = Surface(filled(_WHITE, _COFFEE, body.centre_m, 0.033), 0.5)
    handle = _box(at, np.array([0.046, 0, 0.047]), np.array([0.03, 0.011, 0.052]), yaw_rad)
    return _standing("white mug", at, yaw_rad, 0.062, [(body, glaze), (handle, Surface(plain(_WHITE), 0.5))])


def _tin(name: str, at: FloatArray, colour: FloatArray) -> Thing:
    can = Cylinder(np.array([*at, 0.055]), 0.034, 0.11)
    return _standing(name, at, 0.0, 0.034, [(can, Surface(banded(_TIN, colour, 0.012, 0.098), 0.35))])


def _ball(name: str, at: FloatArray, colour: FloatArray) -> Thing:
    return _standing(name, at, 0.0, 0.034, [(Ball(np.array([*at, 0.034]), 0.034), Surface(plain(colour), 0.6))])


def _bottle(at: FloatArray) -> Thing:
    body = Cylinder(np.array([*at, 0.06]), 0.027, 0.12)
    neck = Cylinder(np.array([*at, 0.133]), 0.013, 0.026)
    paint = banded(linear(240, 240, 238), linear(60, 150, 170), 0.03, 0.085)
    cap = Surface(plain(linear(60, 150, 170)), 0.3)
    return _standing("white bottle", at, 0.0, 0.027, [(body, Surface(paint, 0.4)), (neck, cap)])
