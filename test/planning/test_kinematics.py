"""Where an arm's tip is, and that the solver brings it where it is wanted."""

from __future__ import annotations

import numpy as np
import pytest
from planning.arms import PLANAR, pose, recorded

pytest.importorskip("pinocchio")

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.planning.kinematics import Arm


@pytest.fixture(scope="module")
def planar() -> Arm:
    return Arm(PLANAR, "tip")


@pytest.fixture(scope="module")
def panda() -> Arm:
    return Arm(recorded("panda.urdf"), "panda_link8")


def test_the_chain_is_what_moves_the_tip(planar: Arm) -> None:
    assert planar.joint_names == ("shoulder", "elbow")
    assert planar.base_link == "base"
    np.testing.assert_array_equal(planar.limits.upper, [3, 2.5])
    np.testing.assert_array_equal(planar.limits.velocity, [2, 2])


@pytest.mark.parametrize(("joints", "place"), [((0, 0), (2, 0)), ((np.pi / 2, 0), (0, 2)), ((0, np.pi / 2), (1, 1))])
def test_the_tip_is_where_it_is_by_hand(planar: Arm, joints: tuple[float, float], place: tuple[float, float]) -> None:
    np.testing.assert_allclose(planar.tip(joints)[:2, 3], place, atol=1e-12)


def test_a_base_link_further_on_is_where_poses_are_seen_from() -> None:
    arm = Arm(PLANAR, "tip", "upper")
    assert arm.joint_names == ("elbow",)
    np.testing.assert_allclose(arm.tip([np.pi / 2])[:2, 3], (1, 1), atol=1e-12)


def test_the_panda_stands_where_moveit_says(panda: Arm) -> None:
    ready = recorded("ready.json")
    tip = panda.tip([ready["joints"][name] for name in panda.joint_names])
    np.testing.assert_allclose(tip, pose(ready["tip_pose_in_world_xyz_qxyzw"]["panda_link8"]), atol=2e-5)


def test_solving_brings_the_tip_back(panda: Arm) -> None:
    rng = np.random.default_rng(0)
    for _ in range(40):
        joints = rng.uniform(panda.limits.lower, panda.limits.upper)
        wanted = panda.tip(joints)
        near = np.clip(joints + rng.normal(0, 0.05, len(joints)), panda.limits.lower, panda.limits.upper)
        found = panda.solve(wanted, near)
        assert np.abs(panda.tip(found) - wanted).max() < 5e-5
        assert (found >= panda.limits.lower).all()
        assert (found <= panda.limits.upper).all()


def test_what_is_out_of_reach_has_no_joints(panda: Arm, planar: Arm) -> None:
    far = panda.tip(np.zeros(7)).copy()
    far[0, 3] += 2
    assert np.isnan(panda.solve(far, np.full(7, 0.1))).all()
    beyond_the_limit = planar.tip([0.0, 0.0])
    # The same place with the arm turned round, which no limit allows.
    beyond_the_limit[:2, 3] = (0.01, 0)
    assert np.isnan(planar.solve(beyond_the_limit, [0.5, 2.0])).all()


def test_joints_turn_little_near_a_singularity(planar: Arm) -> None:
    stretched = np.array([0.0, 1e-4])
    wanted = planar.tip(stretched)
    wanted[0, 3] += 0.05
    assert np.isnan(planar.solve(wanted, stretched)).all()
    assert np.abs(planar._step(stretched, planar._error(stretched, planar._pin.SE3(wanted)))).max() <= 0.2 + 1e-12


def test_a_joint_without_end_turns_on() -> None:
    arm = Arm(PLANAR.replace('name="shoulder" type="revolute"', 'name="shoulder" type="continuous"'), "tip")
    found = arm.solve(arm.tip([7.0, 0.4]), [6.9, 0.5])
    np.testing.assert_allclose(found, [7.0, 0.4], atol=1e-4)


def test_links_and_joints_may_share_their_names() -> None:
    renamed = PLANAR.replace('"base"', '"universe"').replace('"shoulder"', '"upper"').replace('"elbow"', '"tip"')
    arm = Arm(renamed, "tip")
    assert arm.joint_names == ("upper", "tip")
    np.testing.assert_allclose(arm.tip([0, np.pi / 2])[:2, 3], (1, 1), atol=1e-12)


def with_shape(urdf: str, link: str, shape: str) -> str:
    collision = f'<link name="{link}"><collision><geometry>{shape}</geometry></collision></link>'
    return urdf.replace(f'<link name="{link}"/>', collision)


BOXES = with_shape(PLANAR, "base", '<box size="0.4 0.4 0.4"/>')
BOXES = with_shape(with_shape(BOXES, "tip", '<sphere radius="0.1"/>'), "lower", '<sphere radius="0.2"/>')


def test_links_that_meet_are_named() -> None:
    arm = Arm(BOXES.replace('lower="-2.5" upper="2.5"', 'lower="-3.1" upper="3.1"'), "tip")
    assert arm.self_collision([0.0, 0.0]) is None
    met = arm.self_collision([0.0, 3.05])
    assert met is not None
    assert set(met) == {"base", "tip"}


def test_links_without_shapes_meet_nothing(planar: Arm) -> None:
    assert planar.self_collision([0.0, 2.5]) is None


@pytest.mark.parametrize(
    ("urdf", "tip", "base", "told"),
    [
        ("<robot", "tip", "", "no XML"),
        ("<sdf/>", "tip", "", "<sdf>"),
        (PLANAR, "hand", "", "no link 'hand'; its links: base, upper"),
        (PLANAR, "base", "", "no joint moves 'base'"),
        (PLANAR, "upper", "lower", "'upper' does not hang on 'lower'"),
        (
            PLANAR.replace('<origin xyz="1 0 0"/>', '<origin xyz="1 0 0"/><mimic joint="shoulder"/>', 1),
            *("tip", "", "'elbow' between 'base' and 'tip' mimics 'shoulder'; .* such as 'lower'"),
        ),
        (PLANAR.replace("revolute", "floating", 1), "tip", "", "'shoulder' .* is floating; .* such as 'upper'"),
        (PLANAR.replace('lower="-3"', 'lower="4"'), "tip", "", "'shoulder' must .* received 4.0 to 3.0"),
        (PLANAR.replace('<link name="tip"/>', '<link name="tip"/><link name="loose"/>'), "tip", "", "base, loose"),
    ],
)
def test_descriptions_that_cannot_be_used_are_named(urdf: str, tip: str, base: str, told: str) -> None:
    with pytest.raises(InvalidRequest, match=told):
        Arm(urdf, tip, base)
