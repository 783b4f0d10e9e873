"""Following a path on the ground with a base that drives and turns: regulated pure pursuit.

The base steers along the arc to a point of the path a lookahead ahead of it (Coulter, Implementation of the Pure
Pursuit Path Tracking Algorithm, 1992), slower where that arc is tight and where the path ends (Macenski et al.,
Regulated Pure Pursuit for Robot Path Tracking, arXiv 2305.20026). It turns on the spot where the path goes elsewhere
than it looks, and at the end until it looks along the last pose.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import Enum
from typing import Final

import numpy as np

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray, frozen_floats
from robotracer_ros.planning.path import PosePath

# Nearer to the path than this the base is on it, and of places about equally near it begins at the first; from further
# away it first drives to where the path begins.
_ON_PATH_M: Final = 0.05
# Turning on the spot begins beyond this angle to where it goes next and ends within the other.
_TURN_BEYOND_RAD: Final = 0.8
_TURN_UNTIL_RAD: Final = 0.15
# A control loop that comes late must not make the base jump.
_LONGEST_STEP_S: Final = 0.2
# Over the last centimetres speed falls with the way left, so that a base that is late does not go past the end.
_ARRIVAL_S: Final = 0.4
# Slower than this a base of wheels stands; creeping to the goal ends.
_LEAST_SPEED_M_S: Final = 0.03
_LEAST_TURN_RAD_S: Final = 0.06


@dataclass(frozen=True, slots=True)
class PursuitSettings:
    """How fast and how closely a base follows; every name is also a parameter's.

    Attributes:
        max_speed_m_s: forward; it never drives backward.
        max_turn_rad_s: to either side.
        max_acceleration_m_s2, max_turn_acceleration_rad_s2: of the commands.
        max_sideways_m_s2: of the base in a bend, which slows it down there.
        lookahead_m: to the point it steers at; corners are cut by about a quarter of it.
        goal_tolerance_m: it has arrived this near to the last pose.
        yaw_tolerance_rad: it looks along the last pose within this angle.

    Raises:
        InvalidRequest: naming the setting and what would be accepted.
    """

    max_speed_m_s: float = 0.3
    max_turn_rad_s: float = 1.0
    max_acceleration_m_s2: float = 0.5
    max_turn_acceleration_rad_s2: float = 2.0
    max_sideways_m_s2: float = 0.25
    lookahead_m: float = 0.25
    goal_tolerance_m: float = 0.02
    yaw_tolerance_rad: float = 0.05

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not (math.isfinite(value) and value > 0):
                raise InvalidRequest(f"{field.name} must be a finite number above 0, received {value}")


@dataclass(frozen=True, slots=True)
class Drive:
    """What the base is told at one moment.

    Attributes:
        v_m_s: forward.
        w_rad_s: to the left.
        done: it has arrived; both velocities are 0, and stay so.
        distance_m: left to the last pose, along the path.
    """

    v_m_s: float
    w_rad_s: float
    done: bool
    distance_m: float


class _Phase(Enum):
    TURNING = "towards the path"
    FOLLOWING = "along the path"
    ALIGNING = "to the yaw of the last pose"
    ARRIVED = "arrived"


class PurePursuit:
    """Follows one path once.

    Args:
        path: on the ground; of its poses the places x and y count, and the yaw of the last.
        settings: how.
    """

    def __init__(self, path: PosePath, settings: PursuitSettings | None = None) -> None:
        self._settings = settings or PursuitSettings()
        self._way = _Way(path.positions_m[:, :2])
        self._final_yaw = _yaw_of(path.quaternions_xyzw[-1])
        self._phase = _Phase.FOLLOWING
        self._began = False
        self._along_m = 0.0
        self._now_s = -math.inf
        self._v = self._w = 0.0

    def step(self, pose: Sequence[float], now_s: float) -> Drive:
        """What to tell the base that stands at a pose (x, y in metres, yaw in radians, in the path's frame) now.

        Call it many times a second; ``now_s`` is of any clock that does not run backward.

        Raises:
            InvalidRequest: for a pose or a time that is not finite; nothing has changed then.
        """
        x, y, yaw = frozen_floats("pose", pose, (3,)).tolist()
        if not all(map(math.isfinite, (x, y, yaw, now_s))):
            raise InvalidRequest(f"a pose and its time must be finite, received {[x, y, yaw]} at {now_s} s")
        here = np.array([x, y])
        step_s = 0.0 if self._now_s == -math.inf else min(max(now_s - self._now_s, 0.0), _LONGEST_STEP_S)
        self._now_s = max(now_s, self._now_s)
        if not self._began:
            self._begin(here)
        self._along_m = self._way.nearest_m(here, self._along_m, self._along_m + 2 * self._settings.lookahead_m)
        left_m = self._way.length_m - self._along_m
        v, w = self._wanted(here, yaw, left_m)
        if self._phase is _Phase.ARRIVED:
            self._v = self._w = 0.0
        else:
            self._v = _towards(self._v, v, self._settings.max_acceleration_m_s2 * step_s)
            self._w = _towards(self._w, w, self._settings.max_turn_acceleration_rad_s2 * step_s)
        return Drive(self._v, self._w, self._phase is _Phase.ARRIVED, left_m)

    def hold(self) -> Drive:
        """What to tell a base that has to stand; it speeds up anew."""
        self._v = self._w = 0.0
        return Drive(0.0, 0.0, False, self._way.length_m - self._along_m)

    def _begin(self, here: FloatArray) -> None:
        """Start at the place of the path that is nearest, and with a straight way to the path's first place if that is
        the nearest and not near.
        """
        self._began = True
        # A path that comes back to where the base stands, as a circle does, is not at its end there.
        first_m = self._way.nearest_m(here, 0.0, math.inf, _ON_PATH_M)
        self._along_m = self._way.nearest_m(here, first_m, first_m + 2 * self._settings.lookahead_m)
        off_m = float(np.linalg.norm(self._way.at(self._along_m) - here))
        if off_m > _ON_PATH_M and self._along_m <= _ON_PATH_M:
            self._way = _Way(np.vstack([here, self._way.points]))
            self._along_m = 0.0

    def _wanted(self, here: FloatArray, yaw: float, left_m: float) -> tuple[float, float]:
        """Velocities without regard to acceleration; moves on to the next phase where it is time to."""
        settings = self._settings
        goal = self._way.points[-1]
        to_goal_m = float(np.linalg.norm(goal - here))
        if self._phase in (_Phase.TURNING, _Phase.FOLLOWING) and self._at_end(here, to_goal_m, left_m):
            self._phase = _Phase.ALIGNING
        if self._phase is _Phase.ALIGNING:
            off = _wrapped(self._final_yaw - yaw)
            if abs(off) > settings.yaw_tolerance_rad:
                # What is left of the drive forward is braked, not driven out.
                return 0.0, self._turn(off)
            if self._v > _LEAST_SPEED_M_S or abs(self._w) > 2 * _LEAST_TURN_RAD_S:
                return 0.0, 0.0
            self._phase = _Phase.ARRIVED
        if self._phase is _Phase.ARRIVED:
            return 0.0, 0.0
        aim = self._way.at(self._along_m + settings.lookahead_m) - here
        angle = _wrapped(math.atan2(aim[1], aim[0]) - yaw)
        if abs(angle) > _TURN_BEYOND_RAD:
            self._phase = _Phase.TURNING
        elif abs(angle) < _TURN_UNTIL_RAD:
            self._phase = _Phase.FOLLOWING
        if self._phase is _Phase.TURNING:
            return 0.0, self._turn(angle)
        return self._arc(float(np.linalg.norm(aim)), angle, to_goal_m, left_m)

    def _arc(self, aim_m: float, angle: float, to_goal_m: float, left_m: float) -> tuple[float, float]:
        settings = self._settings
        curvature = 2.0 * math.sin(angle) / max(aim_m, 1e-3)
        bend = max(abs(curvature), 1e-6)
        ahead_m = max(left_m, to_goal_m - settings.goal_tolerance_m, 0.0)
        # Half of the deceleration is kept for what the base does late.
        braking = min(math.sqrt(settings.max_acceleration_m_s2 * ahead_m), ahead_m / _ARRIVAL_S)
        v = min(
            settings.max_speed_m_s, settings.max_turn_rad_s / bend, math.sqrt(settings.max_sideways_m_s2 / bend),
            max(braking, _LEAST_SPEED_M_S),
        )  # fmt: skip
        most = settings.max_turn_rad_s
        return v, min(max(v * curvature, -most), most)

    def _at_end(self, here: FloatArray, to_goal_m: float, left_m: float) -> bool:
        """Within the tolerance, or past the end beside it: a base that missed by a little does not circle about it."""
        if left_m > 2 * self._settings.lookahead_m:
            # A path may pass its last place long before it ends there.
            return False
        if to_goal_m <= self._settings.goal_tolerance_m / 2:
            return True
        last = self._way.direction_at_end
        passed = left_m <= 1e-6 and float((here - self._way.points[-1]) @ last) >= 0.0
        return passed and to_goal_m <= self._settings.goal_tolerance_m

    def _turn(self, angle: float) -> float:
        """Speed of a turn on the spot that can still be braked."""
        settings = self._settings
        fastest = math.sqrt(settings.max_turn_acceleration_rad_s2 * abs(angle))
        return math.copysign(max(min(fastest, settings.max_turn_rad_s), _LEAST_TURN_RAD_S), angle)


class _Way:
    """A polyline on the ground, measured along its length from its first point."""

    def __init__(self, points_m: FloatArray) -> None:
        steps = np.linalg.norm(np.diff(points_m, axis=0), axis=1)
        # Repeated points have no direction.
        self.points = np.vstack([points_m[:1], points_m[1:][steps > 1e-6]])
        steps = np.linalg.norm(np.diff(self.points, axis=0), axis=1)
        self._along = np.concatenate([[0.0], np.cumsum(steps)])

    @property
    def length_m(self) -> float:
        return float(self._along[-1])

    @property
    def direction_at_end(self) -> FloatArray:
        """(2,) unit vector, zero for a single point."""
        if len(self.points) == 1:
            return np.zeros(2)
        last = self.points[-1] - self.points[-2]
        return np.asarray(last / np.linalg.norm(last))

    def at(self, along_m: float) -> FloatArray:
        """(2,) the place so far along, or the end."""
        return np.array([np.interp(along_m, self._along, self.points[:, axis]) for axis in (0, 1)])

    def nearest_m(self, here: FloatArray, low_m: float, high_m: float, about_m: float = 1e-3) -> float:
        """How far along, between two bounds, the way is nearest; of places that are so about equally, the first.

        Where a path crosses itself, the bounds keep what follows it on its own branch.
        """
        if len(self.points) == 1:
            return 0.0
        begin, step = self.points[:-1], np.diff(self.points, axis=0)
        lengths = np.diff(self._along)
        share = ((here - begin) * step).sum(axis=1) / lengths**2
        along = self._along[:-1] + np.clip(share, 0.0, 1.0) * lengths
        along = np.clip(along, max(low_m, 0.0), min(high_m, self.length_m))
        # Clipped to the bounds, a foot may leave its segment, which another one then has for itself.
        places = np.column_stack([np.interp(along, self._along, self.points[:, axis]) for axis in (0, 1)])
        away = np.linalg.norm(places - here, axis=1)
        return float(along[away <= away.min() + about_m].min())


class Progress:
    """Tells whether a base gets on: that it moves or turns by some least amount in some time.

    Args:
        radius_m, angle_rad: the least amounts, either of which is enough.
        allowance_s: the time.
    """

    def __init__(self, radius_m: float = 0.05, angle_rad: float = 0.1, allowance_s: float = 3.0) -> None:
        self._radius_m, self._angle_rad, self._allowance_s = radius_m, angle_rad, allowance_s
        self._since: tuple[float, float, float] | None = None
        self._since_s = 0.0

    def stuck(self, pose: Sequence[float], now_s: float) -> bool:
        """Whether a base at a pose (x, y, yaw) has not got on for too long."""
        x, y, yaw = pose
        if self._since is not None:
            moved = math.hypot(x - self._since[0], y - self._since[1])
            turned = abs(_wrapped(yaw - self._since[2]))
            if moved < self._radius_m and turned < self._angle_rad:
                return now_s - self._since_s > self._allowance_s
        self._since, self._since_s = (x, y, yaw), now_s
        return False


def _yaw_of(quaternion_xyzw: FloatArray) -> float:
    x, y, z, w = quaternion_xyzw.tolist()
    return math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))


def _wrapped(angle: float) -> float:
    """The same angle from -pi to pi."""
    return math.remainder(angle, 2 * math.pi)


def _towards(value: float, wanted: float, most: float) -> float:
    return value + min(max(wanted - value, -most), most)
