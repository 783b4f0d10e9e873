"""The demonstration with a base: a simulated room, the trace, the path and the drive, each in a node of its own."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
import rclpy
from rclpy.signals import SignalHandlerOptions

from robotracer_ros.bench.driving import ARRIVED_M, SENTENCE
from robotracer_ros.errors import InvalidRequest
from robotracer_ros.families.robotracer import RoboTracer
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.nodes.demo_motion import Done, Spectator
from robotracer_ros.nodes.demo_player import launched, linger, windows_of
from robotracer_ros.nodes.demo_report import StageTeller
from robotracer_ros.packaged import packaged_file
from robotracer_ros.rgbd_files import write_rgb
from robotracer_ros.ros.executor import spinning
from robotracer_ros.sim.driving_tasks import DrivingTask, NoSuchErrand, driving_task
from robotracer_ros.sim.floor_spec import overview_pixels
from robotracer_ros.sim.floor_world import FloorWorld

NAMESPACE: Final = "robotracer_demo_nav"
_SEEDS_TRIED: Final = 50
_GOAL_COLOUR: Final = (84, 224, 140)
_DRIVEN_COLOUR: Final = (206, 38, 160)


def run_drive(arguments: argparse.Namespace, out: Path) -> int:
    """Show one drive; 0 when the base stopped within `ARRIVED_M` of where it should and touched nothing.

    Raises:
        InvalidRequest: for a sentence or a folder that cannot be used, and a room without such an errand.
        BackendUnavailable: when the nodes do not come up.
    """
    urdf = packaged_file("urdf", "driving_base.urdf")
    with tempfile.TemporaryDirectory() as folder, FloorWorld(urdf) as world:
        task = _errand(world, arguments.instruction or SENTENCE, arguments.seed)
        answers = Path(folder) / "truth.jsonl"
        row = {"question_id": 0, "prompt": task.sentence, "model_prediction": RoboTracer().render(task.trace)}
        answers.write_text(json.dumps(row) + "\n")
        print(f"{'room':>12}  {world.scene.seed}: {', '.join(thing.name for thing in world.scene.things)}")
        print(f"{'instruction':>12}  {task.sentence}")
        print(f"{'answer':>12}  the room's own truth; no model is asked", flush=True)
        chosen = {
            "namespace": NAMESPACE, "seed": str(world.scene.seed), "answers": str(answers),
            "rviz": str(arguments.rviz).lower(), "view": str(arguments.view).lower(),
        }  # fmt: skip
        # Ctrl-C is for this program, as in the demonstration with an arm.
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        try:
            with launched("demo_nav.launch.py", chosen) as launch, spinning(Spectator(NAMESPACE)) as spectator:
                done = spectator.ask(task.sentence, launch.poll, StageTeller())
                status = _told(out, world, task, done, spectator.overlay())
                linger(launch, spectator, windows_of(arguments))
        finally:
            rclpy.try_shutdown()
    return status


def _told(out: Path, world: FloorWorld, task: DrivingTask, done: Done, overlay: object) -> int:
    """Write the pictures, and print what came of it."""
    if overlay is not None:
        write_rgb(out / "overlay.png", overlay)
        print(f"{'wrote':>12}  {out / 'overlay.png'}: the trace in the camera's picture")
    driven = np.array([[moment.truth["base"][axis] for axis in ("x_m", "y_m")] for moment in done.moments])
    write_rgb(out / "driven.png", _map(world, task, driven.reshape(-1, 2)))
    print(f"{'wrote':>12}  {out / 'driven.png'}: the room from above")
    return 0 if _judged(task, done) else 1


def _errand(world: FloorWorld, sentence: str, seed: int | None) -> DrivingTask:
    """On the floor of the seed asked for, or on the first that allows it."""
    seeds = range(_SEEDS_TRIED) if seed is None else (seed,)
    for tried in seeds:
        world.reset(tried)
        try:
            return driving_task(world, sentence)
        except NoSuchErrand:
            if seed is not None:
                raise
        except InvalidRequest:
            # The next room may hold the thing; a sentence that nobody understands it does not mend.
            if tried == seeds[-1]:
                raise
    raise NoSuchErrand(f"none of the first {_SEEDS_TRIED} rooms allows {sentence!r}")


def _judged(task: DrivingTask, done: Done) -> bool:
    result = done.result
    if not done.moments:
        print(f"refused, error {result.error_code}: {result.message}", file=sys.stderr)
        return False
    last = done.moments[-1].truth
    off_m = float(np.linalg.norm(np.array([last["base"]["x_m"], last["base"]["y_m"]]) - task.goal_m))
    touched = " and ".join(last["touched"]) or "nothing"
    if not result.success:
        print(f"error {result.error_code}: {result.message}", file=sys.stderr)
    arrived = result.success and off_m <= ARRIVED_M and not last["touched"]
    print(f"{'arrived' if arrived else 'missed':>12}  {100 * off_m:.1f} cm from where it should stop "
          f"({100 * ARRIVED_M:.0f} cm will do); touched {touched}; {done.took_s:.1f} s")  # fmt: skip
    return arrived


def _map(world: FloorWorld, task: DrivingTask, driven_m: FloatArray) -> npt.NDArray[np.uint8]:
    """The room from above, where the base drove and where it should stop."""
    picture = world.overview()
    if len(driven_m):
        line = np.rint(overview_pixels(driven_m)).astype(np.int32)
        cv2.polylines(picture, [line], False, _DRIVEN_COLOUR, 2, cv2.LINE_AA)
    u, v = np.rint(overview_pixels(task.goal_m[None])[0]).astype(int).tolist()
    cv2.drawMarker(picture, (u, v), _GOAL_COLOUR, cv2.MARKER_TILTED_CROSS, 12, 2, cv2.LINE_AA)
    return picture
