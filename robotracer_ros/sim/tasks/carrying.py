"""Tasks that pick something up and set it down: into, onto, beside, between and at a distance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.trace import ReasoningStep, VisualTrace
from robotracer_ros.sim.catalogue import SHAPES, Split
from robotracer_ros.sim.scene import SceneObject
from robotracer_ros.sim.tasks import places, words
from robotracer_ros.sim.tasks.crowd import Crowd
from robotracer_ros.sim.tasks.naming import Name, Names
from robotracer_ros.sim.tasks.reasoning import DESTINATION, MAX_STEPS, from_camera, height, measuring, referring, scale
from robotracer_ros.sim.tasks.route import carried, is_free
from robotracer_ros.sim.tasks.sight import Sight
from robotracer_ros.sim.tasks.solids import extent_m, on_resting_face, resting_place_m
from robotracer_ros.sim.tasks.task import TRACE, Goal, Infeasible, Task

# What may count as inside a round vessel, as a share of its radius: nearer to its edge things tip out.
_INNER_SHARE: Final = 0.6
_SAME_PLACE_M: Final = 0.006
_TRAY_EDGE_M: Final = 0.015
# A thing fits when it is no wider than this share of what it is set on.
_FITTING: Final = 0.9
_OFFSETS_CM: Final = (8, 20)


@dataclass(frozen=True, slots=True, eq=False)
class Cast:
    """What a task is drawn from: a sight, the names in it, and all that stands there."""

    sight: Sight
    names: Names
    crowd: Crowd

    @property
    def held_out(self) -> bool:
        """Whether only wordings of the test are used."""
        return self.sight.scene.split is Split.TEST

    def others(self, *left_out: SceneObject) -> Crowd:
        """All objects but these, hidden ones too."""
        return self.crowd.without(*left_out)

    def anchor(self, thing: SceneObject) -> FloatArray:
        """(3,) u, v and depth of the point that an object is referred to by."""
        return self.sight.patches[thing.label].uvd


def drawn(rng: np.random.Generator, things: Sequence[SceneObject], count: int) -> list[SceneObject]:
    """``count`` different ones in random order.

    Raises:
        Infeasible: when there are fewer.
    """
    if len(things) < count:
        raise Infeasible("too few objects")
    return [things[index] for index in rng.permutation(len(things))[:count]]


def movable(cast: Cast) -> list[SceneObject]:
    """Objects that tasks move."""
    return cast.names.nameable(lambda thing: SHAPES[thing.shape].carried)


def anything(cast: Cast, *left_out: SceneObject) -> list[SceneObject]:
    """Objects that can be named, but these."""
    return cast.names.nameable(lambda thing: thing not in left_out)


def pick_in(cast: Cast, rng: np.random.Generator) -> Task:
    """Into a bowl or onto a tray's floor."""
    return _onto_something(cast, rng, "pick_in", words.PICK_IN, "in")


def pick_on(cast: Cast, rng: np.random.Generator) -> Task:
    """Onto a plate or a block."""
    return _onto_something(cast, rng, "pick_on", words.PICK_ON, "on")


def pick_beside(cast: Cast, rng: np.random.Generator) -> Task:
    """To the left of, to the right of, in front of or behind something."""
    (thing,) = drawn(rng, movable(cast), 1)
    (mark,) = drawn(rng, anything(cast, thing), 1)
    side = places.SIDES[int(rng.integers(len(places.SIDES)))]
    place = places.beside(cast.sight, mark, side, thing.radius_m, float(thing.size_m[2]), cast.others(thing, mark))
    template = words.PICK_BESIDE.draw(rng, held_out=cast.held_out)
    return _to_table(cast, rng, "pick_beside", template, (thing, mark), place, side=_one_of(rng, words.SIDES[side]))


def pick_between(cast: Cast, rng: np.random.Generator) -> Task:
    """Between two things."""
    (thing,) = drawn(rng, movable(cast), 1)
    one, other = drawn(rng, anything(cast, thing), 2)
    place = places.between(
        cast.sight, one, other, thing.radius_m, float(thing.size_m[2]), cast.others(thing, one, other)
    )
    template = words.PICK_BETWEEN.draw(rng, held_out=cast.held_out)
    return _to_table(cast, rng, "pick_between", template, (thing, one, other), place)


