"""The tool that a goal plans with: known from the description, or the box where it is not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is absent")

from planning.meshes import binary_stl, box

from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.nodes.following import Following
from robotracer_ros.nodes.motion_parameters import MOTION_PARAMETERS, MotionParameters
from robotracer_ros.planning.handling import Tool
from robotracer_ros.planning.tool_body import RobotBody
from robotracer_ros.ros.joint_states import JointReading

HAND = '<link name="hand"><collision><geometry><mesh filename="hand.stl"/></geometry></collision></link>'
URDF = f"""<robot name="r"><link name="base"/>
  <joint name="turn" type="continuous"><parent link="base"/><child link="hand"/><axis xyz="0 0 1"/></joint>
  {HAND}<link name="finger"><collision><geometry><box size="0.02 0.02 0.02"/></geometry></collision></link>
  <joint name="to_finger" type="fixed"><parent link="hand"/><child link="finger"/></joint></robot>"""
TABLE = {parameter.name: parameter.default for parameter in MOTION_PARAMETERS}


class StillFrames:
    def lookup(self, target: str, source: str, stamp_ns: int, timeout_s: float) -> RigidTransform:
        return RigidTransform(target, source, np.eye(3), np.array([0.0, 0.0, 1.0]))


def tool_of(body: RobotBody, tip_link: str) -> Tool:
    nothing: Any = None
    readings: Mapping[str, JointReading] = {"turn": JointReading(0.0, 0.0, 0.0)}
    joints: Any = SimpleNamespace(all=lambda: readings)
    description: Any = SimpleNamespace(body=lambda timeout_s: body)
    frames: Any = StillFrames()
    following = Following(nothing, frames, joints, description, nothing, nothing, nothing)
    return following._tool("base_link", MotionParameters({**TABLE, "tip_link": tip_link}))


def test_a_tool_that_is_known_needs_no_box(tmp_path: Path) -> None:
    (tmp_path / "hand.stl").write_bytes(binary_stl(box((-0.03, -0.03, 0.0), (0.03, 0.03, 0.1))))
    tool = tool_of(RobotBody.from_urdf(URDF, lambda uri: tmp_path / uri), "finger")
    assert not len(tool.box_m)
    np.testing.assert_allclose(tool.body_m.max(axis=0), [0.03, 0.03, 0.1], atol=1e-6)
    np.testing.assert_allclose(tool.robot_m.max(axis=0), [0.03, 0.03, 1.1], atol=1e-6)


def test_the_box_stands_in_for_what_is_not_known() -> None:
    tool = tool_of(RobotBody.from_urdf(URDF), "finger")
    np.testing.assert_allclose(np.ptp(tool.box_m, axis=0), TABLE["gripper.box_m"])
    # The finger is known, and stays.
    assert len(tool.body_m) > len(tool.box_m) and len(tool.robot_m)
