"""A substitution: a text that is known only while launching."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext


class Substitution:
    """Base of everything that turns into text when asked with a context."""

    def perform(self, context: LaunchContext) -> str:
        """Return the text this stands for in `context`."""
        raise NotImplementedError(f"{type(self).__name__} does not say what text it stands for")

    def describe(self) -> str:
        """Return how `--show-args` prints this, before any context exists."""
        return f"{type(self).__name__}()"
