"""What to do when a process has started."""

from __future__ import annotations

from launch.event_handlers.on_process_event import Answer, OnProcessEvent, Target
from launch.events.process import ProcessStarted


class OnProcessStart(OnProcessEvent):
    """Answers each `ProcessStarted` of `target_action`, or of every process without one."""

    def __init__(self, *, target_action: Target = None, on_start: Answer, handle_once: bool = False) -> None:
        """Visit `on_start`, or what calling it with (event, context) returns."""
        super().__init__(kind=ProcessStarted, target_action=target_action, answer=on_start, handle_once=handle_once)
