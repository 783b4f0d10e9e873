"""The value of a Python expression."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from launch.substitution import Substitution
from launch.substitutions.phrase import SomeSubstitutionsType, as_phrase, describe_phrase, perform_phrase

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext


class PythonExpression(Substitution):
    """Stands for `str` of what the expression is worth."""

    def __init__(
        self, expression: SomeSubstitutionsType, python_modules: Iterable[SomeSubstitutionsType] = ("math",)
    ) -> None:
        """Take the expression and the modules whose names, and whose members' names, it may use."""
        self.__expression = as_phrase(expression)
        self.__modules = [as_phrase(module) for module in python_modules]

    def perform(self, context: LaunchContext) -> str:
        """Return the value as text. Raises what importing the modules or evaluating the expression raises."""
        names: dict[str, Any] = {}
        for phrase in self.__modules:
            module = importlib.import_module(perform_phrase(context, phrase))
            names.update(vars(module))
            names[module.__name__] = module
        # The words are those of a launch file, which is Python run with its author's rights anyway.
        return str(eval(perform_phrase(context, self.__expression), {}, names))  # noqa: S307

    def describe(self) -> str:
        """Return the expression as it would be written."""
        return f"PythonExpr({describe_phrase(self.__expression)})"
