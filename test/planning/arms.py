"""Arms small enough to be worked out by hand, and the genuine Panda that MoveIt's recorded answers are about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.transform import RigidTransform

RECORDED = Path(__file__).resolve().parents[3] / "shared" / "golden" / "moveit"

# Two links of 1 m in the plane, with a tip at the end of the second; and a finger that no path moves.
PLANAR = """
<robot name="planar">
  <link name="base"/><link name="upper"/><link name="lower"/><link name="tip"/><link name="finger"/>
  <joint name="shoulder" type="revolute"><parent link="base"/><child link="upper"/><axis xyz="0 0 1"/>
    <limit lower="-3" upper="3" velocity="2" effort="1"/></joint>
  <joint name="elbow" type="revolute"><parent link="upper"/><child link="lower"/><origin xyz="1 0 0"/>
    <axis xyz="0 0 1"/><limit lower="-2.5" upper="2.5" velocity="2" effort="1"/></joint>
  <joint name="end" type="fixed"><parent link="lower"/><child link="tip"/><origin xyz="1 0 0"/></joint>
  <joint name="grip" type="prismatic"><parent link="tip"/><child link="finger"/><axis xyz="0 1 0"/>
    <limit lower="0" upper="0.04" velocity="0.1" effort="1"/></joint>
</robot>
"""


def recorded(name: str) -> Any:
    """A file of MoveIt's recorded answers, or the test is skipped where they are not beside the project."""
    path = RECORDED / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return path.read_text() if path.suffix in (".urdf", ".srdf") else json.loads(path.read_text())


def pose(values: list[Any]) -> FloatArray:
    """(4, 4) of ``[x, y, z, qx, qy, qz, qw]``, the quaternion of any length."""
    numbers = np.array(values, dtype=np.float64)
    transform = RigidTransform.from_quaternion_xyzw("a", "b", numbers[3:] / np.linalg.norm(numbers[3:]), numbers[:3])
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = transform.rotation, transform.translation_m
    return matrix
