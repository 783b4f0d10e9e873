"""The event that ends a launch."""

from __future__ import annotations

from launch.event import Event


class Shutdown(Event):
    """Asks everything to end."""

    def __init__(self, *, reason: str = "reason not given", due_to_sigint: bool = False) -> None:
        """Say why; `due_to_sigint` where a Ctrl-C is the cause, which a terminal sends to the processes as well."""
        self.reason = reason
        self.due_to_sigint = due_to_sigint
