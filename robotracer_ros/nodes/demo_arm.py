"""The demonstration in which the simulated arm does what the sentence says."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import rclpy
from rclpy.signals import SignalHandlerOptions

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.nodes.demo_motion import Done, Spectator
from robotracer_ros.nodes.demo_outcome import rest_of
from robotracer_ros.nodes.demo_pictures import write_film, write_plot
from robotracer_ros.nodes.demo_player import NAMESPACE, launched, linger, windows_of
from robotracer_ros.nodes.demo_report import (
    StageTeller,
    tell_beginning,
    tell_motion,
    tell_outcome,
    tell_points,
    tell_words,
)
from robotracer_ros.nodes.demo_scene import Shown
from robotracer_ros.nodes.demo_wish import Tabletop
from robotracer_ros.packaged import packaged_file
from robotracer_ros.rgbd_files import write_rgb
from robotracer_ros.ros.convert import spatial_trace_from_msg
from robotracer_ros.ros.executor import spinning
from robotracer_ros.sim.film import Film
from robotracer_ros.sim.outcome import judge_outcome

_URDF: Final = "tabletop_arm.urdf"
# What the planner and the pictures import when it is too late to ask for it, by the names that pip has for them.
_NEEDED: Final[Mapping[str, str]] = {"pinocchio": "pin", "matplotlib": "matplotlib", "PIL": "pillow"}


def run_arm(arguments: argparse.Namespace, out: Path, seen: Shown, table: Tabletop) -> int:
    """Let the arm do at ``table`` what is ``seen`` and asked; 0 when the simulator says that it came true.

    Raises:
        BackendUnavailable: when a node does not come up.
        InvalidRequest: when a picture cannot be written, and for what is not installed.
    """
    _require_installed()
    scene = table.scene
    tell_beginning(seen)
    chosen = {
        "namespace": NAMESPACE, "seed": str(scene.seed), "split": scene.split.value, "contacts": table.task.contacts,
        **{name: value for name, value in seen.launch.items() if name in ("backend", "model", "answers")},
        "rviz": str(arguments.rviz).lower(), "view": str(arguments.view).lower(),
    }  # fmt: skip
    # Whoever looks, looks for long, and reads meanwhile what came of it. Where nobody does, the nodes end first: beside
    # a running simulation, a small machine takes a minute to draw the film.
    windows = windows_of(arguments)
    # Ctrl-C is for this program: rclpy's own handler would end the nodes that still look whether the window is open.
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    try:
        with launched("demo.launch.py", chosen) as launch, spinning(Spectator(NAMESPACE)) as spectator:
            done = spectator.ask(seen.instruction, launch.poll, StageTeller())
            overlay = spectator.overlay()
            if windows:
                status = _told(out, seen.instruction, table, done, overlay)
                linger(launch, spectator, windows)
    finally:
        rclpy.try_shutdown()
    return status if windows else _told(out, seen.instruction, table, done, overlay)


def _require_installed() -> None:
    missing = [pip for module, pip in _NEEDED.items() if find_spec(module) is None]
    if missing:
        raise InvalidRequest(
            f"the demonstration with an arm needs {', '.join(missing)}, and that is not installed (pip install "
            f"{' '.join(missing)}); --still does without the arm"
        )


def _told(out: Path, instruction: str, table: Tabletop, done: Done, overlay: object) -> int:
    """Print what came of it, and write its pictures."""
    result = done.result
    if result.trace.points:
        tell_words(result.trace, done.up_s)
        tell_points(result.trace)
        print()
    if overlay is not None:
        write_rgb(out / "overlay.png", overlay)
        print(f"  wrote {out / 'overlay.png'}: the trace in the camera's picture")
    if not done.moments:
        print(f"\nrefused, error {result.error_code}: {result.message}", file=sys.stderr)
        return 1
    tell_motion(result, done.took_s)
    urdf_file = packaged_file("urdf", _URDF)
    urdf = urdf_file.read_text()
    with closing(Film(urdf_file, table.scene)) as film:
        outcome = judge_outcome(table.task, table.scene, rest_of(done.moments, film.base_from_table, urdf))
        trace_m = film.base_from_table.inverse().apply(spatial_trace_from_msg(result.trace).points_m)
        write_plot(out / "trace.png", table.scene, trace_m, done.moments, film, urdf, instruction)
        print(f"  wrote {out / 'trace.png'}: the trace and the tip's way, in metres")
        write_film(out / "motion.gif", done.moments, film)
        print(f"  wrote {out / 'motion.gif'}: the arm at work")
    tell_outcome(outcome.succeeded and result.success, outcome.reason if result.success else result.message)
    return 0 if outcome.succeeded and result.success else 1
