"""A launch description source: where a launch description is written and how it is read from there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from launch.substitutions.phrase import SomeSubstitutionsType, as_phrase, describe_phrase, perform_phrase

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext
    from launch.launch_description import LaunchDescription


class LaunchDescriptionSource:
    """Base of sources that are a file; a file is read once."""

    def __init__(self, location: SomeSubstitutionsType) -> None:
        """Name the file; nothing is read yet."""
        self.__location = as_phrase(location)
        self.__descriptions: dict[Path, LaunchDescription] = {}

    @property
    def location(self) -> str:
        """The file as `--show-args` would print it."""
        return describe_phrase(self.__location)

    def path(self, context: LaunchContext) -> Path:
        """Return the file's path in `context`."""
        return Path(perform_phrase(context, self.__location))

    def get_launch_description(self, context: LaunchContext) -> LaunchDescription:
        """Return the description in the file, which is read unless that has been done."""
        path = self.path(context)
        if path not in self.__descriptions:
            self.__descriptions[path] = self.read(path)
        return self.__descriptions[path]

    def read(self, path: Path) -> LaunchDescription:
        """Return the description that stands in `path`."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it reads {path}")
