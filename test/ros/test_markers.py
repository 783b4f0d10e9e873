"""Markers that RViz takes: valid numbers, colours that match points, and nothing left of the trace before."""

from __future__ import annotations

import math

import numpy as np
import pytest
from rclpy.serialization import deserialize_message, serialize_message
from visualization_msgs.msg import Marker, MarkerArray

from robotracer_ros.errors import FrameMismatch
from robotracer_ros.geometry.trace import SpatialTrace
from robotracer_ros.planning.path import PosePath, Violation, ViolationKind
from robotracer_ros.ros.markers import DEPTH_SOURCE_COLOURS, NAMESPACE, trace_markers

POINTS = [[0.0, 0.0, 0.1], [0.1, 0.0, 0.2], [0.2, 0.0, 0.1]]


def trace(count: int) -> SpatialTrace:
    nothing = np.full(count, np.nan)
    return SpatialTrace(POINTS[:count], "base", 5, np.zeros((count, 2)), nothing, [1, 2, 3][:count], nothing, nothing)


def path(*violations: Violation, frame: str = "base") -> PosePath:
    return PosePath(POINTS, [[0.0, 0.0, 0.0, 1.0]] * 3, frame, 5, violations)


def by_kind(array: MarkerArray) -> dict[int, list[Marker]]:
    kinds: dict[int, list[Marker]] = {}
    for marker in array.markers[1:]:
        kinds.setdefault(marker.type, []).append(marker)
    return kinds


@pytest.mark.parametrize("count", [1, 2, 3])
def test_what_rviz_demands_of_every_marker(count: int) -> None:
    array = trace_markers(trace(count), "go", path(Violation(ViolationKind.TOO_CLOSE, 1, 0.1)))
    assert array.markers[0].action == Marker.DELETEALL
    assert len({marker.id for marker in array.markers}) == len(array.markers)
    for marker in array.markers:
        assert (marker.ns, marker.header.frame_id) == (NAMESPACE, "base")
        assert (marker.header.stamp.sec, marker.header.stamp.nanosec) == (0, 0)
        assert marker.lifetime.sec == marker.lifetime.nanosec == 0
    for marker in array.markers[1:]:
        assert marker.action == Marker.ADD
        assert marker.color.a > 0
        assert marker.pose.orientation.w == 1.0
        assert len(marker.colors) in (0, len(marker.points))
        numbers = [marker.pose.position.z, marker.scale.x, marker.scale.y, marker.scale.z]
        assert all(map(math.isfinite, numbers + [n for p in marker.points for n in (p.x, p.y, p.z)]))
        if marker.type in (Marker.SPHERE, Marker.SPHERE_LIST):
            assert min(marker.scale.x, marker.scale.y, marker.scale.z) > 0
        if marker.type == Marker.LINE_STRIP:
            assert len(marker.points) >= 2
            assert marker.scale.x > 0
        if marker.type == Marker.TEXT_VIEW_FACING:
            assert marker.scale.z > 0


def test_waypoints_are_coloured_by_the_source_of_their_depth() -> None:
    waypoints = by_kind(trace_markers(trace(3), "go"))[Marker.SPHERE_LIST][0]
    assert waypoints.colors == list(DEPTH_SOURCE_COLOURS.values())
    assert [[p.x, p.y, p.z] for p in waypoints.points] == POINTS


def test_start_and_end_are_told_apart() -> None:
    start, end = by_kind(trace_markers(trace(3), "go"))[Marker.SPHERE]
    assert (start.pose.position.x, end.pose.position.x) == (0.0, 0.2)
    assert start.color != end.color


def test_a_single_point_has_no_line() -> None:
    assert Marker.LINE_STRIP not in by_kind(trace_markers(trace(1), "go"))


def test_violations_are_red_where_they_are() -> None:
    wrong = [Violation(ViolationKind.TOO_CLOSE, 1, 0.1), Violation(ViolationKind.UNOBSERVED, 1)]
    _, red = by_kind(trace_markers(trace(3), "go", path(*wrong)))[Marker.SPHERE_LIST]
    assert [[p.x, p.y, p.z] for p in red.points] == [POINTS[1]]
    assert red.color.r > 0.8 > 0.2 > red.color.g


def test_a_path_without_violations_adds_nothing() -> None:
    assert len(trace_markers(trace(3), "go", path()).markers) == len(trace_markers(trace(3), "go").markers)


def test_a_long_instruction_is_shortened_at_a_word() -> None:
    text = by_kind(trace_markers(trace(1), "pick the cup " * 80_000))[Marker.TEXT_VIEW_FACING][0].text
    assert len(text) <= 120
    assert text.startswith("pick the cup") and text.endswith(" ...")


def test_a_path_in_another_frame_is_refused() -> None:
    with pytest.raises(FrameMismatch, match="'base' and 'map'"):
        trace_markers(trace(3), "go", path(frame="map"))


def test_the_array_survives_the_wire() -> None:
    array = trace_markers(trace(3), "go")
    received = deserialize_message(serialize_message(array), MarkerArray)
    assert [(m.id, m.type, m.points, m.text) for m in received.markers] == [
        (m.id, m.type, m.points, m.text) for m in array.markers
    ]