def pick_offset(cast: Cast, rng: np.random.Generator) -> Task:
    """A given distance, centre to centre, to one side of something."""
    (thing,) = drawn(rng, movable(cast), 1)
    (mark,) = drawn(rng, anything(cast, thing), 1)
    side = places.SIDES[int(rng.integers(len(places.SIDES)))]
    way = places.direction(cast.sight, side)
    least = max(_OFFSETS_CM[0], int(np.ceil(100 * (extent_m(mark, way) + thing.radius_m + 0.01))))
    if least > _OFFSETS_CM[1]:
        raise Infeasible("the objects are too large for that distance")
    offset_cm = int(rng.integers(least, _OFFSETS_CM[1] + 1))
    spot_m = mark.centre_m[:2] + way * offset_cm / 100
    place = places.at_spot(cast.sight, spot_m, thing.radius_m, float(thing.size_m[2]), cast.others(thing, mark))
    phrase = _one_of(rng, words.SIDES[side])
    template = words.PICK_OFFSET.draw(rng, held_out=cast.held_out)
    steps = moved_by(cast, mark, measuring(f"distance {phrase.removesuffix(' of')}", offset_cm / 100), spot_m)
    return _to_table(cast, rng, "pick_offset", template, (thing, mark), place, steps, side=phrase, n=str(offset_cm))


def trace_task(
    cast: Cast,
    things: Sequence[SceneObject],
    names: Sequence[Name],
    points_m: FloatArray,
    steps: tuple[ReasoningStep, ...],
    task: Task,
    heights: Sequence[SceneObject] = (),
) -> Task:
    """``task`` with its trace along (N, 3) points of the table frame, the first of ``things`` being moved.

    Its reasoning refers to each of ``things``, tells the height of those of them in ``heights``, and goes on with
    ``steps``, the destination and the scale.

    Raises:
        Infeasible: when the way leaves the picture or meets something.
    """
    uvd = cast.sight.written(points_m)
    # What the camera saw is known better than what its points give back.
    uvd[0] = cast.anchor(things[0])
    support = [thing for thing in cast.sight.scene.objects if thing.label == task.support]
    obstacles = cast.others(things[0], *support)
    if not is_free(cast.sight.lift(uvd), [things[0], *support], obstacles):
        raise Infeasible("something stands in the way")
    referred: list[ReasoningStep] = []
    for thing, name in zip(things, names, strict=True):
        referred.append(referring(name.subject, cast.anchor(thing)))
        if thing in heights:
            referred.append(height(name.subject, thing))
    # Last but for the scale: by then all is said that tells where it is.
    reasoning = (*referred, *steps, referring(DESTINATION, uvd[-1]), *scale(cast.sight.scale_m))[:MAX_STEPS]
    return replace(
        task,
        trace=VisualTrace(uvd[:, :2], uvd[:, 2], reasoning=reasoning),
        reasoning=reasoning,
        unique=all(name.unique for name in names),
        template_held_out=cast.held_out,
        subject=things[0].label,
        obstacles=obstacles.things,
    )


def start_m(cast: Cast, thing: SceneObject) -> FloatArray:
    """(3,) the point that an object is taken at, in the table frame."""
    return cast.sight.patches[thing.label].point_m


def stands(cast: Cast, thing: SceneObject) -> tuple[ReasoningStep, ReasoningStep]:
    """Where along the table an object's middle is, told from the camera.

    Raises:
        Infeasible: behind the camera's foot.
    """
    return _told_from_camera(cast, thing.centre_m)


def moved_by(
    cast: Cast, thing: SceneObject, length: ReasoningStep, spot_m: FloatArray
) -> tuple[ReasoningStep, ...]:  # fmt: skip
    """From an object's place, by a length on to a spot (2,) of the table; said behind the object's name."""
    return (*stands(cast, thing), length, *_told_from_camera(cast, spot_m))


def fits(thing: SceneObject, support: SceneObject) -> bool:
    """Whether a thing can be set in or on another and stays there."""
    if not SHAPES[support.shape].holds or thing.label == support.label:
        return False
    if support.shape == "block":
        return thing.shape in ("block", "cylinder", "cup") and thing.radius_m < 1.1 * support.radius_m
    return thing.radius_m < _FITTING * float(support.size_m[:2].min()) / 2


