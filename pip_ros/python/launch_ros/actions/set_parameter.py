"""Sets a parameter of all nodes that follow in the group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from launch.action import Action
from launch.substitutions.phrase import SomeSubstitutionsType, as_phrase, perform_phrase

from launch_ros.parameter_values import Evaluated, evaluate, ready_value

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext

# The launch configuration that carries the parameters of a group; it ends with the group like any other.
GLOBAL_PARAMETERS = "global_params"


class SetParameter(Action):
    """Gives the parameter `name` the value `value`; a node's own parameters win."""

    def __init__(self, name: SomeSubstitutionsType, value: Any, **kwargs: Any) -> None:
        """Take the name and the value, which is written as in a node's dictionary of parameters."""
        super().__init__(**kwargs)
        self.__name = as_phrase(name)
        self.__value = ready_value(value)

    def execute(self, context: LaunchContext) -> None:
        """Add the parameter, as a new list: the old one belongs to the outer scope too."""
        name = perform_phrase(context, self.__name)
        value = evaluate(context, name, self.__value)
        context.launch_configurations[GLOBAL_PARAMETERS] = [*group_parameters(context), (name, value)]


def group_parameters(context: LaunchContext) -> list[tuple[str, Evaluated]]:
    """Return names and values of the parameters that the enclosing groups give."""
    parameters: list[tuple[str, Evaluated]] = context.launch_configurations.get(GLOBAL_PARAMETERS, [])
    return parameters


def group_parameter_arguments(context: LaunchContext) -> list[str]:
    """Return the arguments for a node's command line."""
    return [word for name, value in group_parameters(context) for word in ("-p", f"{name}:={_text(value)}")]


def _text(value: Evaluated) -> str:
    return str(list(value)) if isinstance(value, tuple) else str(value)
