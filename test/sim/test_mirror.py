"""A mirror stands as the world stands whose truth it is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("robotracer_ros.sim.engine", reason="MuJoCo is absent")

from robotracer_ros.errors import FrameMismatch, InvalidRequest
from robotracer_ros.planning.robot_description import RobotDescription
from robotracer_ros.sim.arm_world import TIP_LINK, ArmWorld
from robotracer_ros.sim.engine import mujoco
from robotracer_ros.sim.floor_world import FloorWorld
from robotracer_ros.sim.mirror import Mirror, mirror_of, scene_of
from robotracer_ros.sim.mount import BASE_FRAME
from robotracer_ros.sim.world import SimWorld

URDFS = Path(__file__).resolve().parents[2] / "urdf"
SEED = 3


def told(world: SimWorld) -> tuple[dict[str, float], Any]:
    readings = world.joints()
    return dict(zip(readings.names, readings.positions.tolist(), strict=True)), world.truth()


def drawn_robot_m(mirror: Mirror) -> Any:
    """(N, 3) middles of the shapes that a mirror adds to a scene."""
    scene = mujoco.MjvScene(mirror.model, 500)
    mirror.add_robot(scene)
    return np.array([geom.pos for geom in scene.geoms[: scene.ngeom]]).reshape(-1, 3)


def test_an_arm_and_its_things_stand_where_they_are_told_to() -> None:
    with ArmWorld(URDFS / "tabletop_arm.urdf", SEED) as world:
        mirror = mirror_of(world.truth(), URDFS)
        before = drawn_robot_m(mirror)
        world.command({"shoulder_pan_joint": world.joints().positions[0] + 0.5, "wrist_1_joint": -1.5})
        world.advance(1.0)
        # Somewhere else than where it began.
        joints, truth = told(world)
        lifted = {**truth, "things": [
            {**thing, "position_m": [x, y, z + 0.1]} for thing in truth["things"] for x, y, z in [thing["position_m"]]
        ]}  # fmt: skip
        mirror.put({**joints, "a joint of another robot": 1.0}, lifted)
        plain = [thing for thing in world.scene.objects if thing.shape in ("block", "cylinder", "ball")]
        for thing in plain:
            slot = world.scene.objects.index(thing)
            place = world.things()[thing.label].translation_m + np.array([0.0, 0.0, 0.1])
            np.testing.assert_allclose(mirror.data.geom(f"object{slot}").xpos, place, atol=1e-9)
        assert plain
        robot = RobotDescription.from_urdf(world.urdf)
        chain = [joint.name for joint in robot.chain(TIP_LINK, BASE_FRAME) if joint.moves]
        tip = robot.place(TIP_LINK, {name: np.array([joints[name]]) for name in chain}, BASE_FRAME)[0, :3, 3]
        tip_m = mirror.in_world(tip[None], BASE_FRAME)
        np.testing.assert_allclose(tip_m, world.mount.base_from_table.inverse().apply(tip[None]))
        after = drawn_robot_m(mirror)
        assert np.linalg.norm(after - tip_m, axis=1).min() < 0.06 < np.linalg.norm(before - tip_m, axis=1).min()


def test_a_base_stands_where_it_is_told_to() -> None:
    with FloorWorld(URDFS / "driving_base.urdf", SEED) as world:
        mirror = mirror_of(world.truth(), URDFS)
        for _ in range(10):
            world.drive(0.4, 0.6)
            world.advance(0.1)
        mirror.put(*told(world))
        x, y, yaw = world.pose
        base = mirror.data.body("base_footprint")
        np.testing.assert_allclose(base.xpos[:2], (x, y), atol=1e-9)
        np.testing.assert_allclose(np.arctan2(base.xmat[3], base.xmat[0]), yaw, atol=1e-9)
        assert np.hypot(x, y) > 0.2
        for thing in world.scene.things:
            np.testing.assert_allclose(mirror.data.geom(thing.name).xpos[:2], thing.centre_m, atol=1e-6)
        np.testing.assert_array_equal(mirror.in_world(np.ones((1, 3)), "odom"), np.ones((1, 3)))


def test_a_frame_that_moves_or_is_unknown_is_refused_with_those_that_are_not() -> None:
    with ArmWorld(URDFS / "tabletop_arm.urdf", SEED) as world, pytest.raises(FrameMismatch, match="base_link, table"):
        mirror_of(world.truth(), URDFS).in_world(np.zeros((1, 3)), "tool0")


def test_a_world_that_is_unknown_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="'sea'; accepted: tabletop, floor"):
        mirror_of({"world": "sea"}, URDFS)


def test_scenes_are_told_apart() -> None:
    one = {"world": "tabletop", "split": "test", "seed": 1, "time_s": 3.0}
    assert scene_of(one) == scene_of({**one, "time_s": 4.0})
    for change in ({"seed": 2}, {"split": "train"}, {"world": "floor"}):
        assert scene_of(one) != scene_of({**one, **change})
