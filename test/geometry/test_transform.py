"""Laws of rigid transforms: inverse, chaining, and frames that must meet."""

from __future__ import annotations

import numpy as np
import pytest

from robotracer_ros.errors import FrameMismatch, InvalidRequest
from robotracer_ros.geometry.transform import RigidTransform


def some(target: str, source: str, seed: int) -> RigidTransform:
    rng = np.random.default_rng(seed)
    quaternion = rng.normal(size=4)
    return RigidTransform.from_quaternion_xyzw(
        target, source, quaternion / np.linalg.norm(quaternion), rng.normal(size=3)
    )


@pytest.mark.parametrize("seed", range(10))
def test_a_transform_after_its_inverse_changes_nothing(seed: int) -> None:
    points = np.random.default_rng(seed).normal(size=(7, 3))
    a_from_b = some("a", "b", seed)
    np.testing.assert_allclose(a_from_b.inverse().apply(a_from_b.apply(points)), points, atol=1e-12)
    assert (a_from_b @ a_from_b.inverse()).target_frame == "a" == (a_from_b @ a_from_b.inverse()).source_frame


@pytest.mark.parametrize("seed", range(10))
def test_chaining_is_applying_one_after_the_other(seed: int) -> None:
    points = np.random.default_rng(seed).normal(size=(7, 3))
    a_from_b, b_from_c = some("a", "b", seed), some("b", "c", seed + 100)
    np.testing.assert_allclose((a_from_b @ b_from_c).apply(points), a_from_b.apply(b_from_c.apply(points)), atol=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_the_quaternion_builds_the_same_rotation(seed: int) -> None:
    one = some("a", "b", seed)
    again = RigidTransform.from_quaternion_xyzw("a", "b", one.quaternion_xyzw, one.translation_m)
    np.testing.assert_allclose(again.rotation, one.rotation, atol=1e-12)


def test_quaternions_are_in_ros_order() -> None:
    quarter_about_z = [0.0, 0.0, np.sin(np.pi / 4), np.cos(np.pi / 4)]
    turned = RigidTransform.from_quaternion_xyzw("a", "b", quarter_about_z, [0, 0, 0]).apply([[1.0, 0.0, 0.0]])
    np.testing.assert_allclose(turned, [[0.0, 1.0, 0.0]], atol=1e-12)


def test_frames_that_do_not_meet_are_refused_by_name() -> None:
    with pytest.raises(FrameMismatch, match=r"a from b with x from y"):
        some("a", "b", 1) @ some("x", "y", 2)
    with pytest.raises(FrameMismatch, match="lidar"):
        some("a", "b", 1).require_source("lidar")


@pytest.mark.parametrize("quaternion", [[0, 0, 0, 0], [0, 0, 0, 2], [np.nan, 0, 0, 1]])
def test_a_quaternion_that_is_no_rotation_is_refused(quaternion: list[float]) -> None:
    with pytest.raises(InvalidRequest, match="length 1"):
        RigidTransform.from_quaternion_xyzw("a", "b", quaternion, [0, 0, 0])


def test_a_matrix_that_is_no_rotation_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="orthonormal"):
        RigidTransform("a", "b", np.diag([1.0, 1.0, -1.0]), np.zeros(3))
    with pytest.raises(InvalidRequest, match=r"shape \(3, 3\), received \(2, 2\)"):
        RigidTransform("a", "b", np.eye(2), np.zeros(3))


def test_nothing_can_be_written_into_a_transform() -> None:
    with pytest.raises(ValueError, match="read-only"):
        some("a", "b", 1).rotation[0, 0] = 5.0
