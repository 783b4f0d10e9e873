"""One motion at a time, and none left when a follower closes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from robotracer_ros.errors import Busy, MotionError, NotActive
from robotracer_ros.motion.follower import StopSign

# What a motion may take to end beside the time to stop.
_MARGIN_S: Final = 2.0


class Guard:
    """Knows whether a follower follows something.

    Args:
        stop_timeout_s: how long the robot may take to rest.
    """

    def __init__(self, stop_timeout_s: float) -> None:
        self._patience_s = stop_timeout_s + _MARGIN_S
        self._changed = threading.Condition()
        self._stop: StopSign | None = None
        self._is_open = True

    @contextmanager
    def running(self, stop: StopSign) -> Iterator[None]:
        """For the time of a motion, which ends when ``stop`` is shown.

        Raises:
            Busy: while another one runs.
            NotActive: after the end.
        """
        with self._changed:
            if not self._is_open:
                raise NotActive("the follower is closed; accepted: one that is open")
            if self._stop is not None:
                raise Busy("the robot follows something already; one motion runs at a time")
            self._stop = stop
        try:
            yield
        finally:
            with self._changed:
                self._stop = None
                self._changed.notify_all()

    def end(self) -> bool:
        """Stop what runs and wait for it; whether this was the first time."""
        with self._changed:
            was_open, self._is_open = self._is_open, False
            if self._stop is not None:
                self._stop.show(MotionError("the follower was closed while the robot moved"))
            self._changed.wait_for(lambda: self._stop is None, self._patience_s)
        return was_open
