"""How a process is made to end: asked first, then told, then killed."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field

from launch.child_process import ChildProcess
from launch.logging import get_logger

# A process whose start and the end of the launch coincide has no signal handlers yet: an interpreter that is
# interrupted while it comes up prints a traceback. It is left alone this long, in which a short one ends by itself.
COMING_UP_S = 2.0


@dataclass(frozen=True)
class StopTimeouts:
    """Seconds from SIGINT to SIGTERM and from SIGTERM to SIGKILL, as the launch file wrote them and as numbers."""

    sigterm: str
    sigkill: str
    sigterm_s: float = field(init=False)
    sigkill_s: float = field(init=False)

    def __post_init__(self) -> None:
        """Read the numbers. Raises ValueError where there are none: a stop must not fail on them later."""
        for name in ("sigterm", "sigkill"):
            text = getattr(self, name)
            try:
                object.__setattr__(self, f"{name}_s", float(text))
            except ValueError as error:
                raise ValueError(f"{name}_timeout is '{text}'; it must be a number of seconds") from error


async def stop(child: ChildProcess, name: str, timeouts: StopTimeouts, *, already_interrupted: bool) -> None:
    """End `child`, called `name`, by SIGINT, SIGTERM and SIGKILL, each where the one before has not helped in time.

    `already_interrupted` where a terminal has sent the SIGINT itself, to the whole process group.
    """
    log = get_logger(name)

    def send(number: signal.Signals) -> None:
        log.info(f"sending signal '{number.name}' to process[{name}]")
        child.send_signal(number)

    def escalate(timeout: str, last: signal.Signals, following: signal.Signals) -> None:
        log.error(
            f"process[{name}] failed to terminate '{timeout}' seconds after receiving '{last.name}', "
            f"escalating to '{following.name}'"
        )
        send(following)

    if not already_interrupted:
        send(signal.SIGINT)
    if await child.exited_within(timeouts.sigterm_s):
        return
    escalate(timeouts.sigterm, signal.SIGINT, signal.SIGTERM)
    if await child.exited_within(timeouts.sigkill_s):
        return
    # Upstream counts from the SIGINT here, whatever the words say.
    escalate(str(timeouts.sigterm_s + timeouts.sigkill_s), signal.SIGTERM, signal.SIGKILL)
