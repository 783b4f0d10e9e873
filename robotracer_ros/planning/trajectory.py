"""A trajectory: joint positions with their time."""

from __future__ import annotations

from dataclasses import dataclass

from robotracer_ros.geometry.arrays import FloatArray, frozen_floats


@dataclass(frozen=True, slots=True, eq=False)
class JointTrajectory:
    """Joint positions with their time.

    Attributes:
        joint_names: of (N,) joints.
        times_s: (T,) since the start.
        positions, velocities, accelerations: (T, N).

    Raises:
        InvalidRequest: for arrays whose shapes do not fit each other.
    """

    joint_names: tuple[str, ...]
    times_s: FloatArray
    positions: FloatArray
    velocities: FloatArray
    accelerations: FloatArray

    def __post_init__(self) -> None:
        shape = (len(self.times_s), len(self.joint_names))
        for name in ("positions", "velocities", "accelerations"):
            object.__setattr__(self, name, frozen_floats(name, getattr(self, name), shape))
        object.__setattr__(self, "times_s", frozen_floats("times_s", self.times_s, (None,)))
