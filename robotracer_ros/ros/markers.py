"""A trace as RViz markers: its line, its waypoints by where their depth comes from, and what is wrong with its path."""

from __future__ import annotations

import textwrap
from typing import Final

from geometry_msgs.msg import Point
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from robotracer_ros.errors import FrameMismatch
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.trace import DepthSource, SpatialTrace
from robotracer_ros.planning.path import PosePath

NAMESPACE: Final = "robotracer"
DEPTH_SOURCE_COLOURS: Final = {
    DepthSource.SENSOR: ColorRGBA(r=0.15, g=0.75, b=0.30, a=1.0),
    DepthSource.MODEL: ColorRGBA(r=0.20, g=0.45, b=0.95, a=1.0),
    DepthSource.INTERPOLATED: ColorRGBA(r=0.95, g=0.65, b=0.10, a=1.0),
}
_LINE: Final = ColorRGBA(r=0.95, g=0.95, b=0.95, a=0.9)
_START: Final = ColorRGBA(r=0.15, g=0.75, b=0.30, a=0.6)
_END: Final = ColorRGBA(r=0.60, g=0.20, b=0.85, a=0.6)
_VIOLATION: Final = ColorRGBA(r=0.95, g=0.10, b=0.10, a=0.9)
_TEXT: Final = ColorRGBA(r=1.0, g=1.0, b=1.0, a=1.0)
_LONGEST_TEXT: Final = 120


def trace_markers(
    trace: SpatialTrace, instruction: str, path: PosePath | None = None, waypoint_size_m: float = 0.015
) -> MarkerArray:
    """The markers of one trace, which replace those of the one before.

    Their stamp is 0, "the latest transform": a model thinks for seconds, and RViz shows nothing whose stamp has left
    its TF buffer. The image's own stamp stands in SpatialTrace and Path.

    Args:
        trace: in the frame it is to be shown in, best one that does not move.
        instruction: shown above the first point.
        path: whose violations are marked in red; None before there is one.
        waypoint_size_m: diameter of a waypoint's sphere; everything else is sized by it.

    Raises:
        FrameMismatch: for a path in another frame than the trace.
    """
    if path is not None and path.frame_id != trace.frame_id:
        raise FrameMismatch(f"trace and path must be in one frame, received {trace.frame_id!r} and {path.frame_id!r}")
    header = Header(frame_id=trace.frame_id)
    markers = [Marker(header=header, ns=NAMESPACE, action=Marker.DELETEALL)]
    if len(trace) > 1:
        markers.append(_line(header, trace.points_m, waypoint_size_m / 3))
    if len(trace):
        markers += [
            _waypoints(header, trace, waypoint_size_m),
            _ball(header, trace.points_m[0], 2 * waypoint_size_m, _START),
            _ball(header, trace.points_m[-1], 2 * waypoint_size_m, _END),
            _text(header, trace.points_m[0], instruction, waypoint_size_m),
        ]
    if path is not None and path.violations:
        at_fault = sorted({violation.index for violation in path.violations})
        markers.append(_balls(header, path.positions_m[at_fault], 1.5 * waypoint_size_m))
        markers[-1].color = _VIOLATION
    for number, marker in enumerate(markers):
        marker.id = number
    return MarkerArray(markers=markers)


def _marker(header: Header, kind: int, scale_m: tuple[float, float, float]) -> Marker:
    marker = Marker(header=header, ns=NAMESPACE, type=kind, action=Marker.ADD)
    marker.pose.orientation.w = 1.0
    marker.scale.x, marker.scale.y, marker.scale.z = scale_m
    return marker


def _line(header: Header, points_m: FloatArray, width_m: float) -> Marker:
    # RViz reads only scale.x of a line.
    marker = _marker(header, Marker.LINE_STRIP, (width_m, 0.0, 0.0))
    marker.color = _LINE
    marker.points = _points(points_m)
    return marker


def _balls(header: Header, points_m: FloatArray, diameter_m: float) -> Marker:
    marker = _marker(header, Marker.SPHERE_LIST, (diameter_m, diameter_m, diameter_m))
    marker.points = _points(points_m)
    return marker


def _waypoints(header: Header, trace: SpatialTrace, diameter_m: float) -> Marker:
    marker = _balls(header, trace.points_m, diameter_m)
    marker.colors = [DEPTH_SOURCE_COLOURS[DepthSource(source)] for source in trace.depth_source.tolist()]
    # Viewers that ignore colours per point need one that can be seen.
    marker.color = _LINE
    return marker


def _ball(header: Header, point_m: FloatArray, diameter_m: float, colour: ColorRGBA) -> Marker:
    marker = _marker(header, Marker.SPHERE, (diameter_m, diameter_m, diameter_m))
    marker.pose.position = _points(point_m[None])[0]
    marker.color = colour
    return marker


def _text(header: Header, point_m: FloatArray, text: str, waypoint_size_m: float) -> Marker:
    # RViz reads only scale.z of a text, the height of a capital letter.
    marker = _marker(header, Marker.TEXT_VIEW_FACING, (0.0, 0.0, 2 * waypoint_size_m))
    marker.pose.position = _points(point_m[None])[0]
    marker.pose.position.z += 4 * waypoint_size_m
    marker.color = _TEXT
    marker.text = textwrap.shorten(text, _LONGEST_TEXT, placeholder=" ...")
    return marker


def _points(points_m: FloatArray) -> list[Point]:
    return [Point(x=x, y=y, z=z) for x, y, z in points_m.tolist()]
