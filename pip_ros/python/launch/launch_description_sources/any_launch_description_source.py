"""A launch file whose language its reader finds out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from launch.launch_description_source import LaunchDescriptionSource
from launch.launch_description_sources.python_launch_description_source import PythonLaunchDescriptionSource

if TYPE_CHECKING:
    from launch.launch_description import LaunchDescription


class InvalidFrontendLaunchFileError(RuntimeError):
    """Raised, within `InvalidLaunchFileError`, for a file that is no launch file in any other language either."""


class InvalidLaunchFileError(RuntimeError):
    """Raised where a launch file cannot be read; tells what each way of reading it met."""

    def __init__(self, extension: str, errors: list[Exception]) -> None:
        """Take the file's last suffix without its dot, and the errors."""
        lines = [f"Caught multiple exceptions when trying to load file of format [{extension}]:"]
        lines += [f" - {type(error).__name__}: {error}" for error in errors]
        super().__init__("\n".join(lines))


class AnyLaunchDescriptionSource(LaunchDescriptionSource):
    """Reads launch files in Python; those in XML and YAML need the real `launch`, and an error says so."""

    def read(self, path: Path) -> LaunchDescription:
        """Return the description. Raises InvalidLaunchFileError where the file cannot be read."""
        if path.suffix in (".xml", ".yaml", ".yml"):
            raise InvalidFrontendLaunchFileError(
                f"'{path}' is not written in Python: launch files in XML and YAML need a ROS 2 installation"
            )
        try:
            return PythonLaunchDescriptionSource(str(path)).read(path)
        except Exception as error:
            raise InvalidLaunchFileError(path.suffix.lstrip("."), [error, _frontend_refusal(path)]) from error


def _frontend_refusal(path: Path) -> RuntimeError:
    """Return the error with which upstream's XML and YAML readers, tried after Python's, refuse such a file.

    YAML takes a Python file with a stray colon for a mapping, and then misses the root tag.
    """
    try:
        is_mapping = isinstance(yaml.safe_load(path.read_text(encoding="utf-8")), dict)
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        is_mapping = False
    if is_mapping:
        return RuntimeError("Expected 'launch' as root tag")
    return InvalidFrontendLaunchFileError("The launch file may have a syntax error, or its format is unknown")
