"""The agreement between motion_node and whatever moves the robot."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from robotracer_ros.errors import RobotracerError
from robotracer_ros.planning.manipulation import Step
from robotracer_ros.planning.trajectory import JointTrajectory

# Told while a robot moves: the step's name, and the part of all steps' length that is done, 0 to 1.
Progress: TypeAlias = Callable[[str, float], None]


class StopSign:
    """Says from any thread that a motion has to end, and why; the first reason stays."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._set = threading.Event()
        self._reason: RobotracerError | None = None

    def show(self, reason: RobotracerError) -> None:
        """End the motion for this reason."""
        with self._lock:
            if self._reason is None:
                self._reason = reason
        self._set.set()

    @property
    def is_shown(self) -> bool:
        """Whether the motion has to end."""
        return self._set.is_set()

    @property
    def reason(self) -> RobotracerError | None:
        """Why, or None while nothing speaks against the motion."""
        return self._reason

    def wait(self, timeout_s: float) -> bool:
        """Wait until it is shown, at most so long; whether it is."""
        return self._set.wait(timeout_s)

    def obey(self) -> None:
        """Raise the reason, if there is one."""
        if self._reason is not None:
            raise self._reason


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What a follower would do, checked.

    Attributes:
        steps: what was asked for.
        trajectories: one for each `Reach`, in order; () for followers that do not know the joints.
        display: a moveit_msgs/DisplayTrajectory for RViz, or None.
        hints: what the follower needs to follow it; nobody else's business.
    """

    steps: tuple[Step, ...]
    trajectories: tuple[JointTrajectory, ...] = ()
    display: Any = None
    hints: Any = None

    @property
    def duration_s(self) -> float:
        """Of all trajectories; 0 where they are not known."""
        return sum(float(trajectory.times_s[-1]) for trajectory in self.trajectories)


class PathFollower(Protocol):
    """Makes a robot follow paths. All waits are bounded; the methods may wait, so they are called beside the executor's
    last thread.
    """

    def plan(self, steps: Sequence[Step], stop: StopSign) -> Plan:
        """Plan and check; nothing moves.

        Raises:
            MotionRefused: naming the waypoint, the amount and the rule, or what is missing.
            MotionError: for planners that are not there or answer nonsense.
            RobotracerError: the reason of ``stop``, once it is shown.
        """
        ...

    def follow(self, plan: Plan, stop: StopSign, progress: Progress) -> None:
        """Let the robot follow a plan to its end.

        When ``stop`` is shown the robot is stopped, that it rests is confirmed, and the reason is raised.

        Raises:
            MotionRefused: before anything moved: the robot stands elsewhere than where the plan begins.
            MotionError: the robot did not follow to the end, or its rest could not be confirmed; it was told to stop.
            RobotracerError: the reason of ``stop``.
        """
        ...

    def close(self) -> None:
        """Let go of topics, services and actions; a motion that runs is stopped before. Twice is fine."""
        ...
