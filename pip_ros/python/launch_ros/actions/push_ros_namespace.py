"""Puts all nodes that follow in the group into a namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from launch.action import Action
from launch.substitutions.phrase import SomeSubstitutionsType, as_phrase, perform_phrase

from launch_ros.node_names import NAMESPACE, check, group_namespace, joined

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext


class PushROSNamespace(Action):
    """Adds `namespace` to that of the enclosing groups, or replaces it where it begins with a slash."""

    def __init__(self, namespace: SomeSubstitutionsType, **kwargs: Any) -> None:
        """Take the namespace."""
        super().__init__(**kwargs)
        self.__namespace = as_phrase(namespace)

    def execute(self, context: LaunchContext) -> None:
        """Set it. Raises rclpy's InvalidNamespaceException where it is not valid."""
        namespace = joined(group_namespace(context), perform_phrase(context, self.__namespace))
        check(None, namespace)
        context.launch_configurations[NAMESPACE] = namespace


# Both spellings are upstream's.
PushRosNamespace = PushROSNamespace
