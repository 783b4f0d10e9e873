"""The tabletop benchmark: does a model, through the whole package, do what the sentence says on the simulated table?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from robotracer_ros.bench.asking import Asker, Reply
from robotracer_ros.bench.examples import Example
from robotracer_ros.bench.input_modes import MODES
from robotracer_ros.bench.tables import errors_in_words, table_of_tallies
from robotracer_ros.bench.tally import Score, Tally, by_family, by_subset
from robotracer_ros.errors import InvalidRequest

PICK_AND_PLACE: Final = ("pick_in", "pick_on", "pick_beside", "pick_between")
UNIQUE: Final = "uniquely named pick-and-place"
SUBSETS: Final = (
    UNIQUE,
    "held-out pairs", "known pairs",
    "held-out wording", "known wording",
    "held-out cameras", "known cameras",
)  # fmt: skip

Watcher = Callable[[Example, Reply], None]


def subsets_of(example: Example) -> tuple[str, ...]:
    """Those of `SUBSETS` that an example counts in."""
    task = example.task
    held_out = {
        "pairs": example.pair_held_out, "wording": task.template_held_out, "cameras": example.camera_held_out
    }  # fmt: skip
    unique = (UNIQUE,) if task.unique and task.family in PICK_AND_PLACE else ()
    return (*unique, *(f"{'held-out' if new else 'known'} {what}" for what, new in held_out.items()))


def score(example: Example, reply: Reply) -> Score:
    """What counts of a reply."""
    seconds = float("nan") if reply.answer is None else reply.answer.latency_s
    return Score(example.task.family, subsets_of(example), reply.verdict, reply.error, seconds)


def run_mode(examples: Iterable[Example], asker: Asker, watch: Watcher | None = None) -> list[Score]:
    """Ask about every example; ``watch`` sees each with its reply.

    Raises:
        BackendUnavailable: when there is no model.
    """
    scores = []
    for example in examples:
        reply = asker.ask(example)
        scores.append(score(example, reply))
        if watch is not None:
            watch(example, reply)
    return scores


@dataclass(frozen=True, slots=True)
class Report:
    """The scores of each input mode.

    Raises:
        InvalidRequest: without a mode, or for one without scores.
    """

    by_mode: Mapping[str, Sequence[Score]]

    def __post_init__(self) -> None:
        if not self.by_mode or not all(self.by_mode.values()):
            raise InvalidRequest("a report needs at least one mode, and at least one score in each")

    @property
    def best_equipped(self) -> str:
        """The mode with the most inputs, whose figures stand for the model."""
        return max(self.by_mode, key=list(MODES).index)

    def described(self) -> dict[str, Any]:
        """As JSON has it. The figures beside ``by_mode`` are those of the mode ``mode``, the best equipped."""
        modes = {mode: _described(scores) for mode, scores in self.by_mode.items()}
        return {"mode": self.best_equipped, **modes[self.best_equipped], "by_mode": modes}

    def in_words(self) -> str:
        """Tables for a terminal."""
        parts = [_in_words(mode, scores) for mode, scores in self.by_mode.items()]
        if len(self.by_mode) > 1:
            parts.append(table_of_tallies("all modes", {mode: Tally.of(s) for mode, s in self.by_mode.items()}))
        return "\n\n".join(parts)


def _described(scores: Sequence[Score]) -> dict[str, Any]:
    return {
        **Tally.of(scores).described(),
        "by_family": {name: tally.described() for name, tally in by_family(scores).items()},
        "by_subset": {name: tally.described() for name, tally in by_subset(scores, SUBSETS).items()},
    }


def _in_words(mode: str, scores: Sequence[Score]) -> str:
    whole = Tally.of(scores)
    last = [errors_in_words(whole.errors)]
    if whole.median_s == whole.median_s:
        last.append(f"seconds per answer: {whole.median_s:.2f} (median)")
    families = table_of_tallies(mode, {**by_family(scores), "all": whole})
    subsets = table_of_tallies("of these", by_subset(scores, SUBSETS))
    return "\n\n".join([families, subsets, "\n".join(last)])
