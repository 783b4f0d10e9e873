"""Calls a Python function while launching."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from launch.action import Action
from launch.event_handler import SomeEntities, as_entities
from launch.launch_description_entity import LaunchDescriptionEntity

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext


class OpaqueFunction(Action):
    """Calls `function(context, *args, **kwargs)` and visits what it returns."""

    def __init__(
        self,
        *,
        function: Callable[..., SomeEntities],
        args: Iterable[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        **action_kwargs: Any,
    ) -> None:
        """Take the function and what it gets besides the context. Raises TypeError where it is no function."""
        super().__init__(**action_kwargs)
        if not callable(function):
            raise TypeError(f"OpaqueFunction expected a callable for 'function', got '{type(function)}'")
        self.__function = function
        self.__args = list(args or ())
        self.__kwargs = dict(kwargs or {})

    def execute(self, context: LaunchContext) -> list[LaunchDescriptionEntity]:
        """Call it."""
        return as_entities(self.__function(context, *self.__args, **self.__kwargs))
