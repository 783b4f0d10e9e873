"""Runs a command as long as the launch lasts."""

from __future__ import annotations

import os.path
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from launch.action import Action
from launch.conditions.if_condition import IfCondition
from launch.event_handlers.on_process_event import Answer
from launch.event_handlers.on_process_exit import OnProcessExit
from launch.process_description import ProcessDescription
from launch.process_life import LifeSettings, ProcessLife, Respawn
from launch.process_output import sinks_of
from launch.process_stop import StopTimeouts
from launch.substitutions.launch_configuration import LaunchConfiguration
from launch.substitutions.phrase import Phrase, SomeSubstitutionsType, as_phrase, perform_phrase

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext

Output = SomeSubstitutionsType | Mapping[str, SomeSubstitutionsType]
Environment = Mapping[SomeSubstitutionsType, SomeSubstitutionsType]


class ExecuteProcess(Action):
    """Starts a command, shows what it writes, says how it ended, and ends it with the launch.

    A process that fails does not end the launch and does not change its exit code; `on_exit=Shutdown()` does the
    first, nothing does the second. `output` is `screen`, `log` (standard error is shown, all of it is in launch.log)
    or `both`.
    """

    def __init__(
        self,
        *,
        cmd: Iterable[SomeSubstitutionsType],
        prefix: SomeSubstitutionsType | None = None,
        name: SomeSubstitutionsType | None = None,
        cwd: SomeSubstitutionsType | None = None,
        env: Environment | None = None,
        additional_env: Environment | None = None,
        shell: bool = False,
        sigterm_timeout: SomeSubstitutionsType = LaunchConfiguration("sigterm_timeout", default=5),
        sigkill_timeout: SomeSubstitutionsType = LaunchConfiguration("sigkill_timeout", default=5),
        output: Output = "log",
        output_format: str = "[{this.process_description.final_name}] {line}",
        on_exit: Answer = None,
        respawn: bool | SomeSubstitutionsType = False,
        respawn_delay: float | None = None,
        respawn_max_retries: int = -1,
        **kwargs: Any,
    ) -> None:
        """Take the command's words and how to run it.

        `env` replaces the environment, `additional_env` adds to it. The timeouts (s) are those between SIGINT and
        SIGTERM and between SIGTERM and SIGKILL. `respawn_delay` is in s, `respawn_max_retries` below 0 is no limit.
        """
        super().__init__(**kwargs)
        self.__cmd = [as_phrase(word) for word in cmd]
        self.__prefix = as_phrase(prefix or "")
        self.__name = None if name is None else as_phrase(name)
        self.__cwd = None if cwd is None else as_phrase(cwd)
        self.__env = None if env is None else _phrases(env)
        self.__additional_env = _phrases(additional_env or {})
        self.__shell = shell
        self.__timeouts = (as_phrase(sigterm_timeout), as_phrase(sigkill_timeout))
        self.__output = output
        self.__output_format = output_format
        self.__on_exit = on_exit
        self.__respawn = IfCondition(str(respawn) if isinstance(respawn, bool) else respawn)
        self.__respawn_delay_s = respawn_delay or 0.0
        self.__respawn_max_retries = respawn_max_retries
        self.__description: ProcessDescription | None = None

    @property
    def process_description(self) -> ProcessDescription:
        """What is run. Raises RuntimeError before the action has been executed."""
        if self.__description is None:
            raise RuntimeError("the process has no description before its action is executed")
        return self.__description

    def command(self, context: LaunchContext) -> list[str]:
        """Return the words of the command, without the prefix."""
        return [perform_phrase(context, word) for word in self.__cmd]

    def execute(self, context: LaunchContext) -> None:
        """Start the process, unless the launch is ending. Raises RuntimeError the second time."""
        if self.__description is not None:
            raise RuntimeError(f"the action of process '{self.__description.final_name}' was executed a second time")
        if context.is_shutdown:
            return
        self.__description = self.__describe(context)
        sigterm, sigkill = (perform_phrase(context, timeout) for timeout in self.__timeouts)
        settings = LifeSettings(
            sinks=sinks_of(self.__perform_output(context)),
            output_format=self.__output_format,
            shell=self.__shell,
            timeouts=StopTimeouts(sigterm, sigkill),
            respawn=Respawn(self.__respawn.evaluate(context), self.__respawn_delay_s, self.__respawn_max_retries),
        )
        if self.__on_exit is not None:
            context.register_event_handler(OnProcessExit(target_action=self, on_exit=self.__on_exit))
        context.start(ProcessLife(context, self, settings).live())

    def __describe(self, context: LaunchContext) -> ProcessDescription:
        cmd = [*shlex.split(perform_phrase(context, self.__prefix)), *self.command(context)]
        if not cmd:
            raise ValueError("the command of a process has no words")
        name = os.path.basename(cmd[0]) if self.__name is None else perform_phrase(context, self.__name)
        base = dict(context.environment) if self.__env is None else _perform_pairs(context, self.__env)
        return ProcessDescription(
            name=name,
            final_name=f"{name}-{next(context.process_numbers)}",
            cmd=cmd,
            cwd=None if self.__cwd is None else perform_phrase(context, self.__cwd),
            env=base | _perform_pairs(context, self.__additional_env),
        )

    def __perform_output(self, context: LaunchContext) -> str | dict[str, str]:
        if isinstance(self.__output, Mapping):
            return {stream: perform_phrase(context, as_phrase(word)) for stream, word in self.__output.items()}
        return perform_phrase(context, as_phrase(self.__output))


def _phrases(pairs: Environment) -> Sequence[tuple[Phrase, Phrase]]:
    return [(as_phrase(name), as_phrase(value)) for name, value in pairs.items()]


def _perform_pairs(context: LaunchContext, pairs: Sequence[tuple[Phrase, Phrase]]) -> dict[str, str]:
    return {perform_phrase(context, name): perform_phrase(context, value) for name, value in pairs}
