"""The condition that a text says false."""

from __future__ import annotations

from typing import TYPE_CHECKING

from launch.condition import Condition
from launch.conditions.if_condition import IfCondition
from launch.substitutions.phrase import SomeSubstitutionsType

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext


class UnlessCondition(Condition):
    """Holds where `IfCondition` of the same text does not."""

    def __init__(self, predicate_expression: SomeSubstitutionsType) -> None:
        """Take the text."""
        self.__opposite = IfCondition(predicate_expression)

    def evaluate(self, context: LaunchContext) -> bool:
        """Return whether the text says false. Raises InvalidConditionExpressionError where it says neither."""
        return not self.__opposite.evaluate(context)
