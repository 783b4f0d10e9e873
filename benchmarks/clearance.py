"""Clearance of a path to a 1280x720 depth image: the tiled search beside the straightforward one, same distances.

    python3 -m benchmarks.clearance

The straightforward way turns the whole image into a cloud and measures every waypoint against every point of it with
NumPy. Both answer the same question in the same run, in alternating rounds; a difference in the answer is an error.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.camera import CameraIntrinsics
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.planning.depth_view import DepthView
from robotracer_ros.planning.nearest import nearest_distance
from robotracer_ros.planning.tiles import DepthTiles

REACH_M = 0.05
ROUNDS = 5


def scene(seed: int) -> DepthView:
    """Blocks on a slanted plane, half a metre to a metre away, with noise and a tenth of the readings missing."""
    random = np.random.default_rng(seed)
    v, u = np.mgrid[:720, :1280]
    depth = 1.0 - 0.0004 * v + random.normal(scale=0.001, size=u.shape)
    for _ in range(12):
        row, column, size = random.integers(0, 600), random.integers(0, 1100), random.integers(60, 160)
        depth[row : row + size, column : column + size] -= random.uniform(0.03, 0.15)
    depth[random.random(depth.shape) < 0.1] = np.nan
    intrinsics = CameraIntrinsics(1280, 720, 640.0, 640.0, 639.5, 359.5)
    return DepthView(depth.astype(np.float32), intrinsics, RigidTransform.identity("camera"))


def waypoints(count: int) -> FloatArray:
    """An arc (count, 3) that starts and ends on the surface and comes near the blocks in between."""
    along = np.linspace(0, 1, count)
    return np.column_stack([along * 0.7 - 0.35, 0.1 * np.sin(3 * along), 0.86 - 0.08 * np.sin(np.pi * along)])


def tiled_search(points: FloatArray, view: DepthView) -> FloatArray:
    """Distance (N,) as the planner measures it, tiles made anew."""
    return nearest_distance(points, DepthTiles(view), REACH_M)


def straightforward(points: FloatArray, view: DepthView) -> FloatArray:
    """Distance (N,) by the whole cloud, infinite from the reach on."""
    cloud = view.points_in(slice(0, 720), slice(0, 1280)).reshape(-1, 3)
    cloud = cloud[np.isfinite(cloud).all(axis=1)]
    distance = np.array([np.sqrt(((cloud - point) ** 2).sum(axis=1).min()) for point in points])
    return np.where(distance < REACH_M, distance, np.inf)


def seconds(work: Callable[[], FloatArray]) -> float:
    """Wall time of one run."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> int:
    """Print both times and their ratio for a short and a long path."""
    view = scene(0)
    for count in (60, 600):
        points = waypoints(count)
        ours, theirs = tiled_search(points, view), straightforward(points, view)
        if not np.allclose(ours, theirs, rtol=0, atol=1e-12):
            print(f"{count} waypoints: the two ways differ by {np.nanmax(np.abs(ours - theirs))} m", file=sys.stderr)
            return 1
        rounds = ROUNDS if count == 60 else 1
        ways = (partial(tiled_search, points, view), partial(straightforward, points, view))
        pairs = [tuple(seconds(way) for way in ways) for _ in range(rounds)]
        tiled, cloud = (statistics.median(times) for times in zip(*pairs, strict=True))
        print(
            f"{count} waypoints, {np.isfinite(ours).sum()} within {REACH_M} m: tiled {tiled * 1e3:.1f} ms, "
            f"whole cloud {cloud * 1e3:.1f} ms, {cloud / tiled:.0f} times"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
