"""A launch description: the entities of one launch file, in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from launch.actions.declare_launch_argument import DeclareLaunchArgument
from launch.actions.include_launch_description import IncludeLaunchDescription
from launch.launch_description_entity import LaunchDescriptionEntity

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext

# A declared argument and the includes that lead to it, the outermost first.
FoundArgument = tuple[DeclareLaunchArgument, list[IncludeLaunchDescription]]


class LaunchDescription(LaunchDescriptionEntity):
    """What to do to launch a system."""

    def __init__(self, initial_entities: Iterable[LaunchDescriptionEntity] | None = None) -> None:
        """Start with `initial_entities`."""
        self.__entities = [] if initial_entities is None else list(initial_entities)

    @property
    def entities(self) -> list[LaunchDescriptionEntity]:
        """The entities in order."""
        return self.__entities

    def add_entity(self, entity: LaunchDescriptionEntity) -> None:
        """Put `entity` at the end."""
        self.__entities.append(entity)

    def add_action(self, action: LaunchDescriptionEntity) -> None:
        """Put `action` at the end."""
        self.add_entity(action)

    def visit(self, context: LaunchContext) -> Sequence[LaunchDescriptionEntity]:
        """Answer with the entities."""
        return self.__entities

    def describe_sub_entities(self) -> Sequence[LaunchDescriptionEntity]:
        """Return the entities in order."""
        return self.__entities

    def get_launch_arguments(self) -> list[DeclareLaunchArgument]:
        """Return the arguments declared here and in the included files, each name once."""
        return [argument for argument, _ in self.get_launch_arguments_with_include_launch_description_actions()]

    def get_launch_arguments_with_include_launch_description_actions(self) -> list[FoundArgument]:
        """Return the arguments declared here and in the included files, each name once, and how each is reached.

        Includes whose file cannot be known without launching are passed over.
        """
        found: dict[str, FoundArgument] = {}
        for argument, includes in _declared(self.__entities, [], certain=True):
            found.setdefault(argument.name, (argument, includes))
        return list(found.values())


def _declared(
    entities: Iterable[LaunchDescriptionEntity], includes: list[IncludeLaunchDescription], *, certain: bool
) -> Iterator[FoundArgument]:
    """Walk `entities` depth first; `certain` is false below a condition."""
    for entity in entities:
        if isinstance(entity, DeclareLaunchArgument):
            entity.conditionally_included |= not certain or entity.condition is not None
            yield entity, includes
        if isinstance(entity, LaunchDescriptionEntity):
            below = [*includes, entity] if isinstance(entity, IncludeLaunchDescription) else includes
            yield from _declared(entity.describe_sub_entities(), below, certain=certain)
            yield from _declared(entity.describe_conditional_sub_entities(), below, certain=False)
