"""Registers an event handler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from launch.action import Action
from launch.event_handler import EventHandler

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext


class RegisterEventHandler(Action):
    """Makes `event_handler` answer events from now on."""

    def __init__(self, event_handler: EventHandler, **kwargs: Any) -> None:
        """Take the handler."""
        super().__init__(**kwargs)
        self.__event_handler = event_handler

    def execute(self, context: LaunchContext) -> None:
        """Register it."""
        context.register_event_handler(self.__event_handler)
