"""A path made of parts."""

from __future__ import annotations

import os.path
from typing import TYPE_CHECKING

from launch.substitution import Substitution
from launch.substitutions.phrase import SomeSubstitutionsType, as_phrase

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext


class PathJoinSubstitution(Substitution):
    """Stands for its parts joined as `os.path.join` does it."""

    def __init__(self, substitutions: SomeSubstitutionsType) -> None:
        """Take the parts, each a text or a substitution."""
        self.__parts = as_phrase(substitutions)

    def perform(self, context: LaunchContext) -> str:
        """Return the path. Raises TypeError without parts."""
        return os.path.join(*[part.perform(context) for part in self.__parts])

    def describe(self) -> str:
        """Return the parts as they would be written."""
        return f"PathJoin({', '.join(part.describe() for part in self.__parts)})"
