"""The bodies of tabletop objects: distances to their surfaces, their outlines, and the faces that hold things."""

from __future__ import annotations

import math
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from robotracer_ros.geometry.arrays import FloatArray, read_only
from robotracer_ros.sim.catalogue import SHAPES
from robotracer_ros.sim.meshes import TRAY_FLOOR, TRAY_WALL_M, floor_share, mesh
from robotracer_ros.sim.scene import SceneObject

# Depth at a pixel is that of its middle; a face seen at a slant is found this near to its true place.
_FACE_TOLERANCE_M: Final = 0.003
_RING: Final = np.arange(16) * (2 * np.pi / 16)


def own_frame(thing: SceneObject, points_m: FloatArray) -> FloatArray:
    """(N, 3) points of the table frame, seen from the centre of the object's box and turned with it."""
    offset = points_m - thing.centre_m
    cos, sin = math.cos(thing.yaw_rad), math.sin(thing.yaw_rad)
    x, y = offset[:, 0], offset[:, 1]
    return np.column_stack([cos * x + sin * y, cos * y - sin * x, offset[:, 2]])


def signed_distance_m(thing: SceneObject, points_m: FloatArray) -> FloatArray:
    """(N,) metres from (N, 3) points of the table frame to the object's surface, negative inside its solid.

    Bowls, plates and cups are turned profiles and hollow, trays five boards. Inside a tray's boards the value is
    right in sign and no larger than the true depth.
    """
    local, half = own_frame(thing, points_m), thing.size_m / 2
    if thing.shape == "block":
        return _box(local, half)
    if thing.shape == "tray":
        return _tray(local, half)
    radius = np.hypot(local[:, 0], local[:, 1])
    if thing.shape == "ball":
        return np.asarray(np.hypot(radius, local[:, 2]) - half[0])
    if thing.shape == "cylinder":
        return _box(np.column_stack([radius, local[:, 2]]), half[[0, 2]])
    return _turned(np.column_stack([radius, local[:, 2] + half[2]]), profile(thing.shape) * (half[0], 2 * half[2]))


def profile(shape: str) -> FloatArray:
    """(P, 2) radius and height, as shares, of a turned shape: up its outside, over the rim, down its inside."""
    return _profile(shape)


@cache
def _profile(shape: str) -> FloatArray:
    corners, _ = mesh(shape, np.array([2.0, 2.0, 1.0]))
    rings = corners[(np.abs(corners[:, 1]) < 1e-9) & (corners[:, 0] > 1e-9)]
    axis = corners[np.hypot(corners[:, 0], corners[:, 1]) < 1e-9]
    ordered = np.concatenate([axis[:1], rings, axis[1:]])
    return np.asarray(read_only(np.column_stack([ordered[:, 0], ordered[:, 2] + 0.5])))


def _box(local: FloatArray, half: FloatArray) -> FloatArray:
    beyond = np.abs(local) - half
    outside = np.maximum(beyond, 0.0)
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", outside, outside)) + np.minimum(beyond.max(axis=1), 0.0))


def _tray(local: FloatArray, half: FloatArray) -> FloatArray:
    x, y, z = half
    wall, floor = TRAY_WALL_M / 2, TRAY_FLOOR * z
    boards = (
        ((0.0, 0.0, floor - z), (x, y, floor)),
        ((x - wall, 0.0, 0.0), (wall, y, z)), ((wall - x, 0.0, 0.0), (wall, y, z)),
        ((0.0, y - wall, 0.0), (x, wall, z)), ((0.0, wall - y, 0.0), (x, wall, z)),
    )  # fmt: skip
    return np.asarray(np.min([_box(local - centre, np.array(size)) for centre, size in boards], axis=0))


def _turned(points: FloatArray, outline: FloatArray) -> FloatArray:
    """Signed distance of (N, 2) radius and height to an outline that closes along the axis."""
    start, along = outline[:-1], np.diff(outline, axis=0)
    offset = points[:, None, :] - start
    share = np.clip(np.einsum("nsk,sk->ns", offset, along) / np.einsum("sk,sk->s", along, along), 0.0, 1.0)
    away = offset - share[:, :, None] * along
    distance = np.sqrt(np.einsum("nsk,nsk->ns", away, away).min(axis=1))
    # How often the way outwards crosses the outline: an odd number of times from within.
    low, high = start[:, 1], outline[1:, 1]
    height = points[:, 1:]
    spans = (low <= height) != (high <= height)
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = start[:, 0] + (height - low) / (high - low) * along[:, 0]
    inside = ((spans & (crossing > points[:, :1])).sum(axis=1) % 2) == 1
    return np.asarray(np.where(inside, -distance, distance))


