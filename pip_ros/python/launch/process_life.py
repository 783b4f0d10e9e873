"""The life of a process within a launch: started, told of, brought back, and ended with the launch."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from launch.child_process import ChildProcess
from launch.event import Event
from launch.event_handler import EventHandler
from launch.events.process import ProcessEvent, ProcessExited, ProcessStarted, ProcessStderr, ProcessStdout
from launch.events.shutdown import Shutdown
from launch.logging import get_logger
from launch.process_output import STDOUT, ProcessOutput
from launch.process_stop import COMING_UP_S, StopTimeouts, stop

if TYPE_CHECKING:
    from launch.actions.execute_process import ExecuteProcess
    from launch.launch_context import LaunchContext


@dataclass(frozen=True)
class Respawn:
    """Whether a process that has ended comes back, after how many seconds and how often; below 0 is for ever."""

    wanted: bool
    delay_s: float
    max_retries: int


@dataclass(frozen=True)
class LifeSettings:
    """How a process is run: where each stream goes, how a line is shown, how it is ended and whether it comes back."""

    sinks: Mapping[int, set[str]]
    output_format: str
    shell: bool
    timeouts: StopTimeouts
    respawn: Respawn


class ProcessLife:
    """Runs the process of `action` in `context`."""

    def __init__(self, context: LaunchContext, action: ExecuteProcess, settings: LifeSettings) -> None:
        """Take what to run and how."""
        self.__context = context
        self.__action = action
        self.__this = action.process_description
        self.__settings = settings
        self.__log = get_logger(self.__this.final_name)
        self.__child: ChildProcess | None = None
        self.__is_being_stopped = False

    async def live(self) -> None:
        """Run the process, as often as it is to come back."""
        handler = EventHandler(matcher=lambda event: isinstance(event, Shutdown), entities=self.__end)
        self.__context.register_event_handler(handler)
        respawn = self.__settings.respawn
        retries_left = respawn.max_retries if respawn.wanted else 0
        try:
            while await self.__run() and retries_left != 0:
                retries_left -= 1
                if await self.__launch_ends_within(respawn.delay_s):
                    return
        finally:
            self.__context.unregister_event_handler(handler)

    async def __run(self) -> bool:
        """Run the process once; return whether it could be started, and was told of."""
        this = self.__this
        output = ProcessOutput(this.final_name, self.__settings.sinks, self.__shown)
        self.__child = child = ChildProcess(lambda fd, data: self.__listen(output, fd, data))
        try:
            await child.start(this.cmd, shell=self.__settings.shell, cwd=this.cwd, env=this.env)
        except OSError as error:
            self.__log.error(f"exception occurred while executing process:\n{error}")
            return False
        if self.__context.is_shutdown and await self.__ends_before_it_is_known(child):
            return False
        self.__log.info(f"process started with pid [{child.pid}]")
        self.__tell(ProcessStarted)
        returncode = await child.ended()
        output.finish()
        if returncode == 0:
            self.__log.info(f"process has finished cleanly [pid {child.pid}]")
        else:
            cmd = " ".join(this.cmd)
            self.__log.error(f"process has died [pid {child.pid}, exit code {returncode}, cmd '{cmd}'].")
        self.__tell(ProcessExited, returncode=returncode)
        return True

    def __shown(self, line: str) -> str:
        return self.__settings.output_format.format(line=line, this=self.__action)

    def __listen(self, output: ProcessOutput, fd: int, data: bytes) -> None:
        output.feed(fd, data)
        self.__tell(ProcessStdout if fd == STDOUT else ProcessStderr, text=data, fd=fd)

    def __tell(self, kind: type[ProcessEvent], **more: Any) -> None:
        if self.__child is None:
            raise RuntimeError(f"process '{self.__this.final_name}' has not been started")
        this = self.__this
        where: dict[str, Any] = {"cmd": this.cmd, "cwd": this.cwd, "env": this.env, "pid": self.__child.pid}
        self.__context.emit_event_sync(kind(action=self.__action, process_name=this.final_name, **where, **more))

    def __end(self, event: Event, context: LaunchContext) -> None:
        if isinstance(event, Shutdown):
            self.__stop(already_interrupted=event.due_to_sigint and not context.noninteractive)

    def __stop(self, *, already_interrupted: bool) -> None:
        if self.__child is None or not self.__child.is_running or self.__is_being_stopped:
            return
        self.__is_being_stopped = True
        timeouts = self.__settings.timeouts
        ending = stop(self.__child, self.__this.final_name, timeouts, already_interrupted=already_interrupted)
        self.__context.start(ending)

    async def __ends_before_it_is_known(self, child: ChildProcess) -> bool:
        """Give a process that the end of the launch has overtaken its time to come up, or else begin to stop it.

        The launch file had asked for it before the launch failed, so it is run; upstream says nothing of it and
        forgets it, here one that stays is told of and ended.
        """
        if await child.exited_within(COMING_UP_S):
            await child.ended()
            return True
        self.__stop(already_interrupted=False)
        return False

    async def __launch_ends_within(self, delay_s: float) -> bool:
        """Wait `delay_s`; return whether the launch has begun to end by then."""
        try:
            await asyncio.wait_for(self.__context.shutting_down.wait(), delay_s)
        except asyncio.TimeoutError:
            return False
        return True
