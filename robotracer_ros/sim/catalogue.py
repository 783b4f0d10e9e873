"""What lies on a tabletop: shapes, colours and sizes by name, and which pairs training never sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from robotracer_ros.errors import InvalidRequest


class Split(Enum):
    """Which scenes serve what. No scene, and no seed's scene, belongs to two of them."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of object.

    Attributes:
        sizes_m: full extents (x, y, z) of the upright box around it, smallest and largest, metres.
        round_: as wide as deep at every size.
        meshed: drawn from a mesh, so it comes in the sizes of `SIZE_STEPS` only.
        holds: how something is put there: "in", "on" or "" for a shape that nothing is put on.
        carried: whether tasks pick it up.
    """

    sizes_m: tuple[tuple[float, float, float], tuple[float, float, float]]
    round_: bool
    meshed: bool
    holds: str
    carried: bool


SHAPES: Final[Mapping[str, Shape]] = {
    "block": Shape(((0.032, 0.032, 0.032), (0.070, 0.070, 0.062)), False, False, "on", True),
    "cylinder": Shape(((0.032, 0.032, 0.045), (0.060, 0.060, 0.095)), True, False, "", True),
    "ball": Shape(((0.036, 0.036, 0.036), (0.066, 0.066, 0.066)), True, False, "", True),
    "cup": Shape(((0.058, 0.058, 0.065), (0.082, 0.082, 0.098)), True, True, "", True),
    "bowl": Shape(((0.110, 0.110, 0.042), (0.160, 0.160, 0.058)), True, True, "in", False),
    "plate": Shape(((0.140, 0.140, 0.016), (0.200, 0.200, 0.020)), True, True, "on", False),
    "tray": Shape(((0.150, 0.110, 0.022), (0.210, 0.150, 0.028)), False, True, "in", False),
}  # fmt: skip
# Meshes are made once for all scenes, in this many sizes.
SIZE_STEPS: Final = 3

# sRGB 0 to 255. Light and shade move them; the hues stay apart.
COLOURS: Final[Mapping[str, tuple[int, int, int]]] = {
    "red": (205, 38, 36),
    "orange": (240, 126, 22),
    "yellow": (242, 208, 40),
    "green": (44, 150, 62),
    "blue": (32, 78, 198),
    "purple": (122, 52, 172),
    "pink": (240, 142, 182),
    "brown": (108, 64, 32),
    "white": (238, 238, 234),
    "black": (30, 30, 32),
}

# Each colour and each shape is known from other pairs: only their meeting is new in the test.
HELD_OUT_PAIRS: Final = frozenset({
    ("purple", "block"), ("green", "ball"), ("orange", "cup"), ("white", "cylinder"),
    ("yellow", "bowl"), ("pink", "plate"), ("black", "tray"), ("brown", "bowl"),
})  # fmt: skip


def require_split(name: str) -> Split:
    """The `Split` called ``name``.

    Raises:
        InvalidRequest: for any other name, listing those there are.
    """
    try:
        return Split(name)
    except ValueError as error:
        raise InvalidRequest(
            f"there is no split {name!r}; accepted: {', '.join(split.value for split in Split)}"
        ) from error


def pairs(split: Split) -> tuple[tuple[str, str], ...]:
    """All (colour, shape) that objects of a split have; the test has every one."""
    every = tuple((colour, shape) for colour in COLOURS for shape in SHAPES)
    return every if split is Split.TEST else tuple(pair for pair in every if pair not in HELD_OUT_PAIRS)
