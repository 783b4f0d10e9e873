"""The motion benchmark: does the arm do what the sentence says? If not, which stage is to blame?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from robotracer_ros.bench.arm_player import ArmPlayer
from robotracer_ros.bench.asking import Asker
from robotracer_ros.bench.examples import Example
from robotracer_ros.bench.tables import table
from robotracer_ros.bench.tabletop import PICK_AND_PLACE
from robotracer_ros.errors import BackendUnavailable, InvalidRequest, RobotracerError
from robotracer_ros.geometry.lifting import LiftSettings, lift
from robotracer_ros.geometry.trace import SpatialTrace, VisualTrace
from robotracer_ros.planning.handling import MotionBounds, plan_handling
from robotracer_ros.planning.motion_check import MotionRules
from robotracer_ros.planning.pick_and_place import HandlingSettings
from robotracer_ros.sim.arm_world import ArmWorld
from robotracer_ros.sim.outcome import judge_outcome
from robotracer_ros.sim.tasks import judge, points_in_table

# Where a failure comes from, in the order of the stages.
CAUSES: Final = ("model", "lifting", "planning", "motion")
RULES: Final = MotionRules(max_velocity_scaling=0.5, max_acceleration_scaling=0.5, max_tip_speed_m_s=0.4)
# What an arm with a gripper sets down; pushing and hovering end in another way.
FAMILIES: Final = (*PICK_AND_PLACE, "pick_offset")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One task, tried.

    Attributes:
        name: of the example.
        family, sentence: of its task.
        cause: one of `CAUSES`, or "" for success.
        reason: what happened, in words.
        moving_s: how long the arm moved, simulated seconds; 0 where it did not.
    """

    name: str
    family: str
    sentence: str
    cause: str
    reason: str
    moving_s: float = 0.0


class MotionBench:
    """Tries tasks in one world.

    Args:
        world: with the arm, its pictures as large as the examples'; every task loads its scene.
        player: of that world.
        asker: the model; None for the task's own trace.
    """

    def __init__(self, world: ArmWorld, player: ArmPlayer, asker: Asker | None) -> None:
        self._world, self._player, self._asker = world, player, asker

    def attempts(self, examples: Iterable[Example]) -> Iterator[Attempt]:
        """One for each example.

        Raises:
            InvalidRequest: for an example of a family that nothing is set down in.
            BackendUnavailable: when there is no model.
        """
        for example in examples:
            if example.task.family not in FAMILIES:
                raise InvalidRequest(
                    f"the arm picks and places: accepted are the families {', '.join(FAMILIES)}, received "
                    f"{example.task.family}"
                )
            yield self._attempt(example)

    def _attempt(self, example: Example) -> Attempt:
        world, scene, task = self._world, example.scene, example.task
        world.load(scene)
        seen = self._with_arm(example)

        def failed(cause: str, reason: str) -> Attempt:
            return Attempt(example.name, task.family, task.sentence, cause, reason)

        try:
            visual, trace = self._traced(seen)
        except BackendUnavailable:
            raise
        except RobotracerError as error:
            return failed("model", f"{error.code_name}: {error}")
        verdict = judge(task, scene, example.view, trace.moved(scene.table_from_camera).points_m)
        if not verdict.overall:
            cause = "lifting" if _is_right(example, visual) else "model"
            return failed(cause, "the trace does not carry out the task")
        base_from_camera = world.mount.base_from_table @ scene.table_from_camera
        try:
            steps = plan_handling(
                trace, seen.observed(with_depth=True), base_from_camera, self._player.tool(), HandlingSettings(),
                MotionBounds(),
            )  # fmt: skip
            plan = self._player.plan(steps)
        except RobotracerError as error:
            return failed("planning", f"{error.code_name}: {error}")
        self._player.play(plan)
        done = judge_outcome(task, scene, world.rest())
        cause = "" if done.succeeded else "motion"
        return Attempt(example.name, task.family, task.sentence, cause, done.reason, plan.duration_s)

    def _with_arm(self, example: Example) -> Example:
        """The example as the camera beside the arm sees it."""
        photo = self._world.photograph()
        if photo.depth_m is None:
            raise InvalidRequest("the world's camera measures no depth; accepted: one that does")
        return replace(example, view=replace(example.view, rgb=photo.rgb), sensor_depth_m=photo.depth_m)

    def _traced(self, example: Example) -> tuple[VisualTrace, SpatialTrace]:
        """In the picture, and lifted in the camera's frame."""
        if self._asker is None:
            truth = example.task.trace
            if truth is None:
                raise InvalidRequest(f"{example.task.sentence!r} is no task that a trace answers")
            settings = LiftSettings(contacts=example.task.contacts)
            return truth, lift(truth, example.observed(with_depth=True), settings)
        reply = self._asker.ask(example)
        if reply.visual is None or reply.spatial is None:
            raise RobotracerError(reply.reason)
        return reply.visual, reply.spatial


def _is_right(example: Example, visual: VisualTrace) -> bool:
    """Whether a trace does what is asked by its own depth."""
    if visual.depth_m is None:
        return False
    points_m = points_in_table(example.scene, visual.uv, visual.depth_m)
    return judge(example.task, example.scene, example.view, points_m).overall


def described(attempts: Sequence[Attempt]) -> dict[str, Any]:
    """As JSON has it."""
    failures = Counter(attempt.cause for attempt in attempts if attempt.cause)
    return {
        "n": len(attempts),
        "success": sum(not attempt.cause for attempt in attempts),
        "failures": {cause: failures[cause] for cause in CAUSES},
        "attempts": [{name: getattr(attempt, name) for name in Attempt.__slots__} for attempt in attempts],
    }


def in_words(attempts: Sequence[Attempt]) -> str:
    """Tables for a terminal."""
    rows = [["family", "success", *CAUSES, "of"]]
    for family in dict.fromkeys([*(attempt.family for attempt in attempts), "all"]):
        mine = [attempt for attempt in attempts if family in (attempt.family, "all")]
        counts = Counter(attempt.cause for attempt in mine)
        rows.append([family, *(str(counts[cause]) for cause in ("", *CAUSES)), str(len(mine))])
    lines = [
        f"  {attempt.cause}: {attempt.name}: {attempt.sentence!r}: {attempt.reason}"
        for attempt in attempts
        if attempt.cause
    ]
    return "\n".join([table(rows), *(["", "failures by cause", *lines] if lines else [])])
