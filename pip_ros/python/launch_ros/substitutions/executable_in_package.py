"""Where a package's executable is."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from launch.substitution import Substitution
from launch.substitutions.phrase import SomeSubstitutionsType, as_phrase, describe_phrase, perform_phrase
from launch.substitutions.substitution_failure import SubstitutionFailure

from launch_ros.substitutions.find_package import FindPackagePrefix

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext


class ExecutableInPackage(Substitution):
    """Stands for the path of `executable` in the lib folder of `package`."""

    def __init__(self, executable: SomeSubstitutionsType, package: SomeSubstitutionsType) -> None:
        """Take both names."""
        self.__executable = as_phrase(executable)
        self.__package = as_phrase(package)

    def perform(self, context: LaunchContext) -> str:
        """Return the path. Raises SubstitutionFailure where there is no such executable, and as FindPackage does."""
        name = perform_phrase(context, self.__executable)
        package = perform_phrase(context, self.__package)
        libexec = Path(FindPackagePrefix(package).perform(context)) / "lib" / package
        path = shutil.which(name, path=str(libexec))
        if path is None:
            raise SubstitutionFailure(f"executable '{name}' not found on the libexec directory '{libexec}' ")
        return path

    def describe(self) -> str:
        """Return both names as they would be written."""
        return f"ExecInPkg(pkg={describe_phrase(self.__package)}, exec={describe_phrase(self.__executable)})"
