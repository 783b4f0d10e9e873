"""The demonstration: a camera on topics, trace_node launched beside it, one request, and what came of it."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

import numpy as np
import rclpy
from ament_index_python import has_resource
from rclpy.signals import SignalHandlerOptions

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.nodes.demo_player import Player, launched, linger, tracer_arguments, windows_of
from robotracer_ros.nodes.demo_report import tell_answer, tell_beginning, tell_miss, tell_verdict, write
from robotracer_ros.nodes.demo_scene import Shown, shown
from robotracer_ros.nodes.demo_verdict import findings
from robotracer_ros.ros.executor import spinning
from robotracer_ros.sim.display import require_display
from robotracer_ros.srv import GetTrace

# Answers that nobody can use.
_MODEL_S_OWN: Final = (
    GetTrace.Response.NO_TRACE,
    GetTrace.Response.UNREADABLE_ANSWER,
    GetTrace.Response.POINT_OUTSIDE_IMAGE,
    GetTrace.Response.NON_POSITIVE_DEPTH,
)


def run(arguments: argparse.Namespace) -> int:
    """Show one request; 0 when it was answered and, where the simulator knows what is right, rightly.

    Raises:
        InvalidRequest: for a folder, a file or a sentence that cannot be used, and for RViz or a window
            where there is none.
        BackendUnavailable: when trace_node does not come up.
    """
    out = _made(Path(arguments.out))
    _log_where_one_can()
    if arguments.rviz:
        _require_rviz()
    if arguments.view:
        _require_window()
    if arguments.drive:
        from robotracer_ros.nodes.demo_nav import run_drive

        return run_drive(arguments, out)
    with tempfile.TemporaryDirectory() as folder:
        seen = shown(arguments, Path(folder))
        if seen.tabletop is not None and not arguments.still:
            # An arm needs the simulator and the solver, which a recorded frame does without.
            from robotracer_ros.nodes.demo_arm import run_arm

            return run_arm(arguments, out, seen, seen.tabletop)
        tell_beginning(seen)
        # Ctrl-C is for this program, which tidies up before it ends.
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        try:
            with (
                launched("tracer.launch.py", tracer_arguments(seen, rviz=arguments.rviz)) as launch,
                spinning(Player(seen)) as player,
            ):
                answered = player.ask(launch.poll)
                status = _told(out, seen, *answered, player.overlay() if answered[0].success else None)
                linger(launch, player, windows_of(arguments) if answered[0].success else [])
        finally:
            rclpy.try_shutdown()
    return status


def _told(out: Path, seen: Shown, response: GetTrace.Response, up_s: float, took_s: float, overlay: object) -> int:
    """Print what came of it, and write its pictures."""
    if not response.success:
        print(f"\nrefused, error {response.error_code}: {response.message}", file=sys.stderr)
        if response.error_code in _MODEL_S_OWN:
            tell_miss("the model")
        return 1
    tell_answer(response, up_s, took_s)
    succeeded = _judged(seen, response)
    write(out, seen, response, overlay)
    return 0 if succeeded else 1


def _judged(seen: Shown, response: GetTrace.Response) -> bool:
    """Whether the answer is right, as far as anyone can tell: of a recorded frame nobody can."""
    if seen.tabletop is None:
        return True
    positions = [(point.position.x, point.position.y, point.position.z) for point in response.trace.points]
    return tell_verdict(findings(seen.tabletop, np.array(positions)), response.trace.model)


def _require_rviz() -> None:
    if not has_resource("packages", "rviz2"):
        raise InvalidRequest("--rviz: there is no package rviz2 here; install it into your ROS 2, or leave --rviz out")
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise InvalidRequest(
            "--rviz: RViz needs a display, and neither DISPLAY nor WAYLAND_DISPLAY is set; set one, or leave --rviz out"
        )


def _require_window() -> None:
    try:
        require_display()
    except InvalidRequest as error:
        raise InvalidRequest(
            f"--view: {error}; or take --rviz, or leave --view out: the pictures are written without it as well"
        ) from error


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidRequest(f"--out {folder} cannot be made a folder: {error.strerror or error}") from error
    if not _is_writable(folder):
        raise InvalidRequest(f"--out {folder} is a folder that nothing can be written into; accepted: one that can")
    return folder


def _is_writable(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _log_where_one_can() -> None:
    """Have ROS log elsewhere where it cannot where it would; it ends otherwise, in launch and in every node."""
    home = Path(os.environ.get("ROS_HOME") or "~/.ros").expanduser()
    folder = Path(os.environ.get("ROS_LOG_DIR") or home / "log").expanduser()
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    if not _is_writable(folder):
        os.environ["ROS_LOG_DIR"] = tempfile.mkdtemp(prefix="ros_log_")
