"""A backend that keeps its time limit, however long the one inside hangs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Final, TypeVar

from robotracer_ros.errors import BackendFailed, BackendTimeout, BackendUnavailable, InvalidRequest, RobotracerError
from robotracer_ros.query import Backend, ModelAnswer, ModelQuery

# Freeing a model takes seconds; a backend that needs longer hangs, and its thread dies with the process.
CLOSE_TIMEOUT_S: Final = 10.0

_T = TypeVar("_T")


class Overrun(Exception):
    """Work that was not done in time; ``thread`` still runs it."""

    def __init__(self, thread: threading.Thread) -> None:
        super().__init__(f"{thread.name} is still running")
        self.thread = thread


def within(timeout_s: float, work: Callable[[], _T], name: str) -> _T:
    """What ``work`` returns or raises, when it does so within ``timeout_s`` seconds.

    The work runs in a daemon thread called ``name``: no other way bounds name resolution, a server that sends one
    byte at a time, or a driver that never returns.

    Raises:
        Overrun: after ``timeout_s``. Whatever the work yields later is dropped.
    """
    outcome: SimpleQueue[tuple[_T, None] | tuple[None, BaseException]] = SimpleQueue()

    def run() -> None:
        try:
            outcome.put((work(), None))
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            outcome.put((None, error))

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    try:
        result, error = outcome.get(timeout=max(0.0, min(timeout_s, threading.TIMEOUT_MAX)))
    except Empty:
        raise Overrun(thread) from None
    if error is not None:
        raise error
    return result  # type: ignore[return-value]


class Deadline:
    """A backend around ``backend`` whose ``answer`` returns or raises within the query's ``timeout_s``.

    A request that hangs is left behind in its thread, and the next one gets a new thread; ``backend`` must bear a
    second call while the first hangs. Beyond ``most_stuck`` hanging threads no more are started.
    """

    def __init__(self, backend: Backend, most_stuck: int = 3) -> None:
        if most_stuck < 0:
            raise InvalidRequest(f"most_stuck must be 0 or more, received {most_stuck}")
        self._backend = backend
        self._most_stuck = most_stuck
        self._left_behind: list[threading.Thread] = []
        self._lock = threading.Lock()

    @property
    def stuck(self) -> int:
        """How many requests hang at this moment."""
        with self._lock:
            self._left_behind = [thread for thread in self._left_behind if thread.is_alive()]
            return len(self._left_behind)

    def answer(self, query: ModelQuery) -> ModelAnswer:
        """The inner backend's answer.

        Raises:
            BackendTimeout: after the query's ``timeout_s``.
            BackendUnavailable: when more than ``most_stuck`` earlier requests still hang.
            BackendFailed: for an exception of the inner backend that is none of this package, and for an answer that
                is no `ModelAnswer`.
            RobotracerError: whatever else the inner backend raises.
        """
        kind = type(self._backend).__name__
        stuck = self.stuck
        if stuck > self._most_stuck:
            raise BackendUnavailable(
                f"{stuck} earlier requests still hang in {kind}, more than the {self._most_stuck} that are allowed; "
                f"reconfigure the node, or restart the model's server"
            )
        answer = self._guarded(lambda: self._backend.answer(query), query.timeout_s, f"{kind}.answer")
        if not isinstance(answer, ModelAnswer):
            raise BackendFailed(f"{kind} must answer with a ModelAnswer, received {type(answer).__name__}")
        return answer

    def close(self) -> None:
        """Close the inner backend, waiting at most `CLOSE_TIMEOUT_S`.

        Raises:
            BackendTimeout: when it does not close in time.
            BackendFailed: when closing it fails.
        """
        self._guarded(self._backend.close, CLOSE_TIMEOUT_S, f"{type(self._backend).__name__}.close")

    def _guarded(self, work: Callable[[], _T], timeout_s: float, name: str) -> _T:
        try:
            return within(timeout_s, work, name)
        except Overrun as overrun:
            with self._lock:
                self._left_behind.append(overrun.thread)
            raise BackendTimeout(f"{name} did not return within {timeout_s:g} s") from None
        except RobotracerError:
            raise
        except (Exception, SystemExit) as error:
            raise BackendFailed(f"{name} failed: {type(error).__name__}: {error!s:.300}") from error
