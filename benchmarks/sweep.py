"""A carried object swept past a 1280x720 depth image: arrays of cells beside look-ups in a set.

    python3 -m benchmarks.sweep

Both cut space into the same cells: 100 waypoints, 2,000 points. The straightforward way puts the image's cells into a
set, and asks it for the cells within the clearance of each point at each waypoint, until one is there. The other way
grows an array of cells once and looks all points up together. A difference in a verdict is an error. The last line is
the whole check as the planner makes it, distances to what is near included.
"""

from __future__ import annotations

import itertools
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.clearance import scene, waypoints
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.planning.depth_view import DepthView
from robotracer_ros.planning.path import PosePath
from robotracer_ros.planning.sweep import NearCells, readings, swept_too_close

CLEARANCE_M = 0.02
WAYPOINTS = 100
POINTS = 2000
ROUNDS = 5


def body() -> FloatArray:
    """(2000, 3) points of an object that hangs below the tip."""
    return np.random.default_rng(0).uniform(-1, 1, (POINTS, 3)) * [0.04, 0.04, 0.06] - [0, 0, 0.05]


def swept(way: FloatArray) -> FloatArray:
    """(W, K, 3) the object at each waypoint; it does not turn."""
    return way[:, None] + body()


def box(points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(3,) corners that hold all points."""
    flat = points.reshape(-1, 3)
    return flat.min(axis=0), flat.max(axis=0)


def by_arrays(points: FloatArray, view: DepthView) -> list[bool]:
    """Which waypoints have a point in a near cell."""
    lower, upper = box(points)
    seen = readings(view, float(lower[2]) - CLEARANCE_M, float(upper[2]) + CLEARANCE_M)
    held = NearCells(seen, lower, upper, CLEARANCE_M).hold(points.reshape(-1, 3))
    return held.reshape(points.shape[:2]).any(axis=1).tolist()


def by_set(points: FloatArray, view: DepthView) -> list[bool]:
    """The same, a look-up at a time."""
    cell_m = CLEARANCE_M / 2
    origin = box(points)[0] - CLEARANCE_M - cell_m
    seen = set(map(tuple, np.floor((readings(view) - origin) / cell_m).astype(int).tolist()))
    steps = range(-3, 4)
    gaps = {step: max(abs(step) - 1, 0) * cell_m for step in steps}
    offsets = [
        offset for offset in itertools.product(steps, repeat=3) if sum(gaps[s] ** 2 for s in offset) < CLEARANCE_M**2
    ]
    verdicts = []
    for one in points:
        cells = np.floor((one - origin) / cell_m).astype(int).tolist()
        verdicts.append(any((x + i, y + j, z + k) in seen for x, y, z in cells for i, j, k in offsets))
    return verdicts


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one run."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> int:
    """Print both times and their ratio."""
    view = scene(0)
    way = waypoints(WAYPOINTS)
    way[:, 2] -= 0.1
    points = swept(way)
    ours, theirs = by_arrays(points, view), by_set(points, view)
    if ours != theirs:
        print(f"the verdicts differ at {[i for i in range(WAYPOINTS) if ours[i] != theirs[i]]}", file=sys.stderr)
        return 1
    path = PosePath(way, np.tile([0.0, 0.0, 0.0, 1.0], (WAYPOINTS, 1)), "base", 0)
    still = RigidTransform("base", "camera", np.eye(3), np.zeros(3))
    whole = partial(swept_too_close, path, body(), view, still, CLEARANCE_M)
    ways = (partial(by_arrays, points, view), partial(by_set, points, view), whole)
    rounds = [tuple(seconds(one) for one in ways) for _ in range(ROUNDS)]
    arrays, sets, check = (statistics.median(column) for column in zip(*rounds, strict=True))
    print(f"{WAYPOINTS} waypoints, {POINTS} points, {sum(ours)} waypoints near; same verdicts")
    print(f"  arrays {1000 * arrays:7.1f} ms, set {1000 * sets:7.1f} ms: {sets / arrays:.1f} times")
    print(f"  the whole check, with distances {1000 * check:7.1f} ms: {sets / check:.1f} times")
    return 0


if __name__ == "__main__":
    sys.exit(main())
