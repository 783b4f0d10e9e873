"""A joint trajectory controller: one goal at a time, watched for tolerances, stopped at once when asked."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

import numpy as np

from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.planning.trajectory import JointTrajectory
from robotracer_ros.planning.trajectory_follower import TrajectoryFollower, in_order, require_followable

# How near to its last point a joint must come, radians or metres, and how long after the end it may take to.
GOAL_TOLERANCE: Final = 0.02
GOAL_TIME_S: Final = 1.0


class End(Enum):
    """How the following of a trajectory ended."""

    REACHED = "reached"
    STOPPED = "stopped"
    REPLACED = "replaced"
    OFF_PATH = "off_path"
    NOT_REACHED = "not_reached"


@dataclass(frozen=True, slots=True)
class Tolerances:
    """How far joints may be from where they shall be, by name, radians or metres; infinite for unchecked.

    Attributes:
        path: on the way; joints that are not named are not checked.
        goal: at the end; joints that are not named have `GOAL_TOLERANCE`.
        goal_time_s: after the end.
    """

    path: Mapping[str, float] = field(default_factory=dict)
    goal: Mapping[str, float] = field(default_factory=dict)
    goal_time_s: float = GOAL_TIME_S


class Following:
    """One trajectory that is followed, or was; `ended` is set with the other two."""

    def __init__(self, end_s: float, tolerances: Tolerances) -> None:
        self.end_s, self.tolerances = end_s, tolerances
        self.ended = threading.Event()
        self.end: End | None = None
        self.reason = ""

    def finish(self, end: End, reason: str) -> None:
        """Only the first end counts."""
        if not self.ended.is_set():
            self.end, self.reason = end, reason
            self.ended.set()


class TrajectoryControl:
    """Follows trajectories, each replacing the one before.

    Args:
        joint_names: of (N,) joints.
        positions: (N,) where they rest, radians or metres.
        lower, upper: (N,) limits of their positions.
    """

    def __init__(self, joint_names: Sequence[str], positions: FloatArray, lower: FloatArray, upper: FloatArray) -> None:
        self.joint_names = tuple(joint_names)
        self._lower, self._upper = lower, upper
        self._follower = TrajectoryFollower(positions)
        self._goal: Following | None = None
        self._lock = threading.Lock()

    def begin(
        self, trajectory: JointTrajectory, begin_s: float, now_s: float, tolerances: Tolerances
    ) -> Following:  # fmt: skip
        """Follow a trajectory whose time 0 is at ``begin_s``, in place of what is followed now.

        Raises:
            InvalidRequest: as `in_order`, `require_followable` and `TrajectoryFollower.follow`; then nothing changes.
        """
        trajectory = in_order(trajectory, self.joint_names)
        require_followable(trajectory, self._lower, self._upper)
        with self._lock:
            self._follower.follow(trajectory, begin_s, now_s)
            self._finish(End.REPLACED, "another trajectory was sent meanwhile")
            self._goal = Following(self._follower.end_s, tolerances)
            return self._goal

    def stop(self, now_s: float, only: Following | None = None) -> None:
        """Come to rest at once; with ``only``, if that is what is being followed."""
        with self._lock:
            if only is None or only is self._goal:
                self._follower.stop(now_s)
                self._finish(End.STOPPED, "it was told to stop")

    def wanted(self, now_s: float) -> tuple[FloatArray, FloatArray]:
        """(N,) positions and velocities."""
        with self._lock:
            return self._follower.at(now_s)

    def has_rested(self, since_s: float) -> bool:
        """Whether nothing has been followed since that time."""
        with self._lock:
            return self._goal is None and self._follower.end_s < since_s

    def step(self, now_s: float, actual: FloatArray) -> dict[str, float]:
        """Positions to be commanded now, by joint; ``actual`` (N,) is where the joints are."""
        with self._lock:
            self._watch(now_s, actual)
            return dict(zip(self.joint_names, self._follower.at(now_s)[0].tolist(), strict=True))

    def _watch(self, now_s: float, actual: FloatArray) -> None:
        goal = self._goal
        if goal is None:
            return
        away = np.abs(actual - self._follower.at(now_s)[0])
        if now_s < goal.end_s:
            if words := self._beyond(away, goal.tolerances.path, np.inf):
                self._follower.stop(now_s)
                self._finish(End.OFF_PATH, words)
            return
        words = self._beyond(away, goal.tolerances.goal, GOAL_TOLERANCE)
        if not words:
            self._finish(End.REACHED, "")
        elif now_s > goal.end_s + goal.tolerances.goal_time_s:
            self._finish(End.NOT_REACHED, words)

    def _beyond(self, away: FloatArray, tolerances: Mapping[str, float], default: float) -> str:
        for name, amount in zip(self.joint_names, away.tolist(), strict=True):
            allowed = tolerances.get(name, default)
            if amount > allowed:
                return f"{name} is {amount:.4f} from where it shall be; allowed are {allowed:.4f}"
        return ""

    def _finish(self, end: End, reason: str) -> None:
        goal, self._goal = self._goal, None
        if goal is not None:
            goal.finish(end, reason)
