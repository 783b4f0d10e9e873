"""What to do when the launch ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from launch.event import Event
from launch.event_handler import EventHandler, SomeEntities
from launch.events.shutdown import Shutdown

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext


class OnShutdown(EventHandler):
    """Answers the one `Shutdown` event of a launch."""

    def __init__(self, *, on_shutdown: SomeEntities | Callable[[Event, LaunchContext], SomeEntities]) -> None:
        """Visit `on_shutdown`, or what calling it with (event, context) returns."""
        super().__init__(matcher=lambda event: isinstance(event, Shutdown), entities=on_shutdown)
