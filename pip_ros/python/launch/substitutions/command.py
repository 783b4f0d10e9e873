"""What a command prints, as xacro does for robot descriptions."""

from __future__ import annotations

import shlex
import subprocess
from typing import TYPE_CHECKING

from launch.logging import get_logger
from launch.substitution import Substitution
from launch.substitutions.phrase import SomeSubstitutionsType, as_phrase, describe_phrase, perform_phrase
from launch.substitutions.substitution_failure import SubstitutionFailure

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext

ON_STDERR = ("fail", "ignore", "warn", "capture")


class Command(Substitution):
    """Stands for the standard output of `command`, split as a shell splits it but run without one."""

    def __init__(self, command: SomeSubstitutionsType, *, on_stderr: SomeSubstitutionsType = "fail") -> None:
        """Take the command and what to do with standard error: fail, ignore, warn, or capture it with the output."""
        self.__command = as_phrase(command)
        self.__on_stderr = as_phrase(on_stderr)

    def perform(self, context: LaunchContext) -> str:
        """Return the output. Raises SubstitutionFailure where the command fails or writes to standard error."""
        command = perform_phrase(context, self.__command)
        on_stderr = perform_phrase(context, self.__on_stderr)
        if on_stderr not in ON_STDERR:
            raise SubstitutionFailure(f"expected 'on_stderr' to be one of {list(ON_STDERR)}, got '{on_stderr}'")
        stderr = subprocess.STDOUT if on_stderr == "capture" else subprocess.PIPE
        try:
            done = subprocess.run(shlex.split(command), stdout=subprocess.PIPE, stderr=stderr, text=True)
        except FileNotFoundError as error:
            raise SubstitutionFailure(f"file not found: {error}") from error
        if done.returncode != 0:
            said = f"\nCaptured stderr output:\n{done.stderr}" if done.stderr else ""
            raise SubstitutionFailure(f"executed command failed. Command: {command}{said}")
        if done.stderr:
            said = f"executed command showed stderr output. Command: {command}\nCaptured stderr output:\n{done.stderr}"
            if on_stderr == "fail":
                raise SubstitutionFailure(said)
            if on_stderr == "warn":
                get_logger(__name__).warning(said)
        return done.stdout

    def describe(self) -> str:
        """Return the command as it would be written."""
        return f"Command({describe_phrase(self.__command)})"
