"""Declares an argument of a launch file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from launch.action import Action
from launch.logging import get_logger
from launch.substitutions.phrase import Phrase, SomeSubstitutionsType, as_phrase, describe_phrase, perform_phrase

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext


class DeclareLaunchArgument(Action):
    """Makes the launch configuration `name` hold `default_value` unless it is set, and be one of `choices`."""

    def __init__(
        self,
        name: str,
        *,
        default_value: SomeSubstitutionsType | None = None,
        description: str | None = None,
        choices: Iterable[str] | None = None,
        **kwargs: Any,
    ) -> None:
        """Take what `--show-args` tells; an argument without default must be given.

        Raises RuntimeError for no choices at all and for a default that is plain text but not among the choices.
        """
        super().__init__(**kwargs)
        self.name = name
        self.default_value = None if default_value is None else as_phrase(default_value)
        self.choices = None if choices is None else list(choices)
        self.description = "no description given" if description is None else description
        self.conditionally_included = False
        if self.choices is not None:
            self.__check_choices(default_value)
            self.description += f". Valid choices are: {self.choices}"

    def __check_choices(self, default_value: SomeSubstitutionsType | None) -> None:
        if not self.choices:
            raise _refusal("Provided choices arg is empty. Use None to ignore the choice list.")
        if isinstance(default_value, str) and default_value not in self.choices:
            raise _refusal(f'Provided default_value "{default_value}" is not in provided choices "{self.choices}".')

    def execute(self, context: LaunchContext) -> None:
        """Set the configuration if need be. Raises RuntimeError for no value and for one not among the choices."""
        if self.name not in context.launch_configurations:
            context.launch_configurations[self.name] = perform_phrase(context, self.__default())
        value = context.launch_configurations[self.name]
        if self.choices is not None and value not in self.choices:
            raise _refusal(
                f'Argument "{self.name}" provided value "{value}" is not valid. Valid options are: {self.choices}'
            )

    def __default(self) -> Phrase:
        if self.default_value is None:
            raise RuntimeError(
                f"Required launch argument '{self.name}' (description: '{self.description}') was not provided"
            )
        return self.default_value

    def describe(self) -> str:
        """Return what `--show-args` prints about this argument."""
        lines = [f"    '{self.name}':", f"        {self.description}"]
        if self.default_value is not None:
            lines.append(f"        (default: {describe_phrase(self.default_value)})")
        return "\n".join(lines)


def _refusal(text: str) -> RuntimeError:
    """Log `text` before it is raised: the error alone does not say which action refused."""
    get_logger(__name__).error(text)
    return RuntimeError(text)
