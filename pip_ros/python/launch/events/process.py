"""What happens to processes: they start, write and exit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from launch.event import Event

if TYPE_CHECKING:
    from launch.action import Action


@dataclass(frozen=True, kw_only=True)
class ProcessEvent(Event):
    """Something that happened to the process `pid`, which `action` runs as `process_name` (such as `rviz2-1`)."""

    action: Action
    process_name: str
    cmd: Sequence[str]
    cwd: str | None
    env: Mapping[str, str]
    pid: int


@dataclass(frozen=True, kw_only=True)
class ProcessStarted(ProcessEvent):
    """The process has been started."""


@dataclass(frozen=True, kw_only=True)
class ProcessExited(ProcessEvent):
    """The process has ended; `returncode` is negative where a signal ended it."""

    returncode: int


@dataclass(frozen=True, kw_only=True)
class ProcessIO(ProcessEvent):
    """The process has written `text` to the file descriptor `fd`; pieces come as they are read, not line by line."""

    text: bytes
    fd: int


@dataclass(frozen=True, kw_only=True)
class ProcessStdout(ProcessIO):
    """The process has written to standard output."""


@dataclass(frozen=True, kw_only=True)
class ProcessStderr(ProcessIO):
    """The process has written to standard error."""
