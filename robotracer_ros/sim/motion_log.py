"""Where the tip of an arm and the things around it were, as long as something moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from robotracer_ros.geometry.arrays import FloatArray

EVERY_S: Final = 0.05
_MOVED_M: Final = 0.001


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """Ways in one frame.

    Attributes:
        times_s: (T,), none of them while all stood still.
        tip_m: (T, 3).
        things_m: by label, (T, 3) of their middles.
    """

    times_s: FloatArray
    tip_m: FloatArray
    things_m: Mapping[int, FloatArray]


class MotionLog:
    """Writes positions down every `EVERY_S`, but not while nothing moves by a millimetre.

    Args:
        labels: of the things.
    """

    def __init__(self, labels: tuple[int, ...]) -> None:
        self._labels = labels
        self._times: list[float] = []
        self._places: list[FloatArray] = []
        self._due_s = 0.0

    def is_due(self, time_s: float) -> bool:
        """Whether `write` would write."""
        return time_s >= self._due_s

    def write(self, time_s: float, tip_m: FloatArray, things_m: FloatArray) -> None:
        """(3,) of the tip and (K, 3) of the things, in the order of their labels."""
        self._due_s = time_s + EVERY_S
        places = np.concatenate([tip_m[None], things_m])
        if not self._places or np.abs(places - self._places[-1]).max() >= _MOVED_M:
            self._times.append(time_s)
            self._places.append(places)

    def motion(self) -> Motion:
        """All that was written down."""
        places = np.array(self._places).reshape(-1, 1 + len(self._labels), 3)
        things = {label: places[:, 1 + index] for index, label in enumerate(self._labels)}
        return Motion(np.array(self._times), places[:, 0], things)
