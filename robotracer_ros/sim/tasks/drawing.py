"""Draws tasks for a view of a scene, family by family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.sim.scene import Scene
from robotracer_ros.sim.tasks import asking, carrying, moving
from robotracer_ros.sim.tasks.carrying import Builder, Cast
from robotracer_ros.sim.tasks.crowd import Crowd
from robotracer_ros.sim.tasks.naming import Names
from robotracer_ros.sim.tasks.sight import Seen, Sight
from robotracer_ros.sim.tasks.task import Infeasible, Task

# Each family's share of the tasks of a scene that allows them all, and what builds it.
FAMILIES: Final[Mapping[str, tuple[float, Builder]]] = {
    "pick_in": (0.10, carrying.pick_in),
    "pick_on": (0.09, carrying.pick_on),
    "pick_beside": (0.10, carrying.pick_beside),
    "pick_between": (0.09, carrying.pick_between),
    "pick_offset": (0.11, carrying.pick_offset),
    "push": (0.11, moving.push),
    "hover": (0.09, moving.hover),
    "point_object": (0.03, asking.point_object),
    "point_free": (0.05, asking.point_free),
    "measure_distance": (0.10, asking.measure_distance),
    "measure_height": (0.06, asking.measure_height),
    "measure_gap": (0.07, asking.measure_gap),
}
# A scene may hold few tasks, or none of a family; so often another is drawn before that is accepted.
_TRIES_PER_TASK: Final = 12


def make_tasks(
    scene: Scene, view: Seen, rng: np.random.Generator, count: int, families: Sequence[str] | None = None
) -> list[Task]:
    """Up to ``count`` tasks with different instructions; fewer where the scene does not hold so many.

    The same scene, view and state of ``rng`` give the same tasks. Tasks of a test scene are worded with templates
    that no other scene uses. ``view`` may have any resolution; its masks come in the same one.

    Raises:
        InvalidRequest: for a family that is not one of `FAMILIES`, or a negative count.
    """
    chosen = require_families(families)
    if count < 0:
        raise InvalidRequest(f"the number of tasks must be at least 0, received {count}")
    sight = Sight(scene, view)
    crowd = Crowd.of(scene.objects)
    cast = Cast(sight, Names(sight, crowd), crowd)
    steps = np.cumsum([FAMILIES[name][0] for name in chosen])
    tasks: dict[str, Task] = {}
    for _ in range(_TRIES_PER_TASK * count):
        if len(tasks) == count:
            break
        name = chosen[int(np.searchsorted(steps, rng.random() * steps[-1], side="right"))]
        try:
            task = FAMILIES[name][1](cast, rng)
        except Infeasible:
            continue
        tasks.setdefault(task.sentence.lower().rstrip("."), task)
    return list(tasks.values())


def require_families(families: Sequence[str] | None) -> tuple[str, ...]:
    """The families asked for; all of them for None.

    Raises:
        InvalidRequest: for none at all or an unknown one, listing those there are.
    """
    chosen = tuple(FAMILIES) if families is None else tuple(families)
    unknown = [name for name in chosen if name not in FAMILIES]
    if unknown or not chosen:
        raise InvalidRequest(f"tasks come in the families {', '.join(FAMILIES)}; received {unknown or 'none'}")
    return chosen
