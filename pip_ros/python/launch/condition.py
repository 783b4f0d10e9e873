"""A condition: decides, while launching, whether an action is carried out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext


class Condition:
    """Base of conditions."""

    def evaluate(self, context: LaunchContext) -> bool:
        """Return whether the condition holds in `context`."""
        raise NotImplementedError(f"{type(self).__name__} does not say when it holds")
