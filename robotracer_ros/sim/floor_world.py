"""A room with a driving base in MuJoCo: velocities in, contacts with what stands there and a camera's picture out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.sim.depth_noise import DepthNoise
from robotracer_ros.sim.engine import mujoco
from robotracer_ros.sim.floor_scene import FloorScene
from robotracer_ros.sim.floor_spec import (
    BASE_FRAME,
    CAMERA,
    CAMERA_FRAME,
    FARTHEST_M,
    OVERVIEW_PX,
    PLANE,
    STEP_S,
    WHEELS,
    floor_model,
)
from robotracer_ros.sim.world import JointReadings

ODOM_FRAME: Final = "odom"
BASE_RADIUS_M: Final = 0.175
# What the base does at most: metres and radians per second, and the same squared; it brakes harder than it speeds up.
MAX_SPEED_M_S: Final = 0.6
MAX_TURN_RAD_S: Final = 1.5
_SPEED_UP: Final = (1.0, 3.0)
_BRAKE: Final = (5.0, 15.0)
# A command older than this is no command, as in drivers of real bases.
_WATCHDOG_S: Final = 0.3
_WHEEL_RADIUS_M: Final = 0.07
_HALF_TRACK_M: Final = 0.145


class FloorWorld:
    """A `SimWorld` whose robot drives, with `drive` in place of joint commands.

    The base slides and turns in the plane, pushed by servos of limited force that hold it to the commanded velocity and
    against sliding sideways: it stops at what it drives into. Things stand fast. Not for several threads at once, but
    for the drawing: `expose` holds the moment, and what it returns may run beside the rest, always in the same thread,
    which is also the one to `reset` and `close` in.

    Args:
        urdf: of the base, `urdf/driving_base.urdf`.
        seed: of the first scene.
        noise: of the depth image; None for a faultless camera.

    Raises:
        InvalidRequest: for a URDF without the base's frames and wheels.
    """

    def __init__(self, urdf: str | Path, seed: int = 0, noise: DepthNoise | None = None) -> None:
        self.urdf = Path(urdf).read_text()
        self._noise = noise
        self._renderers: dict[str, Any] = {}
        self.reset(seed)
        self.base_from_camera = self._mounting()

    def __enter__(self) -> FloorWorld:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the graphics contexts. Calling it twice is fine."""
        for renderer in self._renderers.values():
            renderer.close()
        self._renderers.clear()

    @property
    def time_s(self) -> float:
        """Simulated seconds since the last reset."""
        return float(self._data.time)

    def reset(self, seed: int) -> None:
        """Begin again with the scene of this seed, the base at the origin of odom.

        Raises:
            InvalidRequest: for a negative seed.
        """
        scene = FloorScene.sample(seed)
        self.close()
        self.scene = scene
        self._model = floor_model(self.urdf, scene)
        self._data = mujoco.MjData(self._model)
        base = self._model.body(BASE_FRAME).id
        self._links = [body for body in range(base + 1, self._model.nbody) if self._model.body_rootid[body] == base]
        self._base_geoms = frozenset(np.flatnonzero(self._model.geom_bodyid != 0).tolist())
        # All joints have one degree of freedom: positions and velocities stand in the same places.
        self._plane = [int(self._model.joint(name).qposadr[0]) for name in PLANE]
        self._wanted = np.zeros(2)
        self._given = np.zeros(2)
        self._commanded_s, self._until_s = -math.inf, 0.0
        self._touched: dict[str, float] = {}
        mujoco.mj_forward(self._model, self._data)

    def advance(self, seconds: float) -> None:
        """Let so much time pass; the same state and commands lead to the same result."""
        # What is less than a step is kept for the next time.
        self._until_s += seconds
        while self._data.time < self._until_s - STEP_S / 2:
            self._steer()
            mujoco.mj_step(self._model, self._data)
            self._note_contacts()

    def drive(self, v_m_s: float, w_rad_s: float) -> None:
        """Go forward at ``v_m_s`` and turn to the left at ``w_rad_s`` from now on, for 0.3 s unless told again.

        Raises:
            InvalidRequest: for a number that is not finite; the command before it then stands.
        """
        wanted = np.array([v_m_s, w_rad_s], dtype=np.float64)
        if not np.isfinite(wanted).all():
            raise InvalidRequest(f"a velocity must be finite, received {v_m_s} m/s and {w_rad_s} rad/s")
        most = (MAX_SPEED_M_S, MAX_TURN_RAD_S)
        self._wanted = np.clip(wanted, np.negative(most), most)
        self._commanded_s = self.time_s

    def command(self, joints: Mapping[str, float]) -> None:
        """Refuse: no joint of the base goes to a position.

        Raises:
            InvalidRequest: for any joint.
        """
        if joints:
            raise InvalidRequest(f"{', '.join(joints)} cannot be sent to a position: the base is driven by velocities")

    @property
    def pose(self) -> tuple[float, float, float]:
        """x and y of the base in odom, metres, and its yaw, radians."""
        x, y, yaw = self._data.qpos[self._plane].tolist()
        return x, y, yaw

    @property
    def velocity(self) -> tuple[float, float]:
        """How fast the base really goes: forward in m/s, and to the left in rad/s."""
        yaw = self.pose[2]
        x, y, turn = self._data.qvel[self._plane].tolist()
        return x * math.cos(yaw) + y * math.sin(yaw), turn

    @property
    def touched(self) -> Mapping[str, float]:
        """What the base has touched since the last reset, and at which second first."""
        return dict(self._touched)

    def joints(self) -> JointReadings:
        """Of the two wheels."""
        readings = [self._data.joint(name) for name in WHEELS]
        return JointReadings(
            WHEELS, np.array([one.qpos[0] for one in readings]), np.array([one.qvel[0] for one in readings])
        )

    def fixed_frames(self) -> tuple[RigidTransform, ...]:
        """``parent_from_child`` of the links that do not turn, the camera's optical frame among them."""
        return tuple(self._link_frame(body) for body in self._links if not self._model.body_jntnum[body])

    def moving_frames(self) -> tuple[RigidTransform, ...]:
        """The base in odom, and the wheels on the base."""
        turning = (self._link_frame(body) for body in self._links if self._model.body_jntnum[body])
        return (self.odom_from_base(), *turning)

    def odom_from_base(self) -> RigidTransform:
        """Where the base stands. Odometry does not drift here."""
        x, y, yaw = self.pose
        quaternion = (0.0, 0.0, math.sin(yaw / 2), math.cos(yaw / 2))
        return RigidTransform.from_quaternion_xyzw(ODOM_FRAME, BASE_FRAME, quaternion, (x, y, 0.0))

    def expose(self) -> Callable[[], RgbdObservation]:
        """Holds what the camera sees now; call the result for the picture, always in the same thread."""
        shown, stamp_ns = self._held(), round(self.time_s * 1e9)

        def develop() -> RgbdObservation:
            rgb, depth_m = self._drawn(shown, "camera", CAMERA.width, CAMERA.height)
            if self._noise is not None:
                depth_m = replace(self._noise, seed=self._noise.seed + stamp_ns // 1_000_000).applied_to(depth_m)
            return RgbdObservation(rgb, depth_m, CAMERA, CAMERA_FRAME, stamp_ns)

        return develop

    def photograph(self) -> RgbdObservation:
        """What the camera sees now; ``stamp_ns`` is `time_s`."""
        return self.expose()()

    def true_depth_m(self) -> npt.NDArray[np.float32]:
        """(H, W) metres along the optical axis as a faultless camera would see them, NaN where there is nothing."""
        return self._drawn(self._held(), "camera", CAMERA.width, CAMERA.height)[1]

    def overview(self) -> npt.NDArray[np.uint8]:
        """(H, W, 3) uint8: the room from above, x upwards and y to the left."""
        return self._drawn(self._held(), "above", *OVERVIEW_PX)[0]

    def truth(self) -> Mapping[str, object]:
        """The base's pose, where each thing stands and how far the base is from it, and what it has touched when."""
        x, y, yaw = self.pose
        here = np.array([x, y])
        things = [
            {
                "name": thing.name, "position_m": thing.centre_m.tolist(), "size_m": thing.size_m.tolist(),
                "yaw_rad": thing.yaw_rad, "distance_m": float(thing.distance_m(here)) - BASE_RADIUS_M,
            }
            for thing in self.scene.things
        ]  # fmt: skip
        return {
            "world": "floor", "seed": self.scene.seed, "time_s": self.time_s,
            "base": {"x_m": x, "y_m": y, "yaw_rad": yaw}, "things": things, "touched": self.touched,
        }  # fmt: skip

    def _steer(self) -> None:
        late = self.time_s - self._commanded_s > _WATCHDOG_S
        wanted = np.zeros(2) if late else self._wanted
        slower = (np.abs(wanted) < np.abs(self._given)) | (wanted * self._given < 0)
        most = np.where(slower, _BRAKE, _SPEED_UP) * STEP_S
        self._given = self._given + np.clip(wanted - self._given, -most, most)
        (v, w), yaw = self._given, self.pose[2]
        wheels = (v + np.array([-w, w]) * _HALF_TRACK_M) / _WHEEL_RADIUS_M
        self._data.ctrl[:] = (v * math.cos(yaw), v * math.sin(yaw), w, *wheels)

    def _note_contacts(self) -> None:
        if not self._data.ncon:
            return
        for first, second in self._data.contact.geom.tolist():
            if (first in self._base_geoms) == (second in self._base_geoms):
                continue
            other = self._model.geom(second if first in self._base_geoms else first).name
            self._touched.setdefault(other, self.time_s)

    def _link_frame(self, body: int) -> RigidTransform:
        """A link seen from the one it hangs on."""
        model, quaternion = self._model, self._model.body_quat[body].copy()
        if model.body_jntnum[body]:
            joint, turn = model.body_jntadr[body], np.zeros(4)
            mujoco.mju_axisAngle2Quat(turn, model.jnt_axis[joint], self._data.qpos[model.jnt_qposadr[joint]])
            mujoco.mju_mulQuat(quaternion, model.body_quat[body], turn)
        names = model.body(model.body_parentid[body]).name, model.body(body).name
        return RigidTransform.from_quaternion_xyzw(*names, np.roll(quaternion, -1), model.body_pos[body])

    def _mounting(self) -> RigidTransform:
        frames = {frame.source_frame: frame for frame in self.fixed_frames()}
        chain = RigidTransform.identity(CAMERA_FRAME)
        while chain.target_frame != BASE_FRAME:
            chain = frames[chain.target_frame] @ chain
        return chain

    def _held(self) -> Any:
        """The moment, for drawing beside a world that goes on."""
        shown = mujoco.MjData(self._model)
        shown.qpos[:] = self._data.qpos
        return shown

    def _drawn(
        self, shown: Any, camera: str, width: int, height: int
    ) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
        mujoco.mj_forward(self._model, shown)
        if camera not in self._renderers:
            self._renderers[camera] = mujoco.Renderer(self._model, height, width)
        renderer = self._renderers[camera]
        renderer.update_scene(shown, camera=camera)
        rgb = renderer.render().copy()
        renderer.enable_depth_rendering()
        depth_m = renderer.render().astype(np.float32)
        renderer.disable_depth_rendering()
        depth_m[~((depth_m > 0) & (depth_m < FARTHEST_M * 0.99))] = np.nan
        return rgb, depth_m
