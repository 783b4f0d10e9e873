"""Renames something for all nodes that follow in the group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from launch.action import Action
from launch.substitutions.phrase import SomeSubstitutionsType, as_phrase, perform_phrase

from launch_ros.remap_rules import REMAPS, group_rules

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext


class SetRemap(Action):
    """Gives what nodes call `src` the name `dst`."""

    def __init__(self, src: SomeSubstitutionsType, dst: SomeSubstitutionsType, **kwargs: Any) -> None:
        """Take both names."""
        super().__init__(**kwargs)
        self.__src = as_phrase(src)
        self.__dst = as_phrase(dst)

    def execute(self, context: LaunchContext) -> None:
        """Add the rule, as a new list: the old one belongs to the outer scope too."""
        rule = (perform_phrase(context, self.__src), perform_phrase(context, self.__dst))
        context.launch_configurations[REMAPS] = [*group_rules(context), rule]
