"""A thread that does pieces of work in turn, for libraries that bind their state to the thread that called them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from robotracer_ros.errors import BackendTimeout

_T = TypeVar("_T")


class OneThread:
    """Work from any thread, done by one and the same thread, first come, first served.

    CUDA graphs, which compiled decoding records, replay only in the thread that recorded them, and the number of
    threads that torch computes with is a setting of the calling thread.

    The thread is a daemon: one that hangs in a driver does not keep the process from ending.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def call(self, work: Callable[[], _T], timeout_s: float) -> _T:
        """What ``work`` returns or raises.

        Work whose time is over before its turn comes is left out; work that has begun goes on unheard.

        Raises:
            BackendTimeout: after ``timeout_s``.
        """
        over = time.monotonic() + timeout_s
        outcome: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()

        def once() -> None:
            if time.monotonic() >= over:
                return
            try:
                outcome.put((work(), None))
            except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
                outcome.put((None, error))

        self._work.put(once)
        try:
            result, error = outcome.get(timeout=min(timeout_s, threading.TIMEOUT_MAX))
        except Empty:
            raise BackendTimeout(f"{self._name} did not answer within {timeout_s:g} s") from None
        if error is not None:
            raise error
        return result  # type: ignore[no-any-return]

    def end(self) -> None:
        """End the thread once all work before this call is done; later work is never done."""
        self._work.put(None)

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            work()
            # Whatever the work refers to, a model perhaps, must not live until the next one comes.
            del work
