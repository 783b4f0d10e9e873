"""Removes an environment variable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from launch.action import Action
from launch.substitutions.phrase import SomeSubstitutionsType, as_phrase, perform_phrase

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext


class UnsetEnvironmentVariable(Action):
    """Takes the environment variable `name` away from what is started afterwards."""

    def __init__(self, name: SomeSubstitutionsType, **kwargs: Any) -> None:
        """Take the name."""
        super().__init__(**kwargs)
        self.__name = as_phrase(name)

    def execute(self, context: LaunchContext) -> None:
        """Remove it, if it is there."""
        context.environment.pop(perform_phrase(context, self.__name), None)
