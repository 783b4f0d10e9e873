"""The gripper's points lie on its collision shapes and move with its fingers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from planning.arms import recorded
from planning.boxes import CARRIED, TABLE, Box, looking, observed, traced
from planning.meshes import binary_stl, box
from transforms3d.quaternions import mat2quat

from robotracer_ros.errors import InvalidRequest, MotionRefused
from robotracer_ros.planning.grasp import GripperShape
from robotracer_ros.planning.handling import MotionBounds, Tool, plan_handling
from robotracer_ros.planning.mesh import surface_points
from robotracer_ros.planning.pick_and_place import HandlingSettings, TipPose
from robotracer_ros.planning.tool_body import SPACING_M, RobotBody

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
    points = RobotBody.from_urdf(ROBOT).tool_points("tip")
    np.testing.assert_allclose(points[:, 2].min(), -0.15, atol=1e-9)
    np.testing.assert_allclose(points[:, 2].max(), -0.02, atol=1e-9)
    # Nothing of the base, which does not move with the tip.
    assert np.linalg.norm(points, axis=1).max() < 0.2
    finger = points[points[:, 2] > -0.05 + 1e-6]
    np.testing.assert_allclose(np.ptp(finger, axis=0)[:2], [0.02, 0.04], atol=1e-9)


def test_fingers_are_where_their_joints_say():
    body = RobotBody.from_urdf(ROBOT)
    closed, opened = body.tool_points("tip"), body.tool_points("tip", {"slide": 0.05, "turn": 1.0})
    assert opened[:, 1].max() == pytest.approx(closed[closed[:, 2] > -0.05 + 1e-6, 1].max() + 0.05)


def test_no_gap_is_wider_than_the_spacing():
    finger = RobotBody.from_urdf(ROBOT).tool_points("tip")
    side = finger[np.abs(finger[:, 2] + 0.02) < 1e-9]
    apart = np.sort(np.linalg.norm(side[:, None] - side, axis=2), axis=1)[:, 1]
    assert apart.max() <= SPACING_M + 1e-9


def test_the_whole_robot_is_seen_from_its_root():
    points = RobotBody.from_urdf(ROBOT).points({"slide": 0.0, "turn": 0.0})
    assert points[:, 2].min() == pytest.approx(-0.1) and points[:, 2].max() == pytest.approx(1.13)


def test_the_packaged_gripper_has_a_body():
    urdf = (Path(__file__).parents[2] / "urdf" / "tabletop_arm.urdf").read_text()
    assert len(RobotBody.from_urdf(urdf).tool_points("grasp_point")) > 300
    assert RobotBody.from_urdf(urdf).knows_tool("grasp_point")


def test_bad_robots_are_refused():
    with pytest.raises(InvalidRequest, match="no joint moves 'base'"):
        RobotBody.from_urdf(ROBOT).tool_points("base")
    with pytest.raises(InvalidRequest, match=r"3 finite numbers, received '0\.04 0\.02'"):
        RobotBody.from_urdf(ROBOT.replace("0.04 0.02 0.06", "0.04 0.02")).tool_points("tip")
    with pytest.raises(InvalidRequest, match="told in numbers, received 'thick'"):
        RobotBody.from_urdf(ROBOT.replace('radius="0.03"', 'radius="thick"'))


def with_mesh(filename: str, scale: str = "0.001 0.001 -0.001") -> str:
    """The robot whose finger is a mesh."""
    shape = '<box size="0.04 0.02 0.06"/>'
    assert shape in ROBOT
    return ROBOT.replace(shape, f'<mesh filename="{filename}" scale="{scale}"/>')


def test_a_mesh_stands_where_its_box_would(tmp_path):
    (tmp_path / "finger.stl").write_bytes(binary_stl(box((-20, -10, -30), (20, 10, 30))))
    body = RobotBody.from_urdf(with_mesh("package://r/finger.stl"), lambda uri: tmp_path / uri.rpartition("/")[2])
    assert not body.unread and body.knows_tool("finger")
    meshed, boxed = body.tool_points("tip"), RobotBody.from_urdf(ROBOT).tool_points("tip")
    np.testing.assert_allclose(np.ptp(meshed, axis=0), np.ptp(boxed, axis=0), atol=1e-6)
    away = np.linalg.norm(boxed[:, None] - meshed, axis=2).min(axis=1)
    assert away.max() < SPACING_M


def test_a_mesh_that_cannot_be_read_is_left_out_and_named(tmp_path):
    (tmp_path / "cut.stl").write_bytes(binary_stl(box((0, 0, 0), (1, 1, 1)))[:200])
    for urdf, reason in (
        (with_mesh("package://r/none.stl"), "package://r/none.stl: there is no such file"),
        (with_mesh("cut.stl"), "cut.stl: it is cut off"),
        (with_mesh("shape.dae"), "shape.dae: .dae is not read"),
        (with_mesh("cut.stl", "1 1"), "cut.stl: it is cut off"),
        (with_mesh(""), "a mesh without filename: "),
        (ROBOT.replace("0.04 0.02 0.06", "1e3 1e3 1e3"), "1e+03 x 1e+03 x 1e+03 m, too large"),
        (ROBOT.replace('<box size="0.04 0.02 0.06"/>', "<capsule/>"), "no box, cylinder, sphere or mesh"),
    ):
        body = RobotBody.from_urdf(urdf, lambda uri: tmp_path / uri.rpartition("/")[2])
        assert list(body.unread) == ["finger"] and (reason in body.unread["finger"] or "1 1" in urdf)
        assert not body.knows_tool("tip") and len(body.tool_points("tip"))
    assert "nobody here knows" in RobotBody.from_urdf(with_mesh("finger.stl")).unread["finger"]


def test_a_tool_that_ends_short_of_the_tip_is_not_known():
    assert not RobotBody.from_urdf(ROBOT).knows_tool("tip")
    nearer = ROBOT.replace(
        '<child link="tip"/><origin xyz="0 0 0.15"/>', '<child link="tip"/><origin xyz="0 0 0.135"/>'
    )
    assert RobotBody.from_urdf(nearer).knows_tool("tip")


READY = {f"panda_joint{n}": at for n, at in enumerate((0.0, -0.785398, 0.0, -2.356194, 0.0, 1.570796, 0.785398), 1)}
TCP = """<link name="tcp"/><joint name="to_tcp" type="fixed"><parent link="panda_hand"/><child link="tcp"/>
<origin xyz="0 0 0.1034"/></joint></robot>"""
SHAPES = {"hand": ((-0.03, -0.1, 0.0), (0.03, 0.1, 0.066)), "finger": ((-0.01, 0.0, 0.0), (0.01, 0.02, 0.054))}
SIDE = looking((0.4, 0.05, 0.25), (1.3, 0.1, 0.9))


def panda_meshes(folder: Path) -> None:
    """Collision meshes of a Panda, made up: a hand, fingers, and links of nearly nothing."""
    for name in ("hand", "finger", *(f"link{number}" for number in range(8))):
        low, high = SHAPES.get(name, ((0.0,) * 3, (0.01,) * 3))
        (folder / f"{name}.stl").write_bytes(binary_stl(box(low, high)))


def test_a_panda_in_the_picture_is_no_obstacle_to_itself(tmp_path):
    panda_meshes(tmp_path)
    urdf = recorded("panda.urdf").replace("</robot>", TCP)
    known = RobotBody.from_urdf(urdf, lambda uri: tmp_path / Path(uri).name)
    unknown = RobotBody.from_urdf(urdf)
    assert known.knows_tool("tcp") and not known.unread
    assert not unknown.knows_tool("tcp") and not len(unknown.points(READY)) and len(unknown.unread) == 11

    def world_box(link: str, shape: str) -> Box:
        frame = known.robot.place(link, {name: np.array([at]) for name, at in READY.items()})[0]
        ends = np.array(SHAPES[shape]) @ frame[:3, :3].T + frame[:3, 3]
        return Box(tuple(ends.min(axis=0)), tuple(ends.max(axis=0)))

    seen = [TABLE, CARRIED, world_box("panda_hand", "hand"), world_box("panda_leftfinger", "finger")]
    tcp = known.robot.place("tcp", {name: np.array([at]) for name, at in READY.items()})[0]
    tip = TipPose(tcp[:3, 3], np.roll(mat2quat(tcp[:3, :3]), -1), np.zeros(3))
    whole_box = surface_points(box((-0.04, -0.11, -0.14), (0.04, 0.11, 0.01)), SPACING_M)

    def planned(body: RobotBody, box_m: np.ndarray) -> None:
        tool_m = np.concatenate([body.tool_points("tcp"), box_m])
        tool = Tool(GripperShape(), tool_m if len(tool_m) else whole_box, tip, body.points(READY), box_m)
        way = [(0.42, 0.16, 0.1), (0.42, 0.16, 0.25), (0.6, -0.1, 0.25), (0.6, -0.1, 0.0)]
        plan_handling(
            traced(way, SIDE), observed(seen, base_from_camera=SIDE), SIDE, tool, HandlingSettings(), MotionBounds()
        )

    with pytest.raises(MotionRefused, match=r"^approach: the way to waypoint \d+ is 0\.0\d+ m too close"):
        planned(unknown, np.zeros((0, 3)))
    planned(known, np.zeros((0, 3)))
    planned(unknown, whole_box)
