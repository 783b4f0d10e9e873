"""Says something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from launch.action import Action
from launch.logging import get_logger
from launch.substitutions.phrase import SomeSubstitutionsType, as_phrase, perform_phrase

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext


class LogInfo(Action):
    """Logs `msg` as `launch.user`."""

    def __init__(self, *, msg: SomeSubstitutionsType, **kwargs: Any) -> None:
        """Take the text."""
        super().__init__(**kwargs)
        self.__msg = as_phrase(msg)

    def execute(self, context: LaunchContext) -> None:
        """Say it."""
        get_logger("launch.user").info(perform_phrase(context, self.__msg))
