"""MuJoCo's picture of a tabletop scene: one compiled world, rearranged for each scene instead of made anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.camera import CameraIntrinsics
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.sim import look as looks
from robotracer_ros.sim.catalogue import COLOURS, SHAPES, SIZE_STEPS
from robotracer_ros.sim.engine import mujoco
from robotracer_ros.sim.meshes import mesh
from robotracer_ros.sim.scene import Scene, SceneObject, mesh_size_m
from robotracer_ros.sim.textures import texture

NOTHING: Final = 0
TABLE: Final = 255
_FLOOR_M: Final = -0.74
_ROOM_HALF_M: Final = 3.2
_FARTHEST_M: Final = 12.0
_NEAREST_M: Final = 0.02
_TABLE_HALF_THICKNESS_M: Final = 0.02
_HIDDEN_M: Final = (0.0, 0.0, -50.0)
# MuJoCo's camera looks along -z with y up; an optical frame along z with y down.
_OPTICAL_FROM_GL: Final = np.diag([1.0, -1.0, -1.0])
_TYPES: Final = {"block": mujoco.mjtGeom.mjGEOM_BOX, "cylinder": mujoco.mjtGeom.mjGEOM_CYLINDER,
                 "ball": mujoco.mjtGeom.mjGEOM_ELLIPSOID}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What a faultless camera sees.

    Attributes:
        rgb: (H, W, 3) uint8.
        depth_m: (H, W) float32 metres along the optical axis, NaN where there is nothing.
        labels: (H, W) uint8: an object's label, `TABLE`, or `NOTHING` for the room.
    """

    rgb: npt.NDArray[np.uint8]
    depth_m: npt.NDArray[np.float32]
    labels: npt.NDArray[np.uint8]


