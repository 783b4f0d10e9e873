"""What the simulator says to an answer: whether it carries out the task, and by how much not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.nodes.demo_wish import Tabletop
from robotracer_ros.sim.scene import SceneObject
from robotracer_ros.sim.tasks import judge
from robotracer_ros.sim.tasks.crowd import Crowd
from robotracer_ros.sim.tasks.judge import END_M, START_M
from robotracer_ros.sim.tasks.route import is_free
from robotracer_ros.sim.tasks.solids import signed_distance_m


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        about: "start", "end", "order" or "collision".
        right: as `sim.tasks.judge` has it.
        words: what was found, lengths in cm.
    """

    about: str
    right: bool
    words: str


def findings(table: Tabletop, points_m: FloatArray) -> list[Finding]:
    """All that the task asks of (N, 3) points of the table frame, metres; the answer succeeds when all are right.

    Raises:
        InvalidRequest: for a task that no trace answers.
    """
    task, things = table.task, {thing.label: thing for thing in table.scene.objects}
    if task.goal is None:
        raise InvalidRequest(f"{task.sentence!r} is no task that a trace answers")
    verdict = judge(task, table.scene, table.view, points_m)
    subject = things[task.subject]
    start_m = abs(float(signed_distance_m(subject, points_m[:1])[0]))
    end_m = float(task.goal.distance_m(points_m[-1:])[0])
    told = [
        Finding(
            "start",
            bool(verdict.start_ok),
            f"{_cm(start_m)} from the surface of the {subject.name} ({_cm(START_M)} will do)",
        ),
        Finding("end", bool(verdict.end_ok), f"{_where(end_m)} ({_cm(END_M)} will do)"),
    ]
    if verdict.order_ok is not None:
        told.append(Finding("order", verdict.order_ok, "comes by all that it has to, in order"
                            if verdict.order_ok else "does not come by all that it has to in order"))  # fmt: skip
    support = [things[task.support]] if task.support else []
    met = " and ".join(_met(points_m, [subject, *support], task.obstacles))
    told.append(Finding("collision", bool(verdict.collision_free), f"meets {met}" if met else "meets nothing"))
    return told


def _where(end_m: float) -> str:
    return "where it belongs" if end_m == 0 else f"{_cm(end_m)} from where it belongs"


def _met(points_m: FloatArray, ends: list[SceneObject], obstacles: tuple[SceneObject, ...]) -> Iterator[str]:
    """What the way enters on its way, in words."""
    if not is_free(points_m, ends, Crowd.of(())):
        yield "the table"
    above_m = np.maximum(points_m, (-np.inf, -np.inf, 0.0))
    yield from (f"the {thing.name}" for thing in obstacles if not is_free(above_m, ends, Crowd.of([thing])))


def _cm(length_m: float) -> str:
    return f"{100 * length_m:.1f} cm"
