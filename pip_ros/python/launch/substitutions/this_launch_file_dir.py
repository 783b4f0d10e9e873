"""The folder of the launch file in hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from launch.substitution import Substitution
from launch.substitutions.substitution_failure import SubstitutionFailure

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext


class ThisLaunchFileDir(Substitution):
    """Stands for the folder of the launch file that is being visited."""

    def perform(self, context: LaunchContext) -> str:
        """Return the folder. Raises SubstitutionFailure outside of a launch file."""
        directory = getattr(context.locals, "current_launch_file_directory", None)
        if directory is None:
            raise SubstitutionFailure("ThisLaunchFileDir used outside of a launch file (in a script)")
        return str(directory)
