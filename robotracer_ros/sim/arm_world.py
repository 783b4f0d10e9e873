"""A tabletop with an arm in MuJoCo: joint targets in, contacts with what lies there, a camera's picture out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from transforms3d.quaternions import quat2mat

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.sim.arm_spec import FINGERS, GRIPPER, SERVOED, arm_spec
from robotracer_ros.sim.bodies import body_name
from robotracer_ros.sim.catalogue import Split
from robotracer_ros.sim.depth_noise import DepthNoise
from robotracer_ros.sim.engine import mujoco
from robotracer_ros.sim.motion_log import Motion, MotionLog
from robotracer_ros.sim.mount import BASE_FRAME, Mount, Mounting
from robotracer_ros.sim.outcome import Rest
from robotracer_ros.sim.picture import Picture
from robotracer_ros.sim.scene import CAMERA_FRAME, TABLE_FRAME, Scene
from robotracer_ros.sim.servos import Servos
from robotracer_ros.sim.tabletop_model import STEP_S, tabletop_model
from robotracer_ros.sim.touches import Touches
from robotracer_ros.sim.world import JointReadings

TIP_LINK: Final = "grasp_point"
# Half of the gap that the fingers leave at first, metres.
OPEN_M: Final = 0.04


class ArmWorld:
    """A `SimWorld` whose robot is the arm of ``urdf/tabletop_arm.urdf``; MuJoCo's world is the table frame.

    The arm stands where `Mounting` puts it for the scene, folded. ``finger_joint`` is half of the gap between the
    fingers. Not for several threads at once, but for the drawing: `expose` holds the moment, and what it returns may
    run beside the rest, always in the same thread, which is also the one to `close` in.

    Args:
        urdf: the file.
        seed: of the first scene.
        split: what scenes are drawn from.
        size: (W, H) of the pictures; None for the scene's own.
        noise: of the depth image; None for a faultless camera.

    Raises:
        InvalidRequest: for a URDF without the arm's joints, and a negative seed.
    """

    def __init__(
        self,
        urdf: str | Path,
        seed: int = 0,
        *,
        split: Split = Split.TEST,
        size: tuple[int, int] | None = None,
        noise: DepthNoise | None = None,
    ) -> None:
        self.urdf = Path(urdf).read_text()
        self._split, self._size, self._noise = split, size, noise
        self._mounting = Mounting(arm_spec(self.urdf, np.zeros(3), 0.0).compile())
        self._picture: Picture | None = None
        self.reset(seed)

    def __enter__(self) -> ArmWorld:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the graphics contexts. Calling it twice is fine."""
        picture, self._picture = self._picture, None
        if picture is not None:
            picture.close()

    def reset(self, seed: int) -> None:
        """Begin again with the scene of this seed.

        Raises:
            InvalidRequest: for a negative seed.
        """
        self.load(Scene.sample(self._split, seed))

    def load(self, scene: Scene) -> None:
        """Begin again with this scene, the arm folded and the gripper open."""
        self.scene = scene
        self.mount: Mount = self._mounting.best(scene)
        model = tabletop_model(self.urdf, scene, self.mount)
        self._model, self._data = model, mujoco.MjData(model)
        start = {**dict(zip(SERVOED, self.mount.home, strict=True)), **dict.fromkeys(FINGERS, OPEN_M)}
        for name, position in start.items():
            self._data.joint(name).qpos[0] = position
        self._servos = Servos(self.urdf, model, start)
        self._names = (*SERVOED, *FINGERS)
        self._places, self._speeds = (
            np.array([address[model.joint(name).id] for name in self._names])
            for address in (model.jnt_qposadr, model.jnt_dofadr)
        )
        self._bodies = {thing.label: model.body(body_name(thing)).id for thing in scene.objects}
        self._touches = Touches(model, frozenset(map(body_name, scene.objects)))
        self._collided: dict[tuple[str, str], float] = {}
        self._log = MotionLog(tuple(self._bodies))
        self._tip = model.body(TIP_LINK).id
        self._due_s = 0.0
        mujoco.mj_forward(model, self._data)

    @property
    def time_s(self) -> float:
        """Simulated seconds since the last reset."""
        return float(self._data.time)

    def advance(self, seconds: float) -> None:
        """Let so much time pass, in steps of `STEP_S`; the same state and commands lead to the same result.

        Raises:
            InvalidRequest: for a time that is negative or not finite.
        """
        if not (np.isfinite(seconds) and seconds >= 0):
            raise InvalidRequest(f"time goes on by 0 s or more, received {seconds}")
        self._due_s += seconds
        while self._data.time < self._due_s - STEP_S / 2:
            self._servos.step(self._data, STEP_S)
            mujoco.mj_step(self._model, self._data)
            for pair in self._touches.collisions(self._data):
                self._collided.setdefault(pair, self.time_s)
            if self._log.is_due(self.time_s):
                self._log.write(self.time_s, self._data.xpos[self._tip], self._data.xpos[list(self._bodies.values())])
        # A step ends with positions that frames do not know yet.
        mujoco.mj_kinematics(self._model, self._data)

    def command(self, joints: Mapping[str, float]) -> None:
        """Where joints shall go from now on, as fast as they may; radians, or metres for ``finger_joint``.

        Raises:
            InvalidRequest: for a joint that has no servo of its own, or a number that is not finite.
        """
        self._servos.command(joints)

    def limit_effort(self, newtons: float) -> None:
        """What each finger presses with at most, from now on.

        Raises:
            InvalidRequest: for a number that is not above 0.
        """
        self._servos.limit_effort(newtons)

    @property
    def effort_n(self) -> float:
        """What each finger presses with now; negative while they open."""
        return float(-self._data.actuator(GRIPPER).force[0])

    def joints(self) -> JointReadings:
        """Of the arm and of both fingers."""
        return JointReadings(self._names, self._data.qpos[self._places], self._data.qvel[self._speeds])

    def fixed_frames(self) -> tuple[RigidTransform, ...]:
        """The camera and the table seen from the base, and the links that hang on joints that never move."""
        base_from_table = self.mount.base_from_table
        frames = [base_from_table @ self.scene.table_from_camera, base_from_table]
        frames += [self._link(body) for body in self._links() if not self._model.body_jntnum[body]]
        return tuple(frames)

    def moving_frames(self) -> tuple[RigidTransform, ...]:
        """Each link that a joint moves, seen from the one before."""
        return tuple(self._link(body) for body in self._links() if self._model.body_jntnum[body])

    def expose(self) -> Callable[[], RgbdObservation]:
        """Holds what the camera sees now; call the result for the picture, always in the same thread."""
        scene, model, qpos = self.scene, self._model, self._data.qpos.copy()
        poses = {
            label: (self._data.xpos[body].copy(), self._data.xquat[body].copy()) for label, body in self._bodies.items()
        }
        stamp_ns = round(self.time_s * 1e9)

        def develop() -> RgbdObservation:
            return self._drawn(scene, _standing(model, qpos), poses, stamp_ns)

        return develop

    def photograph(self) -> RgbdObservation:
        """What the camera sees now; ``stamp_ns`` is `time_s`."""
        return self.expose()()

    def portrait(
        self, scene: Scene, joints: Mapping[str, float], places: Mapping[int, RigidTransform]
    ) -> RgbdObservation:  # fmt: skip
        """The same table at another moment, for pictures of what was done; the world itself stays as it is.

        Args:
            scene: this world's own, but for its camera.
            joints: positions by name; those left out are as now.
            places: by label, the table frame seen from each thing's middle.
        """
        poses = {label: (place.translation_m, np.roll(place.quaternion_xyzw, 1)) for label, place in places.items()}
        return self._drawn(scene, self.robot(joints), poses, 0)

    def robot(self, joints: Mapping[str, float]) -> tuple[Any, Any]:
        """MuJoCo's model, and data whose frames are those of another moment, with joints as for `portrait`."""
        qpos = self._data.qpos.copy()
        for name, position in joints.items():
            qpos[self._places[self._names.index(name)]] = position
        return _standing(self._model, qpos)

    def motion(self) -> Motion:
        """Where the tip and the things were since the last reset, in the table frame."""
        return self._log.motion()

    def things(self) -> dict[int, RigidTransform]:
        """By label, the table frame seen from each thing's middle, turned with it."""
        return {
            thing.label: RigidTransform(
                TABLE_FRAME, body_name(thing), quat2mat(self._data.xquat[body]), self._data.xpos[body].copy()
            )
            for thing, body in zip(self.scene.objects, self._bodies.values(), strict=True)
        }

    def touching(self) -> frozenset[tuple[str, str]]:
        """Pairs of names of what touches: things by `body_name`, links by theirs, "table" and "pedestal"."""
        return self._touches.pairs(self._awake())

    def held(self) -> tuple[str, ...]:
        """The things between the fingers, by `body_name`."""
        return self._touches.held(self._awake())

    def rest(self) -> Rest:
        """How everything stands now, for `judge_outcome`."""
        awake = self._awake()
        return Rest(self.things(), self._touches.pairs(awake), self._touches.held(awake), self.motion())

    def truth(self) -> Mapping[str, object]:
        """All things with poses in the base's frame, what touches, what is held, and what the arm ran into since."""
        awake, base_from_table = self._awake(), self.mount.base_from_table
        things = []
        for thing, place in zip(self.scene.objects, self.things().values(), strict=True):
            pose = base_from_table @ place
            things.append({
                "name": thing.name, "label": thing.label, "shape": thing.shape, "size_m": thing.size_m.tolist(),
                "position_m": pose.translation_m.tolist(), "quaternion_xyzw": pose.quaternion_xyzw.tolist(),
            })  # fmt: skip
        return {
            "world": "tabletop",
            "seed": self.scene.seed,
            "split": self.scene.split.value,
            "time_s": self.time_s,
            "frame_id": BASE_FRAME,
            "things": things,
            "touching": [list(pair) for pair in sorted(self._touches.pairs(awake))],
            "held": list(self._touches.held(awake)),
            "collisions": [[*pair, round(when, 3)] for pair, when in sorted(self._collided.items())],
            "home": dict(zip(SERVOED, map(float, self.mount.home), strict=True)),
        }

    def _drawn(
        self, scene: Scene, robot: tuple[Any, Any], poses: Mapping[int, Any], stamp_ns: int
    ) -> RgbdObservation:  # fmt: skip
        self._picture = self._picture or Picture()
        size = self._size or (scene.intrinsics.width, scene.intrinsics.height)
        view = self._picture.draw(scene, poses, robot, size)
        depth_m = view.depth_m
        if self._noise is not None:
            depth_m = replace(self._noise, seed=self._noise.seed + stamp_ns // 1_000_000).applied_to(depth_m)
        return RgbdObservation(view.rgb, depth_m, scene.intrinsics.scaled_to(*size), CAMERA_FRAME, stamp_ns)

    def _awake(self) -> Any:
        """The present state with the contacts of the things that sleep."""
        data, flags = mujoco.MjData(self._model), self._model.opt.enableflags
        data.qpos[:], data.qvel[:], data.ctrl[:] = self._data.qpos, self._data.qvel, self._data.ctrl
        self._model.opt.enableflags = flags & ~int(mujoco.mjtEnableBit.mjENBL_SLEEP)
        mujoco.mj_forward(self._model, data)
        self._model.opt.enableflags = flags
        return data

    def _links(self) -> list[int]:
        """Bodies of the robot."""
        return [body for body in range(1, self._model.nbody) if body not in self._bodies.values()]

    def _link(self, body: int) -> RigidTransform:
        above = int(self._model.body_parentid[body])
        names = (self._model.body(above).name, self._model.body(body).name)
        if above == 0:
            # In the robot's own description its base stands at its world's origin.
            return RigidTransform(*names, np.eye(3), np.zeros(3))
        rotation = self._data.xmat[above].reshape(3, 3).T
        offset = self._data.xpos[body] - self._data.xpos[above]
        return RigidTransform(*names, rotation @ self._data.xmat[body].reshape(3, 3), rotation @ offset)


def _standing(model: Any, qpos: FloatArray) -> tuple[Any, Any]:
    """A model, and data whose frames know these positions."""
    shown = mujoco.MjData(model)
    shown.qpos[:] = qpos
    mujoco.mj_kinematics(model, shown)
    return model, shown
