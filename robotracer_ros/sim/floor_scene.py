"""Floors to drive on: a seed gives a room with coloured things in front of the base, a green box among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray, frozen_floats
from robotracer_ros.sim.catalogue import COLOURS

# The room, metres in the frame odom: the base begins at its origin and looks along x.
ROOM_MIN_M: Final = (-2.0, -4.0)
ROOM_MAX_M: Final = (7.0, 4.0)
MIN_THINGS: Final = 3
MAX_THINGS: Final = 8
# Smallest and largest (width, depth, height); of what is round the depth is the width.
FLOOR_SHAPES: Final = {
    "box": ((0.25, 0.25, 0.20), (0.50, 0.45, 0.45)),
    "cylinder": ((0.22, 0.22, 0.25), (0.40, 0.40, 0.60)),
    "ball": ((0.22, 0.22, 0.22), (0.40, 0.40, 0.40)),
    "cone": ((0.24, 0.24, 0.30), (0.40, 0.40, 0.60)),
    "bin": ((0.24, 0.24, 0.28), (0.40, 0.40, 0.50)),
}
# Brown and white are left to floors and walls.
FLOOR_COLOURS: Final = ("green", "red", "orange", "yellow", "blue", "purple", "pink", "black")
# In every scene, so that the demonstration's sentence makes sense with every seed.
ALWAYS: Final = ("green", "box")
_NEAREST_M: Final = 1.25
_FARTHEST_M: Final = 3.9
# A thing's middle lies within this tangent of the way ahead; the camera sees to 0.69.
_SIDEWAYS: Final = 0.52
_GAP_M: Final = 0.20
_PLACES_TRIED: Final = 80


@dataclass(frozen=True, slots=True, eq=False)
class FloorThing:
    """One named thing on the floor.

    Attributes:
        shape: one of `FLOOR_SHAPES`.
        colour: one of `FLOOR_COLOURS`.
        size_m: (3,) full extents before it is turned, metres.
        centre_m: (2,) of its footprint in odom, metres.
        yaw_rad: about z.
    """

    shape: str
    colour: str
    size_m: FloatArray
    centre_m: FloatArray
    yaw_rad: float

    def __post_init__(self) -> None:
        if self.shape not in FLOOR_SHAPES or self.colour not in COLOURS:
            raise InvalidRequest(
                f"there is no {self.colour!r} {self.shape!r}; colours: {', '.join(COLOURS)}; "
                f"shapes: {', '.join(FLOOR_SHAPES)}"
            )
        object.__setattr__(self, "size_m", frozen_floats("size_m", self.size_m, (3,)))
        object.__setattr__(self, "centre_m", frozen_floats("centre_m", self.centre_m, (2,)))

    @property
    def name(self) -> str:
        """Such as "green box"."""
        return f"{self.colour} {self.shape}"

    @property
    def radius_m(self) -> float:
        """Of the circle around its footprint."""
        across = float(np.hypot(*self.size_m[:2])) if self.shape == "box" else float(self.size_m[0])
        return across / 2

    def distance_m(self, points_m: FloatArray) -> FloatArray:
        """(...) metres along the floor from (..., 2) points to its footprint, negative inside."""
        offset = np.asarray(points_m, dtype=np.float64) - self.centre_m
        if self.shape != "box":
            return np.asarray(np.hypot(offset[..., 0], offset[..., 1]) - self.size_m[0] / 2)
        cos, sin = np.cos(self.yaw_rad), np.sin(self.yaw_rad)
        across = np.stack(
            [cos * offset[..., 0] + sin * offset[..., 1], cos * offset[..., 1] - sin * offset[..., 0]], axis=-1
        )
        beyond = np.abs(across) - self.size_m[:2] / 2
        outside = np.linalg.norm(np.maximum(beyond, 0.0), axis=-1)
        return np.asarray(outside + np.minimum(beyond.max(axis=-1), 0.0))

    def reach_m(self, direction: FloatArray) -> float:
        """How far its footprint reaches from its middle along a unit vector (2,)."""
        if self.shape != "box":
            return float(self.size_m[0] / 2)
        cos, sin = np.cos(self.yaw_rad), np.sin(self.yaw_rad)
        along = abs(cos * direction[0] + sin * direction[1]), abs(cos * direction[1] - sin * direction[0])
        return float(along[0] * self.size_m[0] / 2 + along[1] * self.size_m[1] / 2)


@dataclass(frozen=True, slots=True, eq=False)
class FloorScene:
    """A room with things; the same seed gives the same one everywhere.

    Attributes:
        things: no two of the same name.
        floor_texture, wall_texture: numbers of `textures.texture`.
        floor_tint, wall_tint: (3,) factors of their colours.
        shades: (MAX_THINGS, 3) factors of the things' colours.
        sun_m: (3,) where the light that casts shadows hangs, metres in odom.
    """

    seed: int
    things: tuple[FloorThing, ...]
    floor_texture: int
    wall_texture: int
    floor_tint: FloatArray
    wall_tint: FloatArray
    shades: FloatArray
    sun_m: FloatArray

    @classmethod
    def sample(cls, seed: int) -> FloorScene:
        """The scene of a seed from 0.

        Raises:
            InvalidRequest: for a negative seed.
        """
        if seed < 0:
            raise InvalidRequest(f"a scene's seed must be at least 0, received {seed}")
        rng = np.random.default_rng([4, seed])
        things: tuple[FloorThing, ...] = ()
        while len(things) < MIN_THINGS:
            things = _placed(rng, _kinds(rng))
        return cls(
            seed, things,
            floor_texture=int(rng.integers(40, 52)),
            wall_texture=int(rng.integers(80, 92)),
            floor_tint=np.asarray(rng.uniform(0.7, 1.0) * rng.uniform(0.94, 1.0, 3)),
            wall_tint=np.asarray(rng.uniform(0.7, 1.0) * rng.uniform(0.94, 1.0, 3)),
            shades=np.clip(rng.normal(1.0, 0.05, (MAX_THINGS, 3)), 0.8, 1.15),
            sun_m=np.array([rng.uniform(0.0, 4.0), rng.uniform(-2.0, 2.0), 5.0]),
        )  # fmt: skip

    def thing(self, name: str) -> FloorThing:
        """The thing of this name, such as "green box".

        Raises:
            InvalidRequest: listing the names there are.
        """
        for thing in self.things:
            if thing.name == name:
                return thing
        names = ", ".join(thing.name for thing in self.things)
        raise InvalidRequest(f"there is no {name!r} on the floor of seed {self.seed}; there are: {names}")

    def clearance_m(self, points_m: FloatArray) -> FloatArray:
        """(...) metres along the floor from (..., 2) points of odom to the nearest thing or wall, negative inside."""
        points = np.asarray(points_m, dtype=np.float64)
        walls = np.minimum(points - ROOM_MIN_M, ROOM_MAX_M - points).min(axis=-1)
        return np.asarray(np.minimum.reduce([walls, *(thing.distance_m(points) for thing in self.things)]))


def _kinds(rng: np.random.Generator) -> list[tuple[str, str]]:
    """(colour, shape) of each thing, no two alike."""
    every = [(colour, shape) for colour in FLOOR_COLOURS for shape in FLOOR_SHAPES]
    count = int(rng.integers(MIN_THINGS, MAX_THINGS + 1))
    others = [kind for kind in every if kind != ALWAYS]
    return [ALWAYS, *(others[i] for i in rng.permutation(len(others))[: count - 1])]


def _placed(rng: np.random.Generator, kinds: list[tuple[str, str]]) -> tuple[FloorThing, ...]:
    """Things that the base may pass between or not; one that finds no place is left out, the first never is."""
    placed: list[FloorThing] = []
    for colour, shape in kinds:
        smallest, largest = np.array(FLOOR_SHAPES[shape])
        size_m = smallest + (largest - smallest) * rng.random(3)
        if shape == "ball":
            size_m[:] = size_m[0]
        elif shape != "box":
            size_m[1] = size_m[0]
        for _ in range(_PLACES_TRIED):
            x = rng.uniform(_NEAREST_M, _FARTHEST_M)
            centre_m = np.array([x, x * rng.uniform(-_SIDEWAYS, _SIDEWAYS)])
            thing = FloorThing(shape, colour, size_m, centre_m, float(rng.uniform(0, 2 * np.pi)))
            near = [np.hypot(*(centre_m - other.centre_m)) - other.radius_m for other in placed]
            if min(near, default=np.inf) > thing.radius_m + _GAP_M:
                placed.append(thing)
                break
    return tuple(placed)
