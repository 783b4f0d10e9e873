"""A box is lifted over another one and set down: what the path is, and what is found wrong with it."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from planning.boxes import CARRIED, LENSES, TABLE, VIEW, WALL, Box, camera, looking, observed, traced
from transforms3d.quaternions import quat2mat

from robotracer_ros.errors import FrameMismatch, InvalidRequest, PlanningError
from robotracer_ros.geometry.camera import CameraIntrinsics
from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.planning import PathSettings, ViolationKind, plan_path
from robotracer_ros.planning.carried import CarriedObject
from robotracer_ros.planning.depth_view import DepthView

TOP = (0.42, 0.16, 0.1)
# Set down 26 cm in front of the wall's far side, where the camera sees the table.
PLACE = (0.75, -0.03, 0.0)


def over_the_wall(height_m: float) -> list[tuple[float, float, float]]:
    return [TOP, (0.42, 0.16, height_m), (0.42, -0.03, height_m), (0.75, -0.03, height_m), PLACE]


def kinds(path) -> set[ViolationKind]:
    return {violation.kind for violation in path.violations}


@pytest.mark.parametrize("unregistered", [False, True])
@pytest.mark.parametrize("lens", sorted(LENSES))
@pytest.mark.parametrize("noise", [{}, {"noise_m": 0.002, "holes": 0.1}])
def test_a_box_lifted_high_over_the_wall_breaks_no_rule(lens, unregistered, noise):
    observation = observed([TABLE, CARRIED, WALL], camera(320, lens), unregistered=unregistered, **noise)
    path = plan_path(traced(over_the_wall(0.24)), observation, VIEW, PathSettings())
    assert path.frame_id == "base"
    assert path.stamp_ns == 7
    assert np.allclose(path.positions_m[[0, -1]], [TOP, PLACE], atol=1e-9)
    assert [violation.describe(PathSettings()) for violation in path.violations] == []


@pytest.mark.parametrize("unregistered", [False, True])
@pytest.mark.parametrize("lens", sorted(LENSES))
def test_skimming_the_wall_is_too_close_by_what_is_missing(lens, unregistered):
    observation = observed([TABLE, CARRIED, WALL], camera(640, lens), unregistered=unregistered)
    settings = PathSettings(clearance_m=0.05)
    path = plan_path(traced(over_the_wall(0.17)), observation, VIEW, settings)
    close = {v.index: v.amount_m for v in path.violations if v.kind == ViolationKind.TOO_CLOSE}
    above = [i for i, p in enumerate(path.positions_m) if 0.32 < p[0] < 0.58 and -0.055 < p[1] < -0.005]
    assert len(above) > 5
    # 2 cm over the wall's top, seen in pixels of 2 mm.
    assert all(close[i] == pytest.approx(0.03, abs=0.001) for i in above)
    assert all(p[1] < 0.06 for p in path.positions_m[list(close)])


def test_without_leaving_it_out_the_carried_box_is_an_obstacle_to_itself():
    observation = observed([TABLE, CARRIED, WALL])
    settings = PathSettings(contact_radius_m=0.01, clearance_m=0.04)
    trace = traced(over_the_wall(0.24))
    assert kinds(plan_path(trace, observation, VIEW, settings)) == {ViolationKind.TOO_CLOSE}
    start = [v.index for v in plan_path(trace, observation, VIEW, settings).violations if v.index < 10]
    assert start == []
    nothing = CarriedObject.nothing(DepthView.of(observation))
    close = [v for v in plan_path(trace, observation, VIEW, settings, nothing).violations if v.index < 10]
    assert [v.index for v in close] == [1]
    # 2 cm above the grasped point on the box's top.
    assert close[0].amount_m == pytest.approx(0.02, abs=0.002)


def test_through_the_wall_is_unobserved_by_the_way_behind_its_face():
    observation = observed([TABLE, CARRIED, WALL], camera(640))
    path = plan_path(traced([TOP, (0.42, 0.16, 0.07), (0.45, -0.03, 0.07), PLACE]), observation, VIEW, PathSettings())
    hidden = {v.index: v.amount_m for v in path.violations if v.kind == ViolationKind.UNOBSERVED}
    inside = [i for i, p in enumerate(path.positions_m) if p[1] < -0.02 and 0.4 < p[0] < 0.57]
    assert inside
    assert set(inside) <= set(hidden)
    assert all(0.01 < amount < 0.2 for amount in hidden.values())


def test_in_the_shadow_outside_the_image_and_without_reading():
    eye = looking((0.45, 0.05, 0.0), (0.45, 0.9, 0.5))
    observation = observed([TABLE, WALL], camera(320), eye)
    places = [(0.45, 0.2, 0.0), (0.45, 0.2, 0.2), (0.45, -0.12, 0.2), (0.45, -0.12, 0.02), (9.0, 0.2, 0.2)]
    settings = PathSettings(clearance_m=0, spacing_m=20.0)
    found = plan_path(traced(places, eye), observation, eye, settings).violations
    assert [(v.kind.name, v.index) for v in found] == [("UNOBSERVED", 3), ("UNOBSERVED", 4)]
    assert found[0].amount_m > 0.1
    assert np.isnan(found[1].amount_m)
    blind = RgbdObservation(observation.rgb, np.full_like(observation.depth_m, np.nan), camera(320), "camera", 7)
    assert [v.index for v in plan_path(traced(places, eye), blind, eye, settings).violations] == [0, 1, 2, 3, 4]


def test_a_camera_in_colour_only_observes_no_waypoint():
    observation = replace(observed([TABLE]), depth_m=None)
    path = plan_path(traced(over_the_wall(0.2)), observation, VIEW, PathSettings())
    assert len(path.violations) == len(path)
    assert kinds(path) == {ViolationKind.UNOBSERVED}
    with pytest.raises(PlanningError, match="needs a depth image, received colour only"):
        plan_path(traced(over_the_wall(0.2)), observation, VIEW, PathSettings(orientation="surface_normal"))


def test_the_workspace_says_how_far_outside():
    settings = PathSettings(workspace_min_m=(0.3, -np.inf, 0.0), workspace_max_m=(0.65, np.inf, 0.5))
    observation = observed([TABLE, CARRIED, WALL])
    path = plan_path(traced(over_the_wall(0.24)), observation, VIEW, settings)
    outside = {v.index: v.amount_m for v in path.violations if v.kind == ViolationKind.OUTSIDE_WORKSPACE}
    expected = np.maximum(path.positions_m[:, 0] - 0.65, 0)
    assert set(outside) >= set(np.flatnonzero(expected > 1e-9))
    assert max(outside.values()) == pytest.approx(0.1, abs=1e-9)


def test_from_a_top_to_a_side_the_tool_turns_with_the_surface():
    block = Box((0.6, -0.1, 0.0), (0.7, 0.1, 0.2))
    observation = observed([TABLE, CARRIED, block], camera(640))
    settings = PathSettings(orientation="surface_normal")
    path = plan_path(traced([TOP, (0.6, 0.16, 0.3), (0.9, 0.0, 0.2), (0.7, 0.0, 0.1)]), observation, VIEW, settings)
    approach = np.array([quat2mat(np.roll(q, 1))[:, 2] for q in path.quaternions_xyzw])
    assert np.allclose(approach[0], [0, 0, -1], atol=1e-3)
    assert np.allclose(approach[-1], [-1, 0, 0], atol=1e-3)
    turn = np.arccos(np.clip(np.einsum("ij,ij->i", approach[:-1], approach[1:]), -1, 1))
    step = np.linalg.norm(np.diff(path.positions_m, axis=0), axis=1)
    assert np.allclose(turn, step / path.length_m * np.pi / 2, atol=1e-3)


@pytest.mark.parametrize("orientation", ["tool_down", "along_path", "keep_current", "surface_normal"])
@pytest.mark.parametrize("smoothing_m", [0.0, 0.05])
def test_every_path_keeps_contacts_spacing_and_unit_quaternions(orientation, smoothing_m):
    settings = PathSettings(orientation=orientation, smoothing_m=smoothing_m, current_quaternion_xyzw=(0, 0, 1, 0))
    path = plan_path(traced(over_the_wall(0.24)), observed([TABLE, CARRIED, WALL]), VIEW, settings)
    assert np.allclose(path.positions_m[[0, -1]], [TOP, PLACE], atol=1e-9)
    assert (np.linalg.norm(np.diff(path.positions_m, axis=0), axis=1) <= 0.02 * (1 + 1e-6)).all()
    assert np.allclose(np.linalg.norm(path.quaternions_xyzw, axis=1), 1)
    assert (np.einsum("ij,ij->i", path.quaternions_xyzw[:-1], path.quaternions_xyzw[1:]) > 0).all()
    if orientation == "keep_current":
        assert (path.quaternions_xyzw == [0, 0, 1, 0]).all()


@pytest.mark.parametrize("yaw", [0.5, -2.0, 3.1])
def test_another_target_frame_moves_the_path_and_changes_no_verdict(yaw):
    observation = observed([TABLE, CARRIED, WALL])
    world_from_base = RigidTransform.from_quaternion_xyzw(
        "world", "base", (0, 0, np.sin(yaw / 2), np.cos(yaw / 2)), (1.0, -2.0, 0.7)
    )
    settings = PathSettings(orientation="along_path", smoothing_m=0.04, clearance_m=0.06)
    here = plan_path(traced(over_the_wall(0.18)), observation, VIEW, settings)
    there = plan_path(traced(over_the_wall(0.18)), observation, world_from_base @ VIEW, settings)
    assert here.violations
    assert np.allclose(there.positions_m, world_from_base.apply(here.positions_m), atol=1e-9)
    for one, other in zip(here.quaternions_xyzw, there.quaternions_xyzw, strict=True):
        turned = world_from_base.rotation @ quat2mat(np.roll(one, 1))
        assert np.allclose(quat2mat(np.roll(other, 1)), turned, atol=1e-6)
    assert [(v.kind, v.index) for v in there.violations] == [(v.kind, v.index) for v in here.violations]
    assert np.allclose([v.amount_m for v in there.violations], [v.amount_m for v in here.violations], atol=1e-6)


def test_a_ground_path_is_clear_of_the_floor_and_close_to_what_stands_on_it():
    eye = looking((2.0, 0.0, 0.0), (0.0, 0.0, 1.0))
    floor, crate = Box((-9, -9, -1), (9, 9, 0)), Box((1.9, 0.2, 0.0), (2.3, 0.6, 0.4))
    beam = Box((1.5, -3.0, 1.8), (1.6, 3.0, 1.9))
    observation = observed([floor, crate, beam], camera(640), eye)
    settings = PathSettings(kind="ground", clearance_m=0.3, contact_radius_m=0.2, spacing_m=0.05)
    path = plan_path(traced([(1.2, -0.1, 0.3), (2.0, -0.1, 0.0), (2.8, -0.1, 0.1)], eye), observation, eye, settings)
    assert (path.positions_m[:, 2] == 0).all()
    assert np.allclose(path.quaternions_xyzw, [0, 0, 0, 1], atol=1e-9)
    close = {v.index: v.amount_m for v in path.violations if v.kind == ViolationKind.TOO_CLOSE}
    # The crate's near side is 0.3 m from the path, so only noise of the grid could be closer.
    assert close == {}
    nearer = plan_path(traced([(1.2, 0.1, 0.3), (2.8, 0.1, 0.1)], eye), observation, eye, settings)
    close = {v.index: v.amount_m for v in nearer.violations if v.kind == ViolationKind.TOO_CLOSE}
    beside = [i for i, p in enumerate(nearer.positions_m) if 1.93 < p[0] < 2.27]
    assert beside
    assert all(close[i] == pytest.approx(0.2, abs=0.01) for i in beside)
    assert ViolationKind.UNOBSERVED not in kinds(nearer)


def test_a_floor_that_is_centimetres_off_is_no_shadow():
    """Seen from 0.6 m up and 3.5 m away, 2 cm of height are 12 cm of depth."""
    eye = looking((3.0, 0.0, 0.0), (0.0, 0.0, 0.6))
    observation = observed([Box((-9, -9, -1), (9, 9, 0.02))], camera(640), eye)
    trace = traced([(1.5, 0.0, 0.0), (3.5, 0.3, 0.0)], eye)
    settings = PathSettings(kind="ground", spacing_m=0.1, depth_tolerance_m=0.025)
    assert plan_path(trace, observation, eye, settings).violations == ()
    deeper = plan_path(trace, observation, eye, replace(settings, ground_z_m=-0.025))
    assert kinds(deeper) == {ViolationKind.UNOBSERVED}


def test_frames_that_do_not_match_are_refused():
    observation = observed([TABLE])
    with pytest.raises(FrameMismatch, match=r"'other'.*'camera'"):
        plan_path(traced([TOP, PLACE], frame="other"), observation, VIEW, PathSettings())
    with pytest.raises(FrameMismatch, match="'camera' cannot go through base from other"):
        elsewhere = RigidTransform("base", "other", np.eye(3), np.zeros(3))
        plan_path(traced([TOP, PLACE]), observation, elsewhere, PathSettings())


def test_traces_without_points_or_length_are_refused_where_they_matter():
    observation = observed([TABLE, CARRIED])
    with pytest.raises(PlanningError, match="at least one point, received an empty one"):
        plan_path(traced(np.zeros((0, 3))), observation, VIEW, PathSettings())
    with pytest.raises(PlanningError, match=r"along_path.*single point"):
        plan_path(traced([TOP, TOP]), observation, VIEW, PathSettings(orientation="along_path"))
    for orientation in ("tool_down", "surface_normal"):
        assert len(plan_path(traced([TOP]), observation, VIEW, PathSettings(orientation=orientation))) == 1
    with pytest.raises(PlanningError, match="at most 10"):
        plan_path(traced([TOP, PLACE]), observation, VIEW, PathSettings(max_points=10))


def test_a_carried_object_of_another_image_is_refused():
    observation = observed([TABLE, CARRIED])
    other = CarriedObject(np.zeros((3, 3), dtype=bool), np.zeros((0, 3)))
    with pytest.raises(InvalidRequest, match=r"shape \(240, 320\), received \(3, 3\)"):
        plan_path(traced([TOP, PLACE]), observation, VIEW, PathSettings(), other)


def clutter(shared) -> tuple[RgbdObservation, RigidTransform]:
    """A recorded frame of tools and groceries, and ``table`` from its camera."""
    folder = shared / "rgbd" / "clutter"
    known, cases = json.loads((folder / "camera.json").read_text()), json.loads((folder / "cases.json").read_text())
    depth = cv2.imread(str(folder / "depth.png"), cv2.IMREAD_UNCHANGED).astype(np.float32) * known["depth_unit_m"]
    depth[depth == 0] = np.nan
    intrinsics = CameraIntrinsics(*(known[name] for name in ("width", "height", "fx", "fy", "cx", "cy")))
    up, offset_m = np.array(cases["table_plane"]["normal"]), cases["table_plane"]["offset_m"]
    forward = np.cross(up, [1.0, 0, 0]) / np.linalg.norm(np.cross(up, [1.0, 0, 0]))
    rotation = np.array([np.cross(forward, up), forward, up])
    observation = RgbdObservation(np.zeros((*depth.shape, 3), np.uint8), depth, intrinsics, "camera", 1)
    return observation, RigidTransform("table", "camera", rotation, np.array([0, 0, offset_m]))


def test_a_can_is_lifted_out_of_real_clutter(shared):
    """Its own top is no obstacle to it; everything else is."""
    observation, table_from_camera = clutter(shared)

    def seen(u: int, v: int) -> np.ndarray:
        depth_m = float(np.nanmedian(observation.depth_m[v - 4 : v + 5, u - 4 : u + 5]))
        return table_from_camera.apply(observation.intrinsics.deproject([[u, v]], [depth_m]))[0]

    can, bare = seen(540, 450), seen(180, 200)
    assert can[2] == pytest.approx(0.064, abs=0.006)
    assert bare[2] == pytest.approx(0.0, abs=0.004)

    def planned(height_m: float, carried: CarriedObject | None = None):
        points = [can, (*can[:2], height_m), (*bare[:2], height_m), bare]
        trace = traced(points, table_from_camera)
        return plan_path(trace, observation, table_from_camera, PathSettings(contact_radius_m=0.01), carried)

    def leaving(path) -> list[int]:
        """Waypoints too close on the way up; the descent to the bare table is as close to that as it has to be."""
        return [v.index for v in path.violations if v.kind == ViolationKind.TOO_CLOSE and v.index < 10]

    assert leaving(planned(0.3)) == []
    assert leaving(planned(0.3, CarriedObject.nothing(DepthView.of(observation)))) == [1]
    # Low over the table the way leads through the bottle.
    assert kinds(planned(0.02)) == {ViolationKind.TOO_CLOSE, ViolationKind.UNOBSERVED}
