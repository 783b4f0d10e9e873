"""The MuJoCo model of a room with the driving base: servos for its plane and its wheels, cameras, walls and things."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.camera import CameraIntrinsics
from robotracer_ros.sim import floor_scene
from robotracer_ros.sim.catalogue import COLOURS
from robotracer_ros.sim.engine import mujoco
from robotracer_ros.sim.floor_scene import FloorScene, FloorThing
from robotracer_ros.sim.meshes import mesh
from robotracer_ros.sim.textures import texture

BASE_FRAME: Final = "base_footprint"
CAMERA_FRAME: Final = "camera_color_optical_frame"
CAMERA: Final = CameraIntrinsics(640, 480, 460.0, 460.0, 319.5, 239.5)
STEP_S: Final = 0.002
FARTHEST_M: Final = 12.0
# The base slides along two directions and turns; actuators bear the names of their joints, in this order.
PLANE: Final = ("base_x", "base_y", "base_yaw")
WHEELS: Final = ("left_wheel_joint", "right_wheel_joint")
# Of the servos of the two directions and the turn: newtons per m/s, and what the wheels can push with.
_GAINS: Final = (400.0, 400.0, 12.0)
_FORCES: Final = (80.0, 120.0, 8.0)
_WALL_HEIGHT_M: Final = 2.4
# A second camera for people, over the middle of what the base sees.
OVERVIEW_PX: Final = (720, 640)
_ABOVE_M: Final = (1.9, 0.0, 9.5)
_ABOVE_DEG: Final = 42.0


def overview_pixels(points_m: FloatArray) -> FloatArray:
    """(N, 2) pixels of (N, 2) points of odom's floor in a picture of `OVERVIEW_PX` from above."""
    x, y, height_m = _ABOVE_M
    width, height = OVERVIEW_PX
    px_per_m = height / 2 / math.tan(math.radians(_ABOVE_DEG) / 2) / height_m
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    return np.asarray(middle - np.column_stack([points_m[:, 1] - y, points_m[:, 0] - x]) * px_per_m)


def floor_model(urdf: str, scene: FloorScene) -> Any:
    """The compiled model of a URDF's base in a scene; things and walls bear their names as geoms of the world.

    Raises:
        InvalidRequest: for a URDF that MuJoCo does not read, and one without the base's links and wheels.
    """
    # Colours are those of the visual shapes, which MuJoCo leaves out of a URDF unless told otherwise.
    told = '<mujoco><compiler discardvisual="false" fusestatic="false"/></mujoco></robot>'
    try:
        spec = mujoco.MjSpec.from_string(urdf.replace("</robot>", told))
    except ValueError as error:
        raise InvalidRequest(f"MuJoCo cannot read the URDF of the base: {error}") from error
    lacks = [name for name in (BASE_FRAME, CAMERA_FRAME) if spec.body(name) is None]
    lacks += [name for name in WHEELS if spec.joint(name) is None]
    if lacks:
        raise InvalidRequest(f"the URDF of the base lacks {', '.join(lacks)}; accepted: one like driving_base.urdf")
    spec.option.timestep = STEP_S
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.visual.quality.shadowsize, spec.visual.quality.offsamples = 1024, 4
    spec.visual.global_.offwidth, spec.visual.global_.offheight = 1280, 960
    spec.visual.map.znear, spec.visual.map.zfar = 0.05, FARTHEST_M
    spec.visual.headlight.ambient[:] = 0.45
    spec.visual.headlight.diffuse[:] = 0.2
    spec.stat.extent, spec.stat.center = 1.0, np.zeros(3)
    _mobilise(spec)
    _furnish(spec, scene)
    for thing, shade in zip(scene.things, scene.shades, strict=False):
        _stand(spec, thing, shade)
    return spec.compile()


def _mobilise(spec: Any) -> None:
    """Give the base its plane, its wheels their motors, and the optical frame its camera."""
    base = spec.body(BASE_FRAME)
    slide, hinge = mujoco.mjtJoint.mjJNT_SLIDE, mujoco.mjtJoint.mjJNT_HINGE
    for name, kind, axis in zip(PLANE, (slide, slide, hinge), np.eye(3), strict=True):
        base.add_joint(name=name, type=kind, axis=axis)
    for joint, gain, most in (*zip(PLANE, _GAINS, _FORCES, strict=True), *((wheel, 2.0, 6.0) for wheel in WHEELS)):
        servo = spec.add_actuator(name=joint, target=joint, trntype=mujoco.mjtTrn.mjTRN_JOINT)
        servo.set_to_velocity(kv=gain)
        servo.forcelimited, servo.forcerange = True, [-most, most]
    # MuJoCo's camera looks along -z with y up; an optical frame along z with y down. The principal point is the middle.
    spec.body(CAMERA_FRAME).add_camera(
        name="camera", quat=[0, 1, 0, 0], resolution=[CAMERA.width, CAMERA.height],
        sensor_size=[CAMERA.width, CAMERA.height], focal_pixel=[CAMERA.fx, CAMERA.fy],
    )  # fmt: skip
    # Turned so that x of odom points up in the picture.
    turn = math.sqrt(0.5)
    spec.worldbody.add_camera(name="above", pos=_ABOVE_M, quat=[turn, 0, 0, -turn], fovy=_ABOVE_DEG)


