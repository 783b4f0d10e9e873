"""What a path is asked to be: spacing, smoothness, orientation and the limits it is checked against."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

import numpy as np

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.arrays import frozen_floats

Orientation: TypeAlias = Literal["tool_down", "along_path", "keep_current", "surface_normal"]
PathKind: TypeAlias = Literal["arm", "ground"]

ORIENTATIONS: Final[tuple[str, ...]] = get_args(Orientation)
PATH_KINDS: Final[tuple[str, ...]] = get_args(PathKind)
# Beyond this ratio the smoothing equations lose too many digits of float64.
_MAX_SMOOTHING_STEPS: Final = 100.0
_UNIT_QUATERNION_TOLERANCE: Final = 1e-2

_ABOVE_ZERO: Final = ("spacing_m", "object_radius_m", "normal_radius_m")
_NOT_NEGATIVE: Final = ("smoothing_m", "clearance_m", "contact_radius_m", "depth_tolerance_m")


@dataclass(frozen=True, slots=True, kw_only=True)
class PathSettings:
    """How `plan_path` shapes, orients and checks a path; frames and lengths are those of the target frame.

    The target frame's z axis points up (REP 103).

    Attributes:
        kind: "arm" keeps the trace's heights; "ground" projects it onto the plane z = ``ground_z_m``.
        spacing_m: the longest step between two waypoints, above 0.
        smoothing_m: detail shorter than about 2 pi times this length is ironed out, and no waypoint is moved further
            than this length; 0 switches smoothing off. At most 100 ``spacing_m``.
        orientation: of the tool, see `robotracer_ros.planning.orientation`; ground paths look along their tangent
            whatever it says.
        current_quaternion_xyzw: (4,) the tool's orientation now, which "keep_current" holds and a ground path of a
            single point takes its yaw from. Normalised here.
        workspace_min_m, workspace_max_m: (3,) corners of the box waypoints have to stay in, an infinite coordinate
            leaves that side open; None where there is no box.
        clearance_m: the least distance from a waypoint to the surfaces the camera saw; 0 switches the check off.
        contact_radius_m: around the first and the last waypoint, where touching is the purpose, clearance is not
            demanded.
        object_radius_m: how far the carried object reaches from the point it is grasped at, at most.
        normal_radius_m: the size of the patch that "surface_normal" fits its planes to.
        depth_tolerance_m: how deep below an observed surface a waypoint still counts as lying on it; 1 % of the
            distance to the camera where that is more.
        ground_z_m: height of the ground.
        obstacle_height_m: (2,) a ground path keeps clear of what stands between these heights above the ground:
            lower is floor or a doorstep, higher is driven under.
        max_points: a path longer than this many waypoints is refused.

    Raises:
        InvalidRequest: naming the setting, what was received and what would be accepted.
    """

    kind: PathKind = "arm"
    spacing_m: float = 0.02
    smoothing_m: float = 0.0
    orientation: Orientation = "tool_down"
    current_quaternion_xyzw: Sequence[float] | None = None
    workspace_min_m: Sequence[float] | None = None
    workspace_max_m: Sequence[float] | None = None
    clearance_m: float = 0.03
    contact_radius_m: float = 0.08
    object_radius_m: float = 0.15
    normal_radius_m: float = 0.02
    depth_tolerance_m: float = 0.01
    ground_z_m: float = 0.0
    obstacle_height_m: Sequence[float] = (0.05, 1.5)
    max_points: int = 5000

    def __post_init__(self) -> None:
        _require_choice("kind", self.kind, PATH_KINDS)
        _require_choice("orientation", self.orientation, ORIENTATIONS)
        for name in _ABOVE_ZERO:
            _require_length(name, getattr(self, name), above_zero=True)
        for name in _NOT_NEGATIVE:
            _require_length(name, getattr(self, name), above_zero=False)
        if self.smoothing_m > _MAX_SMOOTHING_STEPS * self.spacing_m:
            raise InvalidRequest(
                f"smoothing_m must be at most {_MAX_SMOOTHING_STEPS:g} times spacing_m, here "
                f"{_MAX_SMOOTHING_STEPS * self.spacing_m:g} m; received {self.smoothing_m:g} m"
            )
        if not math.isfinite(self.ground_z_m):
            raise InvalidRequest(f"ground_z_m must be a finite height in metres, received {self.ground_z_m}")
        if isinstance(self.max_points, bool) or not isinstance(self.max_points, int) or self.max_points < 2:
            raise InvalidRequest(f"max_points must be a whole number of at least 2, received {self.max_points!r}")
        self._check_heights()
        self._check_workspace()
        self._check_orientation()

    def _check_heights(self) -> None:
        low, high = frozen_floats("obstacle_height_m", self.obstacle_height_m, (2,)).tolist()
        if not 0 <= low < high:
            raise InvalidRequest(f"obstacle_height_m must be two heights, 0 <= low < high; received {[low, high]}")
        object.__setattr__(self, "obstacle_height_m", (low, high))

    def _check_workspace(self) -> None:
        corners = (self.workspace_min_m, self.workspace_max_m)
        if corners == (None, None):
            return
        if self.workspace_min_m is None or self.workspace_max_m is None:
            raise InvalidRequest(
                f"workspace_min_m and workspace_max_m are given together or not at all, received {corners}"
            )
        low = frozen_floats("workspace_min_m", self.workspace_min_m, (3,))
        high = frozen_floats("workspace_max_m", self.workspace_max_m, (3,))
        if not (low < high).all():
            raise InvalidRequest(
                f"workspace_min_m must lie below workspace_max_m on every axis, "
                f"received {low.tolist()} and {high.tolist()}"
            )
        object.__setattr__(self, "workspace_min_m", tuple(low.tolist()))
        object.__setattr__(self, "workspace_max_m", tuple(high.tolist()))

    def _check_orientation(self) -> None:
        if self.current_quaternion_xyzw is None:
            if self.orientation == "keep_current" and self.kind == "arm":
                raise InvalidRequest('orientation "keep_current" needs current_quaternion_xyzw, received none')
            return
        quaternion = frozen_floats("current_quaternion_xyzw", self.current_quaternion_xyzw, (4,))
        length = float(np.linalg.norm(quaternion))
        if not abs(length - 1.0) < _UNIT_QUATERNION_TOLERANCE:
            raise InvalidRequest(
                f"current_quaternion_xyzw must have length 1, received {quaternion.tolist()} of length {length:.4g}"
            )
        object.__setattr__(self, "current_quaternion_xyzw", tuple((quaternion / length).tolist()))


def _require_choice(name: str, value: str, accepted: tuple[str, ...]) -> None:
    if value not in accepted:
        raise InvalidRequest(f"{name} must be one of {', '.join(accepted)}; received {value!r}")


def _require_length(name: str, value: float, *, above_zero: bool) -> None:
    # Written so that NaN fails too.
    if not (math.isfinite(value) and (value > 0 if above_zero else value >= 0)):
        accepted = "above 0 m" if above_zero else "0 m or more"
        raise InvalidRequest(f"{name} must be {accepted} and finite, received {value}")
