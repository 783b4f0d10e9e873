"""Processes of a benchmark: started as modules, on a DDS domain of the benchmark's own, and stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

STOP_S = 5.0


def join_own_domain() -> None:
    """Before rclpy starts: this process and its children leave the default domain, where strangers would be heard."""
    os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))


def start(module: str, *arguments: str) -> subprocess.Popen[str]:
    """A module of this package or of this folder in a process of its own."""
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def stop(process: subprocess.Popen[str]) -> str:
    """SIGINT, after `STOP_S` seconds SIGKILL; what it printed."""
    process.send_signal(signal.SIGINT)
    try:
        return process.communicate(timeout=STOP_S)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        return process.communicate()[0]