def _furnish(spec: Any, scene: FloorScene) -> None:
    low, high = np.array(floor_scene.ROOM_MIN_M), np.array(floor_scene.ROOM_MAX_M)
    middle, half = (low + high) / 2, (high - low) / 2
    for name, number, tint in (
        ("floor", scene.floor_texture, scene.floor_tint),
        ("wall", scene.wall_texture, scene.wall_tint),
    ):
        picture = texture(number)
        surface = spec.add_texture(
            name=name, type=mujoco.mjtTexture.mjTEXTURE_2D, width=picture.shape[1], height=picture.shape[0], nchannel=3
        )
        surface.data = picture.tobytes()
        material = spec.add_material(name=name, texuniform=True, texrepeat=[1, 1], rgba=[*tint, 1])
        material.textures[int(mujoco.mjtTextureRole.mjTEXROLE_RGB)] = name
        material.specular, material.shininess = 0.1, 0.1
    box = mujoco.mjtGeom.mjGEOM_BOX
    # The base keeps to its plane without leaning on the floor.
    spec.worldbody.add_geom(
        name="floor", type=box, size=[*half, 0.01], pos=[*middle, -0.01], material="floor", contype=0, conaffinity=0
    )
    up = _WALL_HEIGHT_M / 2
    for side, (x, y) in enumerate(((1, 0), (0, 1), (-1, 0), (0, -1))):
        size = [0.02, half[1], up] if x else [half[0], 0.02, up]
        spec.worldbody.add_geom(
            name=f"wall {side}", type=box, size=size, pos=[*(middle + half * (x, y)), up], material="wall"
        )
    for number, (place, strength) in enumerate(((scene.sun_m, 0.4), (np.array([2.0, -scene.sun_m[1], 5.0]), 0.2))):
        towards = np.array([2.0, 0.0, 0.0]) - place
        spec.worldbody.add_light(
            name=f"light {number}", pos=place, dir=towards / np.linalg.norm(towards), diffuse=[strength] * 3,
            castshadow=number == 0, cutoff=80, exponent=1,
        )  # fmt: skip


def _stand(spec: Any, thing: FloorThing, shade: FloatArray) -> None:
    """A thing that nothing moves."""
    geom = spec.worldbody.add_geom(name=thing.name)
    geom.rgba = [*np.clip(np.array(COLOURS[thing.colour]) / 255 * shade, 0, 1), 1]
    geom.pos = [*thing.centre_m, thing.size_m[2] / 2]
    geom.quat = [math.cos(thing.yaw_rad / 2), 0, 0, math.sin(thing.yaw_rad / 2)]
    x, y, z = (thing.size_m / 2).tolist()
    if thing.shape == "box":
        geom.type, geom.size = mujoco.mjtGeom.mjGEOM_BOX, [x, y, z]
    elif thing.shape == "cylinder":
        geom.type, geom.size = mujoco.mjtGeom.mjGEOM_CYLINDER, [x, z, 0]
    elif thing.shape == "ball":
        geom.type, geom.size = mujoco.mjtGeom.mjGEOM_SPHERE, [x, 0, 0]
    else:
        # A bin is a cup that nobody could lift.
        corners, faces = _cone(thing.size_m) if thing.shape == "cone" else mesh("cup", thing.size_m)
        spec.add_mesh(
            name=thing.name, uservert=corners.ravel(), userface=faces.ravel(),
            inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL,
        )  # fmt: skip
        geom.type, geom.meshname = mujoco.mjtGeom.mjGEOM_MESH, thing.name


def _cone(size_m: FloatArray) -> tuple[FloatArray, npt.NDArray[np.int32]]:
    """(V, 3) corners about the middle of its box, metres, and (F, 3) triangles."""
    sides = 40
    angles = np.arange(sides) * (2 * np.pi / sides)
    rim = np.column_stack([np.cos(angles), np.sin(angles), -np.ones(sides)])
    corners = np.concatenate([rim, [[0, 0, -1]], [[0, 0, 1]]]) * size_m / 2
    here, there = np.arange(sides), (np.arange(sides) + 1) % sides
    faces = [np.column_stack([there, here, np.full(sides, sides)]),
             np.column_stack([here, there, np.full(sides, sides + 1)])]  # fmt: skip
    return corners, np.concatenate(faces).astype(np.int32)
