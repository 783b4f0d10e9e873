"""What to do when a process writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from launch.event import Event
from launch.event_handler import SomeEntities
from launch.event_handlers.on_process_event import OnProcessEvent, Target
from launch.events.process import ProcessIO, ProcessStdout

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext

Reader = Callable[[ProcessIO], SomeEntities]


class OnProcessIO(OnProcessEvent):
    """Calls `on_stdout` or `on_stderr` with each piece of output and visits what they return."""

    def __init__(
        self, *, target_action: Target = None, on_stdout: Reader | None = None, on_stderr: Reader | None = None
    ) -> None:
        """Take the functions of a `ProcessIO`; output without a function is passed over."""

        def read(event: Event, context: LaunchContext) -> SomeEntities:
            reader = on_stdout if isinstance(event, ProcessStdout) else on_stderr
            return reader(event) if reader is not None and isinstance(event, ProcessIO) else None

        super().__init__(kind=ProcessIO, target_action=target_action, answer=read, handle_once=False)
