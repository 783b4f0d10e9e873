"""A launch file written in Python."""

from __future__ import annotations

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import TYPE_CHECKING, cast

from launch.launch_description_source import LaunchDescriptionSource

if TYPE_CHECKING:
    from launch.launch_description import LaunchDescription


class InvalidPythonLaunchFileError(RuntimeError):
    """Raised where the file has no `generate_launch_description`."""


class PythonLaunchDescriptionSource(LaunchDescriptionSource):
    """Reads a file by running it and calling its `generate_launch_description()`."""

    def read(self, path: Path) -> LaunchDescription:
        """Return the description. Raises whatever the file raises, OSError where it cannot be opened."""
        loader = SourceFileLoader("python_launch_file", str(path))
        spec = spec_from_loader(loader.name, loader, origin=str(path))
        if spec is None:
            raise InvalidPythonLaunchFileError(f"'{path}' cannot be loaded as a Python file")
        module = module_from_spec(spec)
        loader.exec_module(module)
        if not hasattr(module, "generate_launch_description"):
            raise InvalidPythonLaunchFileError(
                f"launch file at '{path}' does not contain the required function 'generate_launch_description()'"
            )
        return cast("LaunchDescription", module.generate_launch_description())
