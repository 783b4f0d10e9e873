"""Where the arm stands at a table, and how it waits, so that the camera sees as little of it as possible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.sim.arm_spec import LOOKS_GROUP
from robotracer_ros.sim.engine import mujoco
from robotracer_ros.sim.scene import TABLE_FRAME, Scene

BASE_FRAME: Final = "base_link"
# From the table's centre: with the tool down, the arm reaches from 0.25 m to 0.85 m around its base up to 0.35 m high.
DISTANCE_M: Final = 0.55
HEIGHT_M: Final = 0.05
_DIRECTIONS: Final = 72
# Folded beside the base, to its right or left; joints from the base to the tool.
HOMES: Final[tuple[tuple[float, ...], ...]] = tuple(
    (side * np.pi / 2, -2.0, -2.1, -2.2, np.pi / 2, 0.0) for side in (-1, 1)
)
# What comes nearer to the picture than this share of its size counts as half in it.
_MARGIN: Final = 0.04
_NEAREST_M: Final = 0.03


@dataclass(frozen=True, slots=True, eq=False)
class Mount:
    """Where the arm stands, its x axis towards the middle of the table.

    Attributes:
        base_m: (3,) in the table frame.
        yaw_rad: about the table's z.
        home: six joint positions.
    """

    base_m: FloatArray
    yaw_rad: float
    home: tuple[float, ...]

    @property
    def base_from_table(self) -> RigidTransform:
        """Carries points of the table frame into the base's."""
        cos, sin = np.cos(self.yaw_rad), np.sin(self.yaw_rad)
        rotation = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
        return RigidTransform(TABLE_FRAME, BASE_FRAME, rotation, self.base_m).inverse()


class Mounting:
    """Finds the `Mount` for a scene: `DISTANCE_M` from the table's middle, where the camera looks least.

    Args:
        model: of the arm alone, its base at the world's origin.
    """

    def __init__(self, model: Any) -> None:
        self._points = {home: _surface_points_m(model, home) for home in HOMES}

    def best(self, scene: Scene) -> Mount:
        """The direction and the home pose with the least of the arm in the picture, next to the camera if several."""
        eye = scene.table_from_camera.translation_m
        camera_rad = float(np.arctan2(eye[1], eye[0]))
        # From the camera's own side outwards, to the left and right by turns.
        turns = [(number + 1) // 2 * (-1) ** number for number in range(_DIRECTIONS)]
        angles = [camera_rad + 2 * np.pi / _DIRECTIONS * turn for turn in turns]
        mounts = [_facing_the_middle(angle, home) for angle in angles for home in HOMES]
        return min(mounts, key=lambda mount: self.seen(scene, mount))

    def seen(self, scene: Scene, mount: Mount) -> float:
        """About the share of the folded arm that the picture shows; what is just beyond its edge counts half."""
        points_m = self._points[mount.home]
        return _seen(scene, mount.base_from_table.inverse().apply(points_m)) / len(points_m)


def _facing_the_middle(angle_rad: float, home: tuple[float, ...]) -> Mount:
    """In this direction from the table's middle."""
    base_m = np.array([DISTANCE_M * np.cos(angle_rad), DISTANCE_M * np.sin(angle_rad), HEIGHT_M])
    return Mount(base_m, float(np.mod(angle_rad, 2 * np.pi) - np.pi), home)


def _seen(scene: Scene, points_m: FloatArray) -> float:
    """How many of (N, 3) points of the table frame the picture shows; those by its edge count half."""
    seen = scene.camera_from_table.apply(points_m)
    ahead = seen[seen[:, 2] > _NEAREST_M]
    if not len(ahead):
        return 0.0
    share = (scene.intrinsics.project(ahead) + 0.5) / (scene.intrinsics.width, scene.intrinsics.height)
    beyond = np.abs(share - 0.5).max(axis=1) - 0.5
    return float((beyond < 0).sum() + 0.5 * ((beyond >= 0) & (beyond < _MARGIN)).sum())


def _surface_points_m(model: Any, home: tuple[float, ...]) -> FloatArray:
    """(N, 3) points on what the arm looks like, seen from its base; it stands at the world's origin, unturned."""
    data = mujoco.MjData(model)
    data.qpos[: len(home)] = home
    mujoco.mj_kinematics(model, data)
    points = []
    for geom in np.flatnonzero(model.geom_group == LOOKS_GROUP):
        centre, half = model.geom_aabb[geom, :3], model.geom_aabb[geom, 3:]
        shares = np.linspace(-1.0, 1.0, 5)
        grid = np.stack(np.meshgrid(shares, shares, shares), axis=-1).reshape(-1, 3)
        shell = grid[np.abs(grid).max(axis=1) == 1.0]
        points.append(data.geom_xpos[geom] + (centre + shell * half) @ data.geom_xmat[geom].reshape(3, 3).T)
    return np.concatenate(points)
