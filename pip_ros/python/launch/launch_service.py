"""The launch service: visits what was included, answers what happens, and ends when nothing is left."""

from __future__ import annotations

import asyncio
import signal
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from launch import logging
from launch.event import Event
from launch.event_handler import EventHandler, SomeEntities, as_entities
from launch.events.shutdown import Shutdown
from launch.launch_context import LaunchContext
from launch.launch_description_entity import LaunchDescriptionEntity

_log = logging.get_logger("launch")


class LaunchService:
    """Runs launch descriptions in one thread, on one event loop."""

    def __init__(
        self, *, argv: Iterable[str] | None = None, noninteractive: bool = False, debug: bool = False
    ) -> None:
        """Take the command line's arguments for launch files to read.

        `noninteractive` says that no terminal sends Ctrl-C to the processes too; `debug` shows tracebacks.
        """
        self.__context = LaunchContext(argv=argv, noninteractive=noninteractive)
        self.__entities: list[LaunchDescriptionEntity] = []
        self.__loop: asyncio.AbstractEventLoop | None = None
        self.__return_code = 0
        logging.set_level("DEBUG" if debug else "INFO")
        _log.info(f"All log files can be found below {logging.log_directory()}")
        _log.info(f"Default logging verbosity is set to {'DEBUG' if debug else 'INFO'}")

    @property
    def context(self) -> LaunchContext:
        """What the entities of this launch share."""
        return self.__context

    def include_launch_description(self, launch_description: LaunchDescriptionEntity) -> None:
        """Visit `launch_description` when the service runs."""
        self.__entities.append(launch_description)

    def run(self, *, shutdown_when_idle: bool = True) -> int:
        """Run until all has ended; return 0, or 1 where the launch itself failed. Processes that fail do not count."""
        return asyncio.run(self.run_async(shutdown_when_idle=shutdown_when_idle))

    async def run_async(self, *, shutdown_when_idle: bool = True) -> int:
        """Do what `run` does, inside a running loop."""
        self.__loop = asyncio.get_running_loop()
        try:
            with self.__signals(self.__loop):
                self.__guard(lambda: self.__visit(self.__entities))
                while (happening := await self.__next(shutdown_when_idle)) is not None:
                    self.__answer(happening)
        finally:
            self.__loop = None
            self.__context.clean_up()
        return self.__return_code

    def shutdown(self) -> None:
        """End the launch, from whatever thread. Raises RuntimeError where it does not run."""
        if self.__loop is None:
            raise RuntimeError("there is no launch to shut down: the service does not run")
        event = Shutdown(reason="LaunchService.shutdown() called")
        self.__loop.call_soon_threadsafe(self.__context.emit_event_sync, event)

    async def __next(self, shutdown_when_idle: bool) -> Event | asyncio.Task[SomeEntities] | None:
        """Return what has happened next, None at the end of everything."""
        context = self.__context
        if context.happenings.empty() and not context.work:
            if context.is_shutdown:
                return None
            if shutdown_when_idle:
                return Shutdown(reason="idle")
        return await context.happenings.get()

    def __answer(self, happening: Event | asyncio.Task[SomeEntities]) -> None:
        if isinstance(happening, asyncio.Task):
            self.__guard(lambda: self.__visit(as_entities(happening.result())))
            return
        if isinstance(happening, Shutdown):
            if self.__context.is_shutdown:
                return
            self.__context.shutting_down.set()
        for handler in self.__context.handlers_of(happening):
            # One by one: a handler that fails at the end must not keep processes from being stopped.
            self.__guard(partial(self.__handle, handler, happening))

    def __handle(self, handler: EventHandler, event: Event) -> None:
        if handler.handle_once:
            self.__context.unregister_event_handler(handler)
        self.__context.extend_locals({"event": event})
        try:
            self.__visit(handler.handle(event, self.__context))
        finally:
            self.__context.extend_locals({"event": None})

    def __visit(self, entities: Iterable[LaunchDescriptionEntity]) -> None:
        """Visit depth first, so that a scope is closed behind all that was visited in it."""
        for entity in entities:
            self.__visit(entity.visit(self.__context) or ())

    def __guard(self, step: Callable[[], None]) -> None:
        """Do one step; where it fails the launch fails, and ends."""
        try:
            step()
        except Exception as error:
            _log.debug(traceback.format_exc())
            text = f"Caught exception in launch (see debug for traceback): {error}"
            _log.error(text)
            self.__return_code = 1
            self.__context.emit_event_sync(Shutdown(reason=text))

    @contextmanager
    def __signals(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        """Answer SIGINT and SIGTERM by ending the launch, where they can be caught: in the main thread."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop.add_signal_handler(signal.SIGINT, self.__on_sigint)
        loop.add_signal_handler(signal.SIGTERM, self.__on_sigterm)
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGINT)
            loop.remove_signal_handler(signal.SIGTERM)

    def __on_sigint(self) -> None:
        text = "user interrupted with ctrl-c (SIGINT)"
        if self.__context.is_shutdown:
            _log.warning(f"{text} again, ignoring...")
            return
        _log.warning(text)
        self.__context.emit_event_sync(Shutdown(reason="ctrl-c (SIGINT)", due_to_sigint=True))

    def __on_sigterm(self) -> None:
        _log.warning("received SIGTERM, ending the launched processes")
        self.__context.emit_event_sync(Shutdown(reason="SIGTERM"))
