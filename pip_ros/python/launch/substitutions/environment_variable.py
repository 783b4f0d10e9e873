"""The value of an environment variable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from launch.substitution import Substitution
from launch.substitutions.phrase import SomeSubstitutionsType, as_phrase, describe_phrase, perform_phrase
from launch.substitutions.substitution_failure import SubstitutionFailure

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext


class EnvironmentVariable(Substitution):
    """Stands for the environment variable `name`, else for `default_value`."""

    def __init__(self, name: SomeSubstitutionsType, *, default_value: SomeSubstitutionsType | None = None) -> None:
        """Take the name, and what to stand for where it is not set."""
        self.__name = as_phrase(name)
        self.__default = None if default_value is None else as_phrase(default_value)

    def perform(self, context: LaunchContext) -> str:
        """Return the value. Raises SubstitutionFailure where it is not set and there is no default."""
        name = perform_phrase(context, self.__name)
        if name in context.environment:
            return context.environment[name]
        if self.__default is None:
            raise SubstitutionFailure(f"environment variable '{name}' does not exist")
        return perform_phrase(context, self.__default)

    def describe(self) -> str:
        """Return the name as it would be written."""
        return f"EnvVar({describe_phrase(self.__name)})"
