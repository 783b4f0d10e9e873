"""Sets a launch configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from launch.action import Action
from launch.substitutions.phrase import SomeSubstitutionsType, as_phrase, perform_phrase

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext


class SetLaunchConfiguration(Action):
    """Makes the launch configuration `name` hold `value`."""

    def __init__(self, name: SomeSubstitutionsType, value: SomeSubstitutionsType, **kwargs: Any) -> None:
        """Take the name and the value."""
        super().__init__(**kwargs)
        self.__name = as_phrase(name)
        self.__value = as_phrase(value)

    def execute(self, context: LaunchContext) -> None:
        """Set it."""
        context.launch_configurations[perform_phrase(context, self.__name)] = perform_phrase(context, self.__value)
