"""Keeps actions together, and what they set to themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from launch.action import Action
from launch.actions.opaque_function import OpaqueFunction
from launch.actions.set_launch_configuration import SetLaunchConfiguration
from launch.event_handler import as_entities
from launch.launch_description_entity import LaunchDescriptionEntity
from launch.substitutions.phrase import SomeSubstitutionsType

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext


class GroupAction(Action):
    """Visits `actions` in a scope of their own.

    What they change of launch configurations, environment, namespaces, parameters and remappings ends with the group
    unless `scoped` is false. Without `forwarding` they see only `launch_configurations` of the configurations.
    """

    def __init__(
        self,
        actions: Iterable[LaunchDescriptionEntity],
        *,
        scoped: bool = True,
        forwarding: bool = True,
        launch_configurations: Mapping[str, SomeSubstitutionsType] | None = None,
        **kwargs: Any,
    ) -> None:
        """Take the actions and the configurations to set for them."""
        super().__init__(**kwargs)
        self.__actions = actions
        self.__scoped = scoped
        self.__forwarding = forwarding
        self.__configurations = dict(launch_configurations or {})

    def execute(self, context: LaunchContext) -> list[LaunchDescriptionEntity]:
        """Answer with the actions, between the opening and the closing of their scope."""
        setters = [SetLaunchConfiguration(name, value) for name, value in self.__configurations.items()]
        members = [*setters, *self.__members()]
        if not self.__scoped:
            return members
        opening = _call(lambda context: context.push_scope(forwarding=self.__forwarding))
        return [opening, *members, _call(lambda context: context.pop_scope())]

    def __members(self) -> list[LaunchDescriptionEntity]:
        return as_entities(self.__actions)

    def describe_sub_entities(self) -> list[LaunchDescriptionEntity]:
        """Return the actions where no condition stands before them."""
        return [] if self.condition else self.__members()

    def describe_conditional_sub_entities(self) -> list[LaunchDescriptionEntity]:
        """Return the actions where a condition stands before them."""
        return self.__members() if self.condition else []


def _call(function: Callable[[LaunchContext], None]) -> OpaqueFunction:
    return OpaqueFunction(function=function)
