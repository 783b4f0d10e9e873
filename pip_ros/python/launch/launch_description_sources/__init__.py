"""Where launch descriptions are written, one kind of source per file."""

from launch.launch_description_sources.any_launch_description_source import (
    AnyLaunchDescriptionSource,
    InvalidFrontendLaunchFileError,
    InvalidLaunchFileError,
)
from launch.launch_description_sources.python_launch_description_source import (
    InvalidPythonLaunchFileError,
    PythonLaunchDescriptionSource,
)

__all__ = [
    "AnyLaunchDescriptionSource",
    "InvalidFrontendLaunchFileError",
    "InvalidLaunchFileError",
    "InvalidPythonLaunchFileError",
    "PythonLaunchDescriptionSource",
]
