"""The gripper's points lie on its collision shapes and move with its fingers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.planning.tool_body import SPACING_M, robot_points, tool_points

ROBOT = """<robot name="r">
  <link name="base"><collision><geometry><sphere radius="0.1"/></geometry></collision></link>
  <joint name="turn" type="revolute"><parent link="base"/><child link="wrist"/><origin xyz="0 0 1"/>
    <axis xyz="0 0 1"/><limit lower="-3" upper="3" velocity="1" effort="1"/></joint>
  <link name="wrist"><collision><origin xyz="0 0 0.05"/><geometry><cylinder radius="0.03" length="0.1"/></geometry>
  </collision></link>
  <joint name="slide" type="prismatic"><parent link="wrist"/><child link="finger"/><origin xyz="0 0 0.1"/>
    <axis xyz="0 1 0"/><limit lower="0" upper="0.05" velocity="1" effort="1"/></joint>
  <link name="finger"><collision><origin rpy="0 0 1.5707963267948966"/><geometry>
    <box size="0.04 0.02 0.06"/></geometry></collision></link>
  <joint name="to_tip" type="fixed"><parent link="wrist"/><child link="tip"/><origin xyz="0 0 0.15"/></joint>
  <link name="tip"/>
</robot>"""


def test_points_are_seen_from_the_tip():
    points = tool_points(ROBOT, "tip")
    np.testing.assert_allclose(points[:, 2].min(), -0.15, atol=1e-9)
    np.testing.assert_allclose(points[:, 2].max(), -0.02, atol=1e-9)
    # Nothing of the base, which does not move with the tip.
    assert np.linalg.norm(points, axis=1).max() < 0.2
    finger = points[points[:, 2] > -0.05 + 1e-6]
    np.testing.assert_allclose(np.ptp(finger, axis=0)[:2], [0.02, 0.04], atol=1e-9)


def test_fingers_are_where_their_joints_say():
    closed, opened = tool_points(ROBOT, "tip"), tool_points(ROBOT, "tip", {"slide": 0.05, "turn": 1.0})
    assert opened[:, 1].max() == pytest.approx(closed[closed[:, 2] > -0.05 + 1e-6, 1].max() + 0.05)


def test_no_gap_is_wider_than_the_spacing():
    finger = tool_points(ROBOT, "tip")
    side = finger[np.abs(finger[:, 2] + 0.02) < 1e-9]
    apart = np.sort(np.linalg.norm(side[:, None] - side, axis=2), axis=1)[:, 1]
    assert apart.max() <= SPACING_M + 1e-9


def test_the_whole_robot_is_seen_from_its_root():
    points = robot_points(ROBOT, {"slide": 0.0, "turn": 0.0})
    assert points[:, 2].min() == pytest.approx(-0.1) and points[:, 2].max() == pytest.approx(1.13)


def test_the_packaged_gripper_has_a_body():
    urdf = (Path(__file__).parents[2] / "urdf" / "tabletop_arm.urdf").read_text()
    assert len(tool_points(urdf, "grasp_point")) > 300


def test_bad_robots_are_refused():
    with pytest.raises(InvalidRequest, match="no joint moves 'base'"):
        tool_points(ROBOT, "base")
    with pytest.raises(InvalidRequest, match=r"3 finite numbers, received '0\.04 0\.02'"):
        tool_points(ROBOT.replace("0.04 0.02 0.06", "0.04 0.02"), "tip")
