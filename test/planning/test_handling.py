"""A box is taken from the table and set down elsewhere, or refused with the step, the amount and the bound."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from planning.boxes import CARRIED, TABLE, VIEW, WALL, Box, camera, looking_down, observed, traced

from robotracer_ros.errors import InvalidRequest, MotionRefused, NoDepth, PlanningError
from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.geometry.trace import DepthSource
from robotracer_ros.planning.depth_view import DepthView
from robotracer_ros.planning.grasp import GripperShape
from robotracer_ros.planning.handling import MotionBounds, Tool, plan_handling, require_in_bounds, standing
from robotracer_ros.planning.manipulation import Reach
from robotracer_ros.planning.path import PosePath
from robotracer_ros.planning.pick_and_place import HandlingSettings, TipPose

HOME = np.array([0.3, 0.4, 0.4])
BODY = np.random.default_rng(0).uniform(-0.5, 0.5, (500, 3)) * [0.03, 0.12, 0.12] - [0, 0, 0.05]


def tool(robot_m=None) -> Tool:
    tip = TipPose(HOME, np.array([1.0, 0.0, 0.0, 0.0]), np.zeros(3))
    return Tool(GripperShape(), BODY, tip, np.zeros((0, 3)) if robot_m is None else robot_m)


def handled(height_m: float = 0.3, boxes=(TABLE, CARRIED, WALL), bounds=None, robot_m=None, place=(0.75, -0.03, 0.0)):
    way = [(0.42, 0.16, 0.1), (0.42, 0.16, height_m), (place[0], place[1], height_m), place]
    observation = observed(list(boxes))
    return plan_handling(traced(way), observation, VIEW, tool(robot_m), HandlingSettings(), bounds or MotionBounds())


def test_a_box_is_carried_over_the_wall():
    steps = {step.name: step for step in handled() if isinstance(step, Reach)}
    taken = steps["grasp"].path.positions_m[0]
    np.testing.assert_allclose(taken[:2], [0.42, 0.16], atol=0.006)
    assert 0.05 < taken[2] < 0.09
    placed = steps["place"].path.positions_m[-1]
    np.testing.assert_allclose(placed[:2], [0.75, -0.03], atol=0.006)
    # Let go as high over the table as it was taken, and 5 mm more.
    assert placed[2] == pytest.approx(taken[2] + 0.005, abs=0.008)


def test_an_object_is_held_where_the_trace_ends_in_the_air():
    trace = traced([(0.42, 0.16, 0.1), (0.42, 0.16, 0.3), (0.6, -0.1, 0.3)])
    source = np.array([DepthSource.SENSOR, DepthSource.MODEL, DepthSource.MODEL], dtype=np.uint8)
    steps = plan_handling(
        replace(trace, depth_source=source),
        observed([TABLE, CARRIED]),
        VIEW,
        tool(),
        HandlingSettings(),
        MotionBounds(),
    )
    assert [step.name for step in steps][-1] == "trace"


def test_a_way_through_the_wall_is_refused():
    with pytest.raises(MotionRefused, match=r"^trace: the way to waypoint \d+ is 0\.0\d+ m .* clearance_m 0\.01 m"):
        handled(0.11, place=(0.5, -0.3, 0.0))


def test_a_wall_beside_the_grasp_is_no_obstacle_to_it_and_one_on_the_way_is():
    beside = Box((0.30, 0.25, 0.0), (0.6, 0.28, 0.05))
    assert handled(boxes=(TABLE, CARRIED, beside))
    with pytest.raises(MotionRefused, match=r"^(trace|lift|approach): the way to waypoint"):
        handled(0.3, boxes=(TABLE, CARRIED, Box((0.3, 0.0, 0.0), (0.9, 0.02, 0.6))))


@pytest.mark.parametrize("kept", [False, True])
def test_a_tool_that_turns_is_checked_as_it_turns(kept):
    """30 cm long and nearly nothing thick: along the wall where it begins, across it where it ends, or not."""
    half = np.sqrt(0.5)
    along, across = np.array([1.0, 0.0, 0.0, 0.0]), np.array([half, half, 0.0, 0.0])
    bar = np.column_stack([np.linspace(-0.15, 0.15, 61), np.zeros((61, 2))])
    turning = Tool(GripperShape(), bar, TipPose(np.array([0.45, -0.25, 0.1]), along, np.zeros(3)), np.zeros((0, 3)))
    last = along if kept else across
    ways = {
        # The turn within the path, from where the tip is, and from where the step before ended.
        "approach": [PosePath(np.array([[0.45, -0.1, 0.1], [0.45, 0.0, 0.1]]), np.array([along, last]), "base", 0)],
        "return": [PosePath(np.array([[0.45, 0.0, 0.1]]), last[None], "base", 0)],
        "lift": [
            PosePath(np.array([[0.45, 0.0, 0.1]]), along[None], "base", 0),
            PosePath(np.array([[0.45, 0.0, 0.1]]), last[None], "base", 0),
        ],
    }
    view = DepthView.of(observed([TABLE, Box((0.4, 0.1, 0.0), (0.5, 0.14, 0.1))]))
    for name, paths in ways.items():
        steps = [Reach(name, path) for path in paths]
        args = (steps, turning, np.zeros((0, 3)), view, VIEW, MotionBounds())
        if kept:
            require_in_bounds(*args)
        else:
            with pytest.raises(MotionRefused, match=rf"^{name}: the way to waypoint \d+ is 0\.\d+ m too close"):
                require_in_bounds(*args)


def test_bounds_name_step_amount_and_parameter():
    with pytest.raises(MotionRefused, match=r"^approach: the way to waypoint \d+ is 0\.\d+ m outside workspace_min_m"):
        handled(bounds=MotionBounds(workspace_min_m=(0, -1, 0), workspace_max_m=(1, 1, 0.2)))
    with pytest.raises(MotionRefused, match=r"^grasp: the way to waypoint 1 is 0\.\d+ m below min_height_m 0\.1 m"):
        handled(bounds=MotionBounds(min_height_m=0.1))
    with pytest.raises(InvalidRequest, match=r"clearance_m must be 0\.005 m or more, or 0 .* received 0\.002"):
        MotionBounds(clearance_m=0.002)
    with pytest.raises(InvalidRequest, match="min_height_m"):
        MotionBounds(min_height_m=float("nan"))


def test_a_robot_in_the_picture_does_not_stand_in_its_own_way():
    arm = Box((0.5, 0.0, 0.28), (0.6, 0.1, 0.5))
    with pytest.raises(MotionRefused):
        handled(boxes=(TABLE, CARRIED, arm))
    corners = np.stack(
        np.meshgrid(*(np.linspace(a, b, 12) for a, b in zip(arm.low, arm.high, strict=True)), indexing="ij"), -1
    )
    assert handled(boxes=(TABLE, CARRIED, arm), robot_m=corners.reshape(-1, 3))


def test_what_is_not_seen_is_not_taken():
    with pytest.raises(PlanningError, match="nothing to take was seen"):
        handled(boxes=(TABLE, WALL))
    seen = observed([TABLE, CARRIED])
    colour = RgbdObservation(seen.rgb, None, seen.intrinsics, seen.frame_id, seen.stamp_ns)
    with pytest.raises(NoDepth, match="accepted: a camera with depth"):
        plan_handling(
            traced([(0.42, 0.16, 0.1), (0.5, 0.1, 0.0)]), colour, VIEW, tool(), HandlingSettings(), MotionBounds()
        )


@pytest.mark.parametrize("elevation_deg", [45, 66, 90])
def test_from_above_a_tall_object_is_carried_with_its_sides(elevation_deg):
    """It hangs 10 cm below its top, the only thing of it that is seen: over a block it goes high."""
    tall, block = Box((0.40, 0.14, 0.0), (0.44, 0.18, 0.13)), Box((0.30, -0.02, 0.0), (0.60, 0.04, 0.12))
    view = looking_down((0.42, 0.05, 0.0), elevation_deg, 1.1)

    def carried(height_m: float):
        way = [(0.42, 0.16, 0.13), (0.42, 0.16, height_m), (0.42, -0.15, height_m), (0.42, -0.15, 0.0)]
        seen = observed([TABLE, tall, block], camera(640), view)
        return plan_handling(traced(way, view), seen, view, tool(), HandlingSettings(), MotionBounds())

    with pytest.raises(MotionRefused, match=r"^trace: the way to waypoint \d+ is 0\.0\d+ m too close"):
        carried(0.1)
    steps = {step.name: step for step in carried(0.2) if isinstance(step, Reach)}
    grasp_z_m, place_z_m = (steps[name].path.positions_m[-1, 2] for name in ("grasp", "place"))
    assert place_z_m == pytest.approx(grasp_z_m + 0.005, abs=0.002)


def test_what_is_seen_from_above_stands_in_columns_on_its_foot():
    seen = np.array([[0.011, 0.0, 0.045], [0.012, 0.0, 0.05], [0.031, 0.0, 0.03]])
    points = standing(seen, 0.0)
    np.testing.assert_array_equal(points[:3], seen)
    assert sorted(map(tuple, points[3:].round(3).tolist())) == [
        *((0.012, 0.0, z) for z in (0.0, 0.01, 0.02, 0.03, 0.04)), *((0.031, 0.0, z) for z in (0.0, 0.01, 0.02)),
    ]  # fmt: skip
    assert standing(np.zeros((0, 3)), 0.0).shape == (0, 3)


def test_the_open_fingers_are_what_has_to_find_room():
    """Closed they fit between two neighbours, open they do not: it is taken from the free sides."""
    near = [Box((0.38, low, 0.0), (0.46, low + 0.04, 0.12)) for low in (0.08, 0.2)]
    block = Box((0.40, 0.14, 0.0), (0.44, 0.18, 0.1))
    asked = []

    def body_at(width_m: float) -> np.ndarray:
        asked.append(width_m)
        x, side, z = np.meshgrid([-0.01, 0.0, 0.01], [-1, 1], np.linspace(-0.05, 0.01, 7))
        return np.column_stack([x.ravel(), side.ravel() * (width_m / 2 + 0.01), z.ravel()])

    way = [(0.42, 0.16, 0.1), (0.42, 0.16, 0.3), (0.65, 0.16, 0.3), (0.65, 0.16, 0.0)]
    view = looking_down((0.45, 0.1, 0.0), 55.0)
    seen = observed([TABLE, block, *near], camera(640), view)

    def closing(told: bool) -> float:
        """How far along x the fingers close."""
        closed = replace(tool(), body_m=body_at(0.0), body_at=body_at if told else None)
        steps = plan_handling(traced(way, view), seen, view, closed, HandlingSettings(), MotionBounds())
        assert steps[0].width_m == pytest.approx(0.065, abs=0.005)
        x, y, _, _ = next(step for step in steps if step.name == "grasp").path.quaternions_xyzw[0]
        return abs(np.sin(2 * np.arctan2(y, x)))

    assert closing(told=False) < 0.1
    asked.clear()
    assert closing(told=True) > 0.9
    # As it stands, to take, and as it lets go.
    np.testing.assert_allclose(asked, [0.0, 0.065, 0.054], atol=0.005)


def test_a_point_far_away_is_refused_at_once():
    with pytest.raises(PlanningError, match=r"the trace is .* m long; accepted: at most 20 m"):
        handled(3e4)