def resting_goal(support: SceneObject, height_m: float) -> Goal:
    """Where the middle of a thing of this height may be when it stands in or on another."""
    middle_m = resting_place_m(support)
    # A bowl's wall counts as inside up to its rim.
    half_z = max(height_m / 4, (support.top_m - float(middle_m[2])) / 2)
    middle_m[2] += half_z
    if SHAPES[support.shape].round_:
        return Goal(middle_m, np.array([_INNER_SHARE * support.size_m[0] / 2, 0.0, half_z]), round_=True)
    edge_m = _TRAY_EDGE_M if support.shape == "tray" else 0.0
    return Goal(middle_m, np.array([*(support.size_m[:2] / 2 - edge_m), half_z]), support.yaw_rad)


def _onto_something(cast: Cast, rng: np.random.Generator, family: str, templates: words.Templates, how: str) -> Task:
    supports = cast.names.nameable(lambda thing: SHAPES[thing.shape].holds == how)
    (support,) = drawn(rng, supports, 1)
    (thing,) = drawn(rng, [thing for thing in movable(cast) if fits(thing, support)], 1)
    uvd = _resting_point(cast, support)
    start, end = start_m(cast, thing), cast.sight.lift(uvd[None])[0]
    points_m = carried(start, end, thing.radius_m, cast.others(thing))
    goal = resting_goal(support, float(thing.size_m[2]))
    if goal.distance_m(end)[0] > 0.02:
        raise Infeasible("no part of the resting place is seen")
    names = cast.names.draw_all(rng, (thing, support))
    template = templates.draw(rng, held_out=cast.held_out)
    sentence = words.worded(rng, template, a=names[0].phrase, b=names[1].phrase)
    task = Task(family, TRACE, sentence, unique=False, template_held_out=False, goal=goal, support=support.label)
    return trace_task(cast, (thing, support), names, points_m, (_lift(points_m),), task)


def _resting_point(cast: Cast, support: SceneObject) -> FloatArray:
    """(3,) u, v and depth of the pixel nearest to the middle of the face that holds things.

    Raises:
        Infeasible: when the view shows none of it.
    """
    sight, middle_m = cast.sight, resting_place_m(support)
    row, column = sight.pixel(sight.project(middle_m[None])[0, :2])
    if sight.view.labels[row, column] == support.label:
        seen = sight.at(row, column)
        # Mostly the middle itself is seen, and no other pixel need be looked at.
        if np.linalg.norm(sight.lift(seen[None])[0] - middle_m) < _SAME_PLACE_M:
            return seen
    patch = sight.patches[support.label]
    points_m = sight.points_m(patch)
    away = np.linalg.norm(points_m - middle_m, axis=1)
    away[~on_resting_face(support, points_m)] = np.inf
    nearest = int(np.nanargmin(away))
    if not np.isfinite(away[nearest]):
        raise Infeasible("the face that holds things is hidden")
    return sight.at(int(patch.rows[nearest]), int(patch.columns[nearest]))


def _to_table(
    cast: Cast,
    rng: np.random.Generator,
    family: str,
    template: str,
    things: Sequence[SceneObject],
    place: places.Place,
    steps: tuple[ReasoningStep, ...] = (),
    **parts: str,
) -> Task:
    """Carry the first of ``things`` to a place on the table that the others tell."""
    places.require_elsewhere(things[0], place)
    uvd = cast.sight.table_spot(place.spot_m)
    end = cast.sight.lift(uvd[None])[0]
    points_m = carried(start_m(cast, things[0]), end, things[0].radius_m, cast.others(things[0]))
    names = cast.names.draw_all(rng, things)
    phrases = {letter: name.phrase for letter, name in zip("abcd", names, strict=False)}
    sentence = words.worded(rng, template, **phrases, **parts)
    task = Task(family, TRACE, sentence, unique=False, template_held_out=False, goal=place.goal)
    return trace_task(cast, things, names, points_m, (*steps, _lift(points_m)), task)


def _lift(points_m: FloatArray) -> ReasoningStep:
    """How high over the table the way of `carried` leads: over all that stands in between."""
    return measuring("lift height", float(points_m[1, 2]))


def _told_from_camera(cast: Cast, point_m: FloatArray) -> tuple[ReasoningStep, ReasoningStep]:
    right_m, away_m = cast.sight.from_camera_m(point_m)
    if away_m < 0:
        raise Infeasible("a place lies behind the camera's foot")
    return from_camera(right_m, away_m)


def _one_of(rng: np.random.Generator, among: Sequence[str]) -> str:
    return among[int(rng.integers(len(among)))]


Builder = Callable[[Cast, np.random.Generator], Task]
