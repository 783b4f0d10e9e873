"""Whether a joint trajectory carries the tip along the path it was asked for, turning as asked, and in its order."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from robotracer_ros.errors import MotionRefused
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.planning.cartesian import RAD_PER_M, Line
from robotracer_ros.planning.motion_check import MotionRules
from robotracer_ros.planning.robot_description import RobotDescription
from robotracer_ros.planning.tip_motion import tip_poses
from robotracer_ros.planning.trajectory import JointTrajectory

# Places on the path are nearer to each other than what is allowed by this factor.
_FINE: Final = 4
# So many of the tip's poses are held against all places in one go.
_AT_ONCE: Final = 100


def require_on_path(
    trajectory: JointTrajectory, robot: RobotDescription, tip_link: str, base_link: str, waypoints: FloatArray,
    rules: MotionRules,
) -> None:  # fmt: skip
    """Check by the robot's own geometry that the tip goes where it was asked to go, however a controller interpolates.

    From waypoint to waypoint the tip goes straight and turns evenly about one axis, as MoveIt has it. In the recorded
    answers of a genuine move_group the tip is up to 3.6 mm and 0.01 rad off; the rules' 1 cm and 0.05 rad are nearly
    three and five times that.

    Args:
        waypoints: (W, 4, 4) of the tip seen from the base link; the way begins where the trajectory does.

    Raises:
        MotionRefused: naming the waypoint, the amount and the rule.
    """
    for tips in tip_poses(trajectory, robot, tip_link, base_link):
        check = _PathCheck(tip_link, tips, waypoints, rules)
        check.require_near()
        check.require_waypoints()
        check.require_in_order()


class _PathCheck:
    """Poses (S, 4, 4) that a tip takes one after the other, held against its path."""

    def __init__(self, tip_link: str, tips: FloatArray, waypoints: FloatArray, rules: MotionRules) -> None:
        self._tip_link, self._tips, self._waypoints, self._rules = tip_link, tips, waypoints, rules
        self._corners = np.concatenate([tips[:1], waypoints])
        self._allowed = (
            f"max_path_deviation_m allows {rules.max_path_deviation_m}, max_path_rotation_rad "
            f"{rules.max_path_rotation_rad}"
        )

    def require_near(self) -> None:
        """Check that the tip is never far from any of the lines."""
        away, lines = _distance_to_lines(self._tips[:, :3, 3], self._corners[:, :3, 3])
        worst = int(away.argmax())
        if away[worst] > self._rules.max_path_deviation_m:
            raise MotionRefused(
                f"{self._tip_link} would leave the path by {away[worst]:.4f} m {self._when(worst)}, near the line to "
                f"waypoint {lines[worst] + 1}; max_path_deviation_m allows {self._rules.max_path_deviation_m}"
            )

    def require_waypoints(self) -> None:
        """Check that the tip comes to every waypoint, and ends at the last one."""
        for number, waypoint in enumerate(self._waypoints[:-1], 1):
            self._require_at("pass", self._tips, number, waypoint)
        self._require_at("end", self._tips[-1:], len(self._waypoints), self._waypoints[-1])

    def require_in_order(self) -> None:
        """Check that the tip passes the path's places, in their order and turned as they are.

        Each of the tip's poses belongs to the first place that fits it and that is not before the pose's before. If
        any choice of places fits, this one does.
        """
        places, numbers = self._places()
        at = 0
        for index, (off_m, turned) in enumerate(self._offs(places)):
            fits = (off_m <= self._rules.max_path_deviation_m) & (turned <= self._rules.max_path_rotation_rad)
            found = at + int(fits[at:].argmax())
            if not fits[found]:
                nearest = at + int(off_m[at:].argmin())
                raise MotionRefused(
                    f"{self._tip_link} would be {off_m[nearest]:.4f} m and {turned[nearest]:.4f} rad off what is left "
                    f"of the path {self._when(index)}, on the line to waypoint {numbers[nearest]}; {self._allowed}"
                )
            at = found

    def _require_at(self, verb: str, tips: FloatArray, number: int, waypoint: FloatArray) -> None:
        rules = self._rules
        off_m, turned = _off(tips, waypoint)
        shares = np.maximum(off_m / rules.max_path_deviation_m, turned / rules.max_path_rotation_rad)
        best = int(shares.argmin())
        if shares[best] > 1:
            raise MotionRefused(
                f"{self._tip_link} would {verb} {off_m[best]:.4f} m and {turned[best]:.4f} rad from waypoint {number}; "
                f"{self._allowed}"
            )

    def _offs(self, places: FloatArray) -> Iterator[tuple[FloatArray, FloatArray]]:
        """(K,) metres and (K,) radians from places (K, 4, 4) to each of the tip's poses."""
        for first in range(0, len(self._tips), _AT_ONCE):
            yield from zip(*_off(places, self._tips[first : first + _AT_ONCE, None]), strict=True)

    def _places(self) -> tuple[FloatArray, list[int]]:
        """(K, 4, 4) along the path, and the waypoint that each leads to."""
        rules = self._rules
        step_m = min(rules.max_path_deviation_m, rules.max_path_rotation_rad / RAD_PER_M) / _FINE
        places, numbers = [self._corners[0]], [1]
        for number, (begin, end) in enumerate(pairwise(self._corners), 1):
            line = Line(begin, end)
            steps = line.steps(step_m)
            places += [line.at(step / steps) for step in range(1, steps + 1)]
            numbers += [number] * steps
        return np.array(places), numbers

    def _when(self, index: int) -> str:
        return f"{index / (len(self._tips) - 1):.0%} of the way through"


def _off(poses: FloatArray, others: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(...) metres and (...) radians from poses (..., 4, 4) to others (..., 4, 4)."""
    cosines = (np.einsum("...ij,...ij->...", poses[..., :3, :3], others[..., :3, :3]) - 1) / 2
    return np.linalg.norm(poses[..., :3, 3] - others[..., :3, 3], axis=-1), np.arccos(np.clip(cosines, -1, 1))


def _distance_to_lines(points: FloatArray, corners: FloatArray) -> tuple[FloatArray, npt.NDArray[np.intp]]:
    """(N,) from points (N, 3) to the nearest of the lines between corners (C, 3), and (N,) which line it is."""
    begin, way = corners[:-1], np.diff(corners, axis=0)
    length = np.maximum((way**2).sum(axis=1), 1e-18)
    share = np.clip(((points[:, None] - begin) * way).sum(axis=2) / length, 0.0, 1.0)
    nearest = begin + share[:, :, None] * way
    away = np.linalg.norm(points[:, None] - nearest, axis=2)
    return away.min(axis=1), away.argmin(axis=1)
