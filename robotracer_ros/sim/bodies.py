"""The bodies of tabletop objects as MuJoCo collides them: bowls, plates, cups and trays are hollow."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any, Final

import numpy as np

from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.sim.arm_spec import about_z
from robotracer_ros.sim.engine import mujoco
from robotracer_ros.sim.meshes import TRAY_FLOOR, TRAY_WALL_M
from robotracer_ros.sim.scene import SceneObject
from robotracer_ros.sim.tasks.solids import profile

# kg/m3: wood, rubber, glazed clay, lacquered board.
_DENSITY: Final = {
    "block": 600.0, "cylinder": 600.0, "ball": 500.0, "cup": 1400.0, "bowl": 1800.0, "plate": 1800.0, "tray": 800.0,
}  # fmt: skip
# Sliding, turning on the spot and rolling, the last two as lengths in metres.
_FRICTION: Final = (0.7, 0.005, 0.0005)
_BALL_FRICTION: Final = (0.7, 0.005, 0.002)
_STIFF: Final = (0.005, 1.0)
# Walls of turned shapes: flat pieces around, and the least height of a ring of them as a share of the whole.
_SIDES: Final = 16
_LEAST_RING: Final = 0.12
GROUP: Final = 3


def add_body(spec: Any, thing: SceneObject) -> None:
    """A free body where the object stands, called `body_name`; its frame is the middle of the box around it."""
    body = spec.worldbody.add_body(name=body_name(thing), pos=thing.centre_m)
    body.quat = about_z(thing.yaw_rad)
    body.add_freejoint()
    half = thing.size_m / 2
    if thing.shape == "block":
        _add(body, thing, "BOX", half)
    elif thing.shape == "cylinder":
        _add(body, thing, "CYLINDER", (half[0], half[2], 0.0))
    elif thing.shape == "ball":
        _add(body, thing, "SPHERE", (half[0], 0.0, 0.0))
    elif thing.shape == "tray":
        _add_tray(body, thing, half)
    else:
        _add_turned(body, thing, profile(thing.shape) * (half[0], 2 * half[2]))


def body_name(thing: SceneObject) -> str:
    """Such as "3 red block": several may be called alike."""
    return f"{thing.label} {thing.name}"


def _add(body: Any, thing: SceneObject, kind: str, size: Any, pos: Any = (0, 0, 0), quat: Any = (1, 0, 0, 0)) -> None:
    ball = thing.shape == "ball"
    body.add_geom(
        type=getattr(mujoco.mjtGeom, f"mjGEOM_{kind}"), size=size, pos=pos, quat=quat, density=_DENSITY[thing.shape],
        friction=_BALL_FRICTION if ball else _FRICTION, condim=6 if ball else 4, solref=_STIFF, group=GROUP,
    )  # fmt: skip


def _add_tray(body: Any, thing: SceneObject, half: FloatArray) -> None:
    x, y, z = half
    wall, floor = TRAY_WALL_M / 2, TRAY_FLOOR * z
    _add(body, thing, "BOX", (x, y, floor), (0, 0, floor - z))
    for side in (-1, 1):
        _add(body, thing, "BOX", (wall, y, z), (side * (x - wall), 0, 0))
        _add(body, thing, "BOX", (x, wall, z), (0, side * (y - wall), 0))


def _add_turned(body: Any, thing: SceneObject, outline: FloatArray) -> None:
    """A disc for the foot up to the inner floor, and rings of flat boards from there to the rim.

    ``outline`` is (P, 2) radius and height over the foot, up the outside and down the inside.
    """
    height_m = float(outline[:, 1].max())
    rim = int(np.argmax(outline[:, 1]))
    # The floor is flat as far as its next point, from where the wall begins.
    outside, inside = outline[1 : rim + 1], outline[-2:rim:-1]
    floor_m = float(outline[-1, 1])
    radius_m = float(np.interp(floor_m / 2, outside[:, 1], outside[:, 0]))
    _add(body, thing, "CYLINDER", (radius_m, floor_m / 2, 0.0), (0, 0, (floor_m - height_m) / 2))
    levels = [floor_m]
    for level in (*outside[:-1, 1], height_m):
        if level - levels[-1] > _LEAST_RING * height_m:
            levels.append(float(level))
    levels[-1] = height_m
    for low, high in pairwise(levels):
        corners = [
            [float(np.interp(level, side[:, 1], side[:, 0])), level]
            for side in (outside, inside)
            for level in (low, high)
        ]
        _add_ring(body, thing, np.array(corners) - (0.0, height_m / 2))


def _add_ring(body: Any, thing: SceneObject, corners: FloatArray) -> None:
    """Boards around the axis; ``corners`` (4, 2) of their section: outside low and high, inside low and high."""
    low, high = (corners[0] + corners[2]) / 2, (corners[1] + corners[3]) / 2
    along = high - low
    length = float(np.hypot(*along))
    up = along / length
    out = np.array([up[1], -up[0]])
    thick = float(((corners[0] - corners[2]) @ out + (corners[1] - corners[3]) @ out) / 2)
    middle = (low + high) / 2
    tilt = math.atan2(up[0], up[1])
    wide = float(max(corners[0, 0], corners[1, 0])) * math.tan(math.pi / _SIDES)
    for side in range(_SIDES):
        angle = 2 * math.pi * side / _SIDES
        about_y = np.array([math.cos(tilt / 2), 0.0, math.sin(tilt / 2), 0.0])
        turned = np.zeros(4)
        mujoco.mju_mulQuat(turned, about_z(angle), about_y)
        pos = (middle[0] * math.cos(angle), middle[0] * math.sin(angle), middle[1])
        _add(body, thing, "BOX", (thick / 2, wide, length / 2), pos, turned)
