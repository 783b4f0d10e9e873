"""How a tabletop scene looks apart from its objects: textures, lights, shades of colour, and what stands behind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from robotracer_ros.geometry.arrays import FloatArray

TABLE_TEXTURES: Final = 16
ROOM_TEXTURES: Final = 12
CLUTTER: Final = 6
MAX_OBJECTS: Final = 16


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What makes two pictures of the same table differ.

    Attributes:
        table_texture, floor_texture, wall_texture: numbers of the stage's textures.
        table_tint, floor_tint, wall_tint: (3,) factors of their colours.
        table_half_m: (2,) half extents of the table's top, metres.
        clutter: (CLUTTER, 10): kind (0 none, 1 box, 2 cylinder), half extents, position in metres, colour from 0 to 1.
        lights: (2, 8): position and direction in metres, strength, 1 where it casts shadows.
        ambient: strength of the light from everywhere, 0 to 1.
        shades: (MAX_OBJECTS, 3) factors of the objects' colours.
        gloss: (MAX_OBJECTS,) 0 matt to 1 shiny.
    """

    table_texture: int
    floor_texture: int
    wall_texture: int
    table_tint: FloatArray
    floor_tint: FloatArray
    wall_tint: FloatArray
    table_half_m: FloatArray
    clutter: FloatArray
    lights: FloatArray
    ambient: float
    shades: FloatArray
    gloss: FloatArray


def sample_look(rng: np.random.Generator) -> Look:
    """Textures, lights and clutter at random."""
    return Look(
        table_texture=int(rng.integers(TABLE_TEXTURES)),
        floor_texture=int(rng.integers(ROOM_TEXTURES)),
        wall_texture=int(rng.integers(ROOM_TEXTURES)),
        table_tint=_tint(rng),
        floor_tint=_tint(rng),
        wall_tint=_tint(rng),
        table_half_m=rng.uniform((0.42, 0.42), (0.75, 0.60)),
        clutter=np.array([_clutter(rng) for _ in range(CLUTTER)]),
        lights=np.array([_light(rng, shadow) for shadow in (1.0, 0.0)]),
        ambient=float(rng.uniform(0.25, 0.45)),
        shades=np.clip(rng.normal(1.0, 0.06, (MAX_OBJECTS, 3)) * rng.uniform(0.85, 1.1, (MAX_OBJECTS, 1)), 0.7, 1.2),
        gloss=rng.uniform(0.0, 0.8, MAX_OBJECTS),
    )


def _tint(rng: np.random.Generator) -> FloatArray:
    return np.asarray(rng.uniform(0.6, 1.0) * rng.uniform(0.92, 1.0, 3))


def _clutter(rng: np.random.Generator) -> FloatArray:
    """Furniture and boxes on the floor around the table: never on it, and of no colour that an object is named by."""
    kind = rng.integers(3)
    half = rng.uniform(0.06, 0.3, 3)
    angle, distance = rng.uniform(0, 2 * np.pi), rng.uniform(1.3, 2.6)
    grey = rng.uniform(0.2, 0.75)
    colour = np.clip(grey + rng.normal(0.0, 0.05, 3), 0.0, 1.0)
    place = (distance * np.cos(angle), distance * np.sin(angle), half[2] - 0.74)
    return np.array([kind, *half, *place, *colour])


def _light(rng: np.random.Generator, shadow: float) -> FloatArray:
    angle, away = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 1.2)
    position = np.array([away * np.cos(angle), away * np.sin(angle), rng.uniform(1.3, 2.2)])
    direction = np.array([*rng.uniform(-0.2, 0.2, 2), 0.0]) - position
    return np.array([*position, *(direction / np.linalg.norm(direction)), rng.uniform(0.2, 0.45), shadow])
