"""An action: an entity that does something, possibly on a condition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from launch.condition import Condition
from launch.launch_description_entity import LaunchDescriptionEntity

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext


class Action(LaunchDescriptionEntity):
    """Base of actions."""

    def __init__(self, *, condition: Condition | None = None) -> None:
        """Carry the action out only where `condition` holds; always without one."""
        self.__condition = condition

    @property
    def condition(self) -> Condition | None:
        """The condition the action depends on, if any."""
        return self.__condition

    def visit(self, context: LaunchContext) -> Sequence[LaunchDescriptionEntity] | None:
        """Execute the action if its condition holds."""
        if self.__condition is not None and not self.__condition.evaluate(context):
            return None
        return self.execute(context)

    def execute(self, context: LaunchContext) -> Sequence[LaunchDescriptionEntity] | None:
        """Do the work; return the entities to visit right after it, in order."""
        raise NotImplementedError(f"{type(self).__name__} does not say what it does")
