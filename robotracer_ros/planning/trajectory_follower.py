"""Where joints shall be at a moment: on a trajectory, coming to rest, or at rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.planning.trajectory import JointTrajectory

# A stop takes this long from any speed, at an even deceleration.
STOP_S: Final = 0.1
# A trajectory that begins at once must begin this near to where the joints are, radians or metres.
_START: Final = 0.1
# Velocities of less are rest.
_REST: Final = 1e-3


class TrajectoryFollower:
    """Cubic pieces between points with their velocities, as ros2_controllers' joint_trajectory_controller has them.

    Where a trajectory names no velocities at all, joints pass its inner points with those of a monotone cubic (Fritsch
    and Butland 1984), so that they neither stop at each nor swing beyond one.

    Args:
        positions: (N,) where the joints rest at first, radians or metres.
    """

    def __init__(self, positions: FloatArray) -> None:
        self._times = np.array([-np.inf])
        self._positions = np.array([positions], dtype=np.float64)
        self._velocities = np.zeros_like(self._positions)

    @property
    def end_s(self) -> float:
        """When the joints come to rest; -inf where they have never moved."""
        return float(self._times[-1])

    def at(self, time_s: float) -> tuple[FloatArray, FloatArray]:
        """(N,) positions and velocities."""
        after = int(np.searchsorted(self._times, time_s, side="right"))
        if after == len(self._times):
            return self._positions[-1], np.zeros_like(self._positions[-1])
        if after == 0:
            return self._positions[0], np.zeros_like(self._positions[0])
        span = self._times[after] - self._times[after - 1]
        share = (time_s - self._times[after - 1]) / span
        p0, p1 = self._positions[after - 1], self._positions[after]
        v0, v1 = self._velocities[after - 1] * span, self._velocities[after] * span
        bend, twist = 3 * (p1 - p0) - 2 * v0 - v1, 2 * (p0 - p1) + v0 + v1
        position = p0 + share * (v0 + share * (bend + share * twist))
        return position, (v0 + share * (2 * bend + 3 * share * twist)) / span

    def follow(self, trajectory: JointTrajectory, begin_s: float, now_s: float) -> None:
        """Follow the trajectory, whose time 0 is at ``begin_s``, from where the joints shall be now; in its order.

        Raises:
            InvalidRequest: for one that begins at once and elsewhere; then nothing changes.
        """
        here, speed = self.at(now_s)
        times = begin_s + trajectory.times_s
        kept = times > now_s
        off = float(np.abs(trajectory.positions[0] - here).max())
        if not kept[0] and trajectory.times_s[0] <= 0.0 and begin_s >= now_s and off > _START:
            raise InvalidRequest(
                f"the trajectory begins {off:.3f} rad from where the joints are; accepted: up to {_START} rad"
            )
        velocities = trajectory.velocities
        if not velocities.any():
            velocities = _passing(trajectory.times_s, trajectory.positions)
        self._times = np.concatenate([[now_s], times[kept]])
        self._positions = np.concatenate([here[None], trajectory.positions[kept]])
        self._velocities = np.concatenate([speed[None], velocities[kept]])

    def stop(self, now_s: float) -> None:
        """Come to rest within `STOP_S`."""
        here, speed = self.at(now_s)
        if not np.abs(speed).max(initial=0.0) > 0.0:
            self._times, self._positions = np.array([now_s]), here[None].copy()
            self._velocities = np.zeros_like(self._positions)
            return
        self._times = np.array([now_s, now_s + STOP_S])
        self._positions = np.array([here, here + speed * STOP_S / 2])
        self._velocities = np.array([speed, np.zeros_like(speed)])


def in_order(trajectory: JointTrajectory, joint_names: Sequence[str]) -> JointTrajectory:
    """The same motion with its joints in this order.

    Raises:
        InvalidRequest: for a trajectory of other joints, of some of them or of one twice.
    """
    given = trajectory.joint_names
    if sorted(given) != sorted(joint_names):
        raise InvalidRequest(
            f"a trajectory moves the joints {', '.join(joint_names)}, each of them once; received {', '.join(given)}"
        )
    order = [given.index(name) for name in joint_names]
    columns = (part[:, order] for part in (trajectory.positions, trajectory.velocities, trajectory.accelerations))
    return JointTrajectory(tuple(joint_names), trajectory.times_s, *columns)


def require_followable(trajectory: JointTrajectory, lower: FloatArray, upper: FloatArray) -> None:
    """Check that a trajectory can be followed to its end, within (N,) limits of the positions.

    Raises:
        InvalidRequest: for numbers that are not finite, times that do not increase from 0 on, positions beyond the
            limits, and a last point that is passed instead of reached.
    """
    for what, values in (("times", trajectory.times_s[:, None]), ("positions", trajectory.positions),
                         ("velocities", trajectory.velocities)):  # fmt: skip
        if not np.isfinite(values).all():
            raise InvalidRequest(f"the {what} of a trajectory must be finite; point {_first(~np.isfinite(values))}")
    if not (trajectory.times_s >= 0).all() or not (np.diff(trajectory.times_s) > 0).all():
        raise InvalidRequest(f"the times of a trajectory must increase, received {trajectory.times_s.tolist()!s:.80}")
    beyond = (trajectory.positions < lower - _REST) | (trajectory.positions > upper + _REST)
    if beyond.any():
        joint = trajectory.joint_names[int(np.argwhere(beyond)[0][1])]
        raise InvalidRequest(f"{joint} would leave its limits; point {_first(beyond)}")
    if (np.abs(trajectory.velocities[-1]) > _REST).any():
        raise InvalidRequest("a trajectory must end at rest: the velocities of its last point are not 0")


def _first(wrong: npt.NDArray[np.bool_]) -> str:
    return f"{int(np.argwhere(wrong)[0][0]) + 1} of {len(wrong)}"


def _passing(times_s: FloatArray, positions: FloatArray) -> FloatArray:
    """(T, N) velocities: 0 at the ends and where a joint turns back, else a harmonic mean of both sides' slopes."""
    velocities = np.zeros_like(positions)
    if len(times_s) < 3:
        return velocities
    spans = np.diff(times_s)[:, None]
    slopes = np.diff(positions, axis=0) / spans
    before, after = slopes[:-1], slopes[1:]
    onward = before * after > 0
    first, last = 2 * spans[1:] + spans[:-1], spans[1:] + 2 * spans[:-1]
    safe_before, safe_after = np.where(onward, before, 1.0), np.where(onward, after, 1.0)
    mean = (first + last) / (first / safe_before + last / safe_after)
    velocities[1:-1] = np.where(onward, mean, 0.0)
    return velocities
