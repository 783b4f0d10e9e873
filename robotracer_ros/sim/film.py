"""The arm at work, seen from beside the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.camera import CameraIntrinsics
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.sim.arm_world import ArmWorld
from robotracer_ros.sim.mount import Mount
from robotracer_ros.sim.scene import Scene
from robotracer_ros.sim.viewpoint import looking_at

SIZE: Final = (480, 360)
_FOCAL_PX: Final = 430.0
# From the table's middle: how far and how high the camera stands, and how far round from the arm.
_DISTANCE_M: Final = 1.35
_HEIGHT_M: Final = 0.75
_AROUND_RAD: Final = np.deg2rad(115.0)
_LOOKED_AT_M: Final = (0.0, 0.0, 0.12)


def beside(mount: Mount) -> tuple[FloatArray, FloatArray]:
    """(3,) eye and (3,) what it looks at, in the table frame, that see an arm and its table well."""
    base_m = mount.base_m
    angle = float(np.arctan2(base_m[1], base_m[0])) + _AROUND_RAD
    eye = np.array([_DISTANCE_M * np.cos(angle), _DISTANCE_M * np.sin(angle), _HEIGHT_M])
    return eye, base_m * (0.35, 0.35, 0.0) + _LOOKED_AT_M


class Film:
    """Draws moments of an `ArmWorld` from a place where arm and table are seen.

    Args:
        urdf: of the arm.
        scene: that it works in.
    """

    def __init__(self, urdf: str | Path, scene: Scene) -> None:
        self._world = ArmWorld(urdf)
        self._world.load(scene)
        eye, middle = beside(self._world.mount)
        width, height = SIZE
        camera = CameraIntrinsics(width, height, _FOCAL_PX, _FOCAL_PX, (width - 1) / 2, (height - 1) / 2)
        self._seen = replace(scene, intrinsics=camera, table_from_camera=looking_at(eye, middle))

    @property
    def base_from_table(self) -> RigidTransform:
        """Where the arm stands."""
        return self._world.mount.base_from_table

    def frame(
        self, joints: Mapping[str, float], base_from_things: Mapping[int, RigidTransform]
    ) -> npt.NDArray[np.uint8]:
        """(H, W, 3) of `SIZE`: joints by name, and by label where the things are."""
        table_from_base = self.base_from_table.inverse()
        places = {label: table_from_base @ place for label, place in base_from_things.items()}
        return self._world.portrait(self._seen, joints, places).rgb

    def close(self) -> None:
        """Free the graphics contexts."""
        self._world.close()
