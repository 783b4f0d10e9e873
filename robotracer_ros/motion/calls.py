"""Services and actions asked from a thread of one's own: every wait is bounded and ends when the stop sign is shown."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from action_msgs.msg import GoalStatus

from robotracer_ros.errors import MotionError, RobotracerError
from robotracer_ros.motion.follower import StopSign

_LOOK_S: Final = 0.005
# Between two looks at the graph of nodes, which cost more than a look at an answer.
_GRAPH_S: Final = 0.05
# A server that is away for one look may be on its way.
_LOOKS_AWAY: Final = 2


@contextmanager
def halting(halt: Callable[[RobotracerError], None]) -> Iterator[None]:
    """For all that happens once a robot may move: whatever ends the block early, ``halt`` stops the robot first.

    Faults are meant too, such as feedback that cannot be published: a robot must not move on unwatched.

    Args:
        halt: is told why; what it raises is raised in place of that.

    Raises:
        MotionError: for an error that is not of this package.
    """
    try:
        yield
    except BaseException as error:
        reason = error if isinstance(error, RobotracerError) else MotionError(f"a fault of the node: {error!r}")
        halt(reason)
        if reason is error or not isinstance(error, Exception):
            raise
        raise reason from error


class Presence:
    """Whether a server is there, looked at often and asked seldom."""

    def __init__(self, ready: Callable[[], bool]) -> None:
        self._ready = ready
        self._next_s = 0.0
        self._away = 0

    def is_lost(self) -> bool:
        """Whether it was away for several looks in a row."""
        now = time.monotonic()
        if now >= self._next_s:
            self._next_s = now + _GRAPH_S
            self._away = 0 if self._ready() else self._away + 1
        return self._away >= _LOOKS_AWAY


def wait_until_ready(ready: Callable[[], bool], what: str, timeout_s: float, stop: StopSign) -> None:
    """Wait for a server.

    Raises:
        MotionError: when it is not there in time.
        RobotracerError: the reason of ``stop``.
    """
    deadline = time.monotonic() + timeout_s
    while not ready():
        stop.obey()
        if time.monotonic() >= deadline:
            raise MotionError(f"{what} is not there; waited for {timeout_s:g} s")
        stop.wait(_GRAPH_S)
    stop.obey()


def answered(
    future: Any, what: str, timeout_s: float, stop: StopSign, ready: Callable[[], bool], setting: str = ""
) -> Any:
    """What ``future`` brings.

    Args:
        setting: the parameter that allows so long, "" where none does.

    Raises:
        MotionError: when it brings nothing in time, or the server goes away before.
        RobotracerError: the reason of ``stop``.
    """
    deadline, presence = time.monotonic() + timeout_s, Presence(ready)
    while not future.done():
        stop.obey()
        if time.monotonic() >= deadline:
            raise MotionError(f"{what} did not answer within {f'{setting} {timeout_s:g}'.strip()} s")
        # Its last words may still be on their way.
        if presence.is_lost() and not future.done():
            raise MotionError(f"{what} went away before it answered")
        stop.wait(_LOOK_S)
    return future.result()


def within(future: Any, timeout_s: float) -> bool:
    """Whether ``future`` is done in time, stop sign or not."""
    deadline = time.monotonic() + timeout_s
    while not future.done() and time.monotonic() < deadline:
        time.sleep(_LOOK_S)
    return bool(future.done())


def cancelled_goal(sent: Any, timeout_s: float) -> bool:
    """Take a goal back, accepted or not yet; whether it is over, as far as its server says so.

    Args:
        sent: the future of ``send_goal_async``.
    """
    deadline = time.monotonic() + timeout_s
    if not within(sent, timeout_s):
        sent.add_done_callback(_cancel_late)
        return False
    handle = sent.result()
    if not handle.accepted:
        return True
    result = handle.get_result_async()
    handle.cancel_goal_async()
    return within(result, max(deadline - time.monotonic(), 0.0))


def _cancel_late(sent: Any) -> None:
    handle = sent.result()
    if handle is not None and handle.accepted:
        handle.cancel_goal_async()


def status_name(status: int) -> str:
    """Such as "ABORTED"."""
    return constant_name(GoalStatus, status, "STATUS_").removeprefix("STATUS_")


def constant_name(interface: type, value: int, prefix: str = "") -> str:
    """What a message calls a value, or the value in words where it has no name for it."""
    # Constants are properties of the generated class's metaclass.
    for name in dir(type(interface)):
        if name.isupper() and name.startswith(prefix) and getattr(interface, name) == value:
            return name
    return str(value)
