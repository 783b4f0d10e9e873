"""How a process is made to end: asked first, then told, then killed."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from launch.child_process import ChildProcess
from launch.logging import get_logger

# A process whose start and the end of the launch coincide has no signal handlers yet: an interpreter that is
# interrupted while it comes up prints a traceback. It is left alone this long, in which a short one ends by itself.
COMING_UP_S = 2.0


@dataclass(frozen=True)
class StopTimeouts:
    """Seconds between the signals, as the launch file wrote them."""

    sigterm: str
    sigkill: str


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

    sigterm_s, sigkill_s = float(timeouts.sigterm), float(timeouts.sigkill)
    if not already_interrupted:
        send(signal.SIGINT)
    if await child.exited_within(sigterm_s):
        return
    escalate(timeouts.sigterm, signal.SIGINT, signal.SIGTERM)
    if await child.exited_within(sigkill_s):
        return
    # Upstream counts from the SIGINT here, whatever the words say.
    escalate(str(sigterm_s + sigkill_s), signal.SIGTERM, signal.SIGKILL)
