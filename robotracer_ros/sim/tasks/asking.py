"""Tasks that point at something or measure it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from robotracer_ros.geometry.trace import ReasoningStep, VisualTrace
from robotracer_ros.sim.scene import SceneObject
from robotracer_ros.sim.tasks import places, words
from robotracer_ros.sim.tasks.carrying import Cast, anything, drawn, stands
from robotracer_ros.sim.tasks.reasoning import height, measuring, referring, scale
from robotracer_ros.sim.tasks.solids import gap_m
from robotracer_ros.sim.tasks.task import MEASURE, POINTS, Infeasible, Task

# Room that a free spot must have around it, and lengths worth measuring, metres.
_FREE_RADIUS_M: Final = 0.025
_LEAST_GAP_M: Final = 0.03
_SHARE_BETWEEN: Final = 0.25


def point_object(cast: Cast, rng: np.random.Generator) -> Task:
    """Point at an object."""
    (thing,) = drawn(rng, anything(cast), 1)
    name = cast.names.draw(rng, thing)
    uvd = cast.anchor(thing)
    reasoning = (referring(name.subject, uvd),)
    return Task(
        "point_object",
        POINTS,
        words.worded(rng, words.POINT_OBJECT.draw(rng, held_out=cast.held_out), a=name.phrase),
        unique=name.unique,
        template_held_out=cast.held_out,
        reasoning=reasoning,
        trace=VisualTrace(uvd[None, :2], reasoning=reasoning),
        subject=thing.label,
        mask=cast.sight.view.labels == thing.label,
        obstacles=cast.others(thing).things,
    )


def point_free(cast: Cast, rng: np.random.Generator) -> Task:
    """Point at free space beside an object or between two."""
    is_between = rng.random() < _SHARE_BETWEEN
    things = drawn(rng, anything(cast), 2 if is_between else 1)
    standing = cast.others(*things)
    if is_between:
        place = places.between(cast.sight, things[0], things[1], _FREE_RADIUS_M, 0.0, standing)
        side = "between"
    else:
        side = places.SIDES[int(rng.integers(len(places.SIDES)))]
        place = places.beside(cast.sight, things[0], side, _FREE_RADIUS_M, 0.0, standing)
        side = words.SIDES[side][int(rng.integers(len(words.SIDES[side])))]
    uvd = cast.sight.table_spot(place.spot_m)
    mask = cast.sight.area_px(places.corners_m(place.goal))
    if not mask[cast.sight.pixel(uvd[:2])]:
        raise Infeasible("the free spot is hidden")
    names = cast.names.draw_all(rng, things)
    template = words.POINT_FREE.draw(rng, held_out=cast.held_out)
    reasoning = tuple(referring(name.subject, cast.anchor(thing)) for name, thing in zip(names, things, strict=True))
    return Task(
        "point_free",
        POINTS,
        words.worded(rng, template, side=side, b=" and ".join(name.phrase for name in names)),
        unique=all(name.unique for name in names),
        template_held_out=cast.held_out,
        reasoning=reasoning,
        trace=VisualTrace(uvd[None, :2], reasoning=reasoning),
        mask=mask,
        obstacles=cast.crowd.things,
    )


def measure_distance(cast: Cast, rng: np.random.Generator) -> Task:
    """The distance between the centres of two objects along the table."""
    one, other = drawn(rng, anything(cast), 2)
    steps = (*_apart(cast, one, other), *scale(cast.sight.scale_m))
    templates = words.MEASURE_DISTANCE
    return _measured(
        cast, rng, "measure_distance", templates, (one, other), _distance_m(one, other), _standing(cast), steps
    )


def measure_height(cast: Cast, rng: np.random.Generator) -> Task:
    """How tall an object is."""
    (thing,) = drawn(rng, anything(cast), 1)
    length_m, steps = float(thing.size_m[2]), scale(cast.sight.scale_m)
    return _measured(cast, rng, "measure_height", words.MEASURE_HEIGHT, (thing,), length_m, _tall, steps)


def measure_gap(cast: Cast, rng: np.random.Generator) -> Task:
    """The gap between the nearest edges of two objects seen from above."""
    one, other = drawn(rng, anything(cast), 2)
    length_m = gap_m(one, other)
    if length_m < _LEAST_GAP_M:
        raise Infeasible("the gap is too narrow to measure")
    steps = (*_apart(cast, one, other), measuring("distance", _distance_m(one, other)))
    return _measured(cast, rng, "measure_gap", words.MEASURE_GAP, (one, other), length_m, _standing(cast), steps)


def _distance_m(one: SceneObject, other: SceneObject) -> float:
    return float(np.hypot(*(one.centre_m - other.centre_m)[:2]))


def _apart(cast: Cast, one: SceneObject, other: SceneObject) -> tuple[ReasoningStep, ...]:
    """How far apart the centres of two objects are to the right and away from the camera."""
    apart_m = (other.centre_m - one.centre_m)[:2]
    return (
        measuring("distance right", abs(float(cast.sight.right @ apart_m))),
        measuring("distance away", abs(float(cast.sight.away @ apart_m))),
    )


def _standing(cast: Cast) -> Callable[[str, SceneObject], tuple[ReasoningStep, ...]]:
    return lambda subject, thing: stands(cast, thing)


def _tall(subject: str, thing: SceneObject) -> tuple[ReasoningStep, ...]:
    return (height(subject, thing),)


def _measured(
    cast: Cast,
    rng: np.random.Generator,
    family: str,
    templates: words.Templates,
    things: Sequence[SceneObject],
    length_m: float,
    own: Callable[[str, SceneObject], tuple[ReasoningStep, ...]],
    steps: tuple[ReasoningStep, ...],
) -> Task:
    """A question for a length, reasoned by referring to each of ``things`` with its ``own`` lengths, then ``steps``."""
    names = cast.names.draw_all(rng, things)
    phrases = {letter: name.phrase for letter, name in zip("ab", names, strict=False)}
    referred = [
        (referring(name.subject, cast.anchor(thing)), *own(name.subject, thing))
        for name, thing in zip(names, things, strict=True)
    ]
    return Task(
        family,
        MEASURE,
        words.worded(rng, templates.draw(rng, held_out=cast.held_out), **phrases),
        unique=all(name.unique for name in names),
        template_held_out=cast.held_out,
        reasoning=(*itertools.chain(*referred), *steps),
        answer=f"{100 * length_m:.1f} cm",
        length_m=length_m,
    )
