"""Steps in order, and progress that only grows and ends at 1."""

from __future__ import annotations

import pytest
from motion.harness import path

from robotracer_ros.motion.step_order import GRIP_M, follow_in_order
from robotracer_ros.planning.manipulation import Grip, Reach


def way(name: str, length_m: float) -> Reach:
    return Reach(name, path([[0, 0, 0, 0, 0, 0, 1], [length_m, 0, 0, 0, 0, 0, 1]]))


def test_steps_are_numbered_by_kind_and_progress_counts_their_length() -> None:
    steps = [way("approach", 0.3), Grip("grasp", 0.0), way("trace", 0.6)]
    told: list[tuple[str, float]] = []
    followed = []

    def follow(number: int, step: object, tell: object) -> None:
        followed.append((number, step))
        tell(0.5)
        tell(7.0)

    follow_in_order(steps, lambda name, share: told.append((name, share)), follow)
    assert followed == [(0, steps[0]), (0, steps[1]), (1, steps[2])]
    assert told[0] == ("approach", 0.0) and told[-1] == ("trace", 1.0)
    assert [share for _, share in told] == sorted(share for _, share in told)
    whole = 0.9 + GRIP_M
    assert ("approach", pytest.approx(0.15 / whole)) in told
    assert ("trace", pytest.approx((0.3 + GRIP_M + 0.3) / whole)) in told


def test_a_step_that_fails_ends_the_order() -> None:
    followed = []

    def follow(number: int, step: object, tell: object) -> None:
        followed.append(step)
        raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        follow_in_order([way("a", 1.0), way("b", 1.0)], lambda name, share: None, follow)
    assert len(followed) == 1
