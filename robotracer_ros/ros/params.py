"""Parameters of a node as one table: name, default, meaning, unit and what is accepted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter as RosParameter

from robotracer_ros.errors import InvalidRequest

Value = bool | int | float | str | list[bool] | list[int] | list[float] | list[str]
_TYPES: Final = (bool, int, float, str)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter.

    Attributes:
        name: as in a YAML file; dots make groups.
        default: its type is the parameter's type; a list must not be empty, as its type could not be told.
        description: one sentence, for ``ros2 param describe``.
        unit: "m", "s", ...; "" without one.
        low, high: bounds of a number, both included; infinite where there is none.
        choices: the words a text may be; () for any.
        read_only: whether it only counts at the start of the node.

    Raises:
        InvalidRequest: for a default that its own bounds or choices refuse.
    """

    name: str
    default: Value
    description: str
    unit: str = ""
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()
    read_only: bool = False

    def __post_init__(self) -> None:
        self.require(self.default)

    @property
    def kind(self) -> str:
        """The type in words: "bool", "int", "float", "str", or "list of" one of them."""
        if isinstance(self.default, list):
            return f"list of {type(self.default[0]).__name__}" if self.default else "list"
        return type(self.default).__name__

    @property
    def accepted(self) -> str:
        """What may be set, in words."""
        words = ", ".join(map(repr, self.choices)) if self.choices else self.kind
        return " ".join(filter(None, (words, self._bounds_in_words(), self.unit)))

    def require(self, value: object) -> None:
        """Check a value against type, bounds and choices.

        Raises:
            InvalidRequest: naming the parameter, the value and what is accepted.
        """
        items = value if isinstance(value, list) else [value]
        wanted = self.default[0] if isinstance(self.default, list) and self.default else self.default
        known = not isinstance(wanted, list) and type(wanted) in _TYPES
        right = known and isinstance(value, list) == isinstance(self.default, list)
        if not (right and all(type(item) is type(wanted) and self._within(item) for item in items)):
            raise InvalidRequest(f"parameter {self.name} is {value!r}; accepted: {self.accepted}{_hint(value, wanted)}")

    def descriptor(self) -> ParameterDescriptor:
        """The description that ``ros2 param describe`` and graphical editors show."""
        descriptor = ParameterDescriptor(read_only=self.read_only)
        descriptor.description = self.description + (f" [{self.unit}]" if self.unit else "")
        if self.choices:
            descriptor.additional_constraints = f"one of {', '.join(map(repr, self.choices))}"
        elif self._bounds_in_words():
            self._describe_range(descriptor)
        return descriptor

    def _bounds_in_words(self) -> str:
        if self.low == -math.inf and self.high == math.inf:
            return ""
        if self.high == math.inf:
            return f"of at least {self.low:g}"
        return f"of at most {self.high:g}" if self.low == -math.inf else f"from {self.low:g} to {self.high:g}"

    def _within(self, item: object) -> bool:
        if isinstance(item, str):
            return not self.choices or item in self.choices
        # A comparison with NaN is false, so NaN is refused with or without bounds.
        return isinstance(item, bool) or (isinstance(item, int | float) and self.low <= item <= self.high)

    def _describe_range(self, descriptor: ParameterDescriptor) -> None:
        if type(self.default) is float:
            bounds = FloatingPointRange(from_value=float(self.low), to_value=float(self.high))
            descriptor.floating_point_range = [bounds]
        elif type(self.default) is int:
            low = -(2**63) if self.low == -math.inf else int(self.low)
            high = 2**63 - 1 if self.high == math.inf else int(self.high)
            descriptor.integer_range = [IntegerRange(from_value=low, to_value=high)]
        else:
            # rcl_interfaces has ranges for single numbers only.
            descriptor.additional_constraints = f"each {self._bounds_in_words()}"


def declare(node: Node, table: Sequence[Parameter]) -> None:
    """Declare a table and keep checking what is set later; call it once for each node.

    Raises:
        InvalidRequest: for a value from a file or the command line that is not accepted.
    """
    by_name = {parameter.name: parameter for parameter in table}
    for parameter in table:
        try:
            declared = node.declare_parameter(parameter.name, parameter.default, parameter.descriptor())
        except (InvalidParameterTypeException, InvalidParameterValueException) as error:
            raise InvalidRequest(f"parameter {parameter.name}: {error}; accepted: {parameter.accepted}") from error
        parameter.require(_plain(declared))

    def check(changed: list[RosParameter]) -> SetParametersResult:
        try:
            for candidate in changed:
                if candidate.name in by_name:
                    by_name[candidate.name].require(_plain(candidate))
        except InvalidRequest as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    node.add_on_set_parameters_callback(check)


def read(node: Node, table: Sequence[Parameter]) -> dict[str, Value]:
    """The values of a declared table at this moment, by name.

    Raises:
        InvalidRequest: for a value that is not accepted.
    """
    values = {}
    for parameter in table:
        value = _plain(node.get_parameter(parameter.name))
        parameter.require(value)
        values[parameter.name] = value
    return values


def _plain(parameter: RosParameter) -> Value:
    """The value, with rclpy's arrays as lists."""
    value = parameter.value
    return value if isinstance(value, str | bool | int | float) else list(value)


def _hint(value: object, wanted: object) -> str:
    if type(value) is int and type(wanted) is float:
        return f"; write {value}.0"
    return ""
