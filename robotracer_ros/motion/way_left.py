"""What is left of a way that Nav2 follows, and how long ago Nav2 told of it."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np


class WayLeft:
    """Hears the feedback of whichever action and distribution."""

    def __init__(self, length_m: float) -> None:
        self._length_m = length_m
        self._left_m = length_m
        self._heard_s = math.inf

    def hear(self, message: Any) -> None:
        """One feedback message."""
        self._heard_s = time.monotonic()
        feedback = message.feedback
        # Lyrical tells of the controller's tracking instead.
        for source in (feedback, getattr(feedback, "tracking_feedback", None)):
            for name in ("distance_to_goal", "distance_remaining", "remaining_path_length"):
                if hasattr(source, name):
                    self._left_m = float(getattr(source, name))
                    return

    @property
    def is_told(self) -> bool:
        """Whether there was any feedback."""
        return self._heard_s < math.inf

    def age_s(self) -> float:
        """Since the last feedback, on the steady clock; before the first nothing is missed, and it is below 0."""
        return time.monotonic() - self._heard_s

    def share(self) -> float:
        """Of the way that is done."""
        if not self._length_m > 0 or not np.isfinite(self._left_m):
            return 0.0
        return 1.0 - min(max(self._left_m / self._length_m, 0.0), 1.0)
