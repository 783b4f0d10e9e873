"""The arm of `urdf/` is the same robot wherever it is loaded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from robotracer_ros.planning.robot_description import RobotDescription

URDF = Path(__file__).resolve().parents[2] / "urdf" / "tabletop_arm.urdf"
# A UR5e's own picture pose: the upper arm up, the forearm level, the tool down.
READY = (0.0, -np.pi / 2, -np.pi / 2, -np.pi / 2, np.pi / 2, 0.0)


def test_its_tool_points_down_where_a_ur5es_does() -> None:
    robot = RobotDescription.from_urdf(URDF.read_text())
    joints = [joint.name for joint in robot.chain("grasp_point") if joint.moves]
    assert len(joints) == 6
    tool = robot.place("tool0", dict(zip(joints, READY, strict=True)))[0]
    # By the lengths of its data sheet: 0.3922 + 0.0997 forward, 0.1333 aside, 0.1625 + 0.425 - 0.0996 up.
    np.testing.assert_allclose(tool[:3, 3], (0.4919, -0.1333, 0.4879), atol=1e-4)
    np.testing.assert_allclose(tool[:3, 2], (0, 0, -1), atol=1e-6)


def test_pinocchio_finds_it_free_of_itself_there_and_not_folded() -> None:
    pytest.importorskip("pinocchio")
    from robotracer_ros.planning.kinematics import Arm

    arm = Arm(URDF.read_text(), "grasp_point")
    assert arm.self_collision(READY) is None
    assert arm.self_collision((0.0, -np.pi / 2, 3.0, 0.0, 0.0, 0.0)) is not None


def test_mujoco_loads_it_with_the_same_joints_and_limits() -> None:
    pytest.importorskip("robotracer_ros.sim.stage")
    import mujoco

    robot = RobotDescription.from_urdf(URDF.read_text())
    model = mujoco.MjModel.from_xml_path(str(URDF))
    names = [model.joint(index).name for index in range(model.njnt)]
    assert set(names) == {joint.name for joint in robot.joints.values() if joint.kind in ("revolute", "prismatic")}
    for name in names:
        np.testing.assert_allclose(model.joint(name).range, (robot.joints[name].lower, robot.joints[name].upper))
