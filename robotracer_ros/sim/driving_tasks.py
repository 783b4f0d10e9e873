"""Errands for the base on a simulated floor, with their truth: where to stop, and a trace that leads there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray, frozen_floats
from robotracer_ros.geometry.camera import CameraIntrinsics
from robotracer_ros.geometry.trace import ReasoningStep, VisualTrace
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.sim.floor_route import FloorMap
from robotracer_ros.sim.floor_scene import FloorThing
from robotracer_ros.sim.floor_spec import CAMERA
from robotracer_ros.sim.floor_world import BASE_RADIUS_M, FloorWorld

SIDES: Final = ("left", "right", "front", "behind")
RELATIONS: Final = (*SIDES, "near", "between")
# What keeps the base from touching: error of the depth, of the lifting, and of the pursuit in corners.
MARGIN_M: Final = 0.15
# The same for what things hide, which nobody can touch.
_HIDDEN_MARGIN_M: Final = 0.10
# Between the base and the thing it stops beside; tried in this order.
_GAPS_M: Final = (0.20, 0.28, 0.36)
# Places to stop lie this far inside the picture, as a share of its width and height.
_PICTURE_MARGIN: Final = 0.02
_LONGEST_STRETCH_M: Final = 0.7
# People write these of a base that goes to a thing.
_WORDS: Final = {
    "left": "to the left of {a}", "right": "to the right of {a}", "front": "in front of {a}", "behind": "behind {a}",
    "near": "next to {a}", "between": "between {a} and {b}",
}  # fmt: skip
_THING: Final = r"the ([a-z]+ [a-z]+)"
_GOING: Final = r"(?:please )?(?:(?:drive|go|move|roll|head|come|navigate|stop|park) )?"
_STOPPING: Final = r"(?:,? and (?:stop|wait|stay)(?: there)?)?"
_PLACES: Final = (
    ("left", rf"(?:(?:to|on) )?(?:the )?left(?: side)? of {_THING}"),
    ("right", rf"(?:(?:to|on) )?(?:the )?right(?: side)? of {_THING}"),
    ("front", rf"in front of {_THING}"),
    ("behind", rf"behind {_THING}"),
    ("between", rf"between {_THING} and {_THING}"),
    ("near", rf"(?:next to|near|beside|to) {_THING}"),
)
# Whole sentences: what a sentence says besides, such as "not" or "then", may turn it into another one.
_UNDERSTOOD: Final = tuple((relation, re.compile(f"{_GOING}{place}{_STOPPING}")) for relation, place in _PLACES)


class NoSuchErrand(InvalidRequest):
    """There is no free place in sight, or no free way to it."""


@dataclass(frozen=True, slots=True, eq=False)
class DrivingTask:
    """One errand.

    Attributes:
        sentence: the instruction.
        relation: one of `RELATIONS`.
        marks: names of the things it is about.
        goal_m: (2,) where the base stops, metres in odom.
        way_m: (K, 2) corners of a free way from the base to there, the first and the last included.
        trace: the part of that way that the camera sees, and beyond it nothing, as a model would answer.
    """

    sentence: str
    relation: str
    marks: tuple[str, ...]
    goal_m: FloatArray
    way_m: FloatArray
    trace: VisualTrace

    def __post_init__(self) -> None:
        object.__setattr__(self, "goal_m", frozen_floats("goal_m", self.goal_m, (2,)))
        object.__setattr__(self, "way_m", frozen_floats("way_m", self.way_m, (None, 2)))


def worded(relation: str, marks: Sequence[str]) -> str:
    """Such as "drive to the left of the green box and stop there"."""
    return f"drive {_place_in_words(relation, marks)} and stop there"


def understood(sentence: str) -> tuple[str, tuple[str, ...]]:
    """The relation and the marks of a sentence.

    Raises:
        InvalidRequest: listing the sentences that are understood.
    """
    plain = " ".join(sentence.lower().split()).rstrip(".!")
    for relation, pattern in _UNDERSTOOD:
        found = pattern.fullmatch(plain)
        if found:
            return relation, found.groups()
    known = "; ".join(worded(relation, ("green box", "red ball")) for relation in RELATIONS)
    raise InvalidRequest(f"{sentence!r} is no errand that is understood here; such are: {known}")


def driving_task(world: FloorWorld, sentence: str) -> DrivingTask:
    """The errand of a sentence for the world as it stands, sides as the camera sees them.

    Raises:
        InvalidRequest: for a sentence that is not understood, and things that are not there.
        NoSuchErrand: when nothing beside the thing is free and in sight, or no way there.
    """
    relation, names = understood(sentence)
    marks = [world.scene.thing(name) for name in names]
    floor = FloorMap(world.scene, world.true_depth_m(), world.odom_from_base(), world.base_from_camera,
                     BASE_RADIUS_M + MARGIN_M, BASE_RADIUS_M + _HIDDEN_MARGIN_M)  # fmt: skip
    start = np.array(world.pose[:2])
    reasons = []
    for goal in _places(relation, marks, world.odom_from_base()):
        if not floor.passable(goal[None])[0] or not floor.seen(goal[None], _PICTURE_MARGIN)[0]:
            reasons.append("taken or out of sight")
            continue
        way = floor.way(start, goal)
        if len(way):
            camera = world.odom_from_base() @ world.base_from_camera
            trace = _trace(way, floor, camera.inverse(), CAMERA, f"the spot {_place_in_words(relation, names)}")
            return DrivingTask(sentence, relation, tuple(names), goal, way, trace)
        reasons.append("without a free way")
    raise NoSuchErrand(f"{sentence!r} cannot be done on the floor of seed {world.scene.seed}: every place is "
                       f"{' or '.join(sorted(set(reasons)))}")  # fmt: skip


def drawn_task(world: FloorWorld, rng: np.random.Generator) -> DrivingTask:
    """Some errand that the world as it stands allows.

    Raises:
        NoSuchErrand: when there is none.
    """
    names = [thing.name for thing in world.scene.things]
    errands: list[tuple[str, tuple[str, ...]]] = [(side, (name,)) for side in RELATIONS[:-1] for name in names]
    errands += [("between", (one, other)) for number, one in enumerate(names) for other in names[:number]]
    for number in rng.permutation(len(errands)):
        try:
            return driving_task(world, worded(*errands[number]))
        except NoSuchErrand:
            continue
    raise NoSuchErrand(f"the floor of seed {world.scene.seed} has no errand")


def _place_in_words(relation: str, names: Sequence[str]) -> str:
    return _WORDS[relation].format(**dict(zip("ab", (f"the {name}" for name in names), strict=False)))


def _places(relation: str, marks: Sequence[FloorThing], odom_from_base: RigidTransform) -> list[FloatArray]:
    """(2,) places of odom for the middle of the base, the best first."""
    if relation == "between":
        one, other = marks
        towards = (other.centre_m - one.centre_m) / np.linalg.norm(other.centre_m - one.centre_m)
        near, far = one.centre_m + towards * one.reach_m(towards), other.centre_m - towards * other.reach_m(towards)
        return [np.asarray((near + far) / 2)]
    forward = odom_from_base.rotation[:2, 0]
    left = np.array([-forward[1], forward[0]])
    ways = {"left": left, "right": -left, "front": -forward, "behind": forward}
    sides = ("front", "left", "right", "behind") if relation == "near" else (relation,)
    (mark,) = marks
    return [
        mark.centre_m + ways[side] * (mark.reach_m(ways[side]) + gap_m + BASE_RADIUS_M)
        for side in sides
        for gap_m in _GAPS_M
    ]


def _trace(
    way: FloatArray, floor: FloorMap, camera_from_odom: RigidTransform, camera: CameraIntrinsics, subject: str
) -> VisualTrace:
    """What of the way is in the picture, as points with depth no further apart than some length."""
    dense = np.concatenate([_between(a, b, 0.02) for a, b in pairwise(way)] + [way[-1:]])
    seen = floor.in_picture(dense)
    first = int(np.flatnonzero(~seen)[-1]) + 1 if not seen.all() else 0
    corners = np.vstack([dense[first : first + 1], way[_after(way, dense[first])]])
    points = np.concatenate([_between(a, b, _LONGEST_STRETCH_M) for a, b in pairwise(corners)] + [corners[-1:]])
    in_camera = camera_from_odom.apply(np.column_stack([points, np.zeros(len(points))]))
    uv = np.clip(camera.project(in_camera) / (camera.width, camera.height), 0.0, 1.0)
    step = ReasoningStep("Referring", subject, "", np.column_stack([uv[-1:], in_camera[-1:, 2]]))
    return VisualTrace(uv, in_camera[:, 2], reasoning=(step,))


def _after(way: FloatArray, point: FloatArray) -> npt.NDArray[np.intp]:
    """The corners of a way that come after a point on it."""
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(way, axis=0), axis=1))])
    for number, (a, b) in enumerate(pairwise(way)):
        off = np.linalg.norm(point - a) + np.linalg.norm(b - point) - (along[number + 1] - along[number])
        if off < 1e-6:
            return np.arange(number + 1, len(way))
    return np.array([len(way) - 1])


def _between(a: FloatArray, b: FloatArray, step_m: float) -> FloatArray:
    """(K, 2) equal steps from a to b, b left out."""
    count = max(1, int(np.ceil(np.linalg.norm(b - a) / step_m - 1e-9)))
    return np.asarray(a + (b - a) * (np.arange(count) / count)[:, None])
