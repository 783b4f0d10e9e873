"""The picture of a scene whose things have moved, with a robot in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.sim.arm_spec import LOOKS_GROUP
from robotracer_ros.sim.engine import mujoco
from robotracer_ros.sim.scene import Scene
from robotracer_ros.sim.stage import Stage, View

_EVERY_KIND: Final = int(mujoco.mjtCatBit.mjCAT_ALL)


class Picture(Stage):
    """Draws a scene as `Stage` does, its things at their present poses, and the robot of another model.

    Graphics contexts belong to a thread: draw in one only.
    """

    def __init__(self) -> None:
        super().__init__()
        self._set_up: Scene | None = None
        self._standing: dict[int, tuple[FloatArray, FloatArray]] = {}
        self._robot = mujoco.MjvOption()
        self._robot.geomgroup[:] = 0
        self._robot.geomgroup[LOOKS_GROUP] = 1

    def draw(
        self,
        scene: Scene,
        poses: Mapping[int, tuple[FloatArray, FloatArray]],
        robot: tuple[Any, Any],
        size: tuple[int, int],
    ) -> View:
        """The view of ``size`` (W, H), without labels.

        Args:
            poses: by the objects' labels: (3,) centre in metres and (4,) quaternion w, x, y, z in the table frame.
            robot: its MuJoCo model and data, in the table frame too.
        """
        self.place(scene, poses)
        renderer = self._renderer(*size)
        renderer.update_scene(self._data, camera="camera")
        self.add_robot(robot, renderer.scene)
        rgb = renderer.render().copy()
        renderer.enable_depth_rendering()
        depth_m = renderer.render().astype(np.float32)
        renderer.disable_depth_rendering()
        return View(rgb, self.readings(depth_m), np.zeros(depth_m.shape, np.uint8))

    def place(self, scene: Scene, poses: Mapping[int, tuple[FloatArray, FloatArray]]) -> None:
        """Set the scene up with its things at ``poses``, as `draw` takes them."""
        if self._set_up is not scene:
            self._arrange(scene)
            self._set_up = scene
            self._standing = {
                slot: (self._model.geom_pos[slot].copy(), self._model.geom_quat[slot].copy()) for slot in self._objects
            }
        for slot, thing in zip(self._objects, scene.objects, strict=False):
            self._move(slot, (thing.centre_m, thing.yaw_rad), poses[thing.label])
        mujoco.mj_forward(self._model, self._data)

    @property
    def scenery(self) -> tuple[Any, Any]:
        """MuJoCo's model and data of what `place` set up, without a robot."""
        return self._model, self._data

    def add_robot(self, robot: tuple[Any, Any], drawn: Any) -> None:
        """Append the robot of a MuJoCo model and data to the geoms of a `mujoco.MjvScene`."""
        mujoco.mjv_addGeoms(*robot, self._robot, mujoco.MjvPerturb(), _EVERY_KIND, drawn)

    def _move(
        self, slot: int, stood: tuple[FloatArray, float], now: tuple[FloatArray, FloatArray]
    ) -> None:  # fmt: skip
        """Carry a geom along with the body that it stood for."""
        centre_m, yaw_rad = stood
        pos, quat = self._standing[slot]
        back = np.array([np.cos(yaw_rad / 2), 0.0, 0.0, -np.sin(yaw_rad / 2)])
        turn, offset, turned = np.zeros(4), np.zeros(3), np.zeros(4)
        mujoco.mju_mulQuat(turn, now[1], back)
        mujoco.mju_rotVecQuat(offset, pos - centre_m, turn)
        mujoco.mju_mulQuat(turned, turn, quat)
        self._model.geom_pos[slot], self._model.geom_quat[slot] = now[0] + offset, turned

    @staticmethod
    def readings(depth_m: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Depth with NaN where the room is too far off to be seen."""
        known = (depth_m > 0) & (depth_m < 11.8)
        return np.where(known, depth_m, np.float32(np.nan))
