"""Somebody's word that a plan may be followed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from robotracer_ros.motion.follower import StopSign

# While it is waited for, the sign to stop is looked at this often.
_LOOK_S: Final = 0.02


class Approval:
    """Whether somebody waits for it, and whether it was given."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waits = False

    def grant(self) -> bool:
        """Give it; whether somebody waited."""
        with self._lock:
            waited, self._waits = self._waits, False
            return waited

    def wait(self, timeout_s: float, stop: StopSign, begun: Callable[[], None]) -> bool:
        """Wait for it, for so long; whether it was given.

        Args:
            begun: called as soon as it may be given.

        Raises:
            RobotracerError: the reason of ``stop``.
        """
        deadline = time.monotonic() + timeout_s
        with self._lock:
            self._waits = True
        try:
            begun()
            while self._waits and time.monotonic() < deadline:
                stop.wait(_LOOK_S)
                stop.obey()
        finally:
            with self._lock:
                was_given, self._waits = not self._waits, False
        return was_given
