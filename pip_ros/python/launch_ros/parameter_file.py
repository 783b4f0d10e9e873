"""A file of parameters, and the substitutions that may stand in its text."""

from __future__ import annotations

import os
import re
import shlex
from typing import TYPE_CHECKING

from launch.substitution import Substitution
from launch.substitutions import EnvironmentVariable, LaunchConfiguration, SubstitutionFailure
from launch.substitutions.phrase import SomeSubstitutionsType, as_phrase, perform_phrase

from launch_ros.substitutions.find_package import FindPackageShare

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext

PLACEHOLDER = re.compile(r"\$\(([^()]*)\)")
ACCEPTED = "$(var NAME [DEFAULT]), $(env NAME [DEFAULT]), $(find-pkg-share PACKAGE)"


class ParameterFile:
    """The YAML file `param_file`; with `allow_substs` placeholders such as `$(var NAME)` in its text are replaced."""

    def __init__(
        self, param_file: os.PathLike[str] | SomeSubstitutionsType, *, allow_substs: bool = False
    ) -> None:
        """Take the path; nothing is read yet."""
        self.__path = as_phrase(os.fspath(param_file) if isinstance(param_file, os.PathLike) else param_file)
        self.allow_substs = allow_substs

    def path(self, context: LaunchContext) -> str:
        """Return the path."""
        return perform_phrase(context, self.__path)


def replaced(text: str, context: LaunchContext) -> str:
    """Return `text` with each placeholder replaced, the rest to the letter. Raises SubstitutionFailure for others."""
    return PLACEHOLDER.sub(lambda match: _substitution(match.group(1)).perform(context), text)


def _substitution(words: str) -> Substitution:
    kind, *arguments = shlex.split(words) or [""]
    name, default = [*arguments, None, None][:2]
    if name is not None and len(arguments) <= 2:
        if kind == "var":
            return LaunchConfiguration(name, default=default)
        if kind == "env":
            return EnvironmentVariable(name, default_value=default)
        if kind == "find-pkg-share" and default is None:
            return FindPackageShare(name)
    raise SubstitutionFailure(f"$({words}) in a parameter file is not known; there are {ACCEPTED}")