class Stage:
    """Draws scenes. Compiling and uploading a world takes 0.3 s, rearranging it none: keep one for many scenes."""

    def __init__(self) -> None:
        self._model = _world().compile()
        # Compiled as standing unturned in the world, which MuJoCo would go on to take for granted.
        self._model.geom_sameframe[:] = int(mujoco.mjtSameFrame.mjSAMEFRAME_NONE)
        self._data = mujoco.MjData(self._model)
        self._renderers: dict[tuple[int, int], Any] = {}
        self._objects = [self._model.geom(f"object{n}").id for n in range(looks.MAX_OBJECTS)]
        self._label_of = np.zeros(self._model.ngeom + 1, dtype=np.uint8)

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the graphics contexts. Calling it twice is fine."""
        for renderer in self._renderers.values():
            renderer.close()
        self._renderers.clear()

    def view(self, scene: Scene, size: tuple[int, int] | None = None) -> View:
        """What the scene's camera sees, resized to ``size`` (W, H) where that is given.

        Raises:
            InvalidRequest: for more objects than a stage holds.
        """
        self._arrange(scene)
        width, height = size or (scene.intrinsics.width, scene.intrinsics.height)
        renderer = self._renderer(width, height)
        renderer.update_scene(self._data, camera="camera")
        rgb = renderer.render().copy()
        renderer.enable_depth_rendering()
        depth_m = renderer.render().astype(np.float32)
        renderer.disable_depth_rendering()
        renderer.enable_segmentation_rendering()
        drawn = renderer.render()
        renderer.disable_segmentation_rendering()
        geoms = np.where(drawn[:, :, 1] == int(mujoco.mjtObj.mjOBJ_GEOM), drawn[:, :, 0], -1)
        depth_m[~((depth_m > 0) & (depth_m < _FARTHEST_M * 0.99))] = np.nan
        return View(rgb, depth_m, self._label_of[geoms])

    def _renderer(self, width: int, height: int) -> Any:
        if (width, height) not in self._renderers:
            self._renderers[width, height] = mujoco.Renderer(self._model, height, width)
        return self._renderers[width, height]

    def _arrange(self, scene: Scene) -> None:
        if len(scene.objects) > looks.MAX_OBJECTS:
            raise InvalidRequest(f"a stage holds {looks.MAX_OBJECTS} objects, received {len(scene.objects)}")
        model = self._model
        self._label_of[:] = NOTHING
        self._label_of[model.geom("table").id] = TABLE
        for slot in self._objects:
            model.geom_pos[slot] = _HIDDEN_M
        for slot, thing in zip(self._objects, scene.objects, strict=False):
            self._place(slot, thing)
            shade = scene.look.shades[thing.label - 1]
            model.geom_rgba[slot] = [*np.clip(np.array(COLOURS[thing.colour]) / 255 * shade, 0, 1), 1]
            model.mat_specular[model.geom_matid[slot]] = 0.5 * scene.look.gloss[thing.label - 1]
            model.mat_shininess[model.geom_matid[slot]] = scene.look.gloss[thing.label - 1]
            self._label_of[slot] = thing.label
        self._furnish(scene.look)
        self._light(scene.look)
        self._aim(scene.intrinsics, scene.table_from_camera)
        mujoco.mj_forward(model, self._data)

    def _place(self, slot: int, thing: SceneObject) -> None:
        model = self._model
        yaw = np.array([np.cos(thing.yaw_rad / 2), 0.0, 0.0, np.sin(thing.yaw_rad / 2)])
        if not SHAPES[thing.shape].meshed:
            model.geom_type[slot] = _TYPES[thing.shape]
            model.geom_dataid[slot] = -1
            x, y, z = thing.size_m / 2
            model.geom_size[slot] = (x, z, 0.0) if thing.shape == "cylinder" else (x, y, z)
            model.geom_pos[slot], model.geom_quat[slot] = thing.centre_m, yaw
            return
        step = min(range(SIZE_STEPS), key=lambda n: abs(mesh_size_m(thing.shape, n)[0] - thing.size_m[0]))
        number = model.mesh(f"{thing.shape}{step}").id
        model.geom_type[slot] = mujoco.mjtGeom.mjGEOM_MESH
        model.geom_dataid[slot] = number
        # MuJoCo moves a mesh's corners into its frame of inertia and tells how.
        moved, turned = np.zeros(3), np.zeros(4)
        mujoco.mju_rotVecQuat(moved, model.mesh_pos[number], yaw)
        mujoco.mju_mulQuat(turned, yaw, model.mesh_quat[number])
        model.geom_pos[slot], model.geom_quat[slot] = thing.centre_m + moved, turned

    def _furnish(self, look: looks.Look) -> None:
        model = self._model
        table = model.geom("table").id
        model.geom_size[table] = (*look.table_half_m, _TABLE_HALF_THICKNESS_M)
        model.geom_matid[table] = model.material(f"table{look.table_texture}").id
        model.mat_rgba[model.geom_matid[table]] = [*look.table_tint, 1]
        for name, number, tint in (
            ("floor", look.floor_texture, look.floor_tint),
            ("wall", look.wall_texture, look.wall_tint),
        ):
            material = model.material(f"{name}{number}").id
            model.mat_rgba[material] = [*tint, 1]
            for geom in ("floor",) if name == "floor" else tuple(f"wall{side}" for side in range(4)):
                model.geom_matid[model.geom(geom).id] = material
        for number, (kind, *rest) in enumerate(look.clutter):
            geom = model.geom(f"clutter{number}").id
            model.geom_type[geom] = mujoco.mjtGeom.mjGEOM_CYLINDER if kind == 2 else mujoco.mjtGeom.mjGEOM_BOX
            model.geom_size[geom] = (rest[0], rest[2], 0) if kind == 2 else rest[:3]
            model.geom_pos[geom] = rest[3:6] if kind else _HIDDEN_M
            model.geom_rgba[geom] = [*rest[6:9], 1]

    def _light(self, look: looks.Look) -> None:
        model = self._model
        for number, light in enumerate(look.lights):
            model.light_pos[number], model.light_dir[number] = light[:3], light[3:6]
            model.light_diffuse[number] = light[6]
            model.light_castshadow[number] = bool(light[7])
        model.vis.headlight.ambient[:] = look.ambient
        model.vis.headlight.diffuse[:] = 0.15

    def _aim(self, intrinsics: CameraIntrinsics, table_from_camera: RigidTransform) -> None:
        model = self._model
        model.cam_pos[0] = table_from_camera.translation_m
        mujoco.mju_mat2Quat(model.cam_quat[0], (table_from_camera.rotation @ _OPTICAL_FROM_GL).ravel())
        # In units of a pixel; the picture spans -0.5 to width - 0.5, and MuJoCo counts from its middle.
        size = np.array([intrinsics.width, intrinsics.height], dtype=np.float64)
        model.cam_sensorsize[0] = size
        off = (size - 1) / 2 - (intrinsics.cx, intrinsics.cy)
        model.cam_intrinsic[0] = (intrinsics.fx, intrinsics.fy, off[0], off[1])


def _world() -> Any:
    spec = mujoco.MjSpec()
    spec.visual.quality.shadowsize = 1024
    spec.visual.quality.offsamples = 4
    spec.visual.global_.offwidth, spec.visual.global_.offheight = 1280, 960
    spec.visual.map.znear, spec.visual.map.zfar = _NEAREST_M, _FARTHEST_M
    spec.stat.extent = 1.0
    spec.stat.center = np.zeros(3)
    _add_materials(spec)
    for shape, kind in SHAPES.items():
        for step in range(SIZE_STEPS if kind.meshed else 0):
            corners, faces = mesh(shape, mesh_size_m(shape, step))
            spec.add_mesh(
                name=f"{shape}{step}",
                uservert=corners.ravel(),
                userface=faces.ravel(),
                inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL,
            )
    _add_room(spec.worldbody)
    for number in range(looks.MAX_OBJECTS):
        spec.worldbody.add_geom(
            name=f"object{number}", type=mujoco.mjtGeom.mjGEOM_BOX, size=[0.01] * 3, pos=_HIDDEN_M,
            material=f"object{number}",
        )  # fmt: skip
    for number in range(2):
        spec.worldbody.add_light(name=f"light{number}", pos=[0, 0, 2], castshadow=number == 0)
    spec.worldbody.add_camera(
        name="camera", pos=[0, 0, 1], resolution=[640, 480], sensor_size=[1, 1], focal_length=[1, 1]
    )
    return spec


def _add_materials(spec: Any) -> None:
    for name, count, first, repeat in (
        ("table", looks.TABLE_TEXTURES, 0, 2.0), ("floor", looks.ROOM_TEXTURES, 40, 1.0),
        ("wall", looks.ROOM_TEXTURES, 80, 0.7),
    ):  # fmt: skip
        for number in range(count):
            picture = texture(first + number)
            surface = spec.add_texture(
                name=f"{name}{number}", type=mujoco.mjtTexture.mjTEXTURE_2D, width=picture.shape[1],
                height=picture.shape[0], nchannel=3,
            )  # fmt: skip
            surface.data = picture.tobytes()
            material = spec.add_material(name=f"{name}{number}", texuniform=True, texrepeat=[repeat, repeat])
            material.textures[int(mujoco.mjtTextureRole.mjTEXROLE_RGB)] = f"{name}{number}"
            material.specular, material.shininess = 0.1, 0.1
    for number in range(looks.MAX_OBJECTS):
        spec.add_material(name=f"object{number}")


def _add_room(world: Any) -> None:
    box = mujoco.mjtGeom.mjGEOM_BOX
    world.add_geom(
        name="table", type=box, size=[0.6, 0.5, _TABLE_HALF_THICKNESS_M], pos=[0, 0, -_TABLE_HALF_THICKNESS_M],
        material="table0",
    )  # fmt: skip
    half, up = _ROOM_HALF_M, 1.5
    world.add_geom(name="floor", type=box, size=[half, half, 0.01], pos=[0, 0, _FLOOR_M], material="floor0")
    for side in range(4):
        angle = side * np.pi / 2
        world.add_geom(
            name=f"wall{side}", type=box, size=[0.01, half, up], pos=[half * np.cos(angle), half * np.sin(angle),
                                                                      _FLOOR_M + up],
            quat=[np.cos(angle / 2), 0, 0, np.sin(angle / 2)], material="wall0",
        )  # fmt: skip
    for number in range(looks.CLUTTER):
        world.add_geom(name=f"clutter{number}", type=box, size=[0.1] * 3, pos=_HIDDEN_M)
