"""What a task is: an instruction, the true answer, and the region where it comes true."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray, frozen_floats
from robotracer_ros.geometry.trace import ReasoningStep, VisualTrace
from robotracer_ros.sim.scene import SceneObject

TRACE: Final = "trace"
POINTS: Final = "points"
MEASURE: Final = "measure"
KINDS: Final = (TRACE, POINTS, MEASURE)


class Infeasible(Exception):
    """This scene has no such task as was just drawn; another is drawn instead. Never leaves the room."""


@dataclass(frozen=True, slots=True, eq=False)
class Goal:
    """A region of the table frame: an upright box turned about z, or an upright cylinder with or without a core.

    Attributes:
        centre_m: (3,).
        half_m: (3,) half extents; of a cylinder the first is its radius.
        yaw_rad: of a box, about z.
        round_: a cylinder.
        core_m: radius inside a cylinder that does not belong to the region.
    """

    centre_m: FloatArray
    half_m: FloatArray
    yaw_rad: float = 0.0
    round_: bool = False
    core_m: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "centre_m", frozen_floats("centre_m", self.centre_m, (3,)))
        object.__setattr__(self, "half_m", frozen_floats("half_m", self.half_m, (3,)))

    def distance_m(self, points_m: npt.ArrayLike) -> FloatArray:
        """(N,) metres from (N, 3) points of the table frame to the region, 0 inside."""
        offset = np.asarray(points_m, dtype=np.float64).reshape(-1, 3) - self.centre_m
        beyond_z = np.maximum(np.abs(offset[:, 2]) - self.half_m[2], 0.0)
        if self.round_:
            radius = np.hypot(offset[:, 0], offset[:, 1])
            beyond = np.maximum(np.maximum(radius - self.half_m[0], self.core_m - radius), 0.0)
        else:
            cos, sin = math.cos(self.yaw_rad), math.sin(self.yaw_rad)
            x = np.maximum(np.abs(cos * offset[:, 0] + sin * offset[:, 1]) - self.half_m[0], 0.0)
            y = np.maximum(np.abs(cos * offset[:, 1] - sin * offset[:, 0]) - self.half_m[1], 0.0)
            beyond = np.hypot(x, y)
        return np.asarray(np.hypot(beyond, beyond_z))


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """An instruction for one view of one scene, with the truth.

    Attributes:
        family: such as "pick_in"; all of them are listed in `drawing.FAMILIES`.
        kind: "trace", "points" or "measure".
        sentence: the instruction alone, without any model's prompt around it.
        unique: every object is named by its colour and shape, or its shape, and there is one such in the scene.
        template_held_out: the wording occurs in test scenes only.
        reasoning: the steps to the answer; a trace carries the same ones.
        trace: the true trace; for "points" one point without depth; None for "measure".
        answer: the true length in words, for "measure".
        length_m: the same, metres.
        contacts: which points touch a surface, as `geometry.lifting.LiftSettings.contacts` has it.
        goal: where the last point belongs; None where nothing is carried.
        visits: regions to come through, in order, the last of them the goal.
        subject: label of the object to start from or to point at; 0 for none.
        support: label of the object that the subject ends in or on; 0 for the table.
        mask: (H, W) bool of the view, where a pointing answer is right.
        obstacles: the objects that are neither subject nor support.
    """

    family: str
    kind: str
    sentence: str
    unique: bool
    template_held_out: bool
    reasoning: tuple[ReasoningStep, ...] = ()
    trace: VisualTrace | None = None
    answer: str = ""
    length_m: float = math.nan
    contacts: str = "ends"
    goal: Goal | None = None
    visits: tuple[Goal, ...] = ()
    subject: int = 0
    support: int = 0
    mask: npt.NDArray[np.bool_] | None = None
    obstacles: tuple[SceneObject, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InvalidRequest(f"a task is one of {', '.join(KINDS)}, received {self.kind!r}")
