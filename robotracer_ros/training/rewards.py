"""What an answer earns, by the rewards of RoboTracer's reinforcement tuning (arXiv 2512.13660).

Each answer earns for its form, for both ends, for the likeness of the whole trace and for the steps of its reasoning.
The paper's laws are made for rooms: 10 cm off on a table still earn 0.99 of an end's reward, so that the answers of one
group hardly differ. `RewardRules.sharpness_m` replaces them by ``exp(-error / sharpness_m)`` of the error in metres.
That law is this package's own and its default; 0 brings back the paper's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from robotracer_ros.errors import AnswerError, InvalidRequest
from robotracer_ros.families.family import Mode
from robotracer_ros.families.robotracer import RoboTracer
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.trace import ReasoningStep, VisualTrace
from robotracer_ros.query import ModelAnswer
from robotracer_ros.sim.scene import Scene
from robotracer_ros.sim.stage import View
from robotracer_ros.sim.tasks import judge, points_in_table
from robotracer_ros.sim.tasks.task import MEASURE, POINTS, Task
from robotracer_ros.training.steps import matched_steps

FORMAT: Final = "format"
_FAMILY: Final = RoboTracer()
# The paper's tolerances of a step: uv by the sum of both offsets over the longer side, depth and lengths relative.
_UV_SHARE: Final = 0.10
_LENGTH_SHARE: Final = 0.30
# The relative error of a length at which the sharp law has fallen to 1/e: the tolerance of the tabletop benchmark.
_SHARP_LENGTH_SHARE: Final = 0.10
# Shorter ones need be no more exact: two objects may stand exactly behind each other.
_LEAST_LENGTH_M: Final = 0.01
# Beyond any table; keeps the squares of nonsense finite.
_FARTHEST_M: Final = 100.0


@dataclass(frozen=True, slots=True)
class RewardRules:
    """How rewards are computed and weighed; form, ends, trace, pointing and length count once.

    Attributes:
        sharpness_m: error at which a reward has fallen to 1/e, metres; 0 for the paper's own laws.
        process_weight: of the reasoning steps, which earn up to 2 (0.25 in the paper).
        judged_weight: of the simulator's verdict on the whole trace, 0 or 1; not in the paper.
    """

    sharpness_m: float = 0.03
    process_weight: float = 0.25
    judged_weight: float = 0.0

    def __post_init__(self) -> None:
        for name in ("sharpness_m", "process_weight", "judged_weight"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise InvalidRequest(f"{name} must be a number of at least 0, received {getattr(self, name)}")

    def total(self, parts: dict[str, float]) -> float:
        """The weighted sum of what `rewards` gives."""
        weights = {"process": self.process_weight, "judged": self.judged_weight}
        return sum(weights.get(name, 1.0) * value for name, value in parts.items())


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A task as it was asked, with all that is known of its truth.

    Attributes:
        mode: how a task of the kind "trace" was asked.
    """

    task: Task
    scene: Scene
    view: View
    mode: Mode = Mode.TRACE_3D

    @property
    def parts(self) -> tuple[str, ...]:
        """What an answer can earn for."""
        if self.task.kind == MEASURE:
            return (FORMAT, "length")
        if self.task.kind == POINTS:
            return (FORMAT, "pointing")
        reasons = ("process",) if self.is_spatial and self.task.reasoning else ()
        return (FORMAT, "ends", "trace", *reasons, *(("judged",) if self.is_spatial else ()))

    @property
    def is_spatial(self) -> bool:
        """Whether the answer's points have to have a depth."""
        return self.task.kind not in (MEASURE, POINTS) and self.mode is Mode.TRACE_3D


