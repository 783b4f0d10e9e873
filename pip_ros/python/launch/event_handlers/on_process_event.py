"""What to do when something happens to a process: the common ground of the handlers that name a process."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from launch.action import Action
from launch.event import Event
from launch.event_handler import EventHandler, SomeEntities
from launch.events.process import ProcessEvent

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext

# The action that runs the process, a function that picks such actions, or None for every process.
Target = Action | Callable[[Action], bool] | None
Answer = SomeEntities | Callable[[Event, "LaunchContext"], SomeEntities]


class OnProcessEvent(EventHandler):
    """Answers events of `kind` about the processes of `target_action`."""

    def __init__(self, *, kind: type[ProcessEvent], target_action: Target, answer: Answer, handle_once: bool) -> None:
        """Visit `answer`, or what calling it with (event, context) returns. Raises TypeError for a wrong target."""
        if target_action is not None and not isinstance(target_action, Action) and not callable(target_action):
            raise TypeError(
                f"{type(self).__name__} expected 'target_action' to be an action, a function of an action or None, "
                f"but got '{target_action}' of type '{type(target_action)}'"
            )
        self.__kind = kind
        self.__target = target_action
        super().__init__(matcher=self.__concerns, entities=answer, handle_once=handle_once)

    def __concerns(self, event: Event) -> bool:
        if not isinstance(event, self.__kind):
            return False
        if self.__target is None or isinstance(self.__target, Action):
            return self.__target is None or event.action is self.__target
        return self.__target(event.action)
