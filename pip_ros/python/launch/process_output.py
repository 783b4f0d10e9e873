"""What a process writes, on its way to the screen and to launch.log."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping

from launch.logging import log_quietly, show

STDOUT, STDERR = 1, 2
SCREEN, LOG = "screen", "log"
# Where each word sends one stream.
STREAM_SINKS = {"screen": {SCREEN}, "log": {LOG}, "both": {SCREEN, LOG}}
# Where each word sends both streams: errors are always shown.
SINKS = {
    "screen": {STDOUT: {SCREEN}, STDERR: {SCREEN}},
    "log": {STDOUT: {LOG}, STDERR: {SCREEN, LOG}},
    "both": {STDOUT: {SCREEN, LOG}, STDERR: {SCREEN, LOG}},
}


def sinks_of(output: str | Mapping[str, str]) -> dict[int, set[str]]:
    """Return where standard output and standard error go.

    `output` is `screen`, `log` or `both`, or a mapping of `stdout` and `stderr` to such a word; a stream that the
    mapping leaves out goes to the log. Raises ValueError for other words.
    """
    if isinstance(output, str):
        return SINKS[_checked(output, SINKS)]
    unknown = set(output) - {"stdout", "stderr"}
    if unknown:
        raise ValueError(f"output names the streams {sorted(unknown)}; the streams are 'stdout' and 'stderr'")
    words = {STDOUT: output.get("stdout", "log"), STDERR: output.get("stderr", "log")}
    return {fd: STREAM_SINKS[_checked(word, STREAM_SINKS)] for fd, word in words.items()}


def _checked(word: str, accepted: Mapping[str, object]) -> str:
    if word not in accepted:
        raise ValueError(f"output '{word}' is not known; it may be one of {sorted(accepted)}")
    return word


class ProcessOutput:
    """Cuts both streams of the process `name` into lines and passes on each complete one."""

    def __init__(self, name: str, sinks: Mapping[int, set[str]], format_line: Callable[[str], str]) -> None:
        """Take where the streams go and what makes of a line the text to show."""
        self.__name = name
        self.__sinks = sinks
        self.__format_line = format_line
        self.__pending = {STDOUT: "", STDERR: ""}
        decoder = codecs.getincrementaldecoder("utf-8")
        self.__decoders = {fd: decoder(errors="backslashreplace") for fd in self.__pending}

    def feed(self, fd: int, data: bytes) -> None:
        """Take the next piece of one stream; a character or line that is cut waits for the next piece."""
        *lines, rest = (self.__pending[fd] + self.__decoders[fd].decode(data)).split("\n")
        self.__pending[fd] = rest
        for line in lines:
            self.__pass_on(fd, line)

    def finish(self) -> None:
        """Pass on lines that lack their end."""
        for fd, line in self.__pending.items():
            line += self.__decoders[fd].decode(b"", final=True)
            if line:
                self.__pass_on(fd, line)
        self.__pending = dict.fromkeys(self.__pending, "")

    def __pass_on(self, fd: int, line: str) -> None:
        if SCREEN in self.__sinks[fd]:
            show(self.__format_line(line))
        if LOG in self.__sinks[fd]:
            log_quietly(self.__name, line)
