"""Tasks that push something along the table, or carry it above other things."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.trace import ReasoningStep
from robotracer_ros.sim.scene import SceneObject
from robotracer_ros.sim.tasks import places, words
from robotracer_ros.sim.tasks.carrying import Cast, anything, drawn, movable, moved_by, start_m, trace_task
from robotracer_ros.sim.tasks.naming import Name
from robotracer_ros.sim.tasks.reasoning import measuring
from robotracer_ros.sim.tasks.route import CLEARANCE_M, LIFT_M
from robotracer_ros.sim.tasks.solids import extent_m
from robotracer_ros.sim.tasks.task import TRACE, Goal, Infeasible, Task

_PUSHES_CM: Final = (6, 20)
_PUSH_POINTS: Final = 5
# A pushed thing stops this far from what it is pushed to, and is next to it up to that far.
_NEXT_TO_M: Final = 0.02
_STILL_NEXT_TO_M: Final = 0.04
_LEAST_PUSH_M: Final = 0.05
# Over the tops of what is visited: the middle of what counts, and half of its width.
_HOVER_M: Final = 0.08
_HOVER_HALF_M: Final = 0.02
_LEAST_HOVER_RADIUS_M: Final = 0.02


def push(cast: Cast, rng: np.random.Generator) -> Task:
    """Along the table, next to something or for a given distance."""
    (thing,) = drawn(rng, movable(cast), 1)
    return _push_to(cast, rng, thing) if rng.random() < 0.5 else _push_by(cast, rng, thing)


def hover(cast: Cast, rng: np.random.Generator) -> Task:
    """Above two or three things in order, staying in the air."""
    (thing,) = drawn(rng, movable(cast), 1)
    marks = drawn(rng, anything(cast, thing), 2 + int(rng.integers(2)))
    visits = tuple(_above(mark) for mark in marks)
    points_m = _over(cast, thing, visits)
    names = cast.names.draw_all(rng, (thing, *marks))
    templates = words.HOVER_TWO if len(marks) == 2 else words.HOVER_THREE
    phrases = {letter: name.phrase for letter, name in zip("abcd", names, strict=False)}
    sentence = words.worded(rng, templates.draw(rng, held_out=cast.held_out), **phrases)
    task = Task(
        "hover", TRACE, sentence, unique=False, template_held_out=False, contacts="start", goal=visits[-1],
        visits=visits,
    )  # fmt: skip
    return trace_task(cast, (thing, *marks), names, points_m, (), task, heights=marks)


def _push_to(cast: Cast, rng: np.random.Generator, thing: SceneObject) -> Task:
    (mark,) = drawn(rng, anything(cast, thing), 1)
    apart = thing.centre_m[:2] - mark.centre_m[:2]
    way = apart / np.hypot(*apart)
    spot_m = mark.centre_m[:2] + way * (extent_m(mark, way) + _NEXT_TO_M + thing.radius_m)
    half_z = float(thing.size_m[2]) / 4
    core_m = float(mark.size_m[:2].min()) / 2
    reach_m = extent_m(mark, way) + thing.radius_m + _STILL_NEXT_TO_M
    goal = Goal(np.array([*mark.centre_m[:2], half_z]), np.array([reach_m, 0.0, half_z]), round_=True, core_m=core_m)
    names = cast.names.draw_all(rng, (thing, mark))
    template = words.PUSH_TO.draw(rng, held_out=cast.held_out)
    sentence = words.worded(rng, template, a=names[0].phrase, b=names[1].phrase)
    return _pushed(cast, (thing, mark), names, places.Place(spot_m, goal), (), sentence)


def _push_by(cast: Cast, rng: np.random.Generator, thing: SceneObject) -> Task:
    side = places.SIDES[int(rng.integers(len(places.SIDES)))]
    length_cm = int(rng.integers(_PUSHES_CM[0], _PUSHES_CM[1] + 1))
    spot_m = thing.centre_m[:2] + places.direction(cast.sight, side) * length_cm / 100
    place = places.at_spot(cast.sight, spot_m, thing.radius_m, float(thing.size_m[2]), cast.others(thing))
    name = cast.names.draw(rng, thing)
    phrase = words.WAYS[side][int(rng.integers(len(words.WAYS[side])))]
    template = words.PUSH_BY.draw(rng, held_out=cast.held_out)
    sentence = words.worded(rng, template, a=name.phrase, way=phrase, n=str(length_cm))
    steps = moved_by(cast, thing, measuring(f"distance {phrase}", length_cm / 100), spot_m)
    return _pushed(cast, (thing,), (name,), place, steps, sentence)


def _pushed(
    cast: Cast,
    things: Sequence[SceneObject],
    names: Sequence[Name],
    place: places.Place,
    steps: tuple[ReasoningStep, ...],
    sentence: str,
) -> Task:
    """Straight along the table, from where the thing is touched to where its middle comes to stand."""
    thing = things[0]
    uvd = cast.sight.table_spot(place.spot_m)
    if np.hypot(*(thing.centre_m[:2] - place.spot_m)) < _LEAST_PUSH_M:
        raise Infeasible("the thing is there already")
    if cast.others(*things).along(thing.centre_m[:2], place.spot_m, thing.radius_m).any():
        raise Infeasible("something stands in the way")
    share = np.linspace(0.0, 1.0, _PUSH_POINTS)[:, None]
    points_m = start_m(cast, thing) * (1 - share) + cast.sight.lift(uvd[None]) * share
    task = Task("push", TRACE, sentence, unique=False, template_held_out=False, goal=place.goal)
    return trace_task(cast, things, names, points_m, steps, task)


def _above(mark: SceneObject) -> Goal:
    radius_m = max(_LEAST_HOVER_RADIUS_M, 0.5 * float(mark.size_m[:2].min()) / 2)
    centre_m = np.array([*mark.centre_m[:2], mark.top_m + _HOVER_M])
    return Goal(centre_m, np.array([radius_m, 0.0, _HOVER_HALF_M]), round_=True)


def _over(cast: Cast, thing: SceneObject, visits: Sequence[Goal]) -> FloatArray:
    """(N, 3) points from where the thing is taken through the middles of ``visits``, over what lies between."""
    begin_m, others = start_m(cast, thing), cast.others(thing)
    hanging_m = float(begin_m[2]) + CLEARANCE_M
    corners = [begin_m, *(np.asarray(visit.centre_m) for visit in visits)]
    least_m = [others.highest_m(one[:2], other[:2], thing.radius_m) + hanging_m for one, other in pairwise(corners)]
    points = [begin_m, np.array([*begin_m[:2], max(begin_m[2] + LIFT_M, least_m[0])]), corners[1]]
    for (one, other), height_m in zip(pairwise(corners[1:]), least_m[1:], strict=True):
        # Two visits alone would make too short a trace.
        if height_m > max(one[2], other[2]) or len(visits) == 2:
            points.append(np.array([*(one[:2] + other[:2]) / 2, max(height_m, one[2], other[2])]))
        points.append(other)
    return np.array(points)
