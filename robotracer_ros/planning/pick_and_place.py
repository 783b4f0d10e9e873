"""From the trace of an object to what an arm does: approach, grasp, lift, trace, place, retreat, return."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from robotracer_ros.errors import InvalidRequest, PlanningError
from robotracer_ros.geometry.arrays import FloatArray, frozen_floats
from robotracer_ros.planning.grasp import Grasp
from robotracer_ros.planning.manipulation import Grip, Reach, Step
from robotracer_ros.planning.orientation import between, constant
from robotracer_ros.planning.path import PosePath
from robotracer_ros.planning.shaping import resample

_CLOSED_M: Final = 0.0
# Between two waypoints on the way around the base.
_AROUND_M: Final = 0.05
# So much the fingers open to let go: in a bowl there is no room for more.
_LET_GO_M: Final = 0.014
# No arm reaches around more than this.
_LONGEST_M: Final = 20.0


@dataclass(frozen=True, slots=True, eq=False)
class TipPose:
    """Where the tip is now, and what it turns around.

    Attributes:
        position_m: (3,).
        quaternion_xyzw: (4,).
        base_m: (3,) of the arm's base; it turns about the frame's z through this point.
    """

    position_m: FloatArray
    quaternion_xyzw: FloatArray
    base_m: FloatArray

    def __post_init__(self) -> None:
        for name, length in (("position_m", 3), ("quaternion_xyzw", 4), ("base_m", 3)):
            object.__setattr__(self, name, frozen_floats(name, getattr(self, name), (length,)))

    @property
    def yaw_rad(self) -> float:
        """Of the tip's x axis about z."""
        x, y, z, w = self.quaternion_xyzw
        return float(np.arctan2(2 * (x * y + z * w), 1 - 2 * (y * y + z * z)))


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlingSettings:
    """How an arm takes, carries and sets down; lengths in metres, above 0.

    Attributes:
        approach_m: how high over the grasp the tip comes to stand first, and how high it goes when it lets go.
        transit_m: how high over the object's foot the empty gripper comes and goes, at least.
        lift_m: how high the object is lifted straight up, and the least height over the straight way it is carried at.
        release_m: how high over its new place the object is let go.
        return_home: whether the tip goes back to where it began, out of the camera's sight, once nothing is held.
        open_margin_m: how much wider than the object the gripper opens.
        spacing_m: the longest step between two waypoints.

    Raises:
        InvalidRequest: naming the setting, what was received and what would be accepted.
    """

    approach_m: float = 0.08
    transit_m: float = 0.18
    lift_m: float = 0.06
    release_m: float = 0.005
    open_margin_m: float = 0.025
    spacing_m: float = 0.02
    return_home: bool = True

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name != "return_home" and not 0 < value < float("inf"):
                raise InvalidRequest(f"{field.name} must be above 0 m and finite, received {value}")


