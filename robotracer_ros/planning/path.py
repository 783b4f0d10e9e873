"""A path: poses without time, and what was found wrong with them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from robotracer_ros.errors import PlanningError
from robotracer_ros.geometry.arrays import FloatArray, frozen_floats
from robotracer_ros.planning.settings import PathSettings

_UNIT_QUATERNION_TOLERANCE = 1e-6


class ViolationKind(IntEnum):
    """What is wrong with a waypoint."""

    OUTSIDE_WORKSPACE = 1
    TOO_CLOSE = 2
    UNREACHABLE = 3
    UNOBSERVED = 4


@dataclass(frozen=True, slots=True)
class Violation:
    """One waypoint that breaks one rule.

    Attributes:
        kind: the rule.
        index: of the waypoint in its path, counted from 0.
        amount_m: by how much. OUTSIDE_WORKSPACE: the distance to the box. TOO_CLOSE: what is missing to the clearance.
            UNREACHABLE: how far the robot stays away. UNOBSERVED: how far behind the observed surface, along the
            camera's optical axis. NaN where that is not known.
    """

    kind: ViolationKind
    index: int
    amount_m: float = float("nan")

    def describe(self, settings: PathSettings) -> str:
        """One sentence with the waypoint, the amount and the setting that was broken."""
        match self.kind:
            case ViolationKind.OUTSIDE_WORKSPACE:
                low, high = settings.workspace_min_m, settings.workspace_max_m
                words = f"is {_length(self.amount_m)} outside workspace_min_m {low} to workspace_max_m {high}"
            case ViolationKind.TOO_CLOSE:
                words = (
                    f"is {_length(self.amount_m)} too close to an observed surface: it keeps "
                    f"{_length(settings.clearance_m - self.amount_m)} of clearance_m {settings.clearance_m:g} m"
                )
            case ViolationKind.UNREACHABLE:
                words = f"cannot be reached: the robot stays {_length(self.amount_m)} away"
            case ViolationKind.UNOBSERVED if math.isnan(self.amount_m):
                words = "lies where the camera has no reading"
            case ViolationKind.UNOBSERVED:
                words = (
                    f"lies {_length(self.amount_m)} behind what the camera saw, "
                    f"more than depth_tolerance_m {settings.depth_tolerance_m:g} m allows"
                )
        return f"waypoint {self.index} {words}"


@dataclass(frozen=True, slots=True, eq=False)
class PosePath:
    """Waypoints in order, without time.

    Attributes:
        positions_m: (M, 3), M at least 1.
        quaternions_xyzw: (M, 4) unit quaternions in ROS order, ``frame_id`` from tool (or from a mobile base); each is
            the one of its two signs that lies nearer to the one before.
        frame_id: the frame of both.
        stamp_ns: of the image the path was seen in, nanoseconds.
        violations: in the order of their waypoints; a path without any passed every check that was asked for.

    Raises:
        PlanningError: for a path without waypoints, values not finite, quaternions not of unit length, or a violation
            of a waypoint that does not exist.
    """

    positions_m: FloatArray
    quaternions_xyzw: FloatArray
    frame_id: str
    stamp_ns: int
    violations: Sequence[Violation] = ()

    def __post_init__(self) -> None:
        positions = frozen_floats("positions_m", self.positions_m, (None, 3))
        quaternions = frozen_floats("quaternions_xyzw", self.quaternions_xyzw, (len(positions), 4))
        if not len(positions):
            raise PlanningError("a path has at least one waypoint, received none")
        if not np.isfinite(positions).all():
            first = int(np.flatnonzero(~np.isfinite(positions).all(axis=1))[0])
            raise PlanningError(f"waypoint {first} must be finite, received {positions[first].tolist()}")
        lengths = np.linalg.norm(quaternions, axis=1)
        wrong = np.flatnonzero(~(np.abs(lengths - 1) < _UNIT_QUATERNION_TOLERANCE))
        if len(wrong):
            first = int(wrong[0])
            raise PlanningError(f"the quaternion of waypoint {first} must have length 1, received {lengths[first]:g}")
        for violation in self.violations:
            if not 0 <= violation.index < len(positions):
                raise PlanningError(
                    f"a violation names waypoint {violation.index}, the path has waypoints 0 to {len(positions) - 1}"
                )
        object.__setattr__(self, "positions_m", positions)
        object.__setattr__(self, "quaternions_xyzw", quaternions)
        ordered = tuple(sorted(self.violations, key=lambda violation: (violation.index, violation.kind)))
        object.__setattr__(self, "violations", ordered)

    def __len__(self) -> int:
        return len(self.positions_m)

    @property
    def length_m(self) -> float:
        """The way from the first to the last waypoint along the path, metres."""
        return float(np.linalg.norm(np.diff(self.positions_m, axis=0), axis=1).sum())


def _length(metres: float) -> str:
    return "an unknown length" if math.isnan(metres) else f"{metres:.3f} m"
