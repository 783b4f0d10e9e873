"""Packages that are there in name only, a launch that starts their programs, and what these would read."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rclpy.node import Node

# Keeps its parameter files and what it was called with, and lives until it is ended.
_PROGRAM = """#!/bin/sh
for file; do [ ! -f "$file" ] || cp "$file" "$0.$((n += 1)).yaml"; done
echo "$*" > "$0.part"
mv "$0.part" "$0.called_with"
exec sleep 60
"""


def named_packages(folder: Path, programs: Mapping[str, str]) -> dict[str, str]:
    """An environment with these packages, each with a program unless that is ""."""
    index = folder / "share" / "ament_index" / "resource_index" / "packages"
    index.mkdir(parents=True)
    for package, program in programs.items():
        (index / package).write_text("")
        if program:
            file = folder / "lib" / package / program
            file.parent.mkdir(parents=True)
            file.write_text(_PROGRAM)
            file.chmod(0o755)
    return {"AMENT_PREFIX_PATH": os.pathsep.join([str(folder), os.environ["AMENT_PREFIX_PATH"]])}


def is_installed(package: str) -> bool:
    """Whether the genuine one is here."""
    prefixes = os.environ["AMENT_PREFIX_PATH"].split(os.pathsep)
    return any(Path(prefix, "share/ament_index/resource_index/packages", package).exists() for prefix in prefixes)


def launched(file: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """A launch file of this package, running."""
    return subprocess.Popen(
        ["ros2", "launch", "robotracer_ros", file, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, env={**os.environ, **environment}, start_new_session=True,
    )  # fmt: skip


def said_until_called(process: subprocess.Popen[str], programs: Sequence[Path], timeout_s: float = 60.0) -> str:
    """What the launch printed until all programs ran; it is ended then."""
    deadline = time.monotonic() + timeout_s
    try:
        while not all(Path(f"{program}.called_with").exists() for program in programs):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.1)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            said = process.communicate(timeout=30.0)[0]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return said


def files_of(program: Path) -> list[Path]:
    """Copies of the parameter files it was called with, in their order."""
    return sorted(program.parent.glob(f"{program.name}.*.yaml"), key=lambda file: int(file.suffixes[-2][1:]))


def parameters_of(files: Sequence[Path], name: str, namespace: str = "") -> dict[str, Any]:
    """What a node of this name reads from parameter files, as ROS itself reads them."""
    words = [word for file in files for word in ("--params-file", str(file))]
    node = Node(
        name, namespace=namespace, cli_args=["--ros-args", *words], use_global_arguments=False,
        automatically_declare_parameters_from_overrides=True,
    )  # fmt: skip
    try:
        return {key: parameter.value for key, parameter in node.get_parameters_by_prefix("").items()}
    finally:
        node.destroy_node()
