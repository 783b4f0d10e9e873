"""Eyes on the joints while they follow a trajectory."""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt

from robotracer_ros.errors import MotionError, MotionRefused
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.motion.follower import StopSign
from robotracer_ros.motion.move_group_settings import ExecutionSettings
from robotracer_ros.planning.robot_description import RobotDescription, shortest
from robotracer_ros.planning.trajectory import JointTrajectory
from robotracer_ros.ros.joint_states import JointReading, JointStates

# The trajectory is looked at with a point every so often.
_FINE_RAD = 0.01
_MOST_POINTS = 5000
_LOOK_S = 0.01
# Of joints for which the URDF knows no limit.
_ANY_SPEED = 10.0
# A controller may be ahead of the times it was given by this factor, and by so much besides.
_EARLY = 2.0
_EARLY_S = 1.0


class JointWatch:
    """Compares where the joints are with where a trajectory leads them, from look to look.

    A trajectory may pass a place twice, or end where it begins. Hence all points are kept at which the robot may be by
    now: near the joints, no earlier than before, and no later than the joints' speeds and the trajectory's times allow.
    How late a robot may be is not its concern.
    """

    def __init__(
        self, joint_states: JointStates, robot: RobotDescription, trajectory: JointTrajectory,
        settings: ExecutionSettings,
    ) -> None:  # fmt: skip
        self._joint_states = joint_states
        self._names = trajectory.joint_names
        self._settings = settings
        # Between two points the joints are no farther from the nearest than half of what is allowed.
        step = min(_FINE_RAD, settings.max_joint_deviation_rad)
        self._fine, self._times_s = _refined(trajectory, step)
        joints = robot.require_joints(self._names)
        self._endless = robot.endless(self._names)
        self._speed = np.minimum([joint.velocity for joint in joints], _ANY_SPEED)
        # (M,) in which time each point can be reached at the joints' full speed.
        spent_s = (np.abs(np.diff(self._fine, axis=0)) / self._speed).max(axis=1)
        self._reached_s = np.concatenate([[0.0], np.cumsum(spent_s)])
        self._longest_s = float(spent_s.max())
        self._possible = np.arange(len(self._fine)) == 0
        self._at = 0
        self._began_s, self._gained_s = time.monotonic(), 0.0
        self._first: tuple[JointReading, ...] = ()
        self._last: tuple[JointReading, ...] = ()

    def look(self) -> float:
        """The share of the trajectory that is done.

        Raises:
            MotionError: for joint states that are silent, that jump, or that tell of joints away from the trajectory.
        """
        readings = self._readings()
        if readings == self._last:
            return self._share()
        joints = _positions(readings)
        passed_s = self._passed_s(readings) if self._last else time.monotonic() - self._began_s
        self._first, self._last = self._first or readings, readings
        reachable = self._reachable(passed_s)
        away = np.full(len(self._fine), np.inf)
        away[reachable] = np.abs(shortest(self._fine[reachable] - joints, self._endless)).max(axis=1)
        # NaN is farther than anything.
        self._possible = away <= self._settings.max_joint_deviation_rad
        if not self._possible.any():
            self._complain(joints, int(away.argmin()))
        nearest = away[self._possible].min()
        # Of places that are equally near, the first.
        first = np.flatnonzero(self._possible & (away <= nearest + _FINE_RAD / 2))[0]
        self._at = max(self._at, int(first))
        return self._share()

    def require_end(self, stop: StopSign) -> None:
        """Wait until the joints are where the trajectory ends, and went its way; one may end where it begins.

        Raises:
            MotionError: when they did not within ``settle_s``, or as `look`.
            RobotracerError: the reason of ``stop``.
        """
        deadline = time.monotonic() + self._settings.settle_s
        while True:
            joints = _positions(self._readings())
            off = np.abs(shortest(joints - self._fine[-1], self._endless))
            is_there, share = bool((off <= self._settings.end_tolerance_rad).all()), 0.0
            if is_there:
                share = self.look()
                if self._possible[-1]:
                    return
            stop.obey()
            if time.monotonic() >= deadline:
                if is_there:
                    raise MotionError(
                        f"the motion is said to be finished, but the joints were seen to go {share:.0%} of its way only"
                    )
                worst = int(off.argmax())
                raise MotionError(
                    f"the motion is said to be finished, but {self._names[worst]} is at {joints[worst]:.4f}, "
                    f"{off[worst]:.4f} from its end; end_tolerance_rad allows {self._settings.end_tolerance_rad}"
                )
            stop.wait(_LOOK_S)

    def _share(self) -> float:
        return self._at / (len(self._fine) - 1)

    def _readings(self) -> tuple[JointReading, ...]:
        try:
            told = self._joint_states.readings(self._names, self._settings.joint_state_age_s)
        except MotionRefused as error:
            raise MotionError(f"{error}; joint_state_age_s allows no more") from error
        return tuple(told[name] for name in self._names)

    def _passed_s(self, readings: tuple[JointReading, ...]) -> float:
        """Since the oldest of the readings before, by the clock that runs faster: a simulation's, or ours.

        Raises:
            MotionError: for a joint that went farther than its speed allows.
        """
        heard_s = np.array([now.heard_s - before.heard_s for now, before in zip(readings, self._last, strict=True)])
        gained_s = _gained_s(readings, self._last)
        steps = shortest(_positions(readings) - _positions(self._last), self._endless)
        self._require_steady(steps, heard_s + gained_s)
        self._gained_s = max(self._gained_s, float(_gained_s(readings, self._first).max()))
        between_s = max(one.heard_s for one in readings) - min(one.heard_s for one in self._last)
        return between_s + float(gained_s.max())

    def _reachable(self, passed_s: float) -> npt.NDArray[np.bool_]:
        """(M,) points to which a joint's full speed, and the trajectory's times, may have led by now."""
        last_s = np.maximum.accumulate(np.where(self._possible, self._reached_s, -np.inf))
        # At least the next point, or a robot that is looked at often would never come to it.
        near = self._reached_s - last_s <= passed_s + self._longest_s
        elapsed_s = time.monotonic() - self._began_s + self._gained_s
        return near & (self._times_s <= elapsed_s * _EARLY + _EARLY_S + self._times_s[0])

    def _complain(self, joints: FloatArray, nearest: int) -> None:
        off = np.abs(shortest(self._fine[nearest] - joints, self._endless))
        worst = int(off.argmax())
        raise MotionError(
            f"{self._names[worst]} is at {joints[worst]:.4f}, {off[worst]:.4f} from where its trajectory may be by "
            f"now; max_joint_deviation_rad allows {self._settings.max_joint_deviation_rad}"
        )

    def _require_steady(self, steps: FloatArray, passed_s: FloatArray) -> None:
        """Messages may be late by a little, hence the deviation on top of what the time explains."""
        allowed = self._speed * passed_s + self._settings.max_joint_deviation_rad
        wrong = np.flatnonzero(~(np.abs(steps) <= allowed))
        if len(wrong):
            joint = int(wrong[0])
            raise MotionError(
                f"{self._names[joint]} jumped by {steps[joint]:.4f} in {passed_s[joint]:.3f} s; its speed and "
                f"max_joint_deviation_rad explain {allowed[joint]:.4f}"
            )


def _gained_s(readings: tuple[JointReading, ...], before: tuple[JointReading, ...]) -> FloatArray:
    """(N,) seconds by which more passed on the robot's clock than on ours."""
    pairs = zip(readings, before, strict=True)
    return np.array([max(now.stamped_s(then) - (now.heard_s - then.heard_s), 0.0) for now, then in pairs])


def _positions(readings: tuple[JointReading, ...]) -> FloatArray:
    """(N,) of the joints."""
    return np.array([one.position for one in readings])


def _refined(trajectory: JointTrajectory, step: float) -> tuple[FloatArray, FloatArray]:
    """(M, N) along the lines between its positions, and (M,) when they are passed."""
    rows = np.column_stack([trajectory.positions, trajectory.times_s])
    counts = np.ceil(np.abs(np.diff(trajectory.positions, axis=0)).max(axis=1) / step)
    counts = np.clip(counts, 1, max(1, _MOST_POINTS // len(rows))).astype(int)
    parts = [
        begin + (end - begin) * np.arange(count)[:, None] / count
        for begin, end, count in zip(rows[:-1], rows[1:], counts.tolist(), strict=True)
    ]
    fine = np.concatenate([*parts, rows[-1:]])
    return fine[:, :-1], fine[:, -1]
