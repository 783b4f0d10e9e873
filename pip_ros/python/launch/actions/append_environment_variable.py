"""Makes an environment variable that is a list longer."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from launch.action import Action
from launch.substitutions.phrase import SomeSubstitutionsType, as_phrase, perform_phrase

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext


class AppendEnvironmentVariable(Action):
    """Puts `value` behind what the environment variable `name` holds, or before it where `prepend` is set."""

    def __init__(
        self,
        name: SomeSubstitutionsType,
        value: SomeSubstitutionsType,
        prepend: bool = False,
        separator: str = os.pathsep,
        **kwargs: Any,
    ) -> None:
        """Take the name and the value."""
        super().__init__(**kwargs)
        self.__name = as_phrase(name)
        self.__value = as_phrase(value)
        self.__prepend = prepend
        self.__separator = separator

    def execute(self, context: LaunchContext) -> None:
        """Set it; a variable that is not there yet gets the value alone."""
        name = perform_phrase(context, self.__name)
        values = [perform_phrase(context, self.__value)]
        if name in context.environment:
            values.insert(1 if self.__prepend else 0, context.environment[name])
        context.environment[name] = self.__separator.join(values)
