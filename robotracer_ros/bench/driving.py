"""The driving benchmark: true traces through lifting, planning and pursuit, judged by where the base ends."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from robotracer_ros.bench.tables import table
from robotracer_ros.errors import RobotracerError
from robotracer_ros.families.robotracer import RoboTracer
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.lifting import LiftSettings, lift
from robotracer_ros.geometry.trace import SpatialTrace
from robotracer_ros.packaged import packaged_file
from robotracer_ros.planning import PathSettings, PosePath, ViolationKind
from robotracer_ros.planning.drive import plan_drive
from robotracer_ros.planning.pursuit import Progress, PurePursuit
from robotracer_ros.query import ModelAnswer
from robotracer_ros.sim.depth_noise import DepthNoise
from robotracer_ros.sim.driving_tasks import DrivingTask, NoSuchErrand, drawn_task, driving_task
from robotracer_ros.sim.floor_world import BASE_RADIUS_M, FloorWorld

SENTENCE: Final = "drive to the left of the green box and stop there"
ARRIVED_M: Final = 0.10
# Every point of a trace on the floor touches it.
LIFTING: Final = LiftSettings(contacts="all")
# The base's own size and a little, which the observed surfaces are kept away by.
GROUND: Final = PathSettings(
    kind="ground", spacing_m=0.05, smoothing_m=0.05, clearance_m=BASE_RADIUS_M + 0.05, contact_radius_m=0.0,
    depth_tolerance_m=0.05,
)  # fmt: skip
_RATE_HZ: Final = 20.0
_LIMIT_S: Final = 120.0


@dataclass(frozen=True, slots=True, eq=False)
class Ride:
    """One errand driven.

    Attributes:
        off_m: from where the base stands at the end to where it was to stop; NaN when it never began.
        touched: what it touched.
        seconds: simulated.
        failure: "" for an arrival within `ARRIVED_M` that touched nothing, else the stage and what went wrong.
        driven_m: (T, 2) where the base was, odom.
    """

    seed: int
    task: DrivingTask
    off_m: float
    touched: tuple[str, ...]
    seconds: float
    failure: str
    spatial: SpatialTrace | None = None
    path: PosePath | None = None
    driven_m: FloatArray = field(default_factory=lambda: np.zeros((0, 2)))


def rides(world: FloorWorld, count: int, sentence: str = SENTENCE, first_seed: int = 0) -> Iterator[Ride]:
    """Rides on the first so many seeds that allow the errand; with the sentence "" some errand on each.

    Raises:
        InvalidRequest: for a sentence that is not understood.
    """
    seed = first_seed
    while count > 0:
        world.reset(seed)
        try:
            task = driving_task(world, sentence) if sentence else drawn_task(world, np.random.default_rng(seed))
        except NoSuchErrand:
            seed += 1
            continue
        yield ride(world, task)
        count, seed = count - 1, seed + 1


def ride(world: FloorWorld, task: DrivingTask) -> Ride:
    """Drive an errand of the world as it stands: words, lifting, planning and pursuit as on a robot."""
    seed, nan = world.scene.seed, float("nan")
    spatial = path = None
    try:
        observation = world.photograph()
        family = RoboTracer()
        visual = family.read(ModelAnswer(family.render(task.trace), "truth", 0.0))
        spatial = lift(visual, observation, LIFTING)
        base = world.odom_from_base()
        camera = base @ world.base_from_camera
        path = plan_drive(spatial, observation, camera, base.translation_m, GROUND, ViolationKind.__members__)
    except RobotracerError as error:
        stage = "lifting" if spatial is None else "planning"
        return Ride(seed, task, nan, (), 0.0, f"{stage}: {error}", spatial, path)
    driven, ended = follow(world, path)
    off_m = float(np.linalg.norm(driven[-1] - task.goal_m))
    touched = tuple(str(name) for name in world.touched)
    failure = f"motion: touched {' and '.join(touched)}" if touched else ended
    if not failure and off_m > ARRIVED_M:
        failure = f"motion: ended {100 * off_m:.1f} cm away"
    return Ride(seed, task, off_m, touched, world.time_s, failure, spatial, path, driven)


def follow(world: FloorWorld, path: PosePath) -> tuple[FloatArray, str]:
    """Where the base went (T, 2) on its way along a path of odom, and "" or why it did not come to the end."""
    pursuit, progress = PurePursuit(path), Progress()
    driven = [world.pose[:2]]
    ended = f"motion: still driving after {_LIMIT_S:g} s"
    until_s = world.time_s + _LIMIT_S
    while world.time_s < until_s:
        told = pursuit.step(world.pose, world.time_s)
        world.drive(told.v_m_s, told.w_rad_s)
        world.advance(1 / _RATE_HZ)
        driven.append(world.pose[:2])
        if told.done:
            ended = ""
            break
        if progress.stuck(world.pose, world.time_s):
            ended = "motion: stuck"
            break
    world.drive(0.0, 0.0)
    world.advance(0.5)
    driven.append(world.pose[:2])
    return np.array(driven), ended


def in_words(done: Sequence[Ride]) -> str:
    """A row for each ride, and the figure."""
    rows = [["errand", "seed", "way", "time", "off", "failure"]]
    for one in done:
        length_m = 0.0 if one.path is None else one.path.length_m
        off = "" if np.isnan(one.off_m) else f"{100 * one.off_m:.1f} cm"
        rows.append([one.task.sentence, str(one.seed), f"{length_m:.2f} m", f"{one.seconds:.1f} s", off, one.failure])
    right = sum(not one.failure for one in done)
    offs = [one.off_m for one in done if not np.isnan(one.off_m)]
    mean = f"; {100 * np.mean(offs):.1f} cm off on average, {100 * np.max(offs):.1f} at most" if offs else ""
    return f"{table(rows)}\n\n{right} of {len(done)} within {100 * ARRIVED_M:.0f} cm, nothing touched{mean}"


def run(arguments: argparse.Namespace) -> int:
    """Print the figures of `robotracer bench driving`.

    Raises:
        InvalidRequest: for a sentence that no floor understands.
    """
    with FloorWorld(packaged_file("urdf", "driving_base.urdf"), noise=DepthNoise()) as world:
        done = list(rides(world, arguments.n, arguments.errand, arguments.seed))
    if arguments.json:
        names = ("seed", "off_m", "touched", "seconds", "failure")
        rows = [{name: getattr(one, name) for name in names} | {"errand": one.task.sentence} for one in done]
        right = sum(not one.failure for one in done)
        print(json.dumps({"benchmark": "driving", "n": len(done), "success": right, "rides": rows}, indent=2))
    else:
        print(in_words(done))
    return 0
