"""A set table with an arm beside it, as one MuJoCo model; its world is the table frame."""

from __future__ import annotations

from typing import Any, Final

from robotracer_ros.sim.arm_spec import LOOKS_GROUP, WORLD_BIT, arm_spec
from robotracer_ros.sim.bodies import GROUP, add_body
from robotracer_ros.sim.engine import mujoco
from robotracer_ros.sim.mount import Mount
from robotracer_ros.sim.scene import Scene
from robotracer_ros.sim.touches import PEDESTAL, TABLE

STEP_S: Final = 0.002
_TABLE_HALF_M: Final = 0.02
_TABLE_FRICTION: Final = (0.6, 0.005, 0.0001)
_FLOOR_M: Final = -0.74
_PEDESTAL_M: Final = 0.09
_PEDESTAL_GREY: Final = (0.30, 0.30, 0.32, 1.0)


def tabletop_model(urdf: str, scene: Scene, mount: Mount) -> Any:
    """The arm, its pedestal, the table and the things as one model."""
    spec = arm_spec(urdf, mount.base_m, mount.yaw_rad)
    option = spec.option
    option.timestep = STEP_S
    option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    # A grip that does not creep: friction as stiff as the normal direction, several times.
    option.cone, option.impratio = mujoco.mjtCone.mjCONE_ELLIPTIC, 20.0
    # Things that lie still cost nothing until something touches them.
    option.enableflags |= int(mujoco.mjtEnableBit.mjENBL_SLEEP)
    world, half = spec.worldbody, scene.look.table_half_m
    world.add_geom(
        name=TABLE, type=mujoco.mjtGeom.mjGEOM_BOX, size=[*half, _TABLE_HALF_M], pos=[0, 0, -_TABLE_HALF_M],
        friction=_TABLE_FRICTION, condim=4, contype=WORLD_BIT, conaffinity=WORLD_BIT, group=GROUP,
    )  # fmt: skip
    top_m = float(mount.base_m[2])
    world.add_geom(
        name=PEDESTAL, type=mujoco.mjtGeom.mjGEOM_CYLINDER, size=[_PEDESTAL_M, (top_m - _FLOOR_M) / 2, 0],
        pos=[*mount.base_m[:2], (top_m + _FLOOR_M) / 2], rgba=_PEDESTAL_GREY, contype=WORLD_BIT, conaffinity=WORLD_BIT,
        group=LOOKS_GROUP,
    )  # fmt: skip
    for thing in scene.objects:
        add_body(spec, thing)
    return spec.compile()
