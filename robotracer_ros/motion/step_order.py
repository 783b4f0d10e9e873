"""Steps one after the other, and how far they have come altogether."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from robotracer_ros.motion.follower import Progress
from robotracer_ros.planning.manipulation import Reach, Step

# What a step of the gripper counts, in the unit of the ways: it takes about as long as moving so far.
GRIP_M = 0.1


def follow_in_order(
    steps: Sequence[Step], progress: Progress, follow: Callable[[int, Step, Callable[[float], None]], None]
) -> None:
    """Have every step followed by ``follow(number, step, told)``, which tells the share of the step that is done.

    ``number`` counts the ways of the tip and the moves of the gripper apart.
    """
    weights = [max(step.path.length_m, GRIP_M) if isinstance(step, Reach) else GRIP_M for step in steps]
    whole, done = sum(weights), 0.0
    numbers = {True: 0, False: 0}
    for step, weight in zip(steps, weights, strict=True):

        def told(share: float, name: str = step.name, begin: float = done, weight: float = weight) -> None:
            progress(name, (begin + min(max(share, 0.0), 1.0) * weight) / whole)

        told(0.0)
        is_reach = isinstance(step, Reach)
        follow(numbers[is_reach], step, told)
        numbers[is_reach] += 1
        told(1.0)
        done += weight