def outline_points_m(thing: SceneObject) -> FloatArray:
    """(P, 3) points of the table frame whose hull is the object's, metres."""
    shares = _outline_shares(thing.shape)
    half = thing.size_m / 2
    cos, sin = math.cos(thing.yaw_rad), math.sin(thing.yaw_rad)
    x, y = shares[:, 0] * half[0], shares[:, 1] * half[1]
    return np.column_stack([cos * x - sin * y, sin * x + cos * y, shares[:, 2] * half[2]]) + thing.centre_m


@cache
def _outline_shares(shape: str) -> FloatArray:
    """Points on the hull, as shares of the half extents."""
    if not SHAPES[shape].round_:
        return np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float64)
    if shape == "ball":
        tilts = np.arange(-5, 6) * (np.pi / 12)
        rings = np.column_stack([np.cos(tilts), np.sin(tilts)])
    elif shape == "cylinder":
        rings = np.array([[1.0, -1.0], [1.0, 1.0]])
    else:
        rings = profile(shape)[1:-1] * (1.0, 2.0) - (0.0, 1.0)
    return np.concatenate(
        [np.column_stack([r * np.cos(_RING), r * np.sin(_RING), np.full(len(_RING), z)]) for r, z in rings]
    )


def extent_m(thing: SceneObject, direction: FloatArray) -> float:
    """How far the object reaches from its centre along a horizontal unit direction (2,), metres."""
    half = thing.size_m / 2
    if SHAPES[thing.shape].round_:
        return float(half[0])
    cos, sin = math.cos(thing.yaw_rad), math.sin(thing.yaw_rad)
    along, across = cos * direction[0] + sin * direction[1], cos * direction[1] - sin * direction[0]
    return float(abs(along) * half[0] + abs(across) * half[1])


def gap_m(one: SceneObject, other: SceneObject) -> float:
    """Between the nearest edges of two objects that stand apart, seen from above, metres."""
    if SHAPES[one.shape].round_:
        return float(plan_distance_m(other, one.centre_m[None, :2])[0] - one.size_m[0] / 2)
    if SHAPES[other.shape].round_:
        return gap_m(other, one)
    return float(min(plan_distance_m(one, _corners(other)).min(), plan_distance_m(other, _corners(one)).min()))


def plan_distance_m(thing: SceneObject, points_m: FloatArray) -> FloatArray:
    """(N,) metres from (N, 2) points to the object's edge seen from above, 0 and less inside."""
    offset = points_m - thing.centre_m[:2]
    if SHAPES[thing.shape].round_:
        return np.asarray(np.hypot(offset[:, 0], offset[:, 1]) - thing.size_m[0] / 2)
    cos, sin = math.cos(thing.yaw_rad), math.sin(thing.yaw_rad)
    turned = np.column_stack([cos * offset[:, 0] + sin * offset[:, 1], cos * offset[:, 1] - sin * offset[:, 0]])
    return _box(turned, thing.size_m[:2] / 2)


def _corners(thing: SceneObject) -> FloatArray:
    return outline_points_m(thing)[::2, :2]


def resting_place_m(thing: SceneObject) -> FloatArray:
    """(3,) middle of the face that holds things, in the table frame: a bowl's bottom, a block's top."""
    share = 1.0 if thing.shape == "block" else floor_share(thing.shape)
    return np.array([*thing.centre_m[:2], thing.centre_m[2] + (share - 0.5) * thing.size_m[2]])


def on_resting_face(thing: SceneObject, points_m: FloatArray) -> npt.NDArray[np.bool_]:
    """(N,) which of (N, 3) points of the object's surface belong to the face that holds things."""
    local, half = own_frame(thing, points_m), thing.size_m / 2
    if thing.shape == "block":
        return np.asarray(local[:, 2] > half[2] - _FACE_TOLERANCE_M)
    if thing.shape == "tray":
        inner = half[:2] - TRAY_WALL_M + 0.3 * _FACE_TOLERANCE_M
        return np.asarray((np.abs(local[:, :2]) < inner).all(axis=1))
    outline = profile(thing.shape)
    # From the last of the highest points on, the outline runs down the inside.
    rim = len(outline) - 1 - int(np.argmax(outline[::-1, 1]))
    inside = outline[: rim - 1 : -1] * (half[0], 2 * half[2])
    reach = np.interp(local[:, 2] + half[2], inside[:, 1], inside[:, 0])
    return np.asarray(
        (np.hypot(local[:, 0], local[:, 1]) < reach + 0.7 * _FACE_TOLERANCE_M)
        & (local[:, 2] + half[2] > inside[0, 1] - _FACE_TOLERANCE_M)
    )
