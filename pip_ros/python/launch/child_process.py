"""A child process: started, listened to, signalled, and waited for."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping, Sequence
from typing import cast

# A daemon that the process leaves behind may hold its pipes open for ever; what the process itself wrote is in them
# when it exits, and is read within this time.
DRAIN_S = 1.0


class ChildProcess(asyncio.SubprocessProtocol):
    """One run of a command; its output goes to `on_output(fd, data)` as it comes."""

    def __init__(self, on_output: Callable[[int, bytes], None]) -> None:
        """Prepare for `start`, inside a running loop."""
        self.__on_output = on_output
        self.__transport: asyncio.SubprocessTransport | None = None
        self.__open_pipes = {1, 2}
        self.__drained = asyncio.Event()
        self.__exited = asyncio.Event()

    async def start(self, cmd: Sequence[str], *, shell: bool, cwd: str | None, env: Mapping[str, str]) -> None:
        """Start `cmd`, through the shell as one line where `shell` is set. Raises OSError where that fails."""
        loop = asyncio.get_running_loop()
        if shell:
            transport, _ = await loop.subprocess_shell(lambda: self, " ".join(cmd), cwd=cwd, env=env)
        else:
            transport, _ = await loop.subprocess_exec(lambda: self, *cmd, cwd=cwd, env=env)
        self.__transport = transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to the process."""
        self.__transport = cast("asyncio.SubprocessTransport", transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Pass output on."""
        self.__on_output(fd, data)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        """Note that nothing more comes from `fd`."""
        self.__open_pipes.discard(fd)
        if not self.__open_pipes:
            self.__drained.set()

    def process_exited(self) -> None:
        """Note the end."""
        self.__exited.set()

    @property
    def pid(self) -> int:
        """The process id. Raises RuntimeError before the start."""
        pid = self.__running_transport().get_pid()
        if pid is None:
            raise RuntimeError("the process has no id: it has not been started")
        return pid

    @property
    def is_running(self) -> bool:
        """Whether the process has been started and has not exited."""
        return self.__transport is not None and not self.__exited.is_set()

    def send_signal(self, number: signal.Signals) -> None:
        """Signal the process, if it still runs."""
        if self.is_running:
            self.__running_transport().send_signal(number)

    async def exited_within(self, timeout_s: float) -> bool:
        """Wait for the exit; return whether it came in time."""
        try:
            await asyncio.wait_for(self.__exited.wait(), timeout_s)
        except asyncio.TimeoutError:
            return False
        return True

    async def ended(self) -> int:
        """Wait until the process has exited and its output is read; return its code, negative for a signal."""
        await self.__exited.wait()
        try:
            await asyncio.wait_for(self.__drained.wait(), DRAIN_S)
        except asyncio.TimeoutError:
            self.__open_pipes.clear()
        transport = self.__running_transport()
        returncode = transport.get_returncode()
        transport.close()
        if returncode is None:
            raise RuntimeError(f"process {self.pid} has exited without a code")
        return returncode

    def __running_transport(self) -> asyncio.SubprocessTransport:
        if self.__transport is None:
            raise RuntimeError("the process has not been started")
        return self.__transport
