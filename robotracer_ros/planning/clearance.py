"""Checks of waypoints against the workspace and against what the camera saw."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.planning.depth_view import DepthView
from robotracer_ros.planning.nearest import nearest_distance
from robotracer_ros.planning.path import Violation, ViolationKind
from robotracer_ros.planning.settings import PathSettings
from robotracer_ros.planning.tiles import DepthTiles, GroundTiles

# Stereo and time-of-flight cameras err by about this part of the distance.
_DEPTH_ERROR: Final = 0.01
# A reading counts as "nearby" within this part of the image's width: 10 of 1280 pixels.
_NEARBY: Final = 1 / 128


def outside_workspace(positions_m: FloatArray, settings: PathSettings) -> list[Violation]:
    """Which of positions (M, 3), target frame, lie outside the workspace box, and how far."""
    if settings.workspace_min_m is None or settings.workspace_max_m is None:
        return []
    beyond = positions_m - np.clip(positions_m, settings.workspace_min_m, settings.workspace_max_m)
    distance = np.linalg.norm(beyond, axis=1)
    return [Violation(ViolationKind.OUTSIDE_WORKSPACE, int(i), float(distance[i])) for i in np.flatnonzero(distance)]


def too_close(
    positions_m: FloatArray, view: DepthView, target_from_view: RigidTransform, settings: PathSettings
) -> list[Violation]:
    """Which of positions (M, 3), target frame, come nearer than ``clearance_m`` to a surface in ``view``.

    An arm's distance is measured in space. A ground path's is measured along the ground, to what stands within
    ``obstacle_height_m`` above it. Waypoints within ``contact_radius_m`` of the first or the last are not asked.
    A waypoint deep inside a thing is far from every surface that was seen: `unobserved` finds it.
    """
    asked = np.flatnonzero(_away_from_contacts(positions_m, settings.contact_radius_m))
    if settings.clearance_m == 0 or not len(asked):
        return []
    distance = surface_distance(positions_m[asked], view, target_from_view, settings)
    return [
        Violation(ViolationKind.TOO_CLOSE, int(i), settings.clearance_m - float(metres))
        for i, metres in zip(asked, distance, strict=True)
        if metres < settings.clearance_m
    ]


def surface_distance(
    positions_m: FloatArray, view: DepthView, target_from_view: RigidTransform, settings: PathSettings
) -> FloatArray:
    """Distance (M,) of positions (M, 3), target frame, to the surface in ``view``; infinite beyond ``clearance_m``."""
    tiles = DepthTiles(view)
    if settings.kind == "arm":
        return nearest_distance(target_from_view.inverse().apply(positions_m), tiles, settings.clearance_m)
    low, high = settings.obstacle_height_m
    standing = GroundTiles(tiles, target_from_view, settings.ground_z_m, (low, high))
    return nearest_distance(positions_m, standing, settings.clearance_m)


def unobserved(
    positions_m: FloatArray, view: DepthView | None, target_from_view: RigidTransform, settings: PathSettings
) -> list[Violation]:
    """Which of positions (M, 3), target frame, the camera could not have seen: outside its image, where it has no
    reading nearby, or in the shadow of a surface. Without a depth camera, ``view`` None, all of them.

    A waypoint is in the shadow when it lies deeper than the surface at its pixel and no surface is within
    ``depth_tolerance_m`` of it: on a floor seen at a flat angle the depth along the ray alone says little.
    """
    if view is None:
        return [Violation(ViolationKind.UNOBSERVED, index) for index in range(len(positions_m))]
    points = target_from_view.inverse().apply(positions_m)
    radius_px = max(2, round(view.camera.width * _NEARBY))
    behind = points[:, 2] - view.surface_depth(view.camera.project(points), radius_px)
    unknown = np.isnan(behind)
    tolerance = np.maximum(settings.depth_tolerance_m, _DEPTH_ERROR * points[:, 2])
    with np.errstate(invalid="ignore"):
        suspects = np.flatnonzero(behind > tolerance)
    if len(suspects):
        distance = nearest_distance(points[suspects], DepthTiles(view), float(tolerance[suspects].max()) * (1 + 1e-9))
        suspects = suspects[distance > tolerance[suspects]]
    found = np.union1d(np.flatnonzero(unknown), suspects)
    return [Violation(ViolationKind.UNOBSERVED, int(i), float(behind[i])) for i in found]


def _away_from_contacts(positions_m: FloatArray, radius_m: float) -> npt.NDArray[np.bool_]:
    ends = positions_m[[0, -1]]
    away: npt.NDArray[np.bool_] = (np.linalg.norm(positions_m[:, None] - ends[None], axis=2) > radius_m).all(axis=1)
    return away
