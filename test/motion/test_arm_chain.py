"""Which joints a planner may move, and where they hold the tip."""

from __future__ import annotations

import numpy as np
import pytest
from planning.arms import PLANAR

from robotracer_ros.errors import MotionRefused
from robotracer_ros.motion.arm_chain import ArmChain, end_of, is_still
from robotracer_ros.planning.robot_description import RobotDescription

ROBOT = RobotDescription.from_urdf(PLANAR)
STRAIGHT = {"shoulder": 0.0, "elbow": 0.0}


def test_all_joints_to_the_tip_or_the_last_of_them() -> None:
    whole = ArmChain.of(ROBOT, "tip")
    assert (whole.base_link, whole.joint_names) == ("base", ("shoulder", "elbow"))
    forearm = ArmChain.of(ROBOT, "tip", ["elbow"])
    assert (forearm.base_link, forearm.joint_names) == ("upper", ("elbow",))
    # Wherever the shoulder stands, the upper arm is where the forearm is seen from.
    assert forearm.tip({"shoulder": 1.0, "elbow": 0.0})[:3, 3] == pytest.approx([2.0, 0.0, 0.0])


@pytest.mark.parametrize(
    ("tip", "joints", "told"),
    [
        ("hand", (), "no link 'hand'; its links: base"),
        ("base", (), "it has none"),
        ("tip", ("wrist",), "no joint 'wrist' that moves; it has shoulder, elbow"),
        ("tip", ("shoulder",), "shoulder cannot be moved alone to move tip; accepted: the last of shoulder, elbow"),
        ("tip", ("grip",), "grip cannot be moved alone"),
        ("tip", ("elbow", "grip"), "elbow, grip cannot be moved alone"),
    ],
)
def test_names_that_are_none_are_refused_with_those_there_are(tip: str, joints: tuple[str, ...], told: str) -> None:
    with pytest.raises(MotionRefused, match=told):
        ArmChain.of(ROBOT, tip, joints)


def test_a_tip_that_is_there_need_not_move() -> None:
    chain = ArmChain.of(ROBOT, "tip")
    here = chain.tip(STRAIGHT)
    turned, moved = here.copy(), here.copy()
    turned[:2, :2] = [[0, -1], [1, 0]]
    moved[0, 3] -= 1e-3
    assert chain.is_there(STRAIGHT, np.array([here, here]))
    assert not chain.is_there(STRAIGHT, np.array([here, moved]))
    assert not chain.is_there(STRAIGHT, np.array([turned]))
    still = chain.still(STRAIGHT)
    assert is_still(still) and end_of(still) == STRAIGHT and still.times_s[-1] > 0
