"""What an arm does along a trace, step by step: the tip's ways, and what the gripper does between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from robotracer_ros.errors import PlanningError
from robotracer_ros.planning.path import PosePath


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """The tip follows a path.

    Attributes:
        name: such as "approach" or "trace".
        path: of the tip link, in ``path.frame_id``; the tip goes from where it is straight to the first pose.
    """

    name: str
    path: PosePath


@dataclass(frozen=True, slots=True)
class Grip:
    """The gripper opens or closes.

    Attributes:
        name: such as "grasp" or "release".
        width_m: between the fingers, where they shall come to stand; a thing between them stops them sooner.
        takes: something has to be between the fingers then.
        relative: ``width_m`` is how much wider than now: what the fingers hold tells best how wide it is.

    Raises:
        PlanningError: for a width that is negative or not finite.
    """

    name: str
    width_m: float
    takes: bool = False
    relative: bool = False

    def __post_init__(self) -> None:
        if not 0.0 <= self.width_m < float("inf"):
            raise PlanningError(f"a gripper opens by 0 m or more, received {self.width_m}")


Step: TypeAlias = Reach | Grip
