"""What to do when a process has ended."""

from __future__ import annotations

from launch.event_handlers.on_process_event import Answer, OnProcessEvent, Target
from launch.events.process import ProcessExited


class OnProcessExit(OnProcessEvent):
    """Answers each `ProcessExited` of `target_action`, or of every process without one."""

    def __init__(self, *, target_action: Target = None, on_exit: Answer, handle_once: bool = False) -> None:
        """Visit `on_exit`, or what calling it with (event, context) returns."""
        super().__init__(kind=ProcessExited, target_action=target_action, answer=on_exit, handle_once=handle_once)
