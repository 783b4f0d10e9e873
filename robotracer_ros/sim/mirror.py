"""Simulated worlds as they are told from another process: set up like those, and put into the states that are told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from robotracer_ros.errors import FrameMismatch, InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.sim.arm_world import ArmWorld
from robotracer_ros.sim.catalogue import Split
from robotracer_ros.sim.engine import mujoco
from robotracer_ros.sim.film import beside
from robotracer_ros.sim.floor_scene import FloorScene
from robotracer_ros.sim.floor_spec import PLANE, WHEELS, floor_model
from robotracer_ros.sim.floor_world import ODOM_FRAME
from robotracer_ros.sim.mount import BASE_FRAME
from robotracer_ros.sim.picture import Picture
from robotracer_ros.sim.scene import TABLE_FRAME, Scene

# Over the walls, behind and to the right of where the base begins.
_FLOOR_EYE_M: Final = (-2.2, -2.3, 3.7)
_FLOOR_LOOKED_AT_M: Final = (1.9, 0.2, 0.0)


class Mirror(Protocol):
    """One scene of a world, standing as it was last told.

    Attributes:
        model, data: MuJoCo's, of all that stands in the scene.
        eye_m, looked_at_m: (3,) from where people see it well, in MuJoCo's world.
        line_m: radius of a line that is well seen from there, metres.
    """

    model: Any
    data: Any
    eye_m: FloatArray
    looked_at_m: FloatArray
    line_m: float

    def put(self, joints: Mapping[str, float], truth: Mapping[str, Any]) -> None:
        """Stand as told: joint positions by name, and the truth of the world."""
        ...

    def add_robot(self, drawn: Any) -> None:
        """Append what ``model`` lacks to a `mujoco.MjvScene`."""
        ...

    def in_world(self, points_m: FloatArray, frame: str) -> FloatArray:
        """(N, 3) points of a frame that stands still, in MuJoCo's world.

        Raises:
            FrameMismatch: for a frame that this world does not know as one that stands still.
        """
        ...


class TableMirror:
    """The `Mirror` of an `ArmWorld`; it looks as in the pictures of its camera.

    Args:
        urdf: of the arm.
        split, seed: of the scene.
    """

    line_m: float = 0.004

    def __init__(self, urdf: str | Path, split: Split, seed: int) -> None:
        self._world = ArmWorld(urdf, seed, split=split)
        self._scene: Scene = self._world.scene
        self._picture = Picture()
        self._names = frozenset(self._world.joints().names)
        self.model, self.data = self._picture.scenery
        self.eye_m, self.looked_at_m = beside(self._world.mount)
        self.put({}, self._world.truth())

    def put(self, joints: Mapping[str, float], truth: Mapping[str, Any]) -> None:
        """Stand as told; joints that are left out are as at first."""
        table_from_base = self._world.mount.base_from_table.inverse()
        places = {label: table_from_base @ place for label, place in base_from_things(truth).items()}
        poses = {label: (place.translation_m, np.roll(place.quaternion_xyzw, 1)) for label, place in places.items()}
        self._picture.place(self._scene, poses)
        self._robot = self._world.robot({name: at for name, at in joints.items() if name in self._names})

    def add_robot(self, drawn: Any) -> None:
        """Append the arm."""
        self._picture.add_robot(self._robot, drawn)

    def in_world(self, points_m: FloatArray, frame: str) -> FloatArray:
        """As in `Mirror`; the frames of the table and of the arm's base."""
        _require_frame(frame, (BASE_FRAME, TABLE_FRAME))
        return points_m if frame == TABLE_FRAME else self._world.mount.base_from_table.inverse().apply(points_m)


class FloorMirror:
    """The `Mirror` of a `FloorWorld`.

    Args:
        urdf: of the base.
        seed: of the scene.
    """

    line_m: float = 0.016

    def __init__(self, urdf: str | Path, seed: int) -> None:
        self.model = floor_model(Path(urdf).read_text(), FloorScene.sample(seed))
        self.data = mujoco.MjData(self.model)
        self.eye_m, self.looked_at_m = np.array(_FLOOR_EYE_M), np.array(_FLOOR_LOOKED_AT_M)
        mujoco.mj_forward(self.model, self.data)

    def put(self, joints: Mapping[str, float], truth: Mapping[str, Any]) -> None:
        """Stand as told; wheels that are left out stay as they are."""
        told = dict(zip(PLANE, (truth["base"][key] for key in ("x_m", "y_m", "yaw_rad")), strict=True))
        for name, at in {**{name: joints[name] for name in WHEELS if name in joints}, **told}.items():
            self.data.joint(name).qpos[0] = at
        mujoco.mj_forward(self.model, self.data)

    def add_robot(self, drawn: Any) -> None:
        """Nothing: the base is part of the model."""

    def in_world(self, points_m: FloatArray, frame: str) -> FloatArray:
        """As in `Mirror`; the frame of the odometry."""
        _require_frame(frame, (ODOM_FRAME,))
        return points_m


def mirror_of(truth: Mapping[str, Any], urdf_folder: Path) -> Mirror:
    """A mirror of the world that a truth is told of, with its robot out of a folder of URDFs.

    Raises:
        InvalidRequest: for a world that is not known here.
    """
    world = truth.get("world")
    if world == "tabletop":
        return TableMirror(urdf_folder / "tabletop_arm.urdf", Split(truth["split"]), truth["seed"])
    if world == "floor":
        return FloorMirror(urdf_folder / "driving_base.urdf", truth["seed"])
    raise InvalidRequest(f"the simulator tells of a world {world!r}; accepted: tabletop, floor")


def scene_of(truth: Mapping[str, Any]) -> tuple[Any, ...]:
    """What tells one scene from another."""
    return truth.get("world"), truth.get("split"), truth.get("seed")


def base_from_things(truth: Mapping[str, Any]) -> dict[int, RigidTransform]:
    """By label, where every thing of a tabletop is told to be, seen from the arm's base."""
    return {
        int(thing["label"]): RigidTransform.from_quaternion_xyzw(
            BASE_FRAME, f"thing {thing['label']}", _unit(thing["quaternion_xyzw"]), thing["position_m"]
        )
        for thing in truth["things"]
    }


def _unit(quaternion: Any) -> FloatArray:
    values = np.array(quaternion, dtype=np.float64)
    return np.asarray(values / np.linalg.norm(values))


def _require_frame(frame: str, accepted: tuple[str, ...]) -> None:
    if frame not in accepted:
        raise FrameMismatch(f"a line in the frame {frame!r} cannot be shown in this world; accepted: "
                            f"{', '.join(accepted)}")  # fmt: skip
