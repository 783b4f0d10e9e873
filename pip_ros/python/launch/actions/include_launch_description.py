"""Includes another launch file."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from launch.action import Action
from launch.actions.opaque_function import OpaqueFunction
from launch.actions.set_launch_configuration import SetLaunchConfiguration
from launch.launch_context import LaunchContext
from launch.launch_description_entity import LaunchDescriptionEntity
from launch.launch_description_source import LaunchDescriptionSource
from launch.launch_description_sources.any_launch_description_source import AnyLaunchDescriptionSource
from launch.logging import get_logger
from launch.substitutions import SubstitutionFailure
from launch.substitutions.phrase import SomeSubstitutionsType, as_phrase, perform_phrase

if TYPE_CHECKING:
    from launch.launch_description import LaunchDescription

LaunchArguments = Iterable[tuple[SomeSubstitutionsType, SomeSubstitutionsType]]
FILE_LOCALS = ("current_launch_file_path", "current_launch_file_directory")


class IncludeLaunchDescription(Action):
    """Visits the description of another file with `launch_arguments` set.

    As upstream, there is no scope: what the file and the arguments set stays set for the includer. A `GroupAction`
    around the include is the remedy.
    """

    def __init__(
        self,
        launch_description_source: LaunchDescriptionSource | SomeSubstitutionsType,
        *,
        launch_arguments: LaunchArguments | None = None,
        **kwargs: Any,
    ) -> None:
        """Take the source, or the path of a file, and pairs of argument and value."""
        super().__init__(**kwargs)
        if not isinstance(launch_description_source, LaunchDescriptionSource):
            launch_description_source = AnyLaunchDescriptionSource(launch_description_source)
        self.__source = launch_description_source
        self.__arguments = [(as_phrase(name), as_phrase(value)) for name, value in launch_arguments or ()]

    @property
    def launch_description_source(self) -> LaunchDescriptionSource:
        """Where the description stands."""
        return self.__source

    def static_argument_names(self) -> list[str]:
        """Return the names of the given arguments, as far as known without a context."""
        names = []
        for name, _ in self.__arguments:
            with suppress(SubstitutionFailure):
                names.append(perform_phrase(LaunchContext(), name))
        return names

    def execute(self, context: LaunchContext) -> list[LaunchDescriptionEntity]:
        """Answer with the arguments, the description, and the way back to the including file.

        Raises RuntimeError where an argument that has no default is not given.
        """
        description = self.__source.get_launch_description(context)
        self.__check_arguments(context, description)
        outer = {name: getattr(context.locals, name, None) for name in FILE_LOCALS}
        path = self.__source.path(context)
        setters = [SetLaunchConfiguration(name, value) for name, value in self.__arguments]
        context.extend_locals(dict(zip(FILE_LOCALS, (str(path), str(path.parent)), strict=True)))
        way_back = OpaqueFunction(function=lambda context: context.extend_locals(outer))
        return [*setters, description, way_back]

    def __check_arguments(self, context: LaunchContext, description: LaunchDescription) -> None:
        given = [perform_phrase(context, name) for name, _ in self.__arguments]
        for argument, includes in description.get_launch_arguments_with_include_launch_description_actions():
            if argument.conditionally_included or argument.default_value is not None:
                continue
            names = [*given, *(name for include in includes for name in include.static_argument_names())]
            if argument.name not in names:
                raise RuntimeError(
                    f"Included launch description missing required argument '{argument.name}' "
                    f"(description: '{argument.description}'), given: [{', '.join(names)}]"
                )

    def __preview(self) -> list[LaunchDescriptionEntity]:
        """Return the description as far as it can be had without launching."""
        try:
            return [self.__source.get_launch_description(LaunchContext())]
        except Exception as error:
            # Whatever is wrong with the file is an error only if the launch gets here, which a condition may prevent.
            get_logger(__name__).debug(f"no preview of {self.__source.location}: {error!r}")
            return []

    def describe_sub_entities(self) -> list[LaunchDescriptionEntity]:
        """Return the description where no condition stands before it."""
        return [] if self.condition else self.__preview()

    def describe_conditional_sub_entities(self) -> list[LaunchDescriptionEntity]:
        """Return the description where a condition stands before it."""
        return self.__preview() if self.condition else []
