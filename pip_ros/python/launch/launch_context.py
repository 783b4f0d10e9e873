"""The context: all that the entities of one launch know and share."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Callable, Coroutine, Iterable, MutableMapping
from types import SimpleNamespace
from typing import Any

from launch.event import Event
from launch.event_handler import EventHandler, SomeEntities
from launch.substitution import Substitution
from launch.substitutions.phrase import perform_phrase

Work = Coroutine[Any, Any, SomeEntities]


class LaunchContext:
    """Launch configurations, environment, event handlers and work in progress of one launch.

    `launch_configurations` maps names to text; names of ROS state that follows groups (`ros_namespace`,
    `global_params`, `ros_remaps`) hold values of their own. `environment` is this process's environment itself, so
    that code in launch files which reads `os.environ` sees what `SetEnvironmentVariable` has set. `locals` carries the
    event in hand and the place of the current launch file. `happenings` are events and finished work that wait for
    the launch service, `work` is what still runs.
    """

    def __init__(self, *, argv: Iterable[str] | None = None, noninteractive: bool = False) -> None:
        """Start with no configurations; `noninteractive` says that no terminal passes Ctrl-C on to the processes."""
        self.argv = list(argv or [])
        self.noninteractive = noninteractive
        self.launch_configurations: dict[str, Any] = {}
        self.locals = SimpleNamespace()
        self.happenings: asyncio.Queue[Event | asyncio.Task[SomeEntities]] = asyncio.Queue()
        self.work: set[asyncio.Task[SomeEntities]] = set()
        self.shutting_down = asyncio.Event()
        self.process_numbers = itertools.count(1)
        self.__handlers: list[EventHandler] = []
        self.__outer_scopes: list[tuple[dict[str, Any], dict[str, str]]] = []
        self.__cleanups: list[Callable[[], None]] = []

    @property
    def environment(self) -> MutableMapping[str, str]:
        """The environment that processes are started with."""
        return os.environ

    @property
    def is_shutdown(self) -> bool:
        """Whether the launch is ending: nothing new is started."""
        return self.shutting_down.is_set()

    @property
    def asyncio_loop(self) -> asyncio.AbstractEventLoop:
        """The loop that runs the launch."""
        return asyncio.get_running_loop()

    def perform_substitution(self, substitution: Substitution) -> str:
        """Return the text of `substitution` here."""
        return perform_phrase(self, [substitution])

    def extend_locals(self, extensions: dict[str, Any]) -> None:
        """Set names in `locals`."""
        self.locals.__dict__.update(extensions)

    def push_scope(self, *, forwarding: bool = True) -> None:
        """Open a scope: changes of configurations and environment end with it; without `forwarding` it starts empty."""
        self.__outer_scopes.append((self.launch_configurations, dict(self.environment)))
        self.launch_configurations = dict(self.launch_configurations) if forwarding else {}

    def pop_scope(self) -> None:
        """Close the innermost scope and restore what it had changed. Raises RuntimeError when none is open."""
        if not self.__outer_scopes:
            raise RuntimeError("cannot close a scope: none is open")
        self.launch_configurations, environment = self.__outer_scopes.pop()
        self.environment.clear()
        self.environment.update(environment)

    def register_event_handler(self, handler: EventHandler) -> None:
        """Add `handler`; the one registered last is asked first."""
        self.__handlers.insert(0, handler)

    def unregister_event_handler(self, handler: EventHandler) -> None:
        """Remove `handler`. Raises ValueError when it is not registered."""
        self.__handlers.remove(handler)

    def handlers_of(self, event: Event) -> list[EventHandler]:
        """Return the handlers that answer `event`, the newest first."""
        return [handler for handler in self.__handlers if handler.matches(event)]

    def emit_event_sync(self, event: Event) -> None:
        """Queue `event`."""
        self.happenings.put_nowait(event)

    def start(self, work: Work) -> None:
        """Run `work` beside everything else; the launch is not idle before it ends, then visits what it returned."""
        task = self.asyncio_loop.create_task(work)
        self.work.add(task)
        task.add_done_callback(self.__end_work)

    def __end_work(self, task: asyncio.Task[SomeEntities]) -> None:
        self.work.discard(task)
        self.happenings.put_nowait(task)

    def at_end(self, cleanup: Callable[[], None]) -> None:
        """Call `cleanup` once, when the launch has ended."""
        self.__cleanups.append(cleanup)

    def clean_up(self) -> None:
        """Do what was left for the end, the last thing first."""
        while self.__cleanups:
            self.__cleanups.pop()()
