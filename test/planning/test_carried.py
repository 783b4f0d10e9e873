"""The carried object is told from what it stands on, from its neighbours, and from nothing at all."""

from __future__ import annotations

import numpy as np
import pytest
from planning.boxes import CARRIED, LENSES, TABLE, VIEW, WALL, Box, camera, looking, looking_down, observed

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.planning.carried import CarriedObject, find_carried_object
from robotracer_ros.planning.depth_view import DepthView

TOP = (0.42, 0.16, 0.1)


def found(
    boxes: list[Box], grasp: tuple[float, float, float], radius_m: float = 0.15, **kind: object
) -> tuple[CarriedObject, np.ndarray]:
    """The object, and (H, W, 3) what each pixel sees in the base frame."""
    view = DepthView.of(observed(boxes, **kind))
    base_from_view = kind.get("base_from_camera", VIEW) @ view.view_from_color.inverse()
    view_from_base = base_from_view.inverse()
    carried = find_carried_object(view, view_from_base.apply(grasp), view_from_base.rotate([0, 0, 1.0]), radius_m)
    seen = base_from_view.apply(view.points_in(slice(0, view.camera.height), slice(0, view.camera.width)))
    return carried, seen


def within(seen: np.ndarray, box: Box, margin_m: float, lowest_m: float = -np.inf) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        inside = ((seen >= np.array(box.low) - margin_m) & (seen <= np.array(box.high) + margin_m)).all(axis=2)
        return inside & (seen[..., 2] > lowest_m)


@pytest.mark.parametrize("unregistered", [False, True])
@pytest.mark.parametrize("lens", sorted(LENSES))
@pytest.mark.parametrize("noise", [{}, {"noise_m": 0.002, "holes": 0.1}])
@pytest.mark.parametrize("grasp", [TOP, (0.46, 0.16, 0.05)])
def test_a_box_on_a_table_is_told_from_table_and_wall(lens, unregistered, noise, grasp):
    kind = {"unregistered": unregistered, "intrinsics": camera(320, lens), **noise}
    carried, seen = found([TABLE, CARRIED, WALL], grasp, **kind)
    # What of the box is above the grasped point's noise and 12 mm over the table is found, from its side as well.
    of_box = within(seen, CARRIED, 0.001 + 2 * noise.get("noise_m", 0), lowest_m=0.014)
    assert of_box.sum() > 300
    assert (of_box & ~carried.mask).sum() <= 0.01 * of_box.sum()
    # The silhouette is grown by about a pixel; nothing further off is taken.
    taken_far = carried.mask & np.isfinite(seen[..., 2]) & ~within(seen, CARRIED, 0.02)
    assert taken_far.sum() <= 0.15 * of_box.sum()
    assert not (carried.mask & within(seen, WALL, 0.005, lowest_m=0.01)).any()
    assert len(carried.points_m) > 100


def test_large_images_are_looked_at_in_strides_with_the_same_result():
    carried, seen = found([TABLE, CARRIED, WALL], TOP, intrinsics=camera(1280))
    of_box = within(seen, CARRIED, 0.001, lowest_m=0.01)
    assert (of_box & ~carried.mask).sum() == 0
    assert (carried.mask & ~within(seen, CARRIED, 0.02)).sum() < 0.05 * of_box.sum()
    assert 500 < len(carried.points_m) < 5000


def test_on_a_large_crate_only_the_upper_box_is_carried():
    crate = Box((0.2, -0.2, 0.0), (0.6, 0.4, 0.15))
    upper = Box((0.38, 0.12, 0.15), (0.46, 0.2, 0.25))
    carried, seen = found([TABLE, crate, upper], (0.42, 0.16, 0.25))
    of_upper = within(seen, upper, 0.001, lowest_m=0.16)
    assert (of_upper & ~carried.mask).sum() == 0
    assert (carried.mask & ~within(seen, upper, 0.02)).sum() < 0.15 * of_upper.sum()


def test_the_floor_beyond_the_table_edge_does_not_make_the_table_an_object():
    table, floor = Box((0.0, -0.5, -0.05), (0.55, 0.6, 0.0)), Box((-5, -5, -1), (5, 5, -0.7))
    carried, seen = found([floor, table, CARRIED], TOP)
    assert (within(seen, CARRIED, 0.001, lowest_m=0.01) & ~carried.mask).sum() == 0
    assert (carried.mask & within(seen, table, 0.002)).sum() < 0.2 * carried.mask.sum()


@pytest.mark.parametrize("noise_m", [0.0, 0.002])
def test_a_grasp_on_the_bare_table_carries_nothing(noise_m):
    carried, _ = found([TABLE, WALL], (0.42, 0.16, 0.0), noise_m=noise_m)
    assert not carried.mask.any()
    assert carried.points_m.shape == (0, 3)


def test_an_object_that_touches_something_large_stays_an_obstacle():
    against_wall = Box((0.38, 0.0, 0.0), (0.46, 0.08, 0.15))
    long_wall = Box((0.0, -0.06, 0.0), (0.9, 0.0, 0.15))
    carried, _ = found([TABLE, against_wall, long_wall], (0.42, 0.04, 0.15))
    assert not carried.mask.any()


def test_a_pillar_that_only_looks_joined_to_the_object_is_not_part_of_it():
    """In the picture its face begins where the box's top ends; in depth there are several centimetres between."""
    pillar = Box((0.1, 0.0, 0.0), (0.3, 0.35, 0.4))
    carried, seen = found([TABLE, CARRIED, pillar], TOP)
    assert (within(seen, CARRIED, 0.001, lowest_m=0.014) & ~carried.mask).sum() == 0
    of_pillar = carried.mask & within(seen, pillar, 0.005)
    assert 0 < of_pillar.sum() < 100, "a rim of the pillar's pixels along the silhouette, and no more"


