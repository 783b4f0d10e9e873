"""From a spatial trace to a checked path of poses."""

from __future__ import annotations

import numpy as np

from robotracer_ros.errors import FrameMismatch, PlanningError
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.geometry.trace import SpatialTrace
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.planning.ground import headings, projected
from robotracer_ros.planning.orientation import TOOL_DOWN_XYZW, along_path, constant
from robotracer_ros.planning.path import PosePath, Violation, ViolationKind
from robotracer_ros.planning.settings import PathSettings
from robotracer_ros.planning.shaping import shape


def plan_path(
    trace: SpatialTrace,
    observation: RgbdObservation,
    target_from_camera: RigidTransform,
    settings: PathSettings,
) -> PosePath:
    """Resample, smooth, orient and check a trace.

    Args:
        trace: in the colour camera's optical frame, ``observation.frame_id``.
        observation: the frame the trace was drawn on; its depth is what the path is checked against.
        target_from_camera: to the frame the path is wanted in, z up.
        settings: how.

    Returns:
        The path in ``target_from_camera.target_frame`` with every violation found. A path with violations is a result,
        not an error: whoever lets a robot follow it decides.

    Raises:
        FrameMismatch: when trace, observation and transform do not speak of the same camera frame.
        PlanningError: for a trace that no path can be made of.
    """
    _require_one_camera_frame(trace, observation, target_from_camera)
    if not len(trace):
        raise PlanningError("a path needs a trace of at least one point, received an empty one")
    points = target_from_camera.apply(trace.points_m)
    if settings.kind == "ground":
        points = projected(points, settings.ground_z_m)
    positions = shape(points, settings.spacing_m, settings.smoothing_m, settings.max_points)
    quaternions = _oriented(positions, settings)
    violations = _outside_workspace(positions, settings)
    return PosePath(positions, quaternions, target_from_camera.target_frame, trace.stamp_ns, violations)


def _require_one_camera_frame(
    trace: SpatialTrace, observation: RgbdObservation, target_from_camera: RigidTransform
) -> None:
    if trace.frame_id != observation.frame_id:
        raise FrameMismatch(
            f"the trace is in {trace.frame_id!r}, the observation in {observation.frame_id!r}; accepted: the same frame"
        )
    target_from_camera.require_source(trace.frame_id)


def _oriented(positions_m: FloatArray, settings: PathSettings) -> FloatArray:
    current = None if settings.current_quaternion_xyzw is None else tuple(settings.current_quaternion_xyzw)
    if settings.kind == "ground":
        return headings(positions_m, current)
    if settings.orientation == "keep_current" and current is not None:
        return constant(current, len(positions_m))
    if settings.orientation == "along_path":
        if len(positions_m) < 2:
            raise PlanningError('orientation "along_path" needs a path of some length, received a single point')
        return along_path(positions_m)
    return constant(TOOL_DOWN_XYZW, len(positions_m))


def _outside_workspace(positions_m: FloatArray, settings: PathSettings) -> list[Violation]:
    if settings.workspace_min_m is None or settings.workspace_max_m is None:
        return []
    beyond = positions_m - np.clip(positions_m, settings.workspace_min_m, settings.workspace_max_m)
    distance = np.linalg.norm(beyond, axis=1)
    return [Violation(ViolationKind.OUTSIDE_WORKSPACE, int(i), float(distance[i])) for i in np.flatnonzero(distance)]
