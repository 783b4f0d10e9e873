"""What an earlier goal took and did not let go of: the next one begins by opening the gripper."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

from robotracer_ros.motion.follower import Progress
from robotracer_ros.planning.manipulation import Grip, Step

# Nothing that is worth taking is thinner; and what is soft gives way by less.
_NOTHING_M: Final = 0.003
_MOVED_M: Final = 0.005


class Hold:
    """Whether something may be between the fingers. It lasts from goal to goal."""

    def __init__(self) -> None:
        self._is_held, self._width_m = False, math.nan

    def watching(self, steps: Sequence[Step], width_m: Callable[[], float], progress: Progress) -> Progress:
        """A `Progress` that looks on while steps are followed, and passes all on.

        Args:
            width_m: between the fingers now; NaN where nobody tells.
        """
        carrying, opening = _carrying(steps), steps[0].name

        def told(name: str, fraction: float) -> None:
            if name in carrying:
                self._is_held, self._width_m = True, width_m()
            # The gripper may fail to open.
            elif name != opening:
                self._is_held = False
            progress(name, fraction)

        return told

    def may_last(self, width_m: float) -> bool:
        """Whether it may still be there; fingers that have met or moved since hold it no longer."""
        if not self._is_held or math.isnan(width_m) or math.isnan(self._width_m):
            return self._is_held
        return width_m > _NOTHING_M and abs(width_m - self._width_m) < _MOVED_M


def _carrying(steps: Sequence[Step]) -> set[str]:
    """The names of the steps after something was taken, up to the one that lets go."""
    names: set[str] = set()
    is_held = False
    for step in steps:
        if is_held:
            names.add(step.name)
        if isinstance(step, Grip):
            is_held = step.takes
    return names
