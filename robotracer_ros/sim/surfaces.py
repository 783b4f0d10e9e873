"""What surfaces look like: colours, wood, tiles and paint, lit by one soft window and the room."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.sim.ray_cast import NOTHING, Hits, lit_share
from robotracer_ros.sim.solids import Solid

# A paint gives (N, 3) linear RGB in [0, 1] for (N, 3) points and normals of the table frame.
Paint: TypeAlias = Callable[[FloatArray, FloatArray], FloatArray]

_WINDOW: Final = np.array([-0.46, -0.36, 0.84])
_WINDOW_RADIUS: Final = 0.075
_WINDOW_PARTS: Final = 12
_WINDOW_COLOUR: Final = np.array([1.0, 0.965, 0.90]) * 0.92
_CEILING_COLOUR: Final = np.array([0.86, 0.93, 1.0]) * 0.46
_GROUND_COLOUR: Final = np.array([1.0, 0.90, 0.78]) * 0.20
_EMPTY_COLOUR: Final = np.array([0.55, 0.57, 0.60])
# Ambient light is lost in the corner between a body and what it stands on, fading over this distance.
_CORNER_M: Final = 0.022
_CORNER_LOSS: Final = 0.42


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """How a solid looks: its paint, and how much it mirrors the window (0 dull, 1 glazed)."""

    paint: Paint
    gloss: float = 0.0


def linear(red: float, green: float, blue: float) -> FloatArray:
    """(3,) linear RGB of a display colour given in 0 to 255."""
    return (np.array([red, green, blue], dtype=np.float64) / 255) ** 2.2


def plain(colour: FloatArray) -> Paint:
    """One colour."""
    return lambda points_m, normals: np.broadcast_to(colour, points_m.shape)


def banded(colour: FloatArray, band: FloatArray, low_m: float, high_m: float) -> Paint:
    """A band of another colour between two heights, on the sides only."""

    def paint(points_m: FloatArray, normals: FloatArray) -> FloatArray:
        inside = (points_m[:, 2] > low_m) & (points_m[:, 2] < high_m) & (np.abs(normals[:, 2]) < 0.5)
        colours: FloatArray = np.where(inside[:, None], band, colour)
        return colours

    return paint


def filled(colour: FloatArray, content: FloatArray, centre_m: FloatArray, radius_m: float) -> Paint:
    """A vessel seen from above: its content inside ``radius_m`` of the middle of its top."""

    def paint(points_m: FloatArray, normals: FloatArray) -> FloatArray:
        inside = (np.linalg.norm(points_m[:, :2] - centre_m[:2], axis=1) < radius_m) & (normals[:, 2] > 0.5)
        colours: FloatArray = np.where(inside[:, None], content, colour)
        return colours

    return paint


def graded(low: FloatArray, high: FloatArray, low_m: float, high_m: float) -> Paint:
    """One colour passing into another between two heights."""

    def paint(points_m: FloatArray, normals: FloatArray) -> FloatArray:
        share = np.clip((points_m[:, 2:] - low_m) / (high_m - low_m), 0, 1)
        colours: FloatArray = low + (high - low) * share
        return colours

    return paint


def tiled(one: FloatArray, two: FloatArray, side_m: float) -> Paint:
    """A checkerboard seen from above."""

    def paint(points_m: FloatArray, normals: FloatArray) -> FloatArray:
        odd = (np.floor(points_m[:, 0] / side_m) + np.floor(points_m[:, 1] / side_m)) % 2
        colours: FloatArray = np.where(odd[:, None] > 0, one, two)
        return colours

    return paint


def wooden(seed: int, light: FloatArray, dark: FloatArray, plank_m: float = 0.16) -> Paint:
    """Planks along x with grain, each from another part of the tree."""
    rng = np.random.default_rng(seed)
    grain = _wrapping_noise(rng, 6.0) + 0.5 * _wrapping_noise(rng, 1.2)
    shifts = rng.uniform(0, 256, (64, 2))
    tones = rng.uniform(-0.16, 0.16, 64)

    def paint(points_m: FloatArray, normals: FloatArray) -> FloatArray:
        plank = np.floor(points_m[:, 1] / plank_m)
        number = plank.astype(np.intp) % 64
        u = points_m[:, 0] * 110 + shifts[number, 0]
        v = points_m[:, 1] * 2400 + shifts[number, 1]
        share = np.clip(0.5 + 0.17 * _looked_up(grain, u, v) + tones[number], 0, 1)[:, None]
        colour = light + (dark - light) * share
        seam = np.abs(points_m[:, 1] / plank_m - plank - 0.5) > 0.5 - 0.0009 / plank_m
        colours: FloatArray = np.where(seam[:, None], 0.45 * colour, colour)
        return colours

    return paint


def _wrapping_noise(rng: np.random.Generator, blur_px: float, side_px: int = 256) -> FloatArray:
    """(side, side) smooth noise of deviation 1 that continues over its own edges."""
    margin = side_px // 4
    wide = np.pad(rng.standard_normal((side_px, side_px)), margin, mode="wrap")
    smooth = np.asarray(cv2.GaussianBlur(wide, (0, 0), blur_px), dtype=np.float64)[margin:-margin, margin:-margin]
    return smooth / float(smooth.std())


def _looked_up(texture: FloatArray, u: FloatArray, v: FloatArray) -> FloatArray:
    """(N,) values of a square, repeating texture between its pixels, bilinear."""
    side = len(texture)
    column, row = np.floor(u), np.floor(v)
    right, down = u - column, v - row
    left_at, top_at = column.astype(np.intp) % side, row.astype(np.intp) % side
    right_at, bottom_at = (left_at + 1) % side, (top_at + 1) % side
    upper = texture[top_at, left_at] * (1 - right) + texture[top_at, right_at] * right
    lower = texture[bottom_at, left_at] * (1 - right) + texture[bottom_at, right_at] * right
    between: FloatArray = upper * (1 - down) + lower * down
    return between


def lit_colours(
    solids: Sequence[Solid], surfaces: Sequence[Surface], casters: Sequence[int], hits: Hits, directions: FloatArray
) -> npt.NDArray[np.float32]:
    """(N, 3) display RGB in 0 to 255, not rounded, of what N rays along ``directions`` hit."""
    middle = _WINDOW / np.linalg.norm(_WINDOW)
    facing = np.maximum(hits.normals @ middle, 0.0)
    direct = facing * lit_share(solids, casters, hits, _window_directions())
    upward = 0.5 + 0.5 * hits.normals[:, 2:]
    ambient = _GROUND_COLOUR + upward * (_CEILING_COLOUR - _GROUND_COLOUR)
    colours = direct[:, None] * _WINDOW_COLOUR + ambient * _corner_light(solids, casters, hits)[:, None]
    for index, surface in enumerate(surfaces):
        on_it = np.flatnonzero(hits.solid == index)
        if len(on_it):
            colours[on_it] *= surface.paint(hits.points_m[on_it], hits.normals[on_it])
        if len(on_it) and surface.gloss:
            glint = _glint(hits.normals[on_it], directions[on_it], middle)
            colours[on_it] += (surface.gloss * direct[on_it] * glint)[:, None]
    colours[hits.solid == NOTHING] = _EMPTY_COLOUR
    # Single precision is twice as fast here and far finer than a display.
    display: npt.NDArray[np.float32] = 255 * np.clip(colours, 0, 1).astype(np.float32) ** np.float32(1 / 2.2)
    return display


def _window_directions() -> FloatArray:
    """(L, 3) unit directions spread evenly over the window's disc, by the golden angle."""
    middle = _WINDOW / np.linalg.norm(_WINDOW)
    right = np.cross(middle, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    up = np.cross(right, middle)
    turn = np.arange(_WINDOW_PARTS) * np.pi * (3 - np.sqrt(5))
    out = _WINDOW_RADIUS * np.sqrt((np.arange(_WINDOW_PARTS) + 0.5) / _WINDOW_PARTS)
    offsets = np.outer(out * np.cos(turn), right) + np.outer(out * np.sin(turn), up)
    directions = middle + offsets
    unit: FloatArray = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    return unit


def _corner_light(solids: Sequence[Solid], casters: Sequence[int], hits: Hits) -> FloatArray:
    """(N,) share of the ambient light left where upward faces meet the bodies that stand on them."""
    left = np.ones(len(hits.solid))
    upward = np.flatnonzero(hits.normals[:, 2] > 0.9)
    x, y, z = hits.points_m[upward].T.astype(np.float32)
    for caster in casters:
        solid = solids[caster]
        reach = solid.radius_m + 5 * _CORNER_M
        near = (np.abs(x - solid.centre_m[0]) < reach) & (np.abs(y - solid.centre_m[1]) < reach)
        rows = upward[near & (z < solid.top_m - 1e-3)]
        rows = rows[hits.solid[rows] != caster]
        away = solid.plan_distances_m(hits.points_m[rows, :2])
        left[rows] *= 1 - _CORNER_LOSS * np.exp(-away / _CORNER_M)
    return left


def _glint(normals: FloatArray, directions: FloatArray, to_light: FloatArray) -> FloatArray:
    """(N,) mirrored window, Blinn's half vector."""
    half = to_light - directions / np.linalg.norm(directions, axis=1, keepdims=True)
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    sharp = np.maximum(np.einsum("ij,ij->i", normals, half), 0.0)
    glint: FloatArray = 0.7 * sharp**90 + 0.10 * sharp**12
    return glint