def test_a_thing_in_the_air_is_carried_whole():
    held = Box((0.38, 0.12, 0.2), (0.46, 0.2, 0.3))
    carried, seen = found([TABLE, held], (0.42, 0.16, 0.3))
    assert (within(seen, held, 0.001) & ~carried.mask).sum() == 0


@pytest.mark.parametrize("grasp", [(0.42, 0.16, 0.2), (3.0, 0.0, 0.0), (1.6, 0.1, 1.0)])
def test_where_nothing_was_seen_nothing_is_carried(grasp):
    carried, _ = found([TABLE, CARRIED], grasp)
    assert not carried.mask.any()


def test_nothing_is_carried_by_an_image_without_a_reading():
    carried, _ = found([TABLE, CARRIED], TOP, holes=1.0)
    assert not carried.mask.any()


def test_readings_far_apart_tell_no_foot():
    view = DepthView.of(observed([TABLE, CARRIED, WALL]))
    rows, columns = np.indices(view.depth_m.shape)
    sparse, view_from_base = view.without((rows % 3 > 0) | (columns % 3 > 0)), VIEW.inverse()
    carried = find_carried_object(sparse, view_from_base.apply(TOP), view_from_base.rotate([0, 0, 1.0]), 0.15)
    assert carried.mask.any()
    assert np.isnan(carried.support_m)


def test_a_camera_on_its_side_sees_the_same_object():
    upright, on_side = looking((0.45, 0.05, 0.0), (1.1, 0.1, 0.75)), RigidTransform.from_quaternion_xyzw(
        "camera", "camera", (0, 0, np.sqrt(0.5), np.sqrt(0.5)), (0, 0, 0)
    )
    carried, seen = found([TABLE, CARRIED, WALL], TOP, base_from_camera=upright @ on_side)
    of_box = within(seen, CARRIED, 0.001, lowest_m=0.01)
    assert of_box.sum() > 300
    assert (of_box & ~carried.mask).sum() == 0


def test_a_mask_of_another_kind_is_refused():
    with pytest.raises(InvalidRequest, match="mask must be bool"):
        CarriedObject(np.zeros((4, 4)), np.zeros((0, 3)))


def foot_of(boxes: list[Box], grasp: tuple[float, float, float], elevation_deg: float, **kind: object) -> float:
    """The height of what the object at ``grasp`` was found to stand on, base frame."""
    view = looking_down(grasp, elevation_deg)
    carried, _ = found(boxes, grasp, base_from_camera=view, **kind)
    assert carried.mask.any()
    return carried.support_m + float(view.translation_m[2])


@pytest.mark.parametrize("elevation_deg", [40, 62, 70, 90])
@pytest.mark.parametrize("noise_m", [0.0, 0.002])
@pytest.mark.parametrize("height_m", [0.03, 0.1])
def test_the_foot_is_found_however_steeply_the_camera_looks(elevation_deg, noise_m, height_m):
    block = Box((0.4, 0.14, 0.0), (0.44, 0.18, height_m))
    foot_m = foot_of([TABLE, block], (0.42, 0.16, height_m), elevation_deg, intrinsics=camera(640), noise_m=noise_m)
    assert abs(foot_m) <= 0.002 + 2 * noise_m


@pytest.mark.parametrize("beside_m", [0.05, 0.1])
@pytest.mark.parametrize("elevation_deg", [45, 66, 90])
def test_from_above_neighbours_are_not_what_it_stands_on(beside_m, elevation_deg):
    block = Box((0.4, 0.14, 0.0), (0.44, 0.18, 0.1))
    beside = [Box((0.4, 0.2, 0.0), (0.44, 0.24, beside_m)), Box((0.35, 0.14, 0.0), (0.38, 0.18, beside_m))]
    foot_m = foot_of([TABLE, block, *beside], (0.42, 0.16, 0.1), elevation_deg, intrinsics=camera(640))
    assert abs(foot_m) < 0.003


@pytest.mark.parametrize("elevation_deg", [40, 66, 90])
def test_on_a_tray_it_stands_on_the_tray(elevation_deg):
    tray, block = Box((0.3, 0.0, 0.0), (0.5, 0.3, 0.02)), Box((0.4, 0.14, 0.02), (0.44, 0.18, 0.07))
    assert foot_of([TABLE, tray, block], (0.42, 0.16, 0.07), elevation_deg) == pytest.approx(0.02, abs=0.003)


@pytest.mark.parametrize("elevation_deg", [40, 66, 90])
def test_a_foot_that_is_farther_than_the_radius_is_not_known(elevation_deg):
    tall = Box((0.4, 0.14, 0.0), (0.44, 0.18, 0.2))
    assert np.isnan(foot_of([TABLE, tall], (0.42, 0.16, 0.2), elevation_deg))


def test_things_with_a_centimetre_between_them_are_two():
    view = looking_down((0.45, 0.14, 0.0), 90.0)
    boxes = [Box((0.4, 0.14, 0.0), (0.44, 0.18, 0.05)), Box((0.455, 0.14, 0.0), (0.495, 0.18, 0.05))]
    carried, seen = found([TABLE, *boxes], (0.42, 0.16, 0.05), base_from_camera=view, intrinsics=camera(640))
    assert not (carried.mask & within(seen, boxes[1], 0.001)).any()
