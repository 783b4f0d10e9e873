"""RoboTracer's prompts, and the law that ``read(render(trace))`` is the trace."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest
from families.fuzz_robotracer import fuzz
from hypothesis import given, settings
from hypothesis import strategies as st

from robotracer_ros.errors import AnswerError, InvalidRequest
from robotracer_ros.families import Mode, open_family
from robotracer_ros.geometry.camera import CameraIntrinsics
from robotracer_ros.geometry.observation import DepthCamera, RgbdObservation
from robotracer_ros.geometry.trace import ReasoningStep, VisualTrace
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.query import ModelAnswer

FAMILY = open_family("robotracer")
INTRINSICS = CameraIntrinsics(8, 6, 7.0, 7.0, 3.5, 2.5)
RGB = np.zeros((6, 8, 3), np.uint8)
DEPTH_M = np.ones((6, 8), np.float32)
OBSERVATION = RgbdObservation(RGB, DEPTH_M, INTRINSICS, "camera", 0)


def read(text: str, **answer) -> VisualTrace:
    return FAMILY.read(ModelAnswer(text, "test", 0.0, **answer))


def length_m(text: str) -> float:
    return FAMILY.read_length_m(ModelAnswer(text, "test", 0.0))


unit = st.floats(0, 1)
depths_m = st.floats(1e-6, 1e9, exclude_min=True)
words = st.text("abc xyz", min_size=1, max_size=9).map(lambda text: f"a{text}z")
steps = st.one_of(
    st.builds(
        ReasoningStep,
        st.sampled_from(["Referring", "Position"]),
        words,
        st.just(""),
        st.lists(st.tuples(unit, unit, depths_m), min_size=1, max_size=3),
    ),
    st.builds(
        lambda kind, subject, value_m: ReasoningStep(kind, subject, "", value_m=value_m),
        st.sampled_from(["Measuring", "Scale"]),
        words,
        st.floats(0.001, 100),
    ),
)


@st.composite
def traces(draw):
    count = draw(st.integers(1, 12))
    uv = draw(st.lists(st.tuples(unit, unit), min_size=count, max_size=count))
    depth_m = draw(st.one_of(st.none(), st.lists(depths_m, min_size=count, max_size=count)))
    return VisualTrace(uv, depth_m, reasoning=tuple(draw(st.lists(steps, max_size=4))), truncated=draw(st.booleans()))


@settings(max_examples=300, deadline=None)
@given(traces())
def test_read_after_render_is_the_trace(trace):
    again = read(FAMILY.render(trace))
    np.testing.assert_allclose(again.uv, trace.uv, rtol=0, atol=0.0005 + 1e-12)
    assert (again.depth_m is None) == (trace.depth_m is None)
    if trace.depth_m is not None:
        np.testing.assert_allclose(again.depth_m, trace.depth_m, rtol=1e-9, atol=0.0005 + 1e-9)
    assert again.truncated == trace.truncated
    assert [(step.kind, step.subject) for step in again.reasoning] == [(s.kind, s.subject) for s in trace.reasoning]
    for step, before in zip(again.reasoning, trace.reasoning, strict=True):
        np.testing.assert_allclose(step.uvd, before.uvd, rtol=1e-9, atol=0.0005 + 1e-9)
        np.testing.assert_allclose(step.value_m, before.value_m, rtol=1e-5)


@settings(max_examples=100, deadline=None)
@given(traces())
def test_render_after_read_repeats_the_words(trace):
    said = FAMILY.render(trace)
    assert FAMILY.render(read(said)) == said


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.text(), st.text("[](){},.0123456789-+e mcfti<>/nkaswrh\n\"'`")))
def test_any_text_gives_a_trace_or_an_answer_error(text):
    assert isinstance(length_m(text), float)
    try:
        trace = read(text)
    except AnswerError:
        return
    assert ((trace.uv >= 0) & (trace.uv <= 1)).all()


def test_generated_answers_damaged_and_whole():
    tally = fuzz(4000, seed=20)
    assert tally.failures == []
    assert tally.outcomes["read whole"] == 800
    assert min(tally.outcomes[name] for name in ("read", "read truncated", "NoTrace", "UnreadableAnswer")) > 100


@pytest.mark.parametrize(("name", "arity"), [("robotracer_2d", 2), ("robotracer_3d", 3)])
def test_all_released_answers_read_as_json_reads_them(shared, name, arity):
    rows = (shared / "tracespatial-standin" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 100
    for row in rows:
        said = json.loads(row)["model_prediction"]
        expected = np.array(json.loads(said.replace("(", "[").replace(")", "]")))
        trace = read(said)
        assert expected.shape[1] == arity and not trace.truncated
        np.testing.assert_allclose(trace.uv * 1000, expected[:, :2], rtol=1e-12)
        if arity == 3:
            np.testing.assert_array_equal(trace.depth_m, expected[:, 2])
        else:
            assert trace.depth_m is None
        assert np.array_equal(read(FAMILY.render(trace)).uv, trace.uv)


def test_rendered_words_are_those_of_the_released_answers():
    assert FAMILY.render(read("[(726, 624, 1.533), (738, 574, 1.5)]")) == "[(726, 624, 1.533), (738, 574, 1.500)]"
    assert FAMILY.render(read("[(536, 776), (536, 760)]")) == "[(536, 776), (536, 760)]"


def test_a_point_without_depth_in_between_is_rendered_and_a_draft_is_refused():
    between = VisualTrace([(0.1, 0.2), (0.3, 0.4), (0.5, 0.6)], [1.0, math.nan, 2.0])
    np.testing.assert_array_equal(read(FAMILY.render(between)).depth_m, between.depth_m)
    with pytest.raises(InvalidRequest, match="read as a draft"):
        FAMILY.render(VisualTrace([(0.1, 0.2), (0.3, 0.4)], [math.nan, 2.0]))


@pytest.mark.parametrize(("kind", "subject"), [("", "cup"), ("Scale", "a]b"), ("Scale", "</think>"), ("Scale", "a\nb")])
def test_steps_that_would_not_be_read_back_are_not_rendered(kind, subject):
    with pytest.raises(InvalidRequest, match="reasoning step's"):
        FAMILY.render(VisualTrace([(0.1, 0.2)], reasoning=(ReasoningStep(kind, subject, "2.0"),)))


def test_prompts_are_those_of_the_evaluation():
    instruction = "put {0} the %s \"cup\" down"
    assert FAMILY.query(OBSERVATION, instruction).text == (
        f'Point the 3D object-centric visual trace for the task "{instruction}". Your answer should be formatted as a '
        "list of tuples, i.e., [(x1, y1, d1), (x2, y2, d2), ...], where each tuple contains the x and y coordinates of "
        "the point, and d is the depth of the point."
    )
    assert FAMILY.query(OBSERVATION, instruction, Mode.TRACE_2D).text == (
        f'Point the 2D object-centric visual trace for the task "{instruction}". Your answer should be formatted as a '
        "list of tuples, i.e., [(x1, y1), (x2, y2), ...], where each tuple contains the x and y coordinates of the "
        "point."
    )
    points = FAMILY.query(OBSERVATION, instruction, Mode.POINTS).text
    assert points.startswith(instruction) and "[(x, y)]" in points


def test_a_query_carries_the_whole_observation():
    query = FAMILY.query(OBSERVATION, "go", sample_id="7", timeout_s=3.0)
    assert (query.instruction, query.sample_id, query.timeout_s) == ("go", "7", 3.0)
    assert query.intrinsics is INTRINSICS
    np.testing.assert_array_equal(query.image, RGB)
    np.testing.assert_array_equal(query.depth_m, DEPTH_M)


def test_depth_of_another_camera_is_not_handed_to_the_model():
    other = DepthCamera(INTRINSICS, RigidTransform("camera", "depth", np.eye(3), np.array([0.05, 0.0, 0.0])))
    assert FAMILY.query(RgbdObservation(RGB, DEPTH_M, INTRINSICS, "camera", 0, other), "go").depth_m is None


def test_room_for_the_longest_trace_and_its_reasoning():
    room = {mode: FAMILY.query(OBSERVATION, "go", mode).max_new_tokens for mode in Mode}
    # 153 and 90 tokens are the longest released answers.
    assert room[Mode.TRACE_3D] > room[Mode.TRACE_2D] > 400 + 153
    assert room[Mode.TRACE_3D] < 1024


@pytest.mark.parametrize("sentence", ["", " \n", "move " * 200_000])
def test_sentences_nobody_can_answer_are_refused(sentence):
    for ask in (FAMILY.query, FAMILY.ask):
        with pytest.raises(InvalidRequest) as caught:
            ask(OBSERVATION, sentence)
        assert len(str(caught.value)) < 300


def test_unknown_mode_and_family_list_what_is_accepted():
    with pytest.raises(InvalidRequest, match=r"0 \(TRACE_3D\), 1 \(TRACE_2D\), 2 \(POINTS\)"):
        FAMILY.query(OBSERVATION, "go", 3)
    with pytest.raises(InvalidRequest, match="accepted: robotracer"):
        open_family("robotracr")


def test_modes_have_the_numbers_of_get_trace(repository):
    service = (repository / "srv" / "GetTrace.srv").read_text(encoding="utf-8").replace(" ", "")
    for mode in Mode:
        assert f"{mode.name}={mode.value}" in service


def test_a_question_is_asked_as_it_stands():
    query = FAMILY.ask(OBSERVATION, "How tall is the cup?", timeout_s=2.0)
    assert (query.text, query.instruction, query.timeout_s) == ("How tall is the cup?", "How tall is the cup?", 2.0)


def point_texts(arity):
    thousandth = st.integers(0, 1000).map(str)
    metre = st.integers(1, 99_999).map(lambda millimetres: f"{millimetres / 1000:.3f}")
    return st.tuples(*([thousandth, thousandth, metre][:arity])).map(lambda numbers: f"({', '.join(numbers)})")


@pytest.mark.parametrize(("mode", "arity"), [(Mode.TRACE_3D, 3), (Mode.TRACE_2D, 2), (Mode.POINTS, 2)])
def test_the_pattern_admits_every_trace_in_form_and_no_other(mode, arity):
    pattern = re.compile(FAMILY.query(OBSERVATION, "go", mode).pattern)

    @settings(max_examples=100, deadline=None)
    @given(st.lists(point_texts(arity), min_size=1, max_size=16), st.booleans())
    def admitted(points, thinks):
        said = f"[{', '.join(points)}]"
        if thinks:
            said = f"<think> Step1: [Measuring] [the red cup]: 0.05 m </think> <answer> {said} </answer>"
        assert pattern.fullmatch(said)
        assert len(read(said).uv) == len(points)
        assert pattern.fullmatch(said + ",") is None
        assert pattern.fullmatch(f"[{', '.join(points * 17)}]") is None

    admitted()


@pytest.mark.parametrize(
    "said",
    ["[]", "[(1, 2)]", "[(1001, 2, 1.0)]", "[(1, 2, 0.000)]", "[(1, 2, 0.0)]", "[(1, 2, 1)]", "[(01, 2, 1.0)]",
     "[(1, 2, 1.0000)]", "[(1, 2, 100.0)]", "(1, 2, 1.0)", "<think>x</think>[(1, 2, 1.0)]", "<answer>[(1, 2, 1.0)]"],
)  # fmt: skip
def test_the_pattern_refuses_what_is_out_of_form(said):
    assert re.fullmatch(FAMILY.query(OBSERVATION, "go").pattern, said) is None


def test_the_pattern_admits_what_rendering_writes_and_the_papers_own_form(shared):
    pattern = re.compile(FAMILY.query(OBSERVATION, "go").pattern)
    trace = VisualTrace([(0.1, 0.2), (1.0, 0.0)], [0.001, 99.0], reasoning=(ReasoningStep("Scale", "Scene", "2.3"),))
    assert pattern.fullmatch(FAMILY.render(trace))
    paper = "<think>Step1: [Scale] [Scene]: 2.3</think> <answer> (176,788,0.945), (2,5,1.005) </answer>"
    assert pattern.fullmatch(paper)
    rows = (shared / "tracespatial-standin" / "robotracer_3d.jsonl").read_text(encoding="utf-8").splitlines()
    assert all(pattern.fullmatch(json.loads(row)["model_prediction"]) for row in rows)


def test_a_question_may_be_answered_freely():
    assert FAMILY.ask(OBSERVATION, "How tall is the cup?").pattern == ""