def rewards(asked: Asked, text: str, rules: RewardRules, *, truncated: bool = False) -> dict[str, float]:
    """The parts an answer earns, by name, all of `Asked.parts`: at most 1 each, 2 for "process".

    An answer that cannot be read, was cut off, or lacks the depth it was asked for earns nothing.
    """
    nothing = dict.fromkeys(asked.parts, 0.0)
    answer = ModelAnswer(text=text, model="", latency_s=0.0, truncated=truncated)
    if truncated:
        return nothing
    if asked.task.kind == MEASURE:
        length_m = _FAMILY.read_length_m(answer)
        earned = _length(length_m, asked.task.length_m, rules)
        return nothing if math.isnan(earned) else {FORMAT: 1.0, "length": earned}
    try:
        trace = _FAMILY.read(answer)
    except AnswerError:
        return nothing
    if trace.truncated or (asked.is_spatial and not _all_deep(trace)):
        return nothing
    if asked.task.kind == POINTS:
        return {FORMAT: _in_form(asked, trace), "pointing": _pointing(asked, trace, rules)}
    return {FORMAT: _in_form(asked, trace), **_trace_parts(asked, trace, rules)}


def warped_distance(costs: FloatArray) -> float:
    """Dynamic time warping: the least sum of ``costs`` (N, M) along a way from corner to corner, over max(N, M)."""
    total = np.full((costs.shape[0] + 1, costs.shape[1] + 1), np.inf)
    total[0, 0] = 0.0
    for row, column in np.ndindex(*costs.shape):
        before = min(total[row, column], total[row, column + 1], total[row + 1, column])
        total[row + 1, column + 1] = costs[row, column] + before
    return float(total[-1, -1] / max(*costs.shape))


def process_reward(asked: Asked, steps: Sequence[ReasoningStep], rules: RewardRules) -> float:
    """From 0 to 2: the share of the true steps that the answer has, and how right they are.

    A step counts for the true one of its kind and subject, wherever it stands; what is said more often than needed
    lowers the share.
    """
    truth = asked.task.reasoning
    pairs = matched_steps(truth, steps, lambda true, said: _step_accuracy(asked, true, said, rules))
    count = max(len(truth), len(steps))
    return sum(1.0 + accuracy for accuracy in pairs) / count if count else 0.0


def _trace_parts(asked: Asked, trace: VisualTrace, rules: RewardRules) -> dict[str, float]:
    truth = _true_trace(asked)
    costs = _errors(asked, trace, truth, rules)
    ends = [_point_law(float(costs[end, end]), rules) for end in (0, -1)]
    parts = {"ends": sum(ends) / 2, "trace": _trace_law(warped_distance(costs), rules)}
    if asked.is_spatial:
        points_m = points_in_table(asked.scene, trace.uv, _depth(trace))
        parts["judged"] = float(judge(asked.task, asked.scene, asked.view, points_m).overall)
        if asked.task.reasoning:
            parts["process"] = process_reward(asked, trace.reasoning, rules)
    return parts


def _errors(asked: Asked, trace: VisualTrace, truth: VisualTrace, rules: RewardRules) -> FloatArray:
    """(N, M) distances of an answer's points to the true ones.

    Metres by the sharp law, an answer without depth being taken at the depth of the true point; else shares of the
    picture's sides, and of the scene's largest depth where the answer has one.
    """
    flat = not asked.is_spatial
    true_m = _depth(truth)
    if not rules.sharpness_m:
        deepest_m = float(np.nanmax(asked.view.depth_m))
        shares = [
            one.uv if flat else np.column_stack([one.uv, depth_m / deepest_m])
            for one, depth_m in ((trace, _depth(trace)), (truth, true_m))
        ]
        return np.asarray(np.linalg.norm(shares[0][:, None] - shares[1][None], axis=2))
    targets_m = points_in_table(asked.scene, truth.uv, true_m)
    columns = [
        points_in_table(asked.scene, trace.uv, np.full(len(trace), depth_m) if flat else _depth(trace)) - target_m
        for target_m, depth_m in zip(targets_m, true_m, strict=True)
    ]
    return np.asarray(np.linalg.norm(np.stack(columns, axis=1), axis=2))


