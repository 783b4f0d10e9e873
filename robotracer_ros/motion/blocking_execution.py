"""A motion by a call that blocks until it is over, watched from beside it."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from robotracer_ros.errors import MotionError
from robotracer_ros.motion.follower import StopSign
from robotracer_ros.motion.joint_watch import JointWatch

_LOOK_S: Final = 0.01


class BlockingExecution:
    """One call of MoveIt's ``execute_and_wait`` in a thread of its own.

    Args:
        executor: moveit.planning.TrajectoryExecutionManager.
        trajectory: moveit_msgs/RobotTrajectory.
        controllers: that shall execute it; [] for whichever fit.

    Attributes:
        is_left_behind: whether MoveIt keeps the trajectory, not executed, and would execute it with the next one:
            Jazzy's Python cannot have it forgotten.
    """

    def __init__(self, executor: Any, trajectory: Any, controllers: list[str]) -> None:
        self._executor = executor
        self._over, self._cancelled = threading.Event(), threading.Event()
        self.is_left_behind = False
        self._status: Any = None
        self._error = ""
        self._thread = threading.Thread(target=self._run, args=(trajectory, controllers), daemon=True)
        self._thread.start()

    def watch(self, watch: JointWatch, longest_s: float, stop: StopSign, told: Callable[[float], None]) -> None:
        """Look at the joints until it is over.

        Raises:
            MotionError: it failed, took too long, or the joints do not follow.
            RobotracerError: the reason of ``stop``.
        """
        deadline = time.monotonic() + longest_s
        while not self._over.is_set():
            stop.obey()
            told(watch.look())
            if time.monotonic() > deadline:
                raise MotionError(f"MoveItPy did not finish within {longest_s:.1f} s")
            stop.wait(_LOOK_S)
        if self._error or not self._status:
            said = self._error or getattr(self._status, "status", self._status)
            raise MotionError(f"MoveItPy did not execute the trajectory: {said}")

    def end(self, deadline: float) -> bool:
        """Begin no motion any more, and stop one that has begun; whether the call has returned by then.

        One that has not is stopped all the same, whenever it begins.

        Args:
            deadline: on the steady clock.
        """
        self._cancelled.set()
        self._stop_until(deadline)
        if not self.is_over:
            threading.Thread(target=self._stop_until, args=(math.inf,), daemon=True).start()
        return self.is_over

    @property
    def is_over(self) -> bool:
        """Whether the call has returned."""
        return self._over.is_set()

    def _stop_until(self, deadline: float) -> None:
        while True:
            # C++ exceptions of all kinds.
            with suppress(Exception):
                self._executor.stop_execution(True)
            # A call that is about to begin a motion does not hear it.
            if self._over.wait(_LOOK_S) or time.monotonic() >= deadline:
                return

    def _run(self, trajectory: Any, controllers: list[str]) -> None:
        try:
            if not self._executor.push(trajectory=trajectory, controllers=controllers):
                self._error = "no controllers for its joints"
            elif not self._cancelled.is_set():
                self._status = self._executor.execute_and_wait(auto_clear=True)
            else:
                self._error = "it was taken back"
                # stop_execution forgets only what moves.
                if hasattr(self._executor, "clear"):
                    self._executor.clear()
                else:
                    self.is_left_behind = True
        # C++ exceptions of all kinds.
        except Exception as error:  # noqa: BLE001
            self._error = str(error) or type(error).__name__
        self._over.set()
