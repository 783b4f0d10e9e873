"""A parameter's value whose type the launch file says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args, get_origin

import yaml
from launch.substitution import Substitution
from launch.substitutions.phrase import as_phrase, perform_phrase

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext

SCALAR_TYPES = (bool, int, float, str)


class ParameterValue:
    """`value`, text or substitutions among them, as `value_type`: bool, int, float, str, a list of one, or any."""

    def __init__(self, value: Any, *, value_type: Any = None) -> None:
        """Take both. Raises TypeError for another type."""
        self.__item_type = get_args(value_type)[0] if get_origin(value_type) is list else None
        if value_type is not None and (self.__item_type or value_type) not in SCALAR_TYPES:
            raise TypeError(f"value_type is {value_type!r}; it may be bool, int, float, str or a list of one of these")
        self.__type = value_type
        self.__value = value

    def evaluate(self, context: LaunchContext) -> Any:
        """Return the value. Raises TypeError where it is not of the type said."""
        value = self.__performed(context)
        if self.__item_type is not None:
            if not isinstance(value, (list, tuple)):
                raise TypeError(f"the parameter's value {value!r} is not a list of {self.__item_type.__name__}")
            return [_as_type(item, self.__item_type) for item in value]
        return value if self.__type is None else _as_type(value, self.__type)

    def __performed(self, context: LaunchContext) -> Any:
        value = self.__value
        is_phrase = isinstance(value, (list, tuple)) and any(isinstance(word, Substitution) for word in value)
        if not is_phrase and not isinstance(value, Substitution):
            return value
        text = perform_phrase(context, as_phrase(value))
        return text if self.__type is str else yaml.safe_load(text)


def _as_type(value: Any, kind: type) -> Any:
    """Return `value`, an integer as a float where one is asked for, a text that says such a value as that value."""
    if isinstance(value, str) and kind is not str:
        value = yaml.safe_load(value)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise TypeError(f"the parameter's value {value!r} is of type {type(value).__name__}, not {kind.__name__}")
    return value
