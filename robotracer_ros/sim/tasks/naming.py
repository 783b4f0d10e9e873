"""What an object is called: by colour and shape, by its place in a row, by size, or by what stands next to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from robotracer_ros.sim.scene import SceneObject
from robotracer_ros.sim.tasks.crowd import Crowd
from robotracer_ros.sim.tasks.sight import Sight
from robotracer_ros.sim.tasks.solids import gap_m
from robotracer_ros.sim.tasks.task import Infeasible

# What is told apart by less than this is not told apart by it: share of the picture's width, metres, ratios.
_LEAST_STEP_U: Final = 0.04
_LEAST_STEP_M: Final = 0.04
_LEAST_RATIO: Final = 1.15
_LEAST_TALLER_M: Final = 0.008
_NEXT_TO_M: Final = 0.05
_NOT_NEXT_TO_M: Final = 0.10
_NUMERALS: Final = ("second", "third")
# How much more often an object is called by its colour and shape than in each other way that tells it.
_PLAIN_WEIGHT: Final = 6.0


@dataclass(frozen=True, slots=True)
class Name:
    """A name of one object that fits no other of the scene.

    Attributes:
        subject: without the article, such as "second block from the left".
        unique: of shape, or colour and shape, alone.
    """

    subject: str
    unique: bool

    @property
    def phrase(self) -> str:
        """With its article."""
        return f"the {self.subject}"


@dataclass(slots=True, eq=False)
class Names:
    """All names of the objects that a view shows well enough."""

    sight: Sight
    crowd: Crowd
    _known: dict[int, tuple[list[Name], list[float]]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        objects = self.sight.scene.objects
        for thing in objects:
            self._known[thing.label] = ([], [])
        for shape in sorted({thing.shape for thing in objects}):
            alike = [thing for thing in objects if thing.shape == shape]
            self._name_group(alike, shape, 1.0)
            for colour in sorted({thing.colour for thing in alike}):
                same = [thing for thing in alike if thing.colour == colour]
                self._name_group(same, f"{colour} {shape}", _PLAIN_WEIGHT)
            if len(alike) > 1:
                self._name_by_neighbour(alike, shape)

    def draw(self, rng: np.random.Generator, thing: SceneObject) -> Name:
        """One of the object's names.

        Raises:
            Infeasible: when it is hidden, or nothing tells it from others.
        """
        names, weights = self._known[thing.label]
        if thing.label not in self.sight.patches or not names:
            raise Infeasible("the object cannot be named")
        if len(names) == 1:
            return names[0]
        return names[int(np.searchsorted(np.cumsum(weights), rng.random() * sum(weights), side="right"))]

    def draw_all(self, rng: np.random.Generator, things: Sequence[SceneObject]) -> list[Name]:
        """A name for each of several objects, none told by its place next to another of them.

        Raises:
            Infeasible: when one has no name, or only such a name was drawn.
        """
        names = [self.draw(rng, thing) for thing in things]
        if any(name.subject.endswith(f"next to the {thing.name}") for name in names for thing in things):
            raise Infeasible("an object is named by another of the task")
        return names

    def nameable(self, accepts: Callable[[SceneObject], bool]) -> list[SceneObject]:
        """Objects that have a name and that ``accepts`` takes."""
        return [
            patch.thing for label, patch in self.sight.patches.items() if self._known[label][0] and accepts(patch.thing)
        ]

    def _add(self, thing: SceneObject, subject: str, weight: float, *, unique: bool = False) -> None:
        names, weights = self._known[thing.label]
        names.append(Name(subject, unique))
        weights.append(weight)

    def _name_group(self, alike: Sequence[SceneObject], noun: str, weight: float) -> None:
        if len(alike) == 1:
            self._add(alike[0], noun, weight, unique=True)
        elif all(thing.label in self.sight.patches for thing in alike):
            for thing, subject in (*self._in_a_row(alike, noun), *self._superlatives(alike, noun)):
                self._add(thing, subject, 1.0)

    def _in_a_row(self, alike: Sequence[SceneObject], noun: str) -> Iterator[tuple[SceneObject, str]]:
        across = self.sight.project(np.array([thing.centre_m for thing in alike]))[:, 0]
        order = np.argsort(across)
        steps = np.diff(across[order])
        row = [alike[index] for index in order]
        for end, things, gaps in (("left", row, steps), ("right", row[::-1], steps[::-1])):
            if gaps[0] > _LEAST_STEP_U:
                yield things[0], f"{end}most {noun}"
            for place, numeral in enumerate(_NUMERALS, 1):
                # The last of them is the outermost of the other side.
                if place < len(things) - 1 and (gaps[: place + 1] > _LEAST_STEP_U).all():
                    yield things[place], f"{numeral} {noun} from the {end}"

    def _superlatives(self, alike: Sequence[SceneObject], noun: str) -> Iterator[tuple[SceneObject, str]]:
        eye_m = self.sight.scene.table_from_camera.translation_m
        by_range = sorted(alike, key=lambda thing: float(np.linalg.norm(thing.centre_m - eye_m)))
        ranges = [float(np.linalg.norm(thing.centre_m - eye_m)) for thing in by_range]
        if ranges[1] - ranges[0] > _LEAST_STEP_M:
            yield by_range[0], f"{noun} nearest to the camera"
        if ranges[-1] - ranges[-2] > _LEAST_STEP_M:
            yield by_range[-1], f"{noun} farthest from the camera"
        by_size = sorted(alike, key=_size)
        if _size(by_size[1]) > _LEAST_RATIO * _size(by_size[0]):
            yield by_size[0], f"smallest {noun}"
        if _size(by_size[-1]) > _LEAST_RATIO * _size(by_size[-2]):
            yield by_size[-1], f"largest {noun}"
        second, tallest = sorted(alike, key=lambda thing: thing.top_m)[-2:]
        if tallest.top_m > max(_LEAST_RATIO * second.top_m, second.top_m + _LEAST_TALLER_M):
            yield tallest, f"tallest {noun}"

    def _name_by_neighbour(self, alike: Sequence[SceneObject], noun: str) -> None:
        objects = self.sight.scene.objects
        kinds = [(thing.colour, thing.shape) for thing in objects]
        for mark in objects:
            plain = kinds.count((mark.colour, mark.shape)) == 1 and mark.label in self.sight.patches
            if not plain or mark in alike or not self._stands_near(mark, alike):
                continue
            gaps = sorted((gap_m(mark, thing), thing.label) for thing in alike)
            if gaps[0][0] < _NEXT_TO_M and gaps[1][0] > _NOT_NEXT_TO_M:
                thing = next(thing for thing in alike if thing.label == gaps[0][1])
                self._add(thing, f"{noun} next to the {mark.name}", 1.0)

    def _stands_near(self, mark: SceneObject, alike: Sequence[SceneObject]) -> bool:
        """Whether one of ``alike`` may be next to ``mark``, by the circles around them."""
        near = self.crowd.distances_m(mark.centre_m[:2]) < mark.radius_m + _NEXT_TO_M
        return any(thing in alike for thing, is_near in zip(self.crowd.things, near, strict=True) if is_near)


def _size(thing: SceneObject) -> float:
    return float(np.cbrt(np.prod(thing.size_m)))
