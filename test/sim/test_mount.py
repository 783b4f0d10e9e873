"""Where the arm stands: it reaches the table's things from above, out of the camera's sight."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("robotracer_ros.sim.engine", reason="MuJoCo is absent")
pytest.importorskip("pinocchio", reason="Pinocchio is absent")

from robotracer_ros.planning.kinematics import Arm
from robotracer_ros.sim.arm_spec import arm_spec
from robotracer_ros.sim.catalogue import Split
from robotracer_ros.sim.mount import DISTANCE_M, HOMES, Mounting
from robotracer_ros.sim.scene import REACH_M, Scene

URDF = (Path(__file__).resolve().parents[2] / "urdf" / "tabletop_arm.urdf").read_text()


@pytest.fixture(scope="module")
def mounting() -> Mounting:
    return Mounting(arm_spec(URDF, np.zeros(3), 0.0).compile())


def test_the_tool_reaches_everything_near_the_middle_from_above(mounting: Mounting) -> None:
    arm, mount = Arm(URDF, "grasp_point"), mounting.best(Scene.sample(Split.TEST, 0))
    base_from_table = mount.base_from_table
    for angle in np.arange(0.0, 2 * np.pi, np.pi / 6):
        for height_m in (0.02, 0.10, 0.25):
            spot = base_from_table.apply([REACH_M * np.cos(angle), REACH_M * np.sin(angle), height_m])
            target = np.eye(4)
            target[:3, :3], target[:3, 3] = np.diag([1.0, -1.0, -1.0]), spot
            near = np.array([np.arctan2(spot[1], spot[0]), -1.8, -2.0, -0.9, np.pi / 2, 0.0])
            joints = arm.solve(target, near)
            assert np.isfinite(joints).all(), (angle, height_m)
            assert arm.self_collision(joints) is None, (angle, height_m)


def test_a_folded_arm_does_not_touch_itself() -> None:
    arm = Arm(URDF, "grasp_point")
    assert all(arm.self_collision(home) is None for home in HOMES)


def test_its_x_axis_leads_to_the_middle_of_the_table(mounting: Mounting) -> None:
    for seed in range(5):
        mount = mounting.best(Scene.sample(Split.VALIDATION, seed))
        middle = mount.base_from_table.apply(np.zeros(3))
        np.testing.assert_allclose(middle[:2], (DISTANCE_M, 0.0), atol=1e-9)


def test_hardly_any_picture_shows_the_folded_arm(mounting: Mounting) -> None:
    scenes = [Scene.sample(Split.TEST, seed) for seed in range(30)]
    shares = np.array([mounting.seen(scene, mounting.best(scene)) for scene in scenes])
    assert np.median(shares) == 0
    assert (shares < 0.01).mean() > 0.9
    assert shares.max() < 0.12
