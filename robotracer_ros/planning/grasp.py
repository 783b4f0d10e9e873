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
# The search for the object stops so high above what it stands on (`planning.carried`).
_UNSEEN_FOOT_M: Final = 0.005


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
        width_m: of the object between the fingers.
        foot_m: height of what the object stands on.
    """

    position_m: FloatArray
    yaw_rad: float
    width_m: float
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


def grasp_from_above(points_m: FloatArray, gripper: GripperShape, near_yaw_rad: float = 0.0) -> Grasp:
    """Take an object across its narrower side, over the middle of what was seen of it.

    Args:
        points_m: (K, 3) readings of its surface, in a frame whose z points up.
        near_yaw_rad: of two yaws that serve alike the one nearer to this is taken.

    Raises:
        PlanningError: for too few readings, and for an object wider than the gripper opens.
    """
    points = frozen_floats("points_m", points_m, (None, 3))
    if len(points) < _LEAST_POINTS:
        raise PlanningError(
            f"nothing to take was seen at the trace's first point: {len(points)} readings of an object stand apart "
            f"from what is around; accepted: {_LEAST_POINTS} or more"
        )
    yaw, centre, (along, across) = _footprint(points)
    yaws = [yaw, yaw + np.pi]
    if along < across * (1 - _EQUAL):
        yaws = [yaw + np.pi / 2, yaw - np.pi / 2]
    elif along < across * (1 + _EQUAL):
        yaws += [yaw + np.pi / 2, yaw - np.pi / 2]
    width_m = min(along, across)
    if width_m > gripper.max_width_m:
        raise PlanningError(
            f"the object is {width_m:.3f} m wide, the gripper opens to max_width_m {gripper.max_width_m:g} m"
        )
    foot_m = float(np.quantile(points[:, 2], _OUTLIERS)) - _UNSEEN_FOOT_M
    top_m = float(np.quantile(points[:, 2], 1 - _OUTLIERS))
    # The fingers stay above what the object stands on, by as much as they could be wrong about it.
    height_m = max(foot_m + gripper.fingertip_m + _UNSEEN_FOOT_M, top_m - gripper.finger_depth_m)
    turn = min(yaws, key=lambda candidate: abs(_wrapped(candidate - near_yaw_rad)))
    return Grasp(np.array([*centre, height_m]), _wrapped(turn), width_m, foot_m)


def _footprint(points: FloatArray) -> tuple[float, FloatArray, tuple[float, float]]:
    """Yaw, centre (2,) and sides, along the yaw and across it, of the least upright box that holds the readings."""
    turned = points[:, :2] @ np.array([[np.cos(_YAWS), -np.sin(_YAWS)], [np.sin(_YAWS), np.cos(_YAWS)]]).transpose(
        2, 0, 1
    )
    low, high = np.quantile(turned, [_OUTLIERS, 1 - _OUTLIERS], axis=1)
    sides = high - low
    best = int(np.prod(sides, axis=1).argmin())
    yaw = float(_YAWS[best])
    middle = (low[best] + high[best]) / 2
    cos, sin = np.cos(yaw), np.sin(yaw)
    centre = np.array([cos * middle[0] - sin * middle[1], sin * middle[0] + cos * middle[1]])
    return yaw, centre, (float(sides[best, 0]), float(sides[best, 1]))


def _wrapped(angle: float) -> float:
    return float((angle + np.pi) % (2 * np.pi) - np.pi)
