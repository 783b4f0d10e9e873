"""An entity: whatever may stand in a launch description."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext


class LaunchDescriptionEntity:
    """Base of actions and descriptions: a visit does the work and answers with what to visit next."""

    def visit(self, context: LaunchContext) -> Sequence[LaunchDescriptionEntity] | None:
        """Do this entity's work; return the entities to visit right after it, in order."""
        raise NotImplementedError(f"{type(self).__name__} does not say what a visit does")

    def describe_sub_entities(self) -> Sequence[LaunchDescriptionEntity]:
        """Return the entities that a visit is certain to reach, as far as known without a context."""
        return []

    def describe_conditional_sub_entities(self) -> Sequence[LaunchDescriptionEntity]:
        """Return the entities that a visit may reach, as far as known without a context."""
        return []
