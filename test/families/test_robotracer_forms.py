"""Every form of RoboTracer's answers that is read, and every one that is refused."""

from __future__ import annotations

import math
import time

import pytest

from robotracer_ros.errors import AnswerError, NonPositiveDepth, NoTrace, PointOutsideImage, UnreadableAnswer
from robotracer_ros.families import open_family
from robotracer_ros.geometry.trace import VisualTrace
from robotracer_ros.query import ModelAnswer

FAMILY = open_family("robotracer")


def read(text: str, **answer) -> VisualTrace:
    return FAMILY.read(ModelAnswer(text, "test", 0.0, **answer))


def uvd(trace: VisualTrace) -> list[tuple[float, ...]]:
    """The points as the model writes them: thousandths, and metres where there is depth."""
    thousandths = [tuple(pair) for pair in (trace.uv * 1000).tolist()]
    if trace.depth_m is None:
        return [pytest.approx(pair) for pair in thousandths]
    return [pytest.approx((*pair, d), nan_ok=True) for pair, d in zip(thousandths, trace.depth_m.tolist(), strict=True)]


P, Q = (176, 788, 0.945), (278, 518, 1.005)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[(176, 788, 0.945), (278, 518, 1.005)]", [P, Q]),
        ("(176,788,0.945), (278,518,1.005)", [P, Q]),
        ("[[176, 788, 0.945], [278, 518, 1.005]]", [P, Q]),
        ("[[(176, 788, .945), (278, 518, 1.005)]]", [P, Q]),
        ("[ ( 176 , 788 , 0.945 ) , ( 278 ,518,1.005 ) ]", [P, Q]),
        ("[(1.76e2, +788, 945e-3,), (278., 518.0, 1.005),]", [P, Q]),
        ("[(176, 788, 0.945m), (278, 518, 100.5 cm)]", [P, Q]),
        ("[(176, 788, 945 mm), (278, 518, 1.005 Metres)]", [P, Q]),
        ("[(176, 788, 1 ft), (278, 518, 10in)]", [(176, 788, 0.3048), (278, 518, 0.254)]),
        ("[(176; 788; 0.945); (278; 518; 1.005)]", [P, Q]),
        ('[["176", "788", "0.945"], ["278", "518", \'1.005\']]', [P, Q]),
        ('[{"point": [176, 788, 0.945], "label": "0"}, {"point": [278, 518, 1.005]}]', [P, Q]),
        ("(176, 788, 0.945) -> (278, 518, 1.005)", [P, Q]),
        ("1. (176, 788, 0.945)\n2. (278, 518, 1.005)", [P, Q]),
        ("Point 1: (176, 788, 0.945)\nPoint 2: (278, 518, 1.005)", [P, Q]),
        ("The cup at (1, 2) goes to [(176, 788, 0.945), (278, 518, 1.005)].", [P, Q]),
        ("[(1, 2, 3), (4, 5, 6)] No, wait: [(176, 788, 0.945), (278, 518, 1.005)]", [P, Q]),
        ("[(176, 788, 0.945), (278, 518, 1.005)] ends at (278, 518, 1.005).", [P, Q]),
        ("(see [(176, 788, 0.945), (278, 518, 1.005)] in the picture)", [P, Q]),
        ("```json\n[[176, 788, 0.945], [278, 518, 1.005]]\n```", [P, Q]),
        ("<answer>[(1, 2, 3)]</answer><answer>[(176, 788, 0.945), (278, 518, 1.005)]</answer>", [P, Q]),
        ("<think>[(1, 2, 3)]</think> <answer> (176,788,0.945), (278,518,1.005) </answer>", [P, Q]),
        ("so it is [(1, 2, 3)]</think>\n\n[(176,788,0.945),(278,518,1.005)]", [P, Q]),
        ("<THINK>[(1, 2, 3)]</THINK><Answer>(176,788,0.945),(278,518,1.005)</ANSWER>", [P, Q]),
        ("[(320, 531, 1.853)]", [(320, 531, 1.853)]),
        ("[320, 531, 1.853]", [(320, 531, 1.853)]),
        ("[(536, 776), (641, 479)]", [(536, 776), (641, 479)]),
        ("[(0, 0), (1000, 1000)]", [(0, 0), (1000, 1000)]),
    ],
)
def test_forms_of_a_list(text, expected):
    trace = read(text)
    assert uvd(trace) == expected
    assert not trace.truncated


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[(1, 2), (3, 4), (5, 6, 0.7), (8, 9, 1)]", [(5, 6, 0.7), (8, 9, 1)]),
        ("2D: [(1, 2), (3, 4)], 3D: [(5, 6, 0.7), (8, 9, 1)]", [(5, 6, 0.7), (8, 9, 1)]),
        ("3D: [(5, 6, 0.7), (8, 9, 1)], 2D: [(1, 2), (3, 4)]", [(5, 6, 0.7), (8, 9, 1)]),
        ("[(1, 2, 1), (3, 4), (5, 6, 0.7)]", [(1, 2, 1), (3, 4, math.nan), (5, 6, 0.7)]),
        ("[(1, 2, 1), (3, 4)]", [(1, 2, 1), (3, 4, math.nan)]),
    ],
)
def test_points_with_depth_go_before_a_draft_without(text, expected):
    assert uvd(read(text)) == expected


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("[(726, 624, 1.533), (738, 574, 1.4", 1),
        ("[(726, 624, 1.533), (738, 574, 1.499), (", 2),
        ("[(726, 624, 1.533), (738, 574, 1.499),", 2),
        ("[(726, 624, 1.533), (738, 574, 1.499)", 2),
        ("[[(726, 624, 1.533)], [(738", 1),
        ("(726, 624, 1.533), (738, 57", 1),
        ("<think>x</think><answer>(726, 624, 1.533), (738, 574, 1.499)", 2),
        ("```json\n[[726, 624, 1.533], [738, 574", 1),
        ("[(726, 624, 1.533), (738, 574, 1.499) and then it moves on", 2),
    ],
)
def test_lists_cut_short_keep_their_complete_points(text, count):
    trace = read(text)
    assert (len(trace), trace.truncated) == (count, True)
    assert uvd(trace)[0] == (726, 624, 1.533)