def _true_trace(asked: Asked) -> VisualTrace:
    if asked.task.trace is None:
        raise InvalidRequest(f"the task {asked.task.sentence!r} has no true trace")
    trace = asked.task.trace
    return trace if trace.depth_m is not None else VisualTrace(trace.uv, _seen_depth(asked.view, trace.uv))


def _seen_depth(view: View, uv: FloatArray) -> FloatArray:
    """(N,) what the camera sees at (N, 2) shares of the picture, the picture's mean where it sees nothing."""
    height, width = view.depth_m.shape
    columns, rows = np.minimum(uv * (width, height), (width - 1, height - 1)).astype(np.intp).T
    depth_m = view.depth_m[rows, columns].astype(np.float64)
    return np.where(np.isnan(depth_m), np.nanmean(view.depth_m), depth_m)


def _depth(trace: VisualTrace) -> FloatArray:
    """(N,) metres, NaN where there is none."""
    return np.full(len(trace), np.nan) if trace.depth_m is None else np.minimum(trace.depth_m, _FARTHEST_M)


def _all_deep(trace: VisualTrace) -> bool:
    return trace.depth_m is not None and not np.isnan(trace.depth_m).any()


def _in_form(asked: Asked, trace: VisualTrace) -> float:
    """1 for an answer as it was asked for: 3D traces reason and have depth; all others have none, and may reason."""
    if asked.is_spatial:
        return float(len(trace) > 1 and bool(trace.reasoning) == bool(asked.task.reasoning))
    enough = 1 if asked.task.kind == POINTS else 2
    return float(len(trace) >= enough and trace.depth_m is None)


def _pointing(asked: Asked, trace: VisualTrace, rules: RewardRules) -> float:
    """1 for each point where it is right, else by its distance to the true one; the mean over the points."""
    costs = _errors(asked, trace, _true_trace(asked), rules)[:, 0]
    earned = [
        1.0 if judge(asked.task, asked.scene, asked.view, uv[None]).pointing_ok else _point_law(float(cost), rules)
        for uv, cost in zip(trace.uv, costs, strict=True)
    ]
    return sum(earned) / len(earned)


def _step_accuracy(asked: Asked, truth: ReasoningStep, said: ReasoningStep, rules: RewardRules) -> float:
    """From 0 to 1; NaN for a step that states no value of its kind."""
    if not len(truth.uvd):
        return _length(said.value_m, truth.value_m, rules)
    if not len(said.uvd) or np.isnan(said.uvd[0]).any():
        return math.nan
    true, told = truth.uvd[0], said.uvd[0]
    if rules.sharpness_m:
        both = np.array([true, told])
        off_m = points_in_table(asked.scene, both[:, :2], np.minimum(both[:, 2], _FARTHEST_M))
        return _point_law(float(np.linalg.norm(off_m[0] - off_m[1])), rules)
    size = np.array([asked.scene.intrinsics.width, asked.scene.intrinsics.height])
    near = (np.abs(told[:2] - true[:2]) * size).sum() < _UV_SHARE * size.max()
    deep = abs(told[2] - true[2]) <= _LENGTH_SHARE * true[2]
    return 0.5 * float(near) + 0.5 * float(deep)


def _length(said_m: float, true_m: float, rules: RewardRules) -> float:
    """From 0 to 1; NaN for none."""
    if math.isnan(said_m):
        return math.nan
    off = abs(said_m - true_m) / max(true_m, _LEAST_LENGTH_M)
    return math.exp(-off / _SHARP_LENGTH_SHARE) if rules.sharpness_m else float(off <= _LENGTH_SHARE)


def _point_law(distance: float, rules: RewardRules) -> float:
    return math.exp(-distance / rules.sharpness_m) if rules.sharpness_m else max(0.0, 1.0 - distance**2)


def _trace_law(distance: float, rules: RewardRules) -> float:
    return math.exp(-distance / rules.sharpness_m) if rules.sharpness_m else max(0.0, 1.0 - distance)
