"""A gripper's goal: whether the fingers have come where they were sent, or are stopped by what they hold."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field
from typing import Final

from robotracer_ros.errors import InvalidRequest

# As near as this counts as there, metres; slower than this for so long counts as stalled.
REACHED_M: Final = 0.002
_STILL_M_S: Final = 0.002
_STALLED_S: Final = 0.25


@dataclass(slots=True)
class GripperGoal:
    """One command to the fingers, watched step by step.

    Attributes:
        position_m: of ``finger_joint``, half of the gap.
        reached, stalled: how it stands; `ended` is set with the first of them, or when it is given up.

    Raises:
        InvalidRequest: for a position that is not finite.
    """

    position_m: float
    reached: bool = False
    stalled: bool = False
    ended: threading.Event = field(default_factory=threading.Event)
    _still_since_s: float = math.nan

    def __post_init__(self) -> None:
        if not math.isfinite(self.position_m):
            raise InvalidRequest(f"the fingers go to a finite position, received {self.position_m} m")

    def watch(self, time_s: float, position_m: float, speed_m_s: float) -> None:
        """Where the finger is now, and how fast."""
        if self.ended.is_set():
            return
        self.reached = abs(position_m - self.position_m) <= REACHED_M
        if abs(speed_m_s) > _STILL_M_S:
            self._still_since_s = math.nan
        elif math.isnan(self._still_since_s):
            self._still_since_s = time_s
        # A reached goal holds what it holds only after the fingers have settled.
        still = time_s - self._still_since_s >= _STALLED_S
        self.stalled = still and not self.reached
        if self.reached or self.stalled:
            self.ended.set()