def test_a_backend_that_was_cut_off_says_so():
    assert read("[(1, 2)]", truncated=True).truncated
    assert not read("<answer>[(1, 2)]").truncated, "the list is complete though the tag is not closed"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("[]", "names no point"),
        ("[()]", "names no point"),
        ("<think>[(1, 2, 3)]</think>", "is empty"),
        ("<think>[(1, 2, 3)]</think><answer> </answer>", "is empty"),
        ("<think>Step1: [Scale] [Scene]: 2.406 ...", "cut off inside its reasoning"),
        ("<think>Step1: [Position] [cup]: [(1, 2, 3)] <answer>[(1, 2)]", "cut off inside its reasoning"),
        ("I am sorry, I cannot find the cup (item 2) in this picture.", "I am sorry"),
        ("[(726, 62", "cut off before its first point"),
        ("[(x1, y1, d1), (x2, y2, d2), ...]", "names no point"),
        ("\u0661\u0662", "names no point"),
    ],
)
def test_answers_without_a_point(text, said):
    with pytest.raises(NoTrace, match=said):
        read(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[(10, 20, 30, 40)]", r"point 1 of 1, '\(10, 20, 30, 40\)', has 4 numbers"),
        ("[577, 224, 638, 310]", "has 4 numbers"),
        ("[(1, 2, 0.5), (1, 2, 3, 4, 5, 6)]", "point 2 of 2.* has 6 numbers"),
        ("[(1), (2)]", "has 1 numbers"),
        ("[(1, 2, 0.5), banana, (3, 4, 0.6)]", "'banana'"),
        ("[(1, 2, 0.5), ..., (3, 4, 0.6)]", r"'\.'"),
        ("[(1, 2, 0.5), (three, 4, 0.6)]", "'three'"),
        ("[(1 2, 3, 0.5), (4, 5, 0.6)]", "holds '2'"),
        ("[(1,, 2, 0.5), (4, 5, 0.6)]", "holds '2'"),
        ("[(1.2.3, 4, 0.5), (4, 5, 0.6)]", r"holds '\.3'"),
        ("[(10%, 20%), (1, 2)]", "'%'"),
        ("[(100cm, 200, 0.5)]", "unit of length"),
        ("Go from (100, 200, 1.0) past (300, 400, 1.1) to (500, 600, 1.2).", "scatters 3 points"),
        ("[" + "(1, 2, 0.5), " * 257 + "]", "lists 257 points; at most 256"),
        ("[" * 33 + "(1, 2)" + "]" * 33, "nests brackets more than 32 deep"),
    ],
)
def test_shapes_that_are_not_read(text, said):
    with pytest.raises(UnreadableAnswer, match=said):
        read(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[(1004, -3, 1.2), (500, 400, 0.0)]", r"point 1 of 2, '\(1004, -3, 1\.2\)', .* 0 to 1000"),
        ("[(5, 5, 1), (1000.5, 3, 1.2)]", r"point 2 of 2, '\(1000\.5, 3, 1\.2\)'"),
        ("[(nan, 3)]", r"'\(nan, 3\)'"),
        ("[(1, inf)]", r"'\(1, inf\)'"),
        (f"[({'9' * 5000}, 3)]", "point 1 of 1"),
        ("[(1e400, 3)]", "point 1 of 1"),
    ],
)
def test_points_beyond_the_image_are_named_as_written(text, said):
    with pytest.raises(PointOutsideImage, match=said):
        read(text)


