"""Ground-truth grasps: what is between the fingers is the object, and nothing else is in their way."""

from __future__ import annotations

import numpy as np
import pytest

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.sim.catalogue import SHAPES, Split
from robotracer_ros.sim.grasps import WIDEST_M, grasp_of
from robotracer_ros.sim.scene import Scene, SceneObject
from robotracer_ros.sim.tasks.solids import signed_distance_m


def thing(shape, size_m, spot_m=(0.0, 0.0), yaw_rad=0.0, label=1):
    return SceneObject(shape, "red", np.array(size_m), np.array([*spot_m, size_m[2] / 2]), yaw_rad, label)


def along(grasp):
    return np.array([np.cos(grasp.yaw_rad), np.sin(grasp.yaw_rad), 0.0])


@pytest.mark.parametrize("seed", range(20))
def test_the_object_s_surface_is_half_a_width_away_from_the_middle(seed):
    scene = Scene.sample(Split.TEST, seed)
    for one in scene.objects:
        if not SHAPES[one.shape].carried or one.size_m[0] > WIDEST_M:
            continue
        grasp = grasp_of(one, [other for other in scene.objects if other is not one])
        for side in (-1, 1):
            face = grasp.position_m + side * grasp.width_m / 2 * along(grasp)
            # A cup narrows below its rim.
            allowed = 0.012 if one.shape == "cup" else 0.004
            assert abs(signed_distance_m(one, face[None])[0]) < allowed, one.name
        assert grasp.position_m[2] - 0.01 > 0
        assert grasp.opening_m > grasp.width_m / 2


def test_a_block_is_taken_across_its_narrower_side():
    grasp = grasp_of(thing("block", (0.07, 0.04, 0.05), yaw_rad=0.3))
    assert grasp.width_m == pytest.approx(0.04)
    assert abs(np.dot(along(grasp), (-np.sin(0.3), np.cos(0.3), 0))) == pytest.approx(1.0)


def test_room_for_the_fingers_comes_before_the_narrower_side():
    block = thing("block", (0.05, 0.04, 0.05))
    beside = [thing("cylinder", (0.05, 0.05, 0.08), (0.0, side * 0.055), label=2) for side in (-1, 1)]
    grasp = grasp_of(block, beside)
    assert grasp.width_m == pytest.approx(0.05)


def test_a_bowl_is_taken_by_its_wall_with_one_finger_inside():
    bowl = thing("bowl", (0.16, 0.16, 0.058), (0.1, 0.2))
    grasp = grasp_of(bowl)
    assert np.hypot(*(grasp.position_m - bowl.centre_m)[:2]) == pytest.approx(0.07, abs=0.01)
    # The fingers close along the radius.
    radial = (grasp.position_m - bowl.centre_m)[:2]
    assert abs(np.dot(along(grasp)[:2], radial / np.hypot(*radial))) == pytest.approx(1.0)
    assert 0.0 < grasp.width_m < 0.03


def test_the_pose_points_down_and_closes_along_the_yaw():
    grasp = grasp_of(thing("ball", (0.05, 0.05, 0.05)))
    pose = grasp.pose
    np.testing.assert_allclose(pose[:3, 2], (0, 0, -1))
    np.testing.assert_allclose(pose[:3, 1], along(grasp))
    assert np.linalg.det(pose[:3, :3]) == pytest.approx(1.0)


def test_a_plate_is_refused():
    with pytest.raises(InvalidRequest, match="flat"):
        grasp_of(thing("plate", (0.2, 0.2, 0.02)))
