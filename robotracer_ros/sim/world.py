"""What every simulated world offers to the node that runs it: time, joints, frames and a camera's picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.geometry.transform import RigidTransform


@dataclass(frozen=True, slots=True, eq=False)
class JointReadings:
    """Of (N,) joints: positions in radians or metres, and velocities per second."""

    names: tuple[str, ...]
    positions: FloatArray
    velocities: FloatArray


class SimWorld(Protocol):
    """A world that stands still until it is told to go on."""

    @property
    def time_s(self) -> float:
        """Simulated seconds since the last reset."""
        ...

    def reset(self, seed: int) -> None:
        """Begin again with the scene of this seed."""
        ...

    def advance(self, seconds: float) -> None:
        """Let so much time pass; the same state and commands lead to the same result."""
        ...

    def joints(self) -> JointReadings:
        """Of all joints that the robot's description names."""
        ...

    def fixed_frames(self) -> tuple[RigidTransform, ...]:
        """``parent_from_child`` of what never moves until the next reset, the camera's optical frame among them."""
        ...

    def moving_frames(self) -> tuple[RigidTransform, ...]:
        """``parent_from_child`` of what moves now."""
        ...

    def photograph(self) -> RgbdObservation:
        """What the camera sees now; ``stamp_ns`` is ``time_s``."""
        ...

    def truth(self) -> Mapping[str, object]:
        """Where every thing is and what touches what, in numbers, lists and words, for tests and demos alone."""
        ...

    def command(self, joints: Mapping[str, float]) -> None:
        """Where joints shall go from now on, radians or metres by name.

        Raises:
            InvalidRequest: for a joint that is not there, or a number that is not finite.
        """
        ...
