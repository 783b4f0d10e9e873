"""Where a package is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ament_index_python.packages import get_package_prefix, get_package_share_directory
from launch.substitution import Substitution
from launch.substitutions.phrase import SomeSubstitutionsType, as_phrase, describe_phrase, perform_phrase

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext


class FindPackage(Substitution):
    """Base of places in the package called `package`."""

    def __init__(self, package: SomeSubstitutionsType) -> None:
        """Take the package's name."""
        self.__package = as_phrase(package)

    def perform(self, context: LaunchContext) -> str:
        """Return the place.

        Raises ament_index_python's PackageNotFoundError for a package that is not installed and ValueError for what
        cannot be a package's name.
        """
        return self.find(perform_phrase(context, self.__package))

    def find(self, package: str) -> str:
        """Return the place in `package`."""
        raise NotImplementedError(f"{type(self).__name__} does not say what it looks for")

    def describe(self) -> str:
        """Return the name as it would be written."""
        return f"{type(self).__name__}(pkg={describe_phrase(self.__package)})"


class FindPackagePrefix(FindPackage):
    """Stands for the folder the package is installed below, such as /opt/ros/jazzy."""

    def find(self, package: str) -> str:
        """Return the prefix of `package`."""
        return str(get_package_prefix(package))


class FindPackageShare(FindPackage):
    """Stands for the package's share folder, where its launch files and configurations are."""

    def find(self, package: str) -> str:
        """Return the share folder of `package`."""
        return str(get_package_share_directory(package))
