"""RoboTracer: how it is asked for a spatial trace, and how its words are read (arXiv 2512.13660)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from robotracer_ros.errors import InvalidRequest, NonPositiveDepth, NoTrace, PointOutsideImage, UnreadableAnswer
from robotracer_ros.families.answer_text import divide, shortened
from robotracer_ros.families.confidence import point_confidence
from robotracer_ros.families.family import Mode, require_mode, require_sentence
from robotracer_ros.families.lengths import last_length_m
from robotracer_ros.families.point_list import WrittenPoint, read_point_list
from robotracer_ros.families.reasoning import read_steps
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.geometry.trace import ReasoningStep, VisualTrace
from robotracer_ros.query import ModelAnswer, ModelQuery

# u and v are thousandths of the image's width and height (section 3.1).
FULL_SCALE: Final = 1000.0

# The wording of Evaluation/test_benchmark.py, which the released answers were given to; POINTS is the single-point
# form of the training prompts.
PROMPTS: Final = {
    Mode.TRACE_3D: (
        'Point the 3D object-centric visual trace for the task "{}". '
        "Your answer should be formatted as a list of tuples, i.e., [(x1, y1, d1), (x2, y2, d2), ...], where each "
        "tuple contains the x and y coordinates of the point, and d is the depth of the point."
    ),
    Mode.TRACE_2D: (
        'Point the 2D object-centric visual trace for the task "{}". '
        "Your answer should be formatted as a list of tuples, i.e., [(x1, y1), (x2, y2), ...], where each tuple "
        "contains the x and y coordinates of the point."
    ),
    Mode.POINTS: (
        "{} Your answer should be formatted as a list of tuples, i.e., [(x, y)], where each tuple contains the x and "
        "y coordinates of a point satisfying the conditions above."
    ),
}

# Qwen2 writes one token per digit: about 18 tokens for a point with depth and 11 without. The longest released answer
# has 9 points; 16 leave room. Nine reasoning steps of some 50 tokens come on top.
_TOKENS_PER_POINT: Final = {Mode.TRACE_3D: 18, Mode.TRACE_2D: 11, Mode.POINTS: 11}
_POINTS_EXPECTED: Final = 16
_REASONING_TOKENS: Final = 480
_SENTENCE_TOKENS: Final = 64


def _answer_pattern(point: str) -> str:
    """Every answer of 1 to 16 of these points: the bare list, or reasoning and then the list between tags.

    The paper prints the tagged list without its brackets and its spaces (appendix D.4), so they may be left out there.
    """
    listed = rf"{point}(, ?{point}){{0,{_POINTS_EXPECTED - 1}}}"
    return rf"\[{listed}\]|<think>[^<>]{{1,1500}}</think>\s?<answer> ?(\[{listed}\]|{listed}) ?</answer>"


# Whole thousandths; metres with one to three decimals, above zero. Whatever matches is read without an error.
_THOUSANDTHS: Final = r"(0|[1-9][0-9]{0,2}|1000)"
_METRES: Final = r"(0\.([1-9][0-9]{0,2}|0[1-9][0-9]?|00[1-9])|[1-9][0-9]?\.[0-9]{1,3})"
_POINT_2D: Final = rf"\({_THOUSANDTHS}, ?{_THOUSANDTHS}\)"
_POINT_3D: Final = rf"\({_THOUSANDTHS}, ?{_THOUSANDTHS}, ?{_METRES}\)"
_PATTERNS: Final = {
    Mode.TRACE_3D: _answer_pattern(_POINT_3D),
    Mode.TRACE_2D: _answer_pattern(_POINT_2D),
    Mode.POINTS: _answer_pattern(_POINT_2D),
}


class RoboTracer:
    """RoboTracer-2B and -8B, SFT and RFT: ``(u, v, d)``, u and v in 0 to 1000, d in metres along the optical axis."""

    name: Final = "robotracer"

    def query(
        self,
        observation: RgbdObservation,
        instruction: str,
        mode: Mode = Mode.TRACE_3D,
        *,
        sample_id: str = "",
        timeout_s: float = 60.0,
    ) -> ModelQuery:
        """Ask for the trace that carries out ``instruction``, in the words of the authors' evaluation.

        Raises:
            InvalidRequest: for an instruction that is blank or too long, or an unknown mode.
        """
        mode = require_mode(mode)
        text = PROMPTS[mode].format(require_sentence("instruction", instruction))
        tokens = _REASONING_TOKENS + _POINTS_EXPECTED * _TOKENS_PER_POINT[mode]
        return _model_query(observation, text, instruction, sample_id, tokens, timeout_s, _PATTERNS[mode])

    def ask(self, observation: RgbdObservation, question: str, *, timeout_s: float = 60.0) -> ModelQuery:
        """Ask a spatial question as it stands; the model was trained on plain questions.

        Raises:
            InvalidRequest: for a question that is blank or too long.
        """
        text = require_sentence("question", question)
        return _model_query(observation, text, question, "", _REASONING_TOKENS + _SENTENCE_TOKENS, timeout_s)

    def read(self, answer: ModelAnswer, image_size: tuple[int, int] | None = None) -> VisualTrace:
        """Read the trace; ``image_size`` is not needed, the coordinates are relative.

        Points without depth that precede points with depth are a first draft and are left out. Any other point
        without depth keeps NaN.

        Raises:
            NoTrace: for an empty answer, a refusal, or one cut off before its first point.
            UnreadableAnswer: for tuples of another length than 2 or 3, and what `read_point_list` refuses.
            PointOutsideImage, NonPositiveDepth: naming the point as the model wrote it.
        """
        parts = divide(answer.text)
        if parts.cut_in_reasoning:
            raise NoTrace(f"the answer was cut off inside its reasoning: {shortened(parts.reasoning)}")
        if not parts.answer.strip():
            raise NoTrace(f"the answer is empty, received {shortened(answer.text)}")
        listed = read_point_list(parts.answer)
        points = _without_draft(listed.points)
        uvd = _uvd(parts.answer, points)
        spans = [(parts.start + point.start, parts.start + point.end) for point in points]
        return VisualTrace(
            uv=uvd[:, :2],
            depth_m=uvd[:, 2],
            confidence=point_confidence(answer, spans),
            reasoning=read_steps(parts.reasoning, _read_uvd),
            truncated=listed.truncated or answer.truncated or (parts.cut and not _closes(parts.answer)),
        )

    def read_length_m(self, answer: ModelAnswer) -> float:
        """The length the answer states, metres; NaN when it states none or was cut off inside its reasoning."""
        return last_length_m(divide(answer.text).answer)

    def render(self, trace: VisualTrace) -> str:
        """The trace in the model's words, u and v rounded to thousandths of the image and depth to millimetres.

        Raises:
            InvalidRequest: when the first points alone have no depth (they would be read as a draft), or when a
                reasoning step's kind or subject cannot stand in square brackets.
        """
        depth_m = np.full(len(trace), np.nan) if trace.depth_m is None else trace.depth_m
        uvd = np.column_stack([trace.uv, depth_m])
        has_depth = np.isfinite(depth_m)
        if has_depth.any() and not has_depth[0] and has_depth[int(np.argmax(has_depth)) :].all():
            raise InvalidRequest(
                "a trace whose first points alone have no depth cannot be written for this family, they would read as "
                "a draft; give them a depth, or leave it out for all"
            )
        return _reasoned(trace.reasoning, _written(uvd, closed=not trace.truncated), closed=not trace.truncated)

    def render_length(self, length_m: float, reasoning: Sequence[ReasoningStep] = ()) -> str:
        """A length in the model's words, in metres to the millimetre.

        Raises:
            InvalidRequest: when a reasoning step's kind or subject cannot stand in square brackets.
        """
        return _reasoned(reasoning, f"{length_m:.3f} m")


def _model_query(
    observation: RgbdObservation,
    text: str,
    sentence: str,
    sample_id: str,
    max_new_tokens: int,
    timeout_s: float,
    pattern: str = "",
) -> ModelQuery:
    registered = observation.depth_camera is None
    return ModelQuery(
        text=text,
        image=observation.rgb,
        instruction=sentence,
        sample_id=sample_id,
        # The model takes depth pixel by pixel with colour; depth of another camera would mislead it.
        depth_m=observation.depth_m if registered else None,
        intrinsics=observation.intrinsics,
        max_new_tokens=max_new_tokens,
        timeout_s=timeout_s,
        pattern=pattern,
    )


def _without_draft(points: Sequence[WrittenPoint]) -> Sequence[WrittenPoint]:
    with_depth = [len(point.values) == 3 for point in points]
    first = with_depth.index(True) if True in with_depth else 0
    return points[first:] if all(with_depth[first:]) else points


def _uvd(text: str, points: Sequence[WrittenPoint]) -> FloatArray:
    """(N, 3) u, v in [0, 1] and depth in metres or NaN of points checked one by one."""
    uvd = np.full((len(points), 3), np.nan)
    for index, point in enumerate(points):
        written = shortened(text[point.start : point.end])
        place = f"point {index + 1} of {len(points)}, {written},"
        if len(point.values) not in (2, 3):
            raise UnreadableAnswer(f"{place} has {len(point.values)} numbers; accepted: (u, v) or (u, v, depth)")
        if any(point.metres_per_unit[:2]):
            raise UnreadableAnswer(f"{place} gives u or v a unit of length; accepted: plain numbers from 0 to 1000")
        if not all(0 <= value <= FULL_SCALE for value in point.values[:2]):
            raise PointOutsideImage(f"{place} lies outside the image; u and v run from 0 to 1000")
        uvd[index, :2] = np.divide(point.values[:2], FULL_SCALE)
        if len(point.values) == 3:
            depth_m = point.values[2] * (point.metres_per_unit[2] or 1.0)
            if not (depth_m > 0 and math.isfinite(depth_m)):
                raise NonPositiveDepth(f"{place} has no usable depth; accepted: metres above 0")
            uvd[index, 2] = depth_m
    return uvd


def _read_uvd(words: str) -> FloatArray:
    return _uvd(words, read_point_list(words).points)


def _closes(answer: str) -> bool:
    return answer.rstrip().endswith("]")


def _written(uvd: FloatArray, *, closed: bool = True) -> str:
    tuples = []
    for u, v, depth_m in uvd:
        thousandths = f"{round(u * FULL_SCALE)}, {round(v * FULL_SCALE)}"
        tuples.append(f"({thousandths})" if np.isnan(depth_m) else f"({thousandths}, {_written_depth(float(depth_m))})")
    return f"[{', '.join(tuples)}{']' if closed else ', ('}"


def _written_depth(depth_m: float) -> str:
    # Millimetres as in the released answers; what they cannot hold is written in full, so that it stays above zero.
    return f"{depth_m:.3f}" if 0.0005 < depth_m < 1e6 else repr(depth_m)


def _reasoned(reasoning: Sequence[ReasoningStep], words: str, *, closed: bool = True) -> str:
    """The answer behind its reasoning, or alone where there is none."""
    if not reasoning:
        return words
    steps = " ".join(f"Step{number}: {_written_step(step)}" for number, step in enumerate(reasoning, 1))
    return f"<think> {steps} </think> <answer> {words}{' </answer>' if closed else ''}"


def _written_step(step: ReasoningStep) -> str:
    for role, words, limit in (("kind", step.kind, 60), ("subject", step.subject, 300)):
        if not words.strip() or len(words) > limit or any(character in "[]<>\n" for character in words):
            raise InvalidRequest(
                f"a reasoning step's {role} must be 1 to {limit} characters on one line without brackets, "
                f"received {shortened(words)}"
            )
    if step.text:
        value = step.text
    elif len(step.uvd):
        value = _written(step.uvd)
    elif math.isnan(step.value_m):
        value = ""
    else:
        value = f"{step.value_m:.6g}" + ("" if step.kind.lower() == "scale" else " m")
    return f"[{step.kind}] [{step.subject}]: {value}"