@pytest.mark.parametrize("depth", ["0", "0.0", "-1.2", "nan", "inf", "1e400", "1e-400", "-0", "0 cm"])
def test_depth_that_is_not_above_zero_is_named_as_written(depth):
    with pytest.raises(NonPositiveDepth) as caught:
        read(f"[(1, 2, 0.5), (500, 400, {depth})]")
    assert f"point 2 of 2, '(500, 400, {depth})'" in str(caught.value)


def test_a_list_of_the_greatest_length_is_read():
    assert len(read("[" + "(1, 2, 0.5), " * 256 + "]")) == 256


@pytest.mark.parametrize(
    "text",
    [
        "(" * 500_000 + ")" * 500_000,
        "[" * 1_000_000,
        "(1, 2), " * 125_000,
        "[" + "9" * 1_000_000 + ", 1, 1]",
        "9" * 1_000_000,
        "<think>" * 140_000,
        "<think></think>" * 66_000,
        "```" * 330_000,
        "1,000" * 200_000,
        "[a] [b]: " * 110_000 + "</think>[(1, 2)]",
        "[(" * 15 + "1, 2), [x] " * 90_000,
        "a word or two " * 70_000 + "[(1, 2)]",
        "[" + "0.5 m, " * 140_000,
        "1 ft " * 200_000,
        "Step1: " * 140_000 + "</think>[(1, 2)]",
    ],
    ids=lambda text: text[:12],
)
def test_a_megabyte_takes_no_more_than_its_share(text):
    """Side by side in one process: 4 times the text may take 4 times as long, not 16 times."""

    def taken_s(words):
        started = time.process_time()
        FAMILY.read_length_m(ModelAnswer(words, "test", 0.0))
        try:
            read(words)
        except AnswerError as error:
            assert len(str(error)) < 500
        return time.process_time() - started

    quarter = text[: len(text) // 4]
    # A shared machine takes seconds away now and then; a law it does not bend three times running.
    assert any(taken_s(text) < 9 * taken_s(quarter) + 0.1 for _ in range(3))
