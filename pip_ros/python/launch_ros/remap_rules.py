"""Rules that give a node's topics, services and actions other names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from launch.substitutions.phrase import Phrase, SomeSubstitutionsType, as_phrase, perform_phrase

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext

# The launch configuration that carries the rules of a group; it ends with the group like any other.
REMAPS = "ros_remaps"
RemapRule = tuple[SomeSubstitutionsType, SomeSubstitutionsType]
ReadyRule = tuple[Phrase, Phrase]


def ready_rules(rules: Iterable[Any]) -> list[ReadyRule]:
    """Return pairs of old and new name made ready. Raises TypeError for anything but tuples of two."""
    return [_ready_rule(rule) for rule in rules]


def _ready_rule(rule: Any) -> ReadyRule:
    if not isinstance(rule, tuple):
        raise TypeError(f"Expected 'remap_rule' to be one of [{tuple}], but got '{rule}' of type '{type(rule)}'")
    if len(rule) != 2:
        raise TypeError(f"remap_rule must be a tuple of length 2, got length {len(rule)}")
    return as_phrase(rule[0]), as_phrase(rule[1])


def group_rules(context: LaunchContext) -> list[tuple[str, str]]:
    """Return the rules that the enclosing groups give."""
    rules: list[tuple[str, str]] = context.launch_configurations.get(REMAPS, [])
    return rules


def remap_arguments(context: LaunchContext, rules: Iterable[ReadyRule]) -> list[str]:
    """Return the arguments for a node's command line; rules of groups stand first, and the first match wins."""
    own = [(perform_phrase(context, old), perform_phrase(context, new)) for old, new in rules]
    return [word for old, new in [*group_rules(context), *own] for word in ("-r", f"{old}:={new}")]
