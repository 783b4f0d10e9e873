"""From the trace of an object to what an arm does: approach, grasp, lift, trace, place, retreat."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from robotracer_ros.errors import InvalidRequest, PlanningError
from robotracer_ros.geometry.arrays import FloatArray, frozen_floats
from robotracer_ros.planning.grasp import Grasp
from robotracer_ros.planning.manipulation import Grip, Reach, Step
from robotracer_ros.planning.orientation import constant
from robotracer_ros.planning.path import PosePath
from robotracer_ros.planning.shaping import resample

_CLOSED_M: Final = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlingSettings:
    """How an arm takes, carries and sets down; lengths in metres, above 0.

    Attributes:
        approach_m: how high over the grasp the tip comes to stand first, and how high it goes when it lets go.
        lift_m: how high the object is lifted straight up, and the least height over the straight way it is carried at.
        release_m: how high over its new place the object is let go.
        open_margin_m: how much wider than the object the gripper opens.
        spacing_m: the longest step between two waypoints.

    Raises:
        InvalidRequest: naming the setting, what was received and what would be accepted.
    """

    approach_m: float = 0.08
    lift_m: float = 0.06
    release_m: float = 0.005
    open_margin_m: float = 0.025
    spacing_m: float = 0.02

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 < value < float("inf"):
                raise InvalidRequest(f"{field.name} must be above 0 m and finite, received {value}")


def pick_and_place(
    points_m: FloatArray, grasp: Grasp, frame_id: str, stamp_ns: int, settings: HandlingSettings, *,
    max_width_m: float, set_down: bool,
) -> tuple[Step, ...]:  # fmt: skip
    """The steps that carry an object along its trace.

    The trace begins at a point of the object's surface and, with ``set_down``, ends at the middle of the place it is
    to stand at. So the tip's way begins over the grasp and ends over the trace's last point, and its distance from the
    trace changes evenly in between. Without ``set_down`` the object is held at the end, and the distance stays.

    Args:
        points_m: (N, 3) the trace, in ``frame_id``, whose z points up.
        max_width_m: the gripper opens no wider.

    Raises:
        PlanningError: for a trace of less than two points.
    """
    points = frozen_floats("points_m", points_m, (None, 3))
    if len(points) < 2:
        raise PlanningError(f"an object is carried along a trace of at least two points, received {len(points)}")
    tips = _tips(points, grasp, settings, set_down=set_down)
    above = np.array([0.0, 0.0, 1.0])

    def reach(name: str, positions_m: FloatArray) -> Reach:
        positions = np.atleast_2d(positions_m)
        return Reach(name, PosePath(positions, constant(grasp.quaternion_xyzw, len(positions)), frame_id, stamp_ns))

    opened = Grip("open", min(grasp.width_m + settings.open_margin_m, max_width_m))
    taken = grasp.position_m
    steps: list[Step] = [
        opened,
        reach("approach", taken + settings.approach_m * above),
        reach("grasp", taken),
        Grip("grasp", _CLOSED_M),
        reach("lift", taken + settings.lift_m * above),
        reach("trace", tips),
    ]
    if set_down:
        placed = _placed(points, grasp, settings)
        steps += [
            reach("place", placed),
            Grip("release", opened.width_m),
            reach("retreat", placed + settings.approach_m * above),
        ]
    return tuple(steps)


def _placed(points: FloatArray, grasp: Grasp, settings: HandlingSettings) -> FloatArray:
    """(3,) where the tip lets go: the object's foot just over the trace's last point."""
    return np.array([*points[-1, :2], points[-1, 2] + grasp.above_foot_m + settings.release_m])


def _tips(points: FloatArray, grasp: Grasp, settings: HandlingSettings, *, set_down: bool) -> FloatArray:
    """(M, 3) of the tip while it carries the object."""
    way = resample(points, settings.spacing_m)
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(way, axis=0), axis=1))])
    share = along / max(float(along[-1]), np.finfo(float).tiny)
    aside = grasp.position_m - points[0]
    if not set_down:
        low = grasp.position_m[2] + settings.lift_m
        tips = way + aside
        # Held at the end where it was told to be, but never let through what it was lifted from.
        tips[:, 2] = np.maximum(tips[:, 2], low)
        return np.asarray(tips)
    tips = way + (1 - share)[:, None] * np.array([aside[0], aside[1], 0.0])
    # The object's foot follows the trace: its surface, where the trace begins, is no lower.
    tips[:, 2] += grasp.above_foot_m
    placed_m = float(_placed(points, grasp, settings)[2])
    straight = (1 - share) * grasp.position_m[2] + share * placed_m
    tips[:, 2] = np.maximum(tips[:, 2], straight + settings.lift_m)
    return np.asarray(tips)
