"""A window on a mirrored world, in which people look around with the mouse: MuJoCo's own viewer."""

from __future__ import annotations

import queue
import threading
from itertools import pairwise
from typing import Any, Final

import mujoco.viewer
import numpy as np
import numpy.typing as npt

from robotracer_ros.errors import BackendUnavailable
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.sim.engine import mujoco
from robotracer_ros.sim.mirror import Mirror

# Compiling shaders in software takes seconds.
_OPENS_S: Final = 60.0
_CLOSES_S: Final = 10.0
_VIEWERS_THREAD: Final = "_launch_internal"
# Of a line's points, over its own width; and how bright it is by itself, in the shade too.
_KNOT: Final = 2.0
_GLOW: Final = 0.2


class Window:
    """Shows a `Mirror` until it is closed by either side. Call `draw_on_screen` before this file is imported.

    Args:
        mirror: whose states are shown; change them in the thread that calls `show`.

    Raises:
        BackendUnavailable: when no window opens.
    """

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        before = set(threading.enumerate())
        self._viewer: Any = _opened(mirror.model, mirror.data)
        # The viewer hands its thread to nobody. While that draws, GLFW must neither end nor open another window.
        self._drawing = [one for one in set(threading.enumerate()) - before if _VIEWERS_THREAD in one.name]
        self._aim()
        self.show(np.zeros((0, 3)), np.zeros((0, 3), np.uint8))

    @property
    def is_open(self) -> bool:
        """Whether nobody has closed it."""
        return bool(self._viewer.is_running())

    def show(self, line_m: FloatArray, colours: npt.NDArray[np.uint8]) -> None:
        """The mirror as it stands now, with a line through (N, 3) points of its world; colours (N, 3) RGB."""
        scene = self._viewer.user_scn
        with self._viewer.lock():
            scene.ngeom = 0
            self._mirror.add_robot(scene)
            # A line of more points than the viewer has room for loses its end, not the window.
            room = (scene.maxgeom - scene.ngeom) // 2
            line_m, colours = line_m[:room], colours[:room]
            for place, colour in zip(line_m, colours, strict=True):
                _add_knot(scene, place, _KNOT * self._mirror.line_m, colour)
            for (begin, colour), (end, _) in pairwise(zip(line_m, colours, strict=True)):
                _add_piece(scene, begin, end, self._mirror.line_m, colour)
        self._viewer.sync()

    def close(self) -> None:
        """Close it, and wait until it is gone. Calling it twice is fine."""
        self._viewer.close()
        for thread in self._drawing:
            thread.join(_CLOSES_S)

    def _aim(self) -> None:
        towards = self._mirror.looked_at_m - self._mirror.eye_m
        away_m = float(np.linalg.norm(towards))
        with self._viewer.lock():
            camera = self._viewer.cam
            camera.type = mujoco.mjtCamera.mjCAMERA_FREE
            camera.lookat[:], camera.distance = self._mirror.looked_at_m, away_m
            camera.azimuth = float(np.degrees(np.arctan2(towards[1], towards[0])))
            camera.elevation = float(np.degrees(np.arcsin(towards[2] / away_m)))


def _opened(model: Any, data: Any) -> Any:
    # What goes wrong in the viewer's thread is told nowhere else: its caller would wait for ever.
    opened: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def open_it() -> None:
        opened.put(mujoco.viewer.launch_passive(model, data, show_left_ui=False, show_right_ui=False))

    threading.Thread(target=open_it, daemon=True).start()
    try:
        return opened.get(timeout=_OPENS_S)
    except queue.Empty:
        raise BackendUnavailable(f"MuJoCo's window did not open within {_OPENS_S:g} s") from None


def _add_knot(scene: Any, place_m: FloatArray, radius_m: float, colour: npt.NDArray[np.uint8]) -> None:
    geom = _added(scene, mujoco.mjtGeom.mjGEOM_SPHERE, colour)
    geom.size[:], geom.pos[:] = radius_m, place_m


def _add_piece(
    scene: Any, begin_m: FloatArray, end_m: FloatArray, radius_m: float, colour: npt.NDArray[np.uint8]
) -> None:
    geom = _added(scene, mujoco.mjtGeom.mjGEOM_CAPSULE, colour)
    mujoco.mjv_connector(geom, mujoco.mjtGeom.mjGEOM_CAPSULE, radius_m, begin_m, end_m)


def _added(scene: Any, kind: Any, colour: npt.NDArray[np.uint8]) -> Any:
    geom = scene.geoms[scene.ngeom]
    mujoco.mjv_initGeom(geom, kind, np.zeros(3), np.zeros(3), np.eye(3).ravel(), np.append(colour / 255, 1.0))
    geom.emission, geom.category = _GLOW, mujoco.mjtCatBit.mjCAT_DECOR
    scene.ngeom += 1
    return geom
