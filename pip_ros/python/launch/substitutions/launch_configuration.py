"""The value of a launch configuration, which is how arguments of a launch file are read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from launch.substitution import Substitution
from launch.substitutions.phrase import SomeSubstitutionsType, as_phrase, describe_phrase, perform_phrase
from launch.substitutions.substitution_failure import SubstitutionFailure

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext


class LaunchConfiguration(Substitution):
    """Stands for the configuration `variable_name`, else for `default`."""

    def __init__(self, variable_name: SomeSubstitutionsType, *, default: Any = None) -> None:
        """Take the name, and what to stand for where it is not set: text, substitutions or any value's `str`."""
        self.__name = as_phrase(variable_name)
        if default is not None and not isinstance(default, (str, Substitution, Iterable)):
            default = str(default)
        self.__default = None if default is None else as_phrase(default)

    def perform(self, context: LaunchContext) -> str:
        """Return the value. Raises SubstitutionFailure where it is not set and there is no default."""
        name = perform_phrase(context, self.__name)
        if name in context.launch_configurations:
            return str(context.launch_configurations[name])
        if self.__default is None:
            raise SubstitutionFailure(f"launch configuration '{name}' does not exist")
        return perform_phrase(context, self.__default)

    def describe(self) -> str:
        """Return the name as it would be written."""
        return f"LaunchConfig({describe_phrase(self.__name)})"
