"""Where a base stands, and how old that is."""

from __future__ import annotations

import time
from typing import Final

import numpy as np

from robotracer_ros.ros.frames import Frames

# While the clock stands, as in a simulation that is paused or gone, poses do not age: so long they are believed.
_FROZEN_S: Final = 5.0


class Whereabouts:
    """Where the base stands, by the newest transform, and how old that is."""

    def __init__(self, frames: Frames, frame: str, base: str) -> None:
        self._frames, self._frame, self._base = frames, frame, base
        self._stamp_ns, self._heard_s = -1, time.monotonic()

    def now(self, now_s: float) -> tuple[tuple[float, float, float], float]:
        """The pose (x, y, yaw) in the path's frame, and its age in seconds.

        Raises:
            NoTransform: when TF has forgotten a frame.
        """
        stamp = self._frames.newest_ns(self._frame, self._base)
        pose = self._frames.lookup(self._frame, self._base, stamp, 0.0)
        if stamp != self._stamp_ns:
            self._stamp_ns, self._heard_s = stamp, time.monotonic()
        age_s = now_s - stamp * 1e-9
        silent_s = time.monotonic() - self._heard_s
        forward = pose.rotation[:2, 0]
        place = float(pose.translation_m[0]), float(pose.translation_m[1]), float(np.arctan2(forward[1], forward[0]))
        return place, max(age_s, silent_s if silent_s > _FROZEN_S else 0.0)
