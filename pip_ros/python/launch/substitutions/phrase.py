"""A phrase: substitutions in a row that together make one text, and what a launch file may write for one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from launch.substitution import Substitution
from launch.substitutions.text_substitution import TextSubstitution

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext

SomeSubstitutionsType = str | Substitution | Iterable[str | Substitution]
Phrase = list[Substitution]


def as_phrase(words: SomeSubstitutionsType) -> Phrase:
    """Return `words` as substitutions. Raises TypeError for anything but text, a substitution or several of these."""
    if isinstance(words, (str, Substitution)):
        words = [words]
    return [_as_substitution(word) for word in words]


def _as_substitution(word: str | Substitution) -> Substitution:
    if isinstance(word, str):
        return TextSubstitution(text=word)
    if isinstance(word, Substitution):
        return word
    raise TypeError(
        f"Failed to normalize given item of type '{type(word)}', "
        "when only 'str' or 'launch.Substitution' were expected."
    )


def perform_phrase(context: LaunchContext, phrase: Iterable[Substitution]) -> str:
    """Return the text of `phrase` in `context`."""
    return "".join(substitution.perform(context) for substitution in phrase)


def describe_phrase(phrase: Iterable[Substitution]) -> str:
    """Return how `--show-args` prints `phrase`."""
    return " + ".join(substitution.describe() for substitution in phrase)
