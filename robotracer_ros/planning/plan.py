"""From a spatial trace to a checked path of poses."""

from __future__ import annotations

import numpy as np

from robotracer_ros.errors import FrameMismatch, InvalidRequest, PlanningError
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.geometry.trace import SpatialTrace
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.planning.carried import SEARCH_MARGIN, CarriedObject, find_carried_object
from robotracer_ros.planning.clearance import outside_workspace, too_close, unobserved
from robotracer_ros.planning.depth_view import DepthView
from robotracer_ros.planning.ground import headings, projected
from robotracer_ros.planning.normals import surface_normal
from robotracer_ros.planning.orientation import (
    TOOL_DOWN_XYZW,
    along_path,
    between,
    constant,
    sign_continuous,
    towards_surface,
)
from robotracer_ros.planning.path import PosePath
from robotracer_ros.planning.settings import PathSettings
from robotracer_ros.planning.shaping import shape


def plan_path(
    trace: SpatialTrace,
    observation: RgbdObservation,
    target_from_camera: RigidTransform,
    settings: PathSettings,
    carried: CarriedObject | None = None,
) -> PosePath:
    """Resample, smooth, orient and check a trace.

    Args:
        trace: in the colour camera's optical frame, ``observation.frame_id``.
        observation: the frame the trace was drawn on; its depth is what the path is checked against.
        target_from_camera: to the frame the path is wanted in, whose z axis points up.
        settings: how.
        carried: what the tool holds and is no obstacle to itself; None to find it in the depth image around the
            trace's first point. Ground paths carry nothing.

    Returns:
        The path in ``target_from_camera.target_frame`` with every violation found. A path with violations is a result,
        not an error: whoever lets a robot follow it decides.

    Raises:
        FrameMismatch: when trace, observation and transform do not speak of the same camera frame.
        InvalidRequest: for a ``carried`` of another image size.
        PlanningError: for a trace that no path can be made of with these settings.
    """
    _require_one_camera_frame(trace, observation, target_from_camera)
    if not len(trace):
        raise PlanningError("a path needs a trace of at least one point, received an empty one")
    points = target_from_camera.apply(trace.points_m)
    if settings.kind == "ground":
        points = projected(points, settings.ground_z_m)
    positions = shape(points, settings.spacing_m, settings.smoothing_m, settings.max_points)
    view = DepthView.of(observation)
    target_from_view = target_from_camera if view is None else target_from_camera @ view.view_from_color.inverse()
    quaternions = _oriented(positions, points[[0, -1]], view, target_from_view, settings)
    violations = outside_workspace(positions, settings) + unobserved(positions, view, target_from_view, settings)
    if view is not None:
        near, held = _nearby(positions, points[0], view, target_from_view, settings, carried)
        obstacles = near.without(_carried(points[0], near, target_from_view, settings, held).mask)
        violations += too_close(positions, obstacles, target_from_view, settings)
    return PosePath(positions, quaternions, target_from_camera.target_frame, trace.stamp_ns, violations)


def _require_one_camera_frame(
    trace: SpatialTrace, observation: RgbdObservation, target_from_camera: RigidTransform
) -> None:
    if trace.frame_id != observation.frame_id:
        raise FrameMismatch(
            f"the trace is in {trace.frame_id!r}, the observation in {observation.frame_id!r}; accepted: the same frame"
        )
    target_from_camera.require_source(trace.frame_id)


def _oriented(
    positions_m: FloatArray,
    contacts_m: FloatArray,
    view: DepthView | None,
    target_from_view: RigidTransform,
    settings: PathSettings,
) -> FloatArray:
    current = None if settings.current_quaternion_xyzw is None else tuple(settings.current_quaternion_xyzw)
    if settings.kind == "ground":
        return headings(positions_m, current)
    if settings.orientation == "along_path":
        if len(positions_m) < 2:
            raise PlanningError('orientation "along_path" needs a path of some length, received a single point')
        return along_path(positions_m)
    if settings.orientation == "surface_normal":
        first, last = _normals(contacts_m, view, target_from_view, settings)
        along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(positions_m, axis=0), axis=1))])
        fraction = along / max(along[-1], np.finfo(float).tiny)
        return sign_continuous(between(towards_surface(first), towards_surface(last), fraction))
    if settings.orientation == "keep_current" and current is not None:
        return constant(current, len(positions_m))
    return constant(TOOL_DOWN_XYZW, len(positions_m))


def _normals(
    contacts_m: FloatArray, view: DepthView | None, target_from_view: RigidTransform, settings: PathSettings
) -> list[FloatArray]:
    if view is None:
        raise PlanningError(
            'orientation "surface_normal" needs a depth image, received colour only; accepted: another orientation'
        )
    contacts = zip(target_from_view.inverse().apply(contacts_m), ("first contact", "last contact"), strict=True)
    return [
        target_from_view.rotate(surface_normal(view, contact, settings.normal_radius_m, name))
        for contact, name in contacts
    ]


def _nearby(
    positions_m: FloatArray,
    grasp_m: FloatArray,
    view: DepthView,
    target_from_view: RigidTransform,
    settings: PathSettings,
    carried: CarriedObject | None,
) -> tuple[DepthView, CarriedObject | None]:
    """The part of the image that can matter to clearance and to the carried object: the rest need not be looked at.

    What stands in a ground path's way may be seen far above the path, so there the whole image stays.
    """
    if carried is not None:
        _require_size(carried, view)
    if settings.kind == "ground":
        return view, carried
    centres = target_from_view.inverse().apply(np.vstack([positions_m, grasp_m]))
    radii = np.append(np.full(len(positions_m), settings.clearance_m), settings.object_radius_m * SEARCH_MARGIN)
    rows, columns = view.window_of(centres, radii)
    if rows.stop <= rows.start or columns.stop <= columns.start:
        rows, columns = slice(0, 1), slice(0, 1)
    if carried is not None:
        carried = CarriedObject(carried.mask[rows, columns], carried.points_m)
    return view.cropped(rows, columns), carried


def _require_size(carried: CarriedObject, view: DepthView) -> None:
    if carried.mask.shape != view.depth_m.shape:
        raise InvalidRequest(
            f"the carried object's mask must have the depth image's shape {view.depth_m.shape}, "
            f"received {carried.mask.shape}"
        )


def _carried(
    grasp_m: FloatArray,
    view: DepthView,
    target_from_view: RigidTransform,
    settings: PathSettings,
    carried: CarriedObject | None,
) -> CarriedObject:
    if carried is not None:
        return carried
    if settings.kind == "ground" or settings.clearance_m == 0:
        return CarriedObject.nothing(view)
    view_from_target = target_from_view.inverse()
    up = view_from_target.rotate(np.array([0.0, 0.0, 1.0]))
    return find_carried_object(view, view_from_target.apply(grasp_m), up, settings.object_radius_m)
