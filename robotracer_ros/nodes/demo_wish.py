"""The demonstration's sentence: which task it asks for, and a test scene that holds what it names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.sim.catalogue import COLOURS, SHAPES, Split
from robotracer_ros.sim.scene import Scene
from robotracer_ros.sim.tasks import Task, make_tasks, words

# Of the families of `sim.tasks`, those that are answered with a trace, the easier ones first.
TEMPLATES: Final[Mapping[str, tuple[words.Templates, ...]]] = {
    "pick_in": (words.PICK_IN,),
    "pick_on": (words.PICK_ON,),
    "pick_beside": (words.PICK_BESIDE,),
    "pick_between": (words.PICK_BETWEEN,),
    "pick_offset": (words.PICK_OFFSET,),
    "push": (words.PUSH_TO, words.PUSH_BY),
    "hover": (words.HOVER_TWO, words.HOVER_THREE),
}
# A scene takes milliseconds; two named things meet in one of some 200, three in one of several thousand.
SEEDS_SEARCHED: Final = 3000
# Names such as "the second block from the left" can only be judged by looking, which takes a tenth of a second.
VIEWS_SEARCHED: Final = 60
_TASKS_PER_SCENE: Final = 150
_OFFERED: Final = 6
_EXAMPLES: Final = {
    "a": "the red block", "b": "the blue bowl", "c": "the green cup", "d": "the white plate",
    "side": "to the left of", "way": "to the right", "n": "12",
}  # fmt: skip

_SHAPE: Final = f"(?:{'|'.join(SHAPES)})"
_COLOUR: Final = f"(?:{'|'.join(COLOURS)})"
# As `sim.tasks.naming` calls things.
_NAME: Final = (
    rf"the (?:(?:leftmost|rightmost|second|third|smallest|largest|tallest) )?(?:{_COLOUR} )?{_SHAPE}"
    rf"(?: from the (?:left|right)| nearest to the camera| farthest from the camera| next to the {_COLOUR} {_SHAPE})?"
)
_PLAIN: Final = re.compile(rf"the (?:(?P<colour>{_COLOUR}) )?(?P<shape>{_SHAPE})")
_TURNS: Final = {
    phrase: turn for table in (words.SIDES, words.WAYS) for turn, phrases in table.items() for phrase in phrases
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What a sentence asks for, however it is worded.

    Attributes:
        family: one of `TEMPLATES`.
        parts: what fills its template, by letter: names with their articles, "left" for any of its phrases, "12".
    """

    family: str
    parts: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the things it speaks of, in the order of their letters."""
        return tuple(self.parts[letter] for letter in "abcd" if letter in self.parts)


@dataclass(frozen=True, slots=True, eq=False)
class Tabletop:
    """A scene, the faultless camera's `View` of it, and a task in it."""

    scene: Scene
    view: Any
    task: Task


def understood(sentence: str) -> Wish:
    """The wish behind a sentence.

    Raises:
        InvalidRequest: when it is worded like none of the tasks, showing how each is worded.
    """
    said = " ".join(sentence.lower().split()).rstrip(".!")
    for family, tables in TEMPLATES.items():
        for template in (one for table in tables for one in (*table.training, *table.test)):
            found = re.fullmatch(_expression(template), said)
            if found is not None:
                return Wish(family, {key: _TURNS.get(part, part) for key, part in found.groupdict().items()})
    forms = [table.training[0].format(**_examples(family)) for family in TEMPLATES for table in TEMPLATES[family]]
    raise InvalidRequest(
        f"the tabletop world has no task {sentence!r}; it understands sentences such as\n  " + "\n  ".join(forms) +
        f"\nwith the colours {', '.join(COLOURS)} and the shapes {', '.join(SHAPES)}"
    )  # fmt: skip


def found(wish: Wish, sentence: str, stage: Any, seeds: Iterable[int] = range(SEEDS_SEARCHED)) -> Tabletop:
    """The first test scene of ``seeds`` in which the wish makes sense, seen through ``stage``.

    Raises:
        InvalidRequest: when there is none.
    """
    searched = views = 0
    for seed in seeds:
        searched += 1
        scene = Scene.sample(Split.TEST, seed)
        if all(_is_plain_of_one(scene, name) for name in wish.names):
            view, views = stage.view(scene), views + 1
            for task in _drawn(scene, view, wish.family):
                if understood(task.sentence) == wish:
                    return Tabletop(scene, view, task)
        if views == VIEWS_SEARCHED:
            break
    raise InvalidRequest(
        f"none of {searched} test scenes, of 3 to 10 things each, lets one {sentence!r}; name fewer things or no "
        f"length, or ask about one scene: --seed N with any sentence shows what that scene offers"
    )


def found_in(seed: int, wish: Wish, sentence: str, stage: Any) -> Tabletop:
    """The test scene of ``seed`` with the task that the wish asks for.

    Raises:
        InvalidRequest: when that makes no sense there, showing some of what does.
    """
    try:
        return found(wish, sentence, stage, [seed])
    except InvalidRequest:
        scene = Scene.sample(Split.TEST, seed)
    offers = [task.sentence for task in _of_every_family(scene, stage.view(scene))][:_OFFERED]
    raise InvalidRequest(
        f"in scene {seed} one cannot {sentence!r}; it holds {things_in(scene)}, and offers\n  " + "\n  ".join(offers)
    )


def first_offer(seed: int, stage: Any) -> Tabletop:
    """The test scene of ``seed`` with the first task that it offers, one of plain names where there is one.

    Raises:
        InvalidRequest: when it offers none.
    """
    scene = Scene.sample(Split.TEST, seed)
    view = stage.view(scene)
    tasks = list(_of_every_family(scene, view))
    if not tasks:
        raise InvalidRequest(f"scene {seed} offers no task: it holds {things_in(scene)}; try another seed")
    return Tabletop(scene, view, next((task for task in tasks if task.unique), tasks[0]))


def things_in(scene: Scene) -> str:
    """Its objects in words."""
    return ", ".join(thing.name for thing in scene.objects)


def _examples(family: str) -> dict[str, str]:
    # Things go into bowls and trays, and on plates and blocks.
    return {**_EXAMPLES, "b": "the white plate"} if family == "pick_on" else dict(_EXAMPLES)


def _expression(template: str) -> str:
    kinds = {"side": _any(words.SIDES), "way": _any(words.WAYS), "n": "[0-9]+"}
    pieces = re.split(r"\{(\w+)\}", template.rstrip("."))
    return "".join(
        f"(?P<{piece}>{kinds.get(piece, _NAME)})" if index % 2 else re.escape(piece)
        for index, piece in enumerate(pieces)
    )


def _any(table: Mapping[str, tuple[str, ...]]) -> str:
    return "|".join(phrase for phrases in table.values() for phrase in phrases)


def _is_plain_of_one(scene: Scene, name: str) -> bool:
    """Whether exactly one thing bears a plain name; of any other name only a view can tell."""
    plain = _PLAIN.fullmatch(name)
    if plain is None:
        return True
    colour, shape = plain["colour"], plain["shape"]
    return sum(thing.shape == shape and colour in (None, thing.colour) for thing in scene.objects) == 1


def _drawn(scene: Scene, view: Any, family: str) -> list[Task]:
    return make_tasks(scene, view, np.random.default_rng(scene.seed), _TASKS_PER_SCENE, [family])


def _of_every_family(scene: Scene, view: Any) -> Iterator[Task]:
    for family in TEMPLATES:
        yield from make_tasks(scene, view, np.random.default_rng(scene.seed), 2, [family])