def pick_and_place(
    points_m: FloatArray, grasp: Grasp, tip: TipPose, frame_id: str, stamp_ns: int, settings: HandlingSettings, *,
    max_width_m: float, set_down: bool, raised_m: float = 0.0,
) -> tuple[Step, ...]:  # fmt: skip
    """The steps that carry an object along its trace.

    The trace begins at a point of the object's surface and, with ``set_down``, ends at the middle of the place it is
    to stand at. So the tip's way begins over the grasp and ends over the trace's last point, and its distance from the
    trace changes evenly in between. Without ``set_down`` the object is held at the end, and the distance stays. To the
    grasp and home the tip goes around the arm's base rather than through it.

    Args:
        points_m: (N, 3) the trace, in ``frame_id``, whose z points up.
        max_width_m: the gripper opens no wider.
        raised_m: how much higher than ``settings.release_m`` the object is let go.

    Raises:
        PlanningError: for a trace of less than two points, and for one too long for any arm.
    """
    points = frozen_floats("points_m", points_m, (None, 3))
    if len(points) < 2:
        raise PlanningError(f"an object is carried along a trace of at least two points, received {len(points)}")
    length_m = float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())
    if not length_m <= _LONGEST_M:
        raise PlanningError(
            f"the trace is {length_m:.4g} m long; accepted: at most {_LONGEST_M:g} m; check it for a point far away"
        )
    placed = _placed(points, grasp, settings.release_m + raised_m)
    tips = _tips(points, grasp, settings, float(placed[2]), set_down=set_down)
    above = np.array([0.0, 0.0, 1.0])

    def reach(name: str, positions_m: FloatArray, quaternions_xyzw: FloatArray | None = None) -> Reach:
        positions = np.atleast_2d(positions_m)
        turned = constant(grasp.quaternion_xyzw, len(positions)) if quaternions_xyzw is None else quaternions_xyzw
        return Reach(name, PosePath(positions, turned, frame_id, stamp_ns))

    taken = grasp.position_m
    transit = grasp.foot_m + settings.transit_m
    steps: list[Step] = [
        Grip("open", opened_m(grasp, settings, max_width_m)),
        reach("approach", *_around(tip, taken + settings.approach_m * above, grasp.quaternion_xyzw, transit)),
        reach("grasp", taken),
        Grip("grasp", _CLOSED_M, takes=True),
        reach("lift", taken + settings.lift_m * above),
        reach("trace", tips),
    ]
    if set_down:
        left = placed + settings.approach_m * above
        steps += [
            reach("place", placed),
            Grip("release", _LET_GO_M, relative=True),
            reach("retreat", left),
        ]
        if settings.return_home:
            positions, quaternions = _around(tip, left, grasp.quaternion_xyzw, transit)
            back = np.vstack([positions[-2::-1], tip.position_m])
            steps.append(reach("return", back, np.vstack([quaternions[-2::-1], tip.quaternion_xyzw])))
    return tuple(steps)


def opened_m(grasp: Grasp, settings: HandlingSettings, max_width_m: float) -> float:
    """How wide the gripper opens to take."""
    return min(grasp.open_m + settings.open_margin_m, max_width_m)


def let_go_m(grasp: Grasp, max_width_m: float) -> float:
    """How wide it is open, at most, when it let go."""
    return min(grasp.open_m + _LET_GO_M, max_width_m)


def _around(
    tip: TipPose, goal_m: FloatArray, quaternion_xyzw: FloatArray, transit_z_m: float
) -> tuple[FloatArray, FloatArray]:
    """(M, 3) and (M, 4) from the pose of the tip, left out, to another: up, around the base while it turns, down."""
    high = max(float(tip.position_m[2]), float(goal_m[2]), transit_z_m)
    begin, end = tip.position_m - tip.base_m, goal_m - tip.base_m
    radii = np.hypot([begin[0], end[0]], [begin[1], end[1]])
    first = float(np.arctan2(begin[1], begin[0]))
    turn = float((np.arctan2(end[1], end[0]) - first + np.pi) % (2 * np.pi) - np.pi)
    way_m = max(abs(turn) * float(radii.max()), float(abs(radii[1] - radii[0])))
    share = np.linspace(0.0, 1.0, max(2, int(np.ceil(way_m / _AROUND_M)) + 1))
    angle, radius = first + share * turn, radii[0] + share * (radii[1] - radii[0])
    positions = np.column_stack([radius * np.cos(angle), radius * np.sin(angle), np.zeros(len(share))]) + tip.base_m
    positions[:, 2] = high
    quaternions = between(tip.quaternion_xyzw, quaternion_xyzw, share)
    return np.vstack([positions, goal_m]), np.vstack([quaternions, quaternion_xyzw])


def _placed(points: FloatArray, grasp: Grasp, release_m: float) -> FloatArray:
    """(3,) where the tip lets go: the object's foot just over the trace's last point."""
    return np.array([*points[-1, :2], points[-1, 2] + grasp.above_foot_m + release_m])


def _tips(
    points: FloatArray, grasp: Grasp, settings: HandlingSettings, placed_z_m: float, *, set_down: bool
) -> FloatArray:
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
    straight = (1 - share) * grasp.position_m[2] + share * placed_z_m
    tips[:, 2] = np.maximum(tips[:, 2], straight + settings.lift_m)
    return np.asarray(tips)
