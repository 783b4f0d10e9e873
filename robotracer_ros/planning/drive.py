"""The drive of a mobile base: a path on the ground, checked together with the way from the base to it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import numpy as np

from robotracer_ros.errors import MotionRefused, NoDepth
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.geometry.trace import SpatialTrace
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.planning.clearance import outside_workspace, surface_distance, unobserved
from robotracer_ros.planning.depth_view import DepthView
from robotracer_ros.planning.ground import projected
from robotracer_ros.planning.path import PosePath, Violation, ViolationKind
from robotracer_ros.planning.plan import plan_path
from robotracer_ros.planning.settings import PathSettings
from robotracer_ros.planning.shaping import resample

# A base does not see the floor right before it; on its way there nothing beyond this may be unseen.
_UNSEEN_M: Final = 1.0
# The camera has to have readings at this part of a way, or its clearance means nothing.
_LEAST_SEEN: Final = 0.5


def plan_drive(
    trace: SpatialTrace,
    observation: RgbdObservation,
    target_from_camera: RigidTransform,
    base_m: FloatArray,
    settings: PathSettings,
    refused: Collection[str],
) -> PosePath:
    """A path on the ground that a base may follow from where it stands.

    Followers drive straight to the nearest place of a path, so that way is held against the rules as well: not whether
    it was observed, for the camera does not see the floor right before the base. A base that stands closer to things
    than ``clearance_m`` may leave, and come no nearer.

    Args:
        trace, observation, target_from_camera, settings: as `plan_path`, of the kind "ground".
        base_m: (3,) where the base stands, target frame.
        refused: names of the `ViolationKind` that are refused.

    Raises:
        MotionRefused: naming the waypoint, the amount and the rule.
        NoDepth: with a clearance to keep, for a depth image with too few readings along the way.
        RobotracerError: as `plan_path`.
    """
    path = plan_path(trace, observation, target_from_camera, settings)
    _refuse(path.violations, "", settings, refused)
    view = DepthView.of(observation)
    way = _way_there(path, base_m, settings)
    target_from_view = target_from_camera if view is None else target_from_camera @ view.view_from_color.inverse()
    violations = outside_workspace(way[1:], settings)
    if view is not None:
        violations += _nearer(way, view, target_from_view, settings)
    _refuse(violations, "on the straight way from the base to the path, ", settings, refused)
    if settings.clearance_m > 0:
        beyond = way[np.linalg.norm(way - way[0], axis=1) > _UNSEEN_M]
        _require_readings(path, unobserved(beyond, view, target_from_view, settings), len(beyond), settings)
    return path


def _refuse(violations: Sequence[Violation], where: str, settings: PathSettings, refused: Collection[str]) -> None:
    wrong = [violation for violation in violations if violation.kind.name in refused]
    if wrong:
        raise MotionRefused(where + "; ".join(violation.describe(settings) for violation in wrong[:3]))


def _way_there(path: PosePath, base_m: FloatArray, settings: PathSettings) -> FloatArray:
    """(K, 3) from the base, the first, to the nearest waypoint."""
    base = projected(np.asarray(base_m)[None], settings.ground_z_m)[0]
    nearest = path.positions_m[np.linalg.norm(path.positions_m - base, axis=1).argmin()]
    return resample(np.array([base, nearest]), settings.spacing_m, max_points=settings.max_points)


def _nearer(
    way_m: FloatArray, view: DepthView, target_from_view: RigidTransform, settings: PathSettings
) -> list[Violation]:
    """Which waypoints come too close to a surface, and closer than the first."""
    if settings.clearance_m == 0:
        return []
    distance = surface_distance(way_m, view, target_from_view, settings)
    closest_m = min(settings.clearance_m, float(distance[0]))
    return [
        Violation(ViolationKind.TOO_CLOSE, int(index), settings.clearance_m - float(distance[index]))
        for index in np.flatnonzero(distance < closest_m)
    ]


def _require_readings(
    path: PosePath, unseen_before: Sequence[Violation], count_before: int, settings: PathSettings
) -> None:
    of_path = [violation for violation in path.violations if violation.kind is ViolationKind.UNOBSERVED]
    blind, count = sum(np.isnan(one.amount_m) for one in (*of_path, *unseen_before)), len(path) + count_before
    if blind > (1 - _LEAST_SEEN) * count:
        raise NoDepth(
            f"the depth image has readings at {count - blind} of {count} waypoints, too few to keep clearance_m "
            f"{settings.clearance_m:g} m; accepted: a camera that sees at least {_LEAST_SEEN:.0%} of the way, or "
            f"clearance_m 0"
        )
