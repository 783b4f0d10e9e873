"""An event handler: what to do when an event of a certain kind happens."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from launch.event import Event
from launch.launch_description_entity import LaunchDescriptionEntity

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext

# What a handler may be given: entities to visit, or a function that may return such entities.
SomeEntities = LaunchDescriptionEntity | Iterable[LaunchDescriptionEntity] | None


def as_entities(entities: SomeEntities) -> list[LaunchDescriptionEntity]:
    """Return one entity, several or none as a list."""
    if entities is None:
        return []
    if isinstance(entities, LaunchDescriptionEntity):
        return [entities]
    return list(entities)


class EventHandler:
    """Visits `entities`, or what calling them with (event, context) returns, for each event that `matcher` accepts."""

    def __init__(
        self,
        *,
        matcher: Callable[[Event], bool],
        entities: SomeEntities | Callable[[Event, LaunchContext], SomeEntities] = None,
        handle_once: bool = False,
    ) -> None:
        """Answer every matching event, or only the first where `handle_once` is set."""
        self.__matcher = matcher
        self.__entities = entities
        self.handle_once = handle_once

    def matches(self, event: Event) -> bool:
        """Return whether this handler answers `event`."""
        return self.__matcher(event)

    def handle(self, event: Event, context: LaunchContext) -> list[LaunchDescriptionEntity]:
        """Return the entities to visit because of `event`."""
        if callable(self.__entities):
            return as_entities(self.__entities(event, context))
        return as_entities(self.__entities)
