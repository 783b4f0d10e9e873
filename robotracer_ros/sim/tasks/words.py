"""The wording of tasks: templates by family, those for training and those that only the test has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np


@dataclass(frozen=True, slots=True)
class Templates:
    """Ways to word one family; every word of ``test`` occurs in some ``training`` too."""

    training: tuple[str, ...]
    test: tuple[str, ...]

    def draw(self, rng: np.random.Generator, *, held_out: bool) -> str:
        """One of those for the test, or one of those for training."""
        among = self.test if held_out else self.training
        return among[int(rng.integers(len(among)))]


# {a} and so on stand for objects with their article, {side} for "to the left of", {way} for "to the left", {n} for
# whole centimetres.
PICK_IN: Final = Templates(
    ("put {a} into {b}", "put {a} in {b}", "place {a} in {b}", "pick up {a} and put it into {b}", "move {a} into {b}",
     "take {a} and place it in {b}", "drop {a} into {b}", "pick up {a} and drop it in {b}"),
    ("take {a} and put it into {b}", "pick up {a} and place it into {b}"),
)  # fmt: skip
PICK_ON: Final = Templates(
    ("put {a} on {b}", "put {a} onto {b}", "place {a} on {b}", "set {a} on top of {b}", "pick up {a} and put it on {b}",
     "move {a} onto {b}", "take {a} and place it on top of {b}", "set {a} down on {b}"),
    ("pick up {a} and set it on top of {b}", "take {a} and put it onto {b}"),
)  # fmt: skip
PICK_BESIDE: Final = Templates(
    ("put {a} {side} {b}", "place {a} {side} {b}", "move {a} {side} {b}", "pick up {a} and place it {side} {b}",
     "set {a} down {side} {b}", "take {a} and put it {side} {b}"),
    ("pick up {a} and put it down {side} {b}", "take {a} and set it {side} {b}"),
)  # fmt: skip
PICK_BETWEEN: Final = Templates(
    ("put {a} between {b} and {c}", "place {a} between {b} and {c}", "pick up {a} and place it between {b} and {c}",
     "move {a} in the middle between {b} and {c}", "set {a} down between {b} and {c}",
     "put {a} in the middle between {b} and {c}", "take {a} and set it between {b} and {c}"),
    ("take {a} and put it between {b} and {c}", "place {a} in the middle between {b} and {c}"),
)  # fmt: skip
PICK_OFFSET: Final = Templates(
    ("put {a} {n} cm {side} {b}", "place {a} {n} centimeters {side} {b}", "move {a} to a spot {n} cm {side} {b}",
     "pick up {a} and place it {n} cm {side} {b}", "take {a} and put it {n} cm {side} {b}"),
    ("pick up {a} and put it {n} centimeters {side} {b}", "set {a} down {n} cm {side} {b}"),
)  # fmt: skip
PUSH_TO: Final = Templates(
    ("push {a} next to {b}", "slide {a} over to {b}", "push {a} along the table to {b}",
     "slide {a} along the table next to {b}", "push {a} until it is next to {b}"),
    ("push {a} over to {b}", "slide {a} until it is next to {b}"),
)  # fmt: skip
PUSH_BY: Final = Templates(
    ("push {a} {n} cm {way}", "slide {a} {way} by {n} cm", "push {a} along the table {n} cm {way}",
     "slide {a} {n} centimeters {way}", "move {a} {n} cm {way} along the table"),
    ("push {a} {way} by {n} cm", "slide {a} along the table {n} cm {way}"),
)  # fmt: skip
HOVER_TWO: Final = Templates(
    ("carry {a} above {b} and then above {c}", "hold {a} above {b}, then above {c}",
     "move {a} over {b} and then over {c}", "pick up {a} and hold it above {b}, then above {c}",
     "hold {a} over {b}, then over {c}", "carry {a} over {b} and then over {c}", "take {a} above {b}, then above {c}",
     "hover with {a} above {b} and then above {c}"),
    ("pick up {a} and carry it above {b}, then above {c}", "hold {a} over {b} and then over {c}"),
)  # fmt: skip
HOVER_THREE: Final = Templates(
    ("carry {a} above {b}, then above {c} and then above {d}", "hold {a} above {b}, then above {c}, then above {d}",
     "move {a} over {b}, {c} and {d} in this order", "pick up {a} and hold it above {b}, {c} and {d} in this order",
     "move {a} over {b}, then over {c}, then over {d}", "carry {a} above {b}, {c} and {d} in this order",
     "hold {a} over {b}, then over {c} and then over {d}"),
    ("carry {a} over {b}, then over {c}, then over {d}", "hold {a} above {b}, {c} and {d} in this order"),
)  # fmt: skip
POINT_OBJECT: Final = Templates(
    ("point to {a}.", "point at {a}.", "where is {a}?", "locate {a}.", "find {a}.", "show me {a}.",
     "find {a} and point to it."),
    ("show me where {a} is.", "locate {a} and point at it."),
)  # fmt: skip
POINT_FREE: Final = Templates(
    ("point to free space {side} {b}.", "point to a free spot {side} {b}.", "find free space {side} {b}.",
     "where is a free spot {side} {b}?", "locate free space on the table {side} {b}.",
     "show me a free spot {side} {b}.", "point at free space {side} {b}."),
    ("show me free space {side} {b}.", "point at a free spot on the table {side} {b}."),
)  # fmt: skip
MEASURE_DISTANCE: Final = Templates(
    ("what is the distance between the centers of {a} and {b}?", "how far apart are the centers of {a} and {b}?",
     "measure the distance between the centers of {a} and {b}.", "how far is it between the centers of {a} and {b}?",
     "measure how far it is from the center of {a} to the center of {b}.", "tell me how far {a} and {b} are apart, "
     "center to center.", "how large is the distance from the center of {a} to that of {b}?",
     "how many centimeters are the centers of {a} and {b} apart?"),
    ("how far is the distance between the centers of {a} and {b}?", "measure how far apart the centers of {a} and {b} "
     "are."),
)  # fmt: skip
MEASURE_HEIGHT: Final = Templates(
    ("how tall is {a}?", "what is the height of {a}?", "how high is {a}?", "measure the height of {a}.",
     "how many centimeters tall is {a}?", "tell me how tall {a} is.", "measure how high {a} is.",
     "give the height of {a} in centimeters.", "how many centimeters is the height of {a}?"),
    ("how many centimeters high is {a}?", "measure how tall {a} is."),
)  # fmt: skip
MEASURE_GAP: Final = Templates(
    ("how wide is the gap between {a} and {b}?", "what is the gap between the edges of {a} and {b}?",
     "measure the gap between {a} and {b}.", "how much space is between {a} and {b}?",
     "how many centimeters of space are between {a} and {b}?", "tell me the gap between {a} and {b}.",
     "measure how much space there is between the edges of {a} and {b}.", "how large is the space from {a} to {b}?",
     "what is the width of the space between {a} and {b}?", "measure the width of the space between {a} and {b}.",
     "how wide is the space between {a} and {b}?", "measure the space from {a} to {b}."),
    ("how wide is the space between the edges of {a} and {b}?", "measure the space between {a} and {b}."),
)  # fmt: skip

# As the camera sees it: where, in words that take an object, and words that take none.
SIDES: Final = {
    "left": ("to the left of", "left of"),
    "right": ("to the right of", "right of"),
    "front": ("in front of",),
    "behind": ("behind",),
}
WAYS: Final = {
    "left": ("to the left",),
    "right": ("to the right",),
    "front": ("toward the camera",),
    "behind": ("away from the camera",),
}
_SHARE_OF_CAPITALS: Final = 0.25
_SHARE_OF_CAPITALS_IN_QUESTIONS: Final = 0.75


def worded(rng: np.random.Generator, template: str, **parts: str) -> str:
    """A template filled in; people write the first letter large or not, and a full stop or none."""
    sentence = template.format(**parts)
    whole = template[-1] in ".?"
    if rng.random() < (_SHARE_OF_CAPITALS_IN_QUESTIONS if whole else _SHARE_OF_CAPITALS):
        sentence = sentence[0].upper() + sentence[1:] + ("" if whole else ".")
    return sentence
