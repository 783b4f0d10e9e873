"""Whether a task came true, judged by where the simulator's things came to rest and what they touch."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.sim.bodies import body_name
from robotracer_ros.sim.motion_log import Motion
from robotracer_ros.sim.scene import Scene, SceneObject
from robotracer_ros.sim.tasks.judge import END_M, VISIT_M
from robotracer_ros.sim.tasks.solids import plan_distance_m
from robotracer_ros.sim.tasks.task import TRACE, Goal, Task
from robotracer_ros.sim.touches import TABLE

# Nothing else may move farther or lean more.
STILL_M: Final = 0.02
_UPRIGHT_RAD: Final = math.radians(25.0)
# A thing that is carried stays this near to the tip, farther than any held one's middle.
_CARRIED_M: Final = 0.12


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a task; ``reason`` says in words why it failed, or what was reached."""

    succeeded: bool
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Rest:
    """How a scene stands after a motion.

    Attributes:
        places: by label, the table frame seen from each thing's middle.
        touching: pairs of `body_name`, links and "table", each pair in alphabetical order.
        held: the things between the fingers, by `body_name`.
        motion: what happened on the way.
    """

    places: Mapping[int, RigidTransform]
    touching: Collection[tuple[str, str]]
    held: Collection[str]
    motion: Motion


def judge_outcome(task: Task, scene: Scene, rest: Rest) -> Outcome:
    """Judge what was done for a task of this scene, once everything rests.

    A thing set in or on another touches that one and not the table, and is not beyond its edge. One that belongs on the
    table stands there upright, its middle within 3 cm of the region. A hovering one is still held and was carried by
    everything that it had to visit, in order. Nothing else has moved by more than `STILL_M` or fallen over.

    Raises:
        InvalidRequest: for a task that moves nothing, or one of another scene.
    """
    things = {thing.label: thing for thing in scene.objects}
    if task.kind != TRACE or task.goal is None or task.subject not in things or task.support not in (0, *things):
        raise InvalidRequest(f"the task {task.sentence!r} moves nothing in this scene; accepted: a trace's task")
    reason = _others_disturbed(scene, task.subject, rest)
    if not reason:
        subject = things[task.subject]
        if task.visits:
            reason = _not_carried_by(task.visits, subject, rest)
        elif task.support:
            reason = _not_resting_on(subject, things[task.support], rest)
        else:
            reason = _not_standing(subject, task.goal, rest)
    return Outcome(not reason, reason or f"the {things[task.subject].name} is where it belongs")


def _others_disturbed(scene: Scene, subject: int, rest: Rest) -> str:
    for thing in scene.objects:
        if thing.label == subject:
            continue
        place = rest.places[thing.label]
        moved_m = float(np.linalg.norm(place.translation_m - thing.centre_m))
        if moved_m > STILL_M:
            return f"the {thing.name} was moved by {100 * moved_m:.1f} cm"
        if thing.shape != "ball" and _lean_rad(place) > _UPRIGHT_RAD:
            return f"the {thing.name} was knocked over"
    return ""


def _not_resting_on(subject: SceneObject, support: SceneObject, rest: Rest) -> str:
    reason = _still_held(subject, rest)
    if reason:
        return reason
    if not _touch(body_name(subject), body_name(support), rest):
        return f"the {subject.name} does not touch the {support.name}"
    if _touch(body_name(subject), TABLE, rest):
        return f"the {subject.name} touches the table"
    middle_m = rest.places[subject.label].translation_m
    if plan_distance_m(support, middle_m[None, :2])[0] > 0:
        return f"the middle of the {subject.name} is beyond the edge of the {support.name}"
    return ""


def _not_standing(subject: SceneObject, goal: Goal, rest: Rest) -> str:
    reason = _still_held(subject, rest)
    if reason:
        return reason
    place = rest.places[subject.label]
    if not _touch(body_name(subject), TABLE, rest):
        return f"the {subject.name} does not stand on the table"
    if subject.shape != "ball" and _lean_rad(place) > _UPRIGHT_RAD:
        return f"the {subject.name} fell over"
    spot_m = np.array([*place.translation_m[:2], goal.centre_m[2]])
    off_m = float(goal.distance_m(spot_m)[0])
    return f"the {subject.name} stands {100 * off_m:.1f} cm from where it belongs" if off_m > END_M else ""


def _not_carried_by(visits: Sequence[Goal], subject: SceneObject, rest: Rest) -> str:
    if body_name(subject) not in rest.held:
        return f"the {subject.name} is not held any more"
    tip_m, thing_m = rest.motion.tip_m, rest.motion.things_m[subject.label]
    carried = np.linalg.norm(tip_m - thing_m, axis=1) < _CARRIED_M
    path = tip_m[carried]
    for number, visit in enumerate(visits, start=1):
        there = _first_visit(visit, path)
        if there < 0:
            return f"the {subject.name} was not carried above the thing it had to visit as number {number}"
        path = path[there:]
    return ""


def _first_visit(visit: Goal, path: FloatArray) -> int:
    there = np.flatnonzero(visit.distance_m(path) <= VISIT_M) if len(path) else np.zeros(0)
    return int(there[0]) if len(there) else -1


def _still_held(subject: SceneObject, rest: Rest) -> str:
    return f"the {subject.name} is still held" if body_name(subject) in rest.held else ""


def _touch(one: str, other: str, rest: Rest) -> bool:
    first, second = sorted((one, other))
    return (first, second) in rest.touching


def _lean_rad(place: RigidTransform) -> float:
    """Between a thing's own z and the table's."""
    return math.acos(max(-1.0, min(1.0, float(place.rotation[2, 2]))))
