"""What a launch says: `[LEVEL] [name]: text` on the screen, the same with the time in launch.log."""

from __future__ import annotations

import logging as python_logging
import os
import socket
import sys
import time
from functools import cache
from pathlib import Path

SCREEN_FORMAT = "[%(levelname)s] [%(name)s]: %(message)s"
FILE_FORMAT = "%(created).7f " + SCREEN_FORMAT


class _Screen(python_logging.Handler):
    """Writes to whatever standard output is at that moment."""

    def emit(self, record: python_logging.LogRecord) -> None:
        show(self.format(record))


class _LogFile(python_logging.Handler):
    """Writes to launch.log, which exists from the first line on."""

    def emit(self, record: python_logging.LogRecord) -> None:
        _launch_log().emit(record)


def show(text: str) -> None:
    """Put one line on the screen at once, or nowhere once the reader of a pipe has gone."""
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # `ros2 launch ... | head` must not leave processes behind by failing in the middle of things.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def log_quietly(name: str, text: str) -> None:
    """Put one line into launch.log only."""
    record = python_logging.LogRecord(name, python_logging.INFO, "", 0, text, None, None)
    _launch_log().emit(record)


@cache
def log_directory() -> Path:
    """Return this run's own folder, made on the first call.

    Its parent is $ROS_LOG_DIR, else log/ in $ROS_HOME, else ~/.ros/log, as for every ROS 2 process.
    """
    home = Path(os.environ.get("ROS_HOME") or Path.home() / ".ros")
    parent = Path(os.environ.get("ROS_LOG_DIR") or home / "log")
    now_s = time.time()
    stamp = time.strftime("%Y-%m-%d-%H-%M-%S", time.localtime(now_s)) + f"-{int(now_s % 1 * 1e6):06d}"
    directory = parent / f"{stamp}-{socket.gethostname()}-{os.getpid()}"
    directory.mkdir(parents=True)
    return directory


@cache
def _launch_log() -> python_logging.Handler:
    handler = python_logging.FileHandler(log_directory() / "launch.log", encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(python_logging.Formatter(FILE_FORMAT))
    return handler


@cache
def _handlers() -> tuple[python_logging.Handler, ...]:
    screen = _Screen()
    screen.setFormatter(python_logging.Formatter(SCREEN_FORMAT))
    return screen, _LogFile()


_level = "INFO"
_loggers: dict[str, python_logging.Logger] = {}


def set_level(level: str) -> None:
    """Say lines from `level` (a name of Python's logging, such as DEBUG) on."""
    global _level
    _level = level
    for logger in _loggers.values():
        logger.setLevel(level)


def get_logger(name: str = "launch") -> python_logging.Logger:
    """Return the logger called `name`.

    These loggers are apart from Python's own tree: a process called `rec-1` must not meet somebody's module.
    """
    if name not in _loggers:
        logger = python_logging.Logger(name, _level)
        for handler in _handlers():
            logger.addHandler(handler)
        _loggers[name] = logger
    return _loggers[name]
