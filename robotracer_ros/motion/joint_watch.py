"""Eyes on the joints while they follow a trajectory."""

from __future__ import annotations

import time

import numpy as np

from robotracer_ros.errors import MotionError, MotionRefused
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.motion.follower import StopSign
from robotracer_ros.motion.move_group_settings import ExecutionSettings
from robotracer_ros.planning.robot_description import RobotDescription
from robotracer_ros.planning.trajectory import JointTrajectory
from robotracer_ros.ros.joint_states import JointStates

# The trajectory is looked at with a point every so often.
_FINE_RAD = 0.01
_MOST_POINTS = 5000
_LOOK_S = 0.01
# Of joints for which the URDF knows no limit.
_ANY_SPEED = 10.0


class JointWatch:
    """Compares where the joints are with where a trajectory leads them, from look to look."""

    def __init__(
        self, joint_states: JointStates, robot: RobotDescription, trajectory: JointTrajectory,
        settings: ExecutionSettings,
    ) -> None:  # fmt: skip
        self._joint_states = joint_states
        self._names = trajectory.joint_names
        self._settings = settings
        self._fine = _refined(trajectory.positions)
        joints = robot.require_joints(self._names)
        self._speed = np.minimum([joint.velocity for joint in joints], _ANY_SPEED)
        self._at = 0
        self._last: tuple[FloatArray, FloatArray] | None = None

    def look(self) -> float:
        """The share of the trajectory that is done.

        Raises:
            MotionError: for joint states that are silent, that jump, or that tell of joints away from the trajectory.
        """
        joints, heard_s = self._joints()
        if self._last is not None:
            self._require_steady(joints - self._last[0], heard_s - self._last[1])
        self._last = joints, heard_s
        away = np.abs(self._fine[self._at :] - joints).max(axis=1)
        nearest = int(away.argmin())
        # NaN is farther than anything.
        if not away[nearest] <= self._settings.max_joint_deviation_rad:
            worst = int(np.abs(self._fine[self._at + nearest] - joints).argmax())
            raise MotionError(
                f"{self._names[worst]} is at {joints[worst]:.4f}, {away[nearest]:.4f} from its trajectory; "
                f"max_joint_deviation_rad allows {self._settings.max_joint_deviation_rad}"
            )
        self._at += nearest
        return self._at / (len(self._fine) - 1)

    def require_end(self, stop: StopSign) -> None:
        """Wait until the joints are where the trajectory ends.

        Raises:
            MotionError: when they are not there within ``settle_s``, or joint states are silent.
            RobotracerError: the reason of ``stop``.
        """
        deadline = time.monotonic() + self._settings.settle_s
        while True:
            joints, _ = self._joints()
            off = np.abs(joints - self._fine[-1])
            if (off <= self._settings.end_tolerance_rad).all():
                return
            stop.obey()
            if time.monotonic() >= deadline:
                worst = int(off.argmax())
                raise MotionError(
                    f"the motion is said to be finished, but {self._names[worst]} is at {joints[worst]:.4f}, "
                    f"{off[worst]:.4f} from its end; end_tolerance_rad allows {self._settings.end_tolerance_rad}"
                )
            stop.wait(_LOOK_S)

    def _joints(self) -> tuple[FloatArray, FloatArray]:
        """(N,) positions, and when each was heard."""
        try:
            told = self._joint_states.readings(self._names, self._settings.joint_state_age_s)
        except MotionRefused as error:
            raise MotionError(str(error)) from error
        readings = [told[name] for name in self._names]
        return np.array([one.position for one in readings]), np.array([one.heard_s for one in readings])

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


def _refined(positions: FloatArray) -> FloatArray:
    """(M, N) along the lines between positions (T, N)."""
    steps = np.ceil(np.abs(np.diff(positions, axis=0)).max(axis=1) / _FINE_RAD)
    steps = np.clip(steps, 1, max(1, _MOST_POINTS // len(positions))).astype(int)
    parts = [
        begin + (end - begin) * np.arange(count)[:, None] / count
        for begin, end, count in zip(positions[:-1], positions[1:], steps.tolist(), strict=True)
    ]
    return np.concatenate([*parts, positions[-1:]])
