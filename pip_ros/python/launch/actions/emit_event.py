"""Emits an event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from launch.action import Action
from launch.event import Event

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext


class EmitEvent(Action):
    """Makes `event` happen."""

    def __init__(self, *, event: Event, **kwargs: Any) -> None:
        """Take the event. Raises TypeError where it is none."""
        super().__init__(**kwargs)
        if not isinstance(event, Event):
            raise TypeError(f"EmitEvent expected an event for 'event', got '{event}' of type '{type(event)}'")
        self.__event = event

    def execute(self, context: LaunchContext) -> None:
        """Emit it."""
        context.emit_event_sync(self.__event)
