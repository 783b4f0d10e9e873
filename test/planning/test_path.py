"""What a path and its violations hold, refuse and say."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from robotracer_ros.errors import InvalidRequest, PlanningError
from robotracer_ros.planning import PathSettings, PosePath, Violation, ViolationKind

DOWN = np.tile([1.0, 0, 0, 0], (3, 1))
LINE = np.outer(np.arange(3), [0.1, 0, 0])


def test_a_path_is_frozen_and_its_arrays_are_its_own():
    positions = LINE.copy()
    path = PosePath(positions, DOWN, "base", 5)
    positions[0] = 9
    assert np.array_equal(path.positions_m, LINE)
    assert len(path) == 3
    assert path.length_m == pytest.approx(0.2)
    with pytest.raises(ValueError, match="read-only"):
        path.positions_m[0] = 1
    with pytest.raises(FrozenInstanceError):
        path.frame_id = "other"


def test_violations_come_in_the_order_of_their_waypoints():
    found = [Violation(ViolationKind.UNOBSERVED, 2), Violation(ViolationKind.TOO_CLOSE, 2, 0.1)]
    found += [Violation(ViolationKind.UNREACHABLE, 0)]
    ordered = PosePath(LINE, DOWN, "base", 5, found).violations
    assert [(v.index, v.kind) for v in ordered] == [(0, 3), (2, 2), (2, 4)]


@pytest.mark.parametrize(
    ("positions", "quaternions", "violations", "words"),
    [
        (np.zeros((0, 3)), np.zeros((0, 4)), (), "at least one waypoint"),
        (LINE * np.nan, DOWN, (), "waypoint 0 must be finite"),
        (LINE, DOWN * 1.01, (), "waypoint 0 must have length 1"),
        (LINE, DOWN * np.nan, (), "waypoint 0 must have length 1"),
        (LINE, DOWN, (Violation(ViolationKind.TOO_CLOSE, 3, 0.1),), "waypoint 3, the path has waypoints 0 to 2"),
        (LINE, DOWN[:2], (), r"shape \(3, 4\)"),
    ],
)
def test_a_path_that_is_none_is_refused(positions, quaternions, violations, words):
    with pytest.raises((PlanningError, InvalidRequest), match=words):
        PosePath(positions, quaternions, "base", 5, violations)


@pytest.mark.parametrize(
    ("violation", "words"),
    [
        (Violation(ViolationKind.OUTSIDE_WORKSPACE, 4, 0.25), ("waypoint 4", "0.250 m", "workspace_min_m", "(0.0, ")),
        (Violation(ViolationKind.TOO_CLOSE, 7, 0.012), ("waypoint 7", "0.012 m", "0.038 m", "clearance_m 0.05 m")),
        (Violation(ViolationKind.UNREACHABLE, 1, 0.3), ("waypoint 1", "0.300 m")),
        (Violation(ViolationKind.UNREACHABLE, 1), ("waypoint 1", "an unknown length")),
        (Violation(ViolationKind.UNOBSERVED, 2, 0.04), ("waypoint 2", "0.040 m", "depth_tolerance_m 0.01 m")),
        (Violation(ViolationKind.UNOBSERVED, 2), ("waypoint 2", "no reading")),
    ],
)
def test_a_violation_says_itself(violation, words):
    settings = PathSettings(clearance_m=0.05, workspace_min_m=(0, 0, 0), workspace_max_m=(1, 1, 1))
    sentence = violation.describe(settings)
    for word in words:
        assert word in sentence


@pytest.mark.parametrize(
    ("received", "words"),
    [
        ({"spacing_m": 0.0}, "spacing_m must be above 0 m"),
        ({"spacing_m": float("nan")}, "spacing_m must be above 0 m"),
        ({"clearance_m": -0.1}, "clearance_m must be 0 m or more"),
        ({"contact_radius_m": float("inf")}, "contact_radius_m must be 0 m or more and finite"),
        ({"smoothing_m": 2.1}, "smoothing_m must be at most 100 times spacing_m"),
        ({"orientation": "sideways"}, "tool_down, along_path, keep_current, surface_normal; received 'sideways'"),
        ({"kind": "drone"}, "arm, ground; received 'drone'"),
        ({"orientation": "keep_current"}, "needs current_quaternion_xyzw"),
        ({"current_quaternion_xyzw": (0, 0, 0, 0)}, "length 1"),
        ({"current_quaternion_xyzw": (0, 0, 1)}, r"shape \(4,\)"),
        ({"workspace_min_m": (0, 0, 0)}, "together or not at all"),
        ({"workspace_min_m": (0, 0, 0), "workspace_max_m": (1, 0, 1)}, "below workspace_max_m on every axis"),
        ({"workspace_min_m": (0, 0, float("nan")), "workspace_max_m": (1, 1, 1)}, "below workspace_max_m"),
        ({"max_points": 1}, "max_points must be a whole number"),
        ({"max_points": 10.5}, "max_points must be a whole number"),
        ({"ground_z_m": float("nan")}, "ground_z_m must be a finite"),
        ({"obstacle_height_m": (0.5, 0.1)}, "0 <= low < high"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(received, words):
    with pytest.raises(InvalidRequest, match=words):
        PathSettings(**received)


def test_settings_are_values():
    settings = PathSettings(
        workspace_min_m=[0, 0, 0], workspace_max_m=np.ones(3), current_quaternion_xyzw=[0, 0, 0, 1.001]
    )
    assert settings.workspace_max_m == (1.0, 1.0, 1.0)
    assert settings.current_quaternion_xyzw == (0.0, 0.0, 0.0, 1.0)
    assert settings == PathSettings(
        workspace_min_m=(0, 0, 0), workspace_max_m=(1, 1, 1), current_quaternion_xyzw=(0, 0, 0, 1)
    )
    assert hash(settings) == hash(PathSettings(**{name: getattr(settings, name) for name in settings.__slots__}))
