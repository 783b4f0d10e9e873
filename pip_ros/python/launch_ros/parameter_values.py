"""What a parameter may be worth, and how a launch file may write it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import yaml
from launch.substitution import Substitution
from launch.substitutions.phrase import Phrase, as_phrase, perform_phrase

from launch_ros.parameter_value import ParameterValue

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext

SCALARS = (float, int, str, bool, bytes)
# A value as a launch file gives it, made ready: a phrase is read as YAML when performed, a list may hold phrases.
Ready = bool | int | float | str | bytes | Phrase | tuple[Any, ...] | ParameterValue
Evaluated = bool | int | float | str | bytes | tuple[bool, ...] | tuple[int, ...] | tuple[float, ...] | tuple[str, ...]


def ready_dict(parameters: Mapping[Any, Any], prefix: str = "") -> list[tuple[Phrase, Ready]]:
    """Return names and values of `parameters`, those of nested dictionaries as `outer.inner`.

    Raises TypeError for values of a kind that no parameter has.
    """
    ready: list[tuple[Phrase, Ready]] = []
    for name, value in parameters.items():
        phrase = as_phrase(prefix) + as_phrase(name) if prefix else as_phrase(name)
        if isinstance(value, Mapping):
            ready += [(phrase + as_phrase(".") + inner, leaf) for inner, leaf in ready_dict(value)]
        else:
            ready.append((phrase, ready_value(value)))
    return ready


def ready_value(value: Any) -> Ready:
    """Return `value` made ready. Raises TypeError for a kind that no parameter has."""
    if isinstance(value, (*SCALARS, ParameterValue)):
        return value
    if isinstance(value, Substitution):
        return as_phrase(value)
    if not isinstance(value, Iterable):
        raise TypeError(f"Unexpected type for parameter value {value!r}")
    items = list(value)
    if any(isinstance(item, Substitution) for item in items) and all(
        isinstance(item, (str, Substitution)) for item in items
    ):
        return as_phrase(items)
    return _ready_list(items)


def _ready_list(items: list[Any]) -> tuple[Any, ...]:
    """Return `items` of one type as they are, integers among floats as floats, anything else as phrases."""
    kinds = {type(item) for item in items}
    if kinds == {int, float}:
        return tuple(float(item) for item in items)
    if len(kinds) <= 1 and kinds <= {bool, int, float, str}:
        return tuple(items)
    return tuple(as_phrase(str(item) if isinstance(item, (bool, int, float)) else item) for item in items)


def evaluate(context: LaunchContext, name: str, value: Ready) -> Evaluated:
    """Return what `value` is worth in `context`; phrases are read as YAML, so that `007` is 7 and `yes` is true.

    Raises TypeError, naming the parameter, for what no parameter can hold.
    """
    if isinstance(value, ParameterValue):
        return _checked(name, value.evaluate(context))
    if isinstance(value, list):
        return _checked(name, yaml.safe_load(perform_phrase(context, value)))
    if isinstance(value, tuple):
        if not value:
            kinds = ", ".join(str(kind) for kind in SCALARS)
            raise TypeError(f"Expected 'value' to be one of [{kinds}], but got '()' of type '{tuple}'")
        return _checked(name, [evaluate(context, name, item) for item in value])
    return value


def _checked(name: str, value: Any) -> Evaluated:
    if isinstance(value, (list, tuple)):
        kinds = {type(item) for item in value}
        if len(kinds) != 1 or not kinds <= {bool, int, float, str}:
            raise TypeError(
                "Expected a non-empty sequence, with items of uniform type. "
                f'Allowed sequence item types are bool, int, float, str. Got inconsistent input for "{name}"'
            )
        return tuple(value)
    if not isinstance(value, SCALARS):
        raise TypeError(
            "Allowed value types are bytes, bool, int, float, str, Sequence[bool], Sequence[int], Sequence[float], "
            f'Sequence[str]. Got {type(value)} for "{name}". If the parameter is meant to be a string, try wrapping it '
            "in launch_ros.parameter_descriptions.ParameterValue(value, value_type=str)"
        )
    return value
