"""The simulated arm: it stands where the camera does not look, follows its servos, and holds what it grasps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("robotracer_ros.sim.engine", reason="MuJoCo is absent")

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.planning.robot_description import RobotDescription
from robotracer_ros.sim.arm_world import STEP_S, ArmWorld
from robotracer_ros.sim.bodies import body_name
from robotracer_ros.sim.catalogue import Split
from robotracer_ros.sim.mount import DISTANCE_M
from robotracer_ros.sim.scene import Scene, SceneObject
from robotracer_ros.sim.stage import Stage

URDF = Path(__file__).resolve().parents[2] / "urdf" / "tabletop_arm.urdf"
SEEDS = range(4)


@pytest.fixture(scope="module")
def world() -> Iterator[ArmWorld]:
    with ArmWorld(URDF, 0) as one:
        yield one


def swing(world: ArmWorld, change: float, seconds: float) -> float:
    """Turn the base joint by a smooth motion; returns the largest tracking error, radians."""
    names, begin = world.joints().names[:6], world.joints().positions[:6]
    worst, steps = 0.0, round(seconds / STEP_S)
    for step in range(1, steps + 1):
        share = step / steps
        wanted = begin + change * np.eye(6)[0] * share**2 * (3 - 2 * share)
        world.command(dict(zip(names, wanted.tolist(), strict=True)))
        world.advance(STEP_S)
        worst = max(worst, float(np.abs(world.joints().positions[:6] - wanted).max()))
    return worst


@pytest.mark.parametrize("seed", SEEDS)
def test_everything_rests_where_the_scene_has_it(world: ArmWorld, seed: int) -> None:
    world.reset(seed)
    world.advance(1.0)
    for thing in world.scene.objects:
        np.testing.assert_allclose(world.things()[thing.label].translation_m, thing.centre_m, atol=5e-4)
        assert (body_name(thing), "table") in world.touching()
    truth = world.truth()
    assert (truth["collisions"], truth["held"], truth["seed"]) == ([], [], seed)
    np.testing.assert_allclose(world.joints().positions[:6], world.mount.home, atol=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_its_picture_is_the_stages_while_the_arm_is_folded(world: ArmWorld, seed: int) -> None:
    world.reset(seed)
    seen = world.photograph()
    with Stage() as stage:
        bare = stage.view(world.scene)
    assert seen.depth_m is not None
    assert seen.intrinsics == world.scene.intrinsics
    assert (np.abs(seen.rgb.astype(int) - bare.rgb).max(axis=2) > 12).mean() < 0.01
    with np.errstate(invalid="ignore"):
        assert (np.abs(seen.depth_m - bare.depth_m) > 0.01).mean() < 0.002


def test_the_picture_shows_what_has_moved_and_the_arm(world: ArmWorld) -> None:
    world.reset(0)
    before = world.photograph().rgb.astype(int)
    world.command({"shoulder_pan_joint": 0.0, "shoulder_lift_joint": -1.6, "elbow_joint": -1.2, "wrist_1_joint": -1.9})
    world.advance(3.0)
    after = world.photograph()
    assert after.stamp_ns == round(world.time_s * 1e9)
    assert (np.abs(after.rgb - before).max(axis=2) > 12).mean() > 0.02


def test_a_portrait_of_this_moment_is_the_picture_and_changes_nothing(world: ArmWorld) -> None:
    world.reset(0)
    now = world.joints()
    joints = dict(zip(now.names, now.positions.tolist(), strict=True))
    np.testing.assert_array_equal(world.portrait(world.scene, joints, world.things()).rgb, world.photograph().rgb)
    thing = world.scene.objects[0]
    lifted = {**world.things(), thing.label: RigidTransform("table", "it", np.eye(3), np.array([0.0, 0.0, 0.3]))}
    assert (world.portrait(world.scene, joints, lifted).rgb != world.photograph().rgb).any()
    assert world.things()[thing.label].translation_m[2] < 0.1


def test_the_camera_stands_in_the_base_s_frame_as_in_the_tables(world: ArmWorld) -> None:
    frames = {(one.target_frame, one.source_frame): one for one in world.fixed_frames()}
    base_from_camera = frames["base_link", "camera_color_optical_frame"]
    base_from_table = frames["base_link", "table"]
    assert np.linalg.norm(base_from_table.translation_m[:2]) == pytest.approx(DISTANCE_M)
    assert base_from_table.translation_m[1] == pytest.approx(0.0, abs=1e-9)
    point = np.array([0.1, -0.05, 0.02])
    np.testing.assert_allclose(
        base_from_camera.apply(world.scene.camera_from_table.apply(point)), base_from_table.apply(point), atol=1e-9
    )


def test_frames_chain_to_where_the_description_has_the_tip(world: ArmWorld) -> None:
    world.command({"shoulder_pan_joint": 0.3, "wrist_2_joint": 1.0, "finger_joint": 0.02})
    world.advance(0.7)
    frames = {one.source_frame: one for one in (*world.fixed_frames(), *world.moving_frames())}
    now = world.joints()
    robot = RobotDescription.from_urdf(world.urdf)
    for tip in ("grasp_point", "left_finger", "right_finger"):
        link = frames[tip]
        while link.target_frame != "world":
            link = frames[link.target_frame] @ link
        place = robot.place(tip, dict(zip(now.names, now.positions, strict=True)))[0]
        np.testing.assert_allclose(link.translation_m, place[:3, 3], atol=1e-4)
        np.testing.assert_allclose(link.rotation, place[:3, :3], atol=1e-6)


def test_servos_follow_a_swing(world: ArmWorld) -> None:
    world.reset(1)
    assert swing(world, 1.2, 1.5) < 0.01
    assert swing(world, -1.2, 1.0) < 0.02


def test_the_same_commands_lead_to_the_same_state(world: ArmWorld) -> None:
    ends = []
    for chunks in (1, 50):
        world.reset(2)
        world.command({"shoulder_pan_joint": 0.0, "elbow_joint": -1.5})
        for _ in range(chunks):
            world.advance(1.0 / chunks)
        ends.append(np.concatenate([world.joints().positions, *(p.translation_m for p in world.things().values())]))
    np.testing.assert_array_equal(ends[0], ends[1])


def test_commands_that_make_no_sense_move_nothing(world: ArmWorld) -> None:
    world.reset(2)
    for joints in ({"elbow": 0.0}, {"right_finger_joint": 0.0}, {"elbow_joint": float("nan"), "wrist_1_joint": 0.0}):
        with pytest.raises(InvalidRequest):
            world.command(joints)
    with pytest.raises(InvalidRequest):
        world.limit_effort(0.0)
    with pytest.raises(InvalidRequest):
        world.advance(-1.0)
    with pytest.raises(InvalidRequest):
        world.reset(-1)
    world.advance(0.2)
    np.testing.assert_allclose(world.joints().positions[:6], world.mount.home, atol=1e-6)


def test_what_falls_into_a_hollow_thing_lies_inside_it(world: ArmWorld) -> None:
    scene = Scene.sample(Split.TEST, 0)
    kinds = (("bowl", (0.16, 0.16, 0.058)), ("cup", (0.082, 0.082, 0.098)), ("tray", (0.21, 0.15, 0.028)),
             ("plate", (0.20, 0.20, 0.020)))  # fmt: skip
    things = []
    for number, (shape, size_m) in enumerate(kinds):
        size, spot_m = np.array(size_m), np.array([0.22 * (number % 2) - 0.11, 0.22 * (number // 2) - 0.11])
        things.append(SceneObject(shape, "red", size, np.array([*spot_m, size[2] / 2]), 0.4, len(things) + 1))
        side = 0.034
        above = np.array([*spot_m, size[2] + side])
        things.append(SceneObject("block", "blue", np.full(3, side), above, 0.1, len(things) + 1))
    world.load(Scene(scene.split, 0, tuple(things), scene.intrinsics, scene.table_from_camera, scene.look))
    world.advance(2.0)
    floors = {"bowl": 0.11, "cup": 0.07, "tray": 0.25, "plate": 0.26}
    for vessel, block in zip(things[::2], things[1::2], strict=True):
        bottom = world.things()[block.label].translation_m[2] - 0.017
        assert bottom == pytest.approx(floors[vessel.shape] * vessel.size_m[2], abs=0.004), vessel.shape
        assert tuple(sorted((body_name(vessel), body_name(block)))) in world.touching()
        assert (body_name(block), "table") not in world.touching()
