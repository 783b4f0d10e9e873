"""Judges answers to tasks by the simulator's own truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray, frozen_floats
from robotracer_ros.sim.scene import Scene
from robotracer_ros.sim.tasks.crowd import Crowd
from robotracer_ros.sim.tasks.route import is_free, sampled
from robotracer_ros.sim.tasks.sight import Seen, view_pixels
from robotracer_ros.sim.tasks.solids import signed_distance_m
from robotracer_ros.sim.tasks.task import MEASURE, POINTS, Goal, Task

START_M: Final = 0.02
END_M: Final = 0.03
# Over what is hovered above, the way comes at least this near to the region that counts.
VISIT_M: Final = 0.03
LENGTH_SHARE: Final = 0.10


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is right about an answer; None where a task does not ask for it.

    Attributes:
        start_ok: the first point lies within `START_M` of the named object's surface.
        end_ok: the last point, and no earlier one, lies within `END_M` of the goal's region.
        collision_free: the segments between the points enter no other object and do not go below the table.
        order_ok: the way comes by everything it has to visit, in order.
        pointing_ok: every point lies where it is right.
        measure_ok: the length is within a tenth of the true one.
    """

    start_ok: bool | None = None
    end_ok: bool | None = None
    collision_free: bool | None = None
    order_ok: bool | None = None
    pointing_ok: bool | None = None
    measure_ok: bool | None = None

    @property
    def overall(self) -> bool:
        """Whether all that the task asks for is right."""
        asked = (self.start_ok, self.end_ok, self.collision_free, self.order_ok, self.pointing_ok, self.measure_ok)
        return all(right for right in asked if right is not None)


def judge(task: Task, scene: Scene, view: Seen, answer: npt.ArrayLike) -> Verdict:
    """Judge an answer to ``task``, which was made for this scene and view.

    ``answer`` is, by the task's kind: for "trace" the (N, 3) points in the table frame, metres; for "points" the
    (N, 2) u and v as shares of the picture's width and height; for "measure" the length in metres. NaN, and no point
    at all, are wrong answers. The limits are those of the tabletop benchmark, far tighter than TraceSpatial-Bench's
    0.20 m; other than there, the segments are checked and not only the points, and of the end only the last point
    counts.

    Raises:
        InvalidRequest: for an answer of another shape, or a task of another view.
    """
    if task.kind == MEASURE:
        length_m = float(frozen_floats("a length", answer, ()))
        return Verdict(measure_ok=bool(abs(length_m - task.length_m) <= LENGTH_SHARE * task.length_m))
    if task.kind == POINTS:
        return Verdict(pointing_ok=_points_right(task, scene, view, frozen_floats("points", answer, (None, 2))))
    points_m = frozen_floats("points_m", answer, (None, 3))
    if not len(points_m) or not np.isfinite(points_m).all():
        return Verdict(False, False, False, False if task.visits else None)
    return _judge_trace(task, scene, points_m)


def points_in_table(scene: Scene, uv: npt.ArrayLike, depth_m: npt.ArrayLike) -> FloatArray:
    """(N, 3) points of the table frame, metres, of (N, 2) u and v as shares of the picture and (N,) depth."""
    camera = scene.intrinsics
    pixels = np.asarray(uv, dtype=np.float64).reshape(-1, 2) * (camera.width, camera.height)
    return scene.table_from_camera.apply(camera.deproject(pixels, depth_m))


def _judge_trace(task: Task, scene: Scene, points_m: FloatArray) -> Verdict:
    things = {thing.label: thing for thing in scene.objects}
    if task.subject not in things or task.goal is None:
        raise InvalidRequest(f"the task {task.sentence!r} is of another scene: it has no object {task.subject}")
    subject = things[task.subject]
    ends = [subject, *([things[task.support]] if task.support else [])]
    return Verdict(
        start_ok=bool(abs(signed_distance_m(subject, points_m[:1])[0]) <= START_M),
        end_ok=bool(task.goal.distance_m(points_m[-1])[0] <= END_M),
        collision_free=is_free(points_m, ends, Crowd.of(task.obstacles)),
        order_ok=_in_order(task.visits, points_m) if task.visits else None,
    )


def _in_order(visits: Sequence[Goal], points_m: FloatArray) -> bool:
    path = sampled(points_m)
    for visit in visits:
        there = np.flatnonzero(visit.distance_m(path) <= VISIT_M)
        if not len(there):
            return False
        path = path[there[0] :]
    return True


def _points_right(task: Task, scene: Scene, view: Seen, uv: FloatArray) -> bool:
    if task.mask is None or task.mask.shape != view.labels.shape:
        raise InvalidRequest(
            f"the task {task.sentence!r} was made for another view: its mask is "
            f"{None if task.mask is None else task.mask.shape}, the view {view.labels.shape}"
        )
    if not len(uv) or not ((uv >= 0) & (uv <= 1)).all():
        return False
    height, width = task.mask.shape
    size = (scene.intrinsics.width, scene.intrinsics.height)
    columns, rows = np.rint(view_pixels(uv, size, (width, height))).astype(np.intp).T
    return bool(task.mask[np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)].all())
