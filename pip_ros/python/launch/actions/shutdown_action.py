"""Ends the launch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from launch.action import Action
from launch.events.process import ProcessExited
from launch.events.shutdown import Shutdown as ShutdownEvent
from launch.logging import get_logger
from launch.substitutions.phrase import SomeSubstitutionsType, as_phrase, perform_phrase

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext


class Shutdown(Action):
    """Asks everything to end; as an answer to the end of a process it says that this process was required."""

    def __init__(self, *, reason: SomeSubstitutionsType = "reason not given", **kwargs: Any) -> None:
        """Say why."""
        super().__init__(**kwargs)
        self.__reason = as_phrase(reason)

    def execute(self, context: LaunchContext) -> None:
        """Emit the event."""
        cause = getattr(context.locals, "event", None)
        if isinstance(cause, ProcessExited):
            get_logger().info(f"process[{cause.process_name}] was required: shutting down launched system")
        context.emit_event_sync(ShutdownEvent(reason=perform_phrase(context, self.__reason)))
