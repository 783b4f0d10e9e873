"""What is read from a URDF, and where its links stand."""

from __future__ import annotations

import numpy as np
import pytest
from planning.arms import PLANAR, pose, recorded

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.planning.robot_description import RobotDescription, shortest


@pytest.fixture(scope="module")
def panda() -> RobotDescription:
    return RobotDescription.from_urdf(recorded("panda.urdf"))


def test_links_and_joints_are_read() -> None:
    robot = RobotDescription.from_urdf(PLANAR)
    assert (robot.name, robot.root, robot.links) == ("planar", "base", ("base", "upper", "lower", "tip", "finger"))
    elbow = robot.joints["elbow"]
    assert (elbow.kind, elbow.parent, elbow.child) == ("revolute", "upper", "lower")
    assert (elbow.lower, elbow.upper, elbow.velocity) == (-2.5, 2.5, 2.0)
    assert [joint.name for joint in robot.chain("finger", "upper")] == ["elbow", "end", "grip"]


def test_lines_before_an_xml_declaration_do_no_harm() -> None:
    assert RobotDescription.from_urdf(f'\n <?xml version="1.0"?>{PLANAR}').name == "planar"


def test_links_stand_where_they_do_by_hand() -> None:
    robot = RobotDescription.from_urdf(PLANAR)
    places = robot.place("finger", {"shoulder": [0, np.pi / 2, 0], "elbow": [0, 0, np.pi / 2], "grip": [0, 0.02, 0.02]})
    np.testing.assert_allclose(places[:, :2, 3], [(2, 0), (-0.02, 2), (0.98, 1)], atol=1e-12)
    np.testing.assert_allclose(robot.place("tip", {"elbow": np.pi / 2}, "upper")[0, :2, 3], (1, 1), atol=1e-12)


def test_the_panda_stands_where_moveit_says(panda: RobotDescription) -> None:
    ready = recorded("ready.json")
    for link, wanted in ready["tip_pose_in_world_xyz_qxyzw"].items():
        np.testing.assert_allclose(panda.place(link, ready["joints"])[0], pose(wanted), atol=2e-5)


def test_its_places_are_those_of_pinocchio(panda: RobotDescription) -> None:
    pytest.importorskip("pinocchio")
    from robotracer_ros.planning.kinematics import Arm

    arm = Arm(recorded("panda.urdf"), "panda_hand")
    joints = np.random.default_rng(0).uniform(arm.limits.lower, arm.limits.upper, (20, 7))
    places = panda.place("panda_hand", dict(zip(arm.joint_names, joints.T, strict=True)))
    np.testing.assert_allclose(places, [arm.tip(row) for row in joints], atol=1e-9)


def test_a_joint_that_mimics_follows_and_does_not_move_by_itself() -> None:
    mimic = '<mimic joint="elbow" multiplier="-0.01" offset="0.02"/>'
    robot = RobotDescription.from_urdf(PLANAR.replace('<axis xyz="0 1 0"/>', f'<axis xyz="0 1 0"/>{mimic}'))
    assert not robot.joints["grip"].moves
    np.testing.assert_allclose(robot.place("finger", {"elbow": 1.0}, "tip")[0, 1, 3], 0.01)
    with pytest.raises(InvalidRequest, match="no joint 'grip' that moves; it has shoulder, elbow"):
        robot.require_joints(["elbow", "grip"])


def test_a_joint_without_end_has_no_limits() -> None:
    robot = RobotDescription.from_urdf(PLANAR.replace('name="elbow" type="revolute"', 'name="elbow" type="continuous"'))
    assert (robot.joints["elbow"].lower, robot.joints["elbow"].upper) == (-np.inf, np.inf)
    assert robot.endless(["elbow", "shoulder", "grip", "nope"]).tolist() == [True, False, False, False]


def test_whole_turns_count_for_joints_with_an_end() -> None:
    turn = 2 * np.pi
    off = shortest([[0.1, 0.1], [turn - 0.1, turn - 0.1], [0.2 - 2 * turn, 3.0]], [True, False])
    np.testing.assert_allclose(off, [[0.1, 0.1], [-0.1, turn - 0.1], [0.2, 3.0]], atol=1e-12)
    assert np.isnan(shortest(np.nan, True)) and abs(shortest(-np.pi, True)) == np.pi


@pytest.mark.parametrize("limit", ['velocity="0"', 'velocity="0.0"', 'velocity="-1"', 'velocity="nan"', ""])
def test_a_speed_that_is_not_told_is_no_limit(limit: str) -> None:
    robot = RobotDescription.from_urdf(PLANAR.replace('velocity="2"', limit))
    assert robot.joints["elbow"].velocity == np.inf and robot.joints["grip"].velocity == 0.1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("<robot", "<sdf"), "no XML"),
        (('<child link="tip"/>', '<child link="hand"/>'), "the joint 'end' hangs on 'hand', which is no link"),
        (('<axis xyz="0 0 1"/>', '<axis xyz="0 0 0"/>'), "the axis of the joint 'shoulder' has no direction"),
        (('<origin xyz="1 0 0"/>', '<origin xyz="1 0"/>'), "xyz of the joint 'elbow' must be 3 finite numbers"),
        (('lower="-3"', 'lower="low"'), "lower of the joint 'shoulder' must be a number, received 'low'"),
        (('xyz="0 1 0"', 'xyz="a b c"'), "xyz of the joint 'grip' must be numbers"),
        (('<link name="tip"/>', '<link name="tip"/><link name="loose"/>'), "has base, loose"),
    ],
)
def test_descriptions_that_cannot_be_used_are_named(change: tuple[str, str], told: str) -> None:
    with pytest.raises(InvalidRequest, match=told):
        RobotDescription.from_urdf(PLANAR.replace(*change))


def test_positions_of_different_lengths_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="as many positions"):
        RobotDescription.from_urdf(PLANAR).place("tip", {"shoulder": [0, 1], "elbow": [0]})
