"""A box is taken from the table and set down elsewhere, or refused with the step, the amount and the bound."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from planning.boxes import CARRIED, TABLE, VIEW, WALL, Box, observed, traced

from robotracer_ros.errors import InvalidRequest, MotionRefused, NoDepth, PlanningError
from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.geometry.trace import DepthSource
from robotracer_ros.planning.depth_view import DepthView
from robotracer_ros.planning.grasp import GripperShape
from robotracer_ros.planning.handling import MotionBounds, Tool, plan_handling, require_in_bounds
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
    with pytest.raises(MotionRefused, match=r"^trace: waypoint \d+ is 0\.0\d+ m too close .* of clearance_m 0\.01 m"):
        handled(0.11, place=(0.5, -0.3, 0.0))


def test_a_wall_beside_the_grasp_is_no_obstacle_to_it_and_one_on_the_way_is():
    beside = Box((0.30, 0.25, 0.0), (0.6, 0.28, 0.05))
    assert handled(boxes=(TABLE, CARRIED, beside))
    with pytest.raises(MotionRefused, match=r"^(trace|lift|approach): waypoint"):
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
            with pytest.raises(MotionRefused, match=rf"^{name}: waypoint \d+ is 0\.\d+ m too close"):
                require_in_bounds(*args)


def test_bounds_name_step_amount_and_parameter():
    with pytest.raises(MotionRefused, match=r"^approach: waypoint \d+ is 0\.\d+ m outside workspace_min_m"):
        handled(bounds=MotionBounds(workspace_min_m=(0, -1, 0), workspace_max_m=(1, 1, 0.2)))
    with pytest.raises(MotionRefused, match=r"^grasp: waypoint \d+ is 0\.\d+ m below min_height_m 0\.1 m"):
        handled(bounds=MotionBounds(min_height_m=0.1))
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
