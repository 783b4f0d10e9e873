"""Does something later."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from launch.action import Action
from launch.launch_description_entity import LaunchDescriptionEntity
from launch.substitution import Substitution
from launch.substitutions.phrase import SomeSubstitutionsType, as_phrase, perform_phrase

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext

PERIOD_TYPES = (str, Substitution, Iterable, float)


class TimerAction(Action):
    """Visits `actions` after `period` seconds, unless the launch ends before."""

    def __init__(
        self, *, period: float | SomeSubstitutionsType, actions: Iterable[LaunchDescriptionEntity], **kwargs: Any
    ) -> None:
        """Take the seconds and the actions. Raises TypeError for a period of another type, int among them."""
        super().__init__(**kwargs)
        if not isinstance(period, PERIOD_TYPES):
            accepted = f"[{', '.join(str(kind) for kind in PERIOD_TYPES)}]"
            raise TypeError(
                f"'TimerAction' expected 'period' to be one of {accepted}, but got '{period}' of type '{type(period)}'"
            )
        if isinstance(period, str):
            warnings.warn(
                "The parameter 'period' must be a float or substitution,passing a string literal was deprecated",
                stacklevel=2,
            )
        self.__period = as_phrase(str(period) if isinstance(period, float) else period)
        self.__actions = list(actions)

    def execute(self, context: LaunchContext) -> None:
        """Start to wait."""
        context.start(self.__wait(context, float(perform_phrase(context, self.__period))))

    async def __wait(self, context: LaunchContext, period_s: float) -> list[LaunchDescriptionEntity]:
        try:
            await asyncio.wait_for(context.shutting_down.wait(), period_s)
        except asyncio.TimeoutError:
            return self.__actions
        return []

    def describe_sub_entities(self) -> list[LaunchDescriptionEntity]:
        """Return the actions where no condition stands before them."""
        return [] if self.condition else self.__actions

    def describe_conditional_sub_entities(self) -> list[LaunchDescriptionEntity]:
        """Return the actions where a condition stands before them."""
        return self.__actions if self.condition else []
