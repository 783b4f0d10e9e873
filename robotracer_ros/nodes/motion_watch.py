"""What is looked at while a robot moves: as soon as something is wrong, the motion has to end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TypeAlias

from robotracer_ros.errors import MotionError, MotionRefused, RobotracerError
from robotracer_ros.motion.follower import StopSign
from robotracer_ros.ros.frames import Frames

# Raises what is wrong.
Check: TypeAlias = Callable[[], None]

_LOOK_S: Final = 0.02


@contextmanager
def watched(stop: StopSign, checks: Sequence[Check]) -> Iterator[None]:
    """Look at everything every 20 ms from a thread of its own; what a check raises is the reason to stop."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(_LOOK_S):
            try:
                for check in checks:
                    check()
            except RobotracerError as error:
                stop.show(error)
                return
            except Exception as error:  # noqa: BLE001 - a watch that dies must not leave the robot moving
                stop.show(MotionError(f"a fault of the watch: {error!r}"))
                return

    thread = threading.Thread(target=look, name="motion watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class TransformWatch:
    """Whether TF goes on telling where one frame stands in another.

    Its stamps are compared with each other alone, so a robot whose clock differs is watched as well. Frames that are
    fixed to each other never change, and are always known.

    Args:
        max_age_s: how long TF may tell nothing new, on the steady clock.
    """

    def __init__(self, frames: Frames, target: str, source: str, max_age_s: float) -> None:
        self._frames, self._target, self._source, self._max_age_s = frames, target, source, max_age_s
        self._stamp_ns, self._heard_s = -1, time.monotonic()

    def await_news(self, stop: StopSign) -> None:
        """Wait until TF tells something new, so that a watch never begins with a robot that was lost before.

        Raises:
            NoTransform: when there is no transform.
            MotionRefused: when what there is gets too old.
            RobotracerError: the reason of ``stop``.
        """
        first_ns = self._frames.newest_ns(self._target, self._source)
        while self._frames.newest_ns(self._target, self._source) == first_ns != 0:
            stop.obey()
            try:
                self()
            except MotionError as error:
                raise MotionRefused(f"{error}; nothing moved") from error
            stop.wait(_LOOK_S)

    def __call__(self) -> None:
        """Look once.

        Raises:
            NoTransform: when there is no transform any more.
            MotionError: when it is too old.
        """
        stamp_ns, now_s = self._frames.newest_ns(self._target, self._source), time.monotonic()
        if stamp_ns != self._stamp_ns or stamp_ns == 0:
            self._stamp_ns, self._heard_s = stamp_ns, now_s
        elif now_s - self._heard_s > self._max_age_s:
            raise MotionError(
                f"TF told nothing new of {self._source!r} in {self._target!r} for {now_s - self._heard_s:.3f} s; "
                f"max_transform_age_s allows {self._max_age_s:g} s"
            )
