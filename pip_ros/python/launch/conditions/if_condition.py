"""The condition that a text says true."""

from __future__ import annotations

from typing import TYPE_CHECKING

from launch.condition import Condition
from launch.conditions.invalid_condition_expression_error import InvalidConditionExpressionError
from launch.substitutions.phrase import SomeSubstitutionsType, as_phrase, perform_phrase

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext

TRUE = ("true", "1")
FALSE = ("false", "0")


class IfCondition(Condition):
    """Holds where the text says true: `true` or `1`; `false` or `0` say false; case and outer blanks are ignored."""

    def __init__(self, predicate_expression: SomeSubstitutionsType) -> None:
        """Take the text."""
        self.__phrase = as_phrase(predicate_expression)

    def evaluate(self, context: LaunchContext) -> bool:
        """Return what the text says. Raises InvalidConditionExpressionError where it says neither."""
        text = perform_phrase(context, self.__phrase).strip().lower()
        if text not in TRUE + FALSE:
            origin = " + ".join(str(substitution) for substitution in self.__phrase)
            raise InvalidConditionExpressionError(
                "invalid condition expression, expected one of [true, 1, false, 0] "
                f"but got '{text}', expanded from '{origin}'"
            )
        return text in TRUE
