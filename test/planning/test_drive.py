"""A base drives over a floor: the way to its path counts, and a camera that sees too little is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from planning.boxes import Box, camera, looking, observed, traced

from robotracer_ros.errors import MotionRefused, NoDepth
from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.planning import PathSettings, PosePath, plan_path
from robotracer_ros.planning.drive import plan_drive

FLOOR = Box((-9, -9, -1), (9, 9, 0))
EYE = looking((2.0, 0.0, 0.0), (0.0, 0.0, 1.2))
SETTINGS = PathSettings(kind="ground", clearance_m=0.3, contact_radius_m=0.0, spacing_m=0.05)
REFUSED = ("OUTSIDE_WORKSPACE", "TOO_CLOSE", "UNREACHABLE")


def planned(
    points: list[tuple[float, float]], observation: RgbdObservation, base: tuple[float, float] = (0.0, 0.0),
    settings: PathSettings = SETTINGS, eye: RigidTransform = EYE,
) -> PosePath:  # fmt: skip
    trace = traced([(x, y, 0.0) for x, y in points], eye)
    return plan_drive(trace, observation, eye, np.array([*base, 0.2]), settings, REFUSED)


def test_a_free_floor_is_driven_on() -> None:
    observation = observed([FLOOR], camera(320), EYE)
    path = planned([(0.9, 0.0), (2.5, 0.3)], observation)
    expected = plan_path(traced([(0.9, 0.0, 0.0), (2.5, 0.3, 0.0)], EYE), observation, EYE, SETTINGS)
    np.testing.assert_array_equal(path.positions_m, expected.positions_m)
    # On the path already, in its middle or at its end.
    for base in ((1.7, 0.15), (2.5, 0.3)):
        planned([(0.9, 0.0), (2.5, 0.3)], observation, base)


def test_what_stands_on_the_way_to_the_path_is_met() -> None:
    crate = Box((1.2, -0.1, 0.0), (1.4, 0.1, 0.3))
    observation = observed([FLOOR, crate], camera(320), EYE)
    beyond = [(1.9, 0.0), (2.6, 0.0)]
    with pytest.raises(MotionRefused, match=r"^on the straight way from the base to the path, waypoint \d+ is .* too"):
        planned(beyond, observation)
    planned(beyond, observation, settings=replace(SETTINGS, clearance_m=0.0))
    # Past the crate already.
    planned([(0.9, 0.7), (1.3, 0.7), (2.0, 0.0), (2.6, 0.0)], observation, (2.0, 0.1))


def test_what_stands_on_the_path_is_met() -> None:
    crate = Box((1.8, -0.1, 0.0), (2.0, 0.1, 0.3))
    with pytest.raises(MotionRefused, match=r"^waypoint \d+ is .* of clearance_m 0.3 m"):
        planned([(0.9, 0.0), (2.6, 0.0)], observed([FLOOR, crate], camera(320), EYE))


def test_a_base_too_close_to_something_may_leave_it_and_come_no_nearer() -> None:
    eye = looking((0.5, 0.0, 0.0), (-1.5, 0.0, 1.2))
    observation = observed([FLOOR, Box((-0.1, 0.2, 0.0), (0.3, 0.4, 0.2))], camera(640), eye)
    planned([(0.5, -0.3), (2.0, -0.3)], observation, eye=eye)
    with pytest.raises(MotionRefused, match="straight way from the base to the path, waypoint"):
        planned([(0.65, 0.05), (2.0, -0.3)], observation, eye=eye)


def test_a_base_outside_the_workspace_stays() -> None:
    observation = observed([FLOOR], camera(320), EYE)
    settings = replace(SETTINGS, workspace_min_m=(0.5, -5.0, -1.0), workspace_max_m=(5.0, 5.0, 1.0))
    with pytest.raises(MotionRefused, match=r"straight way from the base to the path, .* outside workspace_min_m"):
        planned([(0.9, 0.0), (2.5, 0.3)], observation, settings=settings)
    planned([(0.9, 0.0), (2.5, 0.3)], observation, (0.47, 0.0), settings=settings)


@pytest.mark.parametrize("blind", ["no reading", "no depth", "far away"])
def test_a_camera_that_sees_nothing_of_the_way_is_refused(blind: str) -> None:
    observation = observed([FLOOR], camera(320), EYE)
    depth = None if blind == "no depth" else np.full_like(observation.depth_m, np.nan)
    if blind == "far away":
        # The wall behind is seen, the floor is too dark.
        depth[:20] = 8.0
    observation = replace(observation, depth_m=depth)
    with pytest.raises(NoDepth, match=r"readings at 0 of \d+ waypoints, too few to keep clearance_m 0.3 m"):
        planned([(0.9, 0.0), (2.5, 0.3)], observation)
    planned([(0.9, 0.0), (2.5, 0.3)], observation, settings=replace(SETTINGS, clearance_m=0.0))


def test_a_long_way_that_nobody_saw_is_refused() -> None:
    observation = observed([FLOOR], camera(320), EYE)
    path = [(0.9, 0.0), (2.0, 0.0)]
    planned(path, observation, (-0.2, 0.0))
    with pytest.raises(NoDepth, match="accepted: a camera that sees at least 50% of the way, or clearance_m 0"):
        planned(path, observation, (-4.0, 0.0))
