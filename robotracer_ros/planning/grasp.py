"""How a parallel gripper takes an object from above, told from what the camera saw of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from robotracer_ros.errors import PlanningError
from robotracer_ros.geometry.arrays import FloatArray, frozen_floats

# Fewer readings than this tell nothing of a shape.
_LEAST_POINTS: Final = 20
# Of the readings, the share at either end that may be flying pixels at the silhouette.
_OUTLIERS: Final = 0.01
# Yaws looked at in a quarter turn: a box that is turned by half a step looks wider by less than a millimetre.
_YAWS: Final = np.arange(0.0, np.pi / 2, np.pi / 90)
# Sides this near to each other are equal: a gripper may take either.
_EQUAL: Final = 0.12
# The box around a round thing hardly grows as it turns; so many yaws of it are told apart.
_ROUND: Final = 1.25
_ROUND_STEP: Final = np.pi / 6
# What is this much longer than wide is no ball, and its sides are told apart.
_LONG: Final = 1.5
# What an object stands on is known to this (`planning.carried`).
_FOOT_ERROR_M: Final = 0.005


@dataclass(frozen=True, slots=True)
class GripperShape:
    """What a gripper can take.

    Attributes:
        max_width_m: between its fingers when open.
        finger_depth_m: how deep below its top an object may be taken.
        fingertip_m: how far the fingers reach beyond the tip link.

    Raises:
        PlanningError: for a length that is not above 0.
    """

    max_width_m: float = 0.09
    finger_depth_m: float = 0.03
    fingertip_m: float = 0.01

    def __post_init__(self) -> None:
        for name in ("max_width_m", "finger_depth_m", "fingertip_m"):
            if not 0 < getattr(self, name) < np.inf:
                raise PlanningError(f"{name} must be above 0 m, received {getattr(self, name)}")


@dataclass(frozen=True, slots=True, eq=False)
class Grasp:
    """Where the tip goes to take an object, in a frame whose z points up.

    Attributes:
        position_m: (3,) of the tip link.
        yaw_rad: of the tool about z; its fingers close along its y axis.
        width_m: of what was seen of the object between the fingers.
        open_m: how wide the fingers have to open around it at least: the far side of a ball is not seen.
        foot_m: height of what the object stands on.
    """

    position_m: FloatArray
    yaw_rad: float
    width_m: float
    open_m: float
    foot_m: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "position_m", frozen_floats("position_m", self.position_m, (3,)))

    @property
    def quaternion_xyzw(self) -> FloatArray:
        """(4,) the tool's: pointing down, turned by the yaw."""
        return np.array([np.cos(self.yaw_rad / 2), np.sin(self.yaw_rad / 2), 0.0, 0.0])

    @property
    def above_foot_m(self) -> float:
        """How high over the object's foot it is taken."""
        return float(self.position_m[2]) - self.foot_m


def grasps_from_above(
    points_m: FloatArray, gripper: GripperShape, foot_m: float, near_yaw_rad: float = 0.0
) -> tuple[Grasp, ...]:
    """Take an object across its narrower side, over the middle of what was seen of it: all ways to, the best first.

    A box can be taken two ways round, a cube four, and a round thing from everywhere.

    Args:
        points_m: (K, 3) readings of its surface, in a frame whose z points up.
        foot_m: height of what the object stands on.
        near_yaw_rad: of two yaws that serve alike the one nearer to this is better.

    Raises:
        PlanningError: for too few readings, a foot that is not known, and an object wider than the gripper opens.
    """
    points = frozen_floats("points_m", points_m, (None, 3))
    if len(points) < _LEAST_POINTS:
        raise PlanningError(
            f"nothing to take was seen at the trace's first point: {len(points)} readings of an object stand apart "
            f"from what is around; accepted: {_LEAST_POINTS} or more"
        )
    if not np.isfinite(foot_m):
        raise PlanningError(
            "it was not seen what the object at the trace's first point stands on; accepted: an object of which the "
            "foot, or the surface around it, is seen within object_radius_m"
        )
    footprint = _Footprint(points)
    narrower_m = min(footprint.along_m, footprint.across_m)
    longer_m = max(footprint.along_m, footprint.across_m)
    if narrower_m > gripper.max_width_m:
        raise PlanningError(
            f"the object is {narrower_m:.3f} m wide, the gripper opens to gripper.max_width_m {gripper.max_width_m:g} m"
        )
    top_m = float(np.quantile(points[:, 2], 1 - _OUTLIERS))
    # The fingers stay above what the object stands on, by as much as they could be wrong about it.
    height_m = max(foot_m + gripper.fingertip_m + _FOOT_ERROR_M, top_m - gripper.finger_depth_m)
    open_m = min(narrower_m if longer_m > _LONG * narrower_m else longer_m, gripper.max_width_m)
    place = np.array([*footprint.centre_m, height_m])
    return tuple(Grasp(place, yaw, narrower_m, open_m, foot_m) for yaw in footprint.yaws(near_yaw_rad))


class _Footprint:
    """The least upright box that holds readings (K, 3), seen from above.

    Attributes:
        centre_m: (2,).
        along_m, across_m: its sides, along its yaw and across it.
    """

    def __init__(self, points: FloatArray) -> None:
        cos, sin = np.cos(_YAWS), np.sin(_YAWS)
        turned = points[:, :2] @ np.array([[cos, -sin], [sin, cos]]).transpose(2, 0, 1)
        low, high = np.quantile(turned, [_OUTLIERS, 1 - _OUTLIERS], axis=1)
        sides = high - low
        areas = np.prod(sides, axis=1)
        best = int(areas.argmin())
        self._yaw = float(_YAWS[best])
        # A square's box grows to twice its area as it turns, a circle's not at all.
        self._is_round = float(areas.max()) < _ROUND * float(areas[best])
        self.along_m, self.across_m = sides[best].tolist()
        x, y = (low[best] + high[best]) / 2
        self.centre_m = np.array([cos[best] * x - sin[best] * y, sin[best] * x + cos[best] * y])

    def yaws(self, near_rad: float) -> list[float]:
        """Of the tool, whose fingers close along its y: the narrower side first, nearest to ``near_rad`` first."""
        quarter = np.pi / 2
        first = self._yaw if self.along_m >= self.across_m else self._yaw + quarter
        turns = [0.0, np.pi]
        if self._is_round:
            turns = [step * _ROUND_STEP for step in range(round(2 * np.pi / _ROUND_STEP))]
        elif max(self.along_m, self.across_m) < min(self.along_m, self.across_m) * (1 + _EQUAL):
            turns = [0.0, quarter, np.pi, -quarter]
        found = [_wrapped(first + turn) for turn in turns]
        nearest = min([*found[:1], _wrapped(first + np.pi)], key=lambda yaw: abs(_wrapped(yaw - near_rad)))
        if self._is_round:
            return sorted(found, key=lambda yaw: round(abs(_wrapped(yaw - nearest)), 6))
        return sorted(found, key=lambda yaw: abs(_wrapped(yaw - near_rad)))


def _wrapped(angle: float) -> float:
    return float((angle + np.pi) % (2 * np.pi) - np.pi)
