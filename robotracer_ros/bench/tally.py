"""Counts of what was right, out of all that was asked, with standard errors."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from robotracer_ros.sim.tasks import Verdict

# A criterion's column and its field of `Verdict`.
CRITERIA: Final[Mapping[str, str]] = {
    "start": "start_ok",
    "end": "end_ok",
    "no collision": "collision_free",
    "order": "order_ok",
    "in mask": "pointing_ok",
    "within 10 %": "measure_ok",
}


@dataclass(frozen=True, slots=True)
class Score:
    """One example's outcome.

    Attributes:
        family: of its task.
        subsets: the others that it counts in, such as "known cameras".
        verdict: what is right.
        error: code name of what kept the answer from being judged, "" otherwise.
        seconds: that the model took; NaN where it gave no answer.
    """

    family: str
    subsets: tuple[str, ...]
    verdict: Verdict
    error: str = ""
    seconds: float = math.nan


@dataclass(frozen=True, slots=True)
class Share:
    """``right`` out of ``asked``, which is at least 1."""

    right: int
    asked: int

    @property
    def value(self) -> float:
        """In [0, 1]."""
        return self.right / self.asked

    @property
    def standard_error(self) -> float:
        """Binomial."""
        return math.sqrt(self.value * (1 - self.value) / self.asked)


@dataclass(frozen=True, slots=True)
class Tally:
    """Scores counted; every task counts, answered or not.

    Attributes:
        overall: tasks with everything right.
        criteria: by `CRITERIA`, those that some task has.
        errors: how many answers failed with which code name, the most frequent first.
        median_s: seconds per answer, NaN without one.
    """

    overall: Share
    criteria: Mapping[str, Share]
    errors: Mapping[str, int]
    median_s: float

    @classmethod
    def of(cls, scores: Sequence[Score]) -> Tally:
        """Count at least one score."""
        criteria = {}
        for name, field in CRITERIA.items():
            asked = [right for score in scores if (right := getattr(score.verdict, field)) is not None]
            if asked:
                criteria[name] = Share(sum(asked), len(asked))
        seconds = [score.seconds for score in scores if not math.isnan(score.seconds)]
        return cls(
            Share(sum(score.verdict.overall for score in scores), len(scores)),
            criteria,
            dict(Counter(score.error for score in scores if score.error).most_common()),
            statistics.median(seconds) if seconds else math.nan,
        )

    def described(self) -> dict[str, Any]:
        """As JSON has it: shares in [0, 1], null for a median of nothing."""
        return {
            "n": self.overall.asked,
            "overall": self.overall.value,
            "standard_error": self.overall.standard_error,
            **{name: share.value for name, share in self.criteria.items()},
            "errors": dict(self.errors),
            "median_s": None if math.isnan(self.median_s) else self.median_s,
        }


def by_family(scores: Sequence[Score]) -> dict[str, Tally]:
    """A tally for each family, in the order in which they occur."""
    families = dict.fromkeys(score.family for score in scores)
    return {name: Tally.of([score for score in scores if score.family == name]) for name in families}


def by_subset(scores: Sequence[Score], subsets: Sequence[str]) -> dict[str, Tally]:
    """A tally for each of ``subsets`` that has a score."""
    members = {name: [score for score in scores if name in score.subsets] for name in subsets}
    return {name: Tally.of(found) for name, found in members.items() if found}
