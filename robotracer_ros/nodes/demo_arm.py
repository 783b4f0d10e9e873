"""The demonstration in which the simulated arm does what the sentence says."""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

import rclpy

from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.nodes.demo_motion import Done, Moment, spectating
from robotracer_ros.nodes.demo_outcome import rest_of
from robotracer_ros.nodes.demo_pictures import write_film, write_plot
from robotracer_ros.nodes.demo_player import NAMESPACE, launched
from robotracer_ros.nodes.demo_report import (
    StageTeller,
    tell_beginning,
    tell_motion,
    tell_outcome,
    tell_points,
    tell_words,
)
from robotracer_ros.nodes.demo_scene import Shown
from robotracer_ros.packaged import packaged_file
from robotracer_ros.rgbd_files import write_rgb
from robotracer_ros.ros.convert import spatial_trace_from_msg
from robotracer_ros.sim.film import Film
from robotracer_ros.sim.outcome import judge_outcome

_URDF: Final = "tabletop_arm.urdf"


def run_arm(arguments: argparse.Namespace, out: Path, seen: Shown) -> int:
    """Let the arm do it; 0 when the simulator says that it came true.

    Raises:
        BackendUnavailable: when a node does not come up.
        InvalidRequest: when a picture cannot be written.
    """
    if seen.tabletop is None:
        raise RuntimeError("an arm needs a simulated table")
    scene, task = seen.tabletop.scene, seen.tabletop.task
    tell_beginning(seen)
    file = "demo.launch.py"
    chosen = {
        "namespace": NAMESPACE, "seed": str(scene.seed), "split": scene.split.value, "contacts": task.contacts,
        **{name: value for name, value in seen.launch.items() if name in ("backend", "model", "answers")},
        "rviz": "true" if arguments.rviz else "false",
    }  # fmt: skip
    rclpy.init()
    try:
        with launched(file, chosen) as launch, spectating(NAMESPACE) as spectator:
            done = spectator.ask(seen.instruction, launch.poll, StageTeller())
            overlay = spectator.overlay()
            if arguments.rviz:
                print("RViz is open; Ctrl-C ends the demonstration.")
                launch.wait()
    finally:
        rclpy.try_shutdown()
    return _told(out, seen, done, overlay)


def _told(out: Path, seen: Shown, done: Done, overlay: object) -> int:
    """Print what came of it, and write its pictures."""
    result, table = done.result, seen.tabletop
    if result.trace.points:
        tell_words(result.trace, done.up_s)
        tell_points(result.trace)
        print()
    if overlay is not None:
        write_rgb(out / "overlay.png", overlay)
        print(f"  wrote {out / 'overlay.png'}: the trace in the camera's picture")
    if not done.moments or table is None:
        print(f"\nrefused, error {result.error_code}: {result.message}", file=sys.stderr)
        return 1
    tell_motion(result, done.took_s)
    urdf_file = packaged_file("urdf", _URDF)
    urdf = urdf_file.read_text()
    with closing(Film(urdf_file, table.scene)) as film:
        outcome = judge_outcome(table.task, table.scene, rest_of(done.moments, film.base_from_table, urdf))
        trace_m = film.base_from_table.inverse().apply(spatial_trace_from_msg(result.trace).points_m)
        _write(out, seen, done.moments, trace_m, film, urdf)
    tell_outcome(outcome.succeeded and result.success, outcome.reason if result.success else result.message)
    return 0 if outcome.succeeded and result.success else 1


def _write(out: Path, seen: Shown, moments: tuple[Moment, ...], trace_m: FloatArray, film: Film, urdf: str) -> None:
    if seen.tabletop is None:
        return
    write_plot(out / "trace.png", seen.tabletop.scene, trace_m, moments, film, urdf, seen.instruction)
    print(f"  wrote {out / 'trace.png'}: the trace and the tip's way, in metres")
    write_film(out / "motion.gif", moments, film)
    print(f"  wrote {out / 'motion.gif'}: the arm at work")
