"""Laws of rewards: the truth earns the most, nearer earns more, order does not matter, what cannot be read earns 0."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("robotracer_ros.sim.stage")

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.families.family import Mode
from robotracer_ros.families.robotracer import RoboTracer
from robotracer_ros.geometry.trace import VisualTrace
from robotracer_ros.sim.tasks import FAMILIES, make_tasks
from robotracer_ros.training.questions import question_of
from robotracer_ros.training.rewards import Asked, RewardRules, process_reward, rewards, warped_distance

SHARP, PAPER = RewardRules(), RewardRules(sharpness_m=0.0)
MOST = {"process": 2.0}


@pytest.fixture(scope="module")
def asked(shard):
    """One task of every family that four scenes hold, traces in both ways."""
    found = {}
    for index in range(len(shard)):
        scene, view = shard.scene(index), shard.view(index)
        for task in make_tasks(scene, view, np.random.default_rng(index), 30):
            for mode in (Mode.TRACE_3D, Mode.TRACE_2D):
                found.setdefault((task.family, mode), Asked(task, scene, view, mode))
    assert len({family for family, _ in found}) > len(FAMILIES) - 3
    return found


@pytest.fixture(scope="module")
def carrying(asked):
    return asked["pick_beside", Mode.TRACE_3D]


def answer_of(asked):
    return question_of(asked.task, asked.mode).answer


def said(trace, **changed):
    given = {"uv": trace.uv, "depth_m": trace.depth_m, "reasoning": trace.reasoning}
    return RoboTracer().render(VisualTrace(**given | changed))


@pytest.mark.parametrize("rules", [SHARP, PAPER])
def test_the_truth_earns_the_most_in_every_part(asked, rules):
    for (family, mode), one in asked.items():
        parts = rewards(one, answer_of(one), rules)
        assert set(parts) == set(one.parts)
        # Written in thousandths of the picture and in millimetres.
        least = 0.9 if rules is SHARP else 0.99
        for name, value in parts.items():
            most = MOST.get(name, 1.0)
            assert least * most <= value <= most + 1e-12, (family, mode, name)


def test_the_total_weighs_the_parts():
    parts = {"format": 1.0, "ends": 0.5, "process": 2.0, "judged": 1.0}
    assert RewardRules().total(parts) == 2.0
    assert RewardRules(process_weight=1.0, judged_weight=0.5).total(parts) == 4.0


@pytest.mark.parametrize("rules", [SHARP, PAPER])
@pytest.mark.parametrize("mode", [Mode.TRACE_3D, Mode.TRACE_2D])
def test_a_trace_earns_less_the_farther_it_is_off(asked, rules, mode):
    one = asked["pick_beside", mode]
    trace = one.task.trace
    middle = np.array([0.5, 0.5])
    earned = []
    for share in (0.0, 0.05, 0.1, 0.2, 0.4):
        moved = {"uv": trace.uv + share * (middle - trace.uv)}
        if mode is Mode.TRACE_2D:
            moved |= {"depth_m": None, "reasoning": ()}
        earned.append(rewards(one, said(trace, **moved), rules))
    for name in ("ends", "trace"):
        values = [parts[name] for parts in earned]
        assert values == sorted(values, reverse=True)
        assert values[-1] < values[0] - 0.01


@pytest.mark.parametrize("rules", [SHARP, PAPER])
def test_depth_counts(carrying, rules):
    trace = carrying.task.trace
    earned = [rewards(carrying, said(trace, depth_m=trace.depth_m + off), rules) for off in (0.0, 0.02, 0.1)]
    for name in ("ends", "trace"):
        assert earned[0][name] > earned[1][name] > earned[2][name]


def test_the_sharp_law_falls_to_one_over_e_at_its_distance(carrying):
    trace = carrying.task.trace
    scene = carrying.scene
    pixels = trace.uv * (scene.intrinsics.width, scene.intrinsics.height)
    points_m = scene.intrinsics.deproject(pixels, trace.depth_m)
    stretch = 1 + 0.03 / np.linalg.norm(points_m, axis=1)
    parts = rewards(carrying, said(trace, depth_m=trace.depth_m * stretch), SHARP)
    assert parts["ends"] == pytest.approx(np.exp(-1), abs=0.03)


def test_the_simulators_verdict_is_a_part(carrying):
    trace = carrying.task.trace
    assert rewards(carrying, said(trace), SHARP)["judged"] == 1.0
    assert rewards(carrying, said(trace, uv=trace.uv[::-1], depth_m=trace.depth_m[::-1]), SHARP)["judged"] == 0.0


@pytest.mark.parametrize(
    "text",
    ["", "no", "[(2000, 5, 0.7), (5, 5, 0.7)]", "[(1, 2, 3, 4), (1, 2, 3, 4)]", "<think> Step1: [Referring]",
     "[(500, 500), (400, 400)]", "[(500, 500, 0.000), (400, 400, 0.7)]", "[(500, 500, 0.700), (400, 4"],
)  # fmt: skip
def test_what_cannot_be_read_or_lacks_depth_earns_nothing(carrying, text):
    assert set(rewards(carrying, text, SHARP).values()) == {0.0}


def test_what_was_cut_off_earns_nothing(asked):
    for one in asked.values():
        assert set(rewards(one, answer_of(one), SHARP, truncated=True).values()) == {0.0}


def test_a_trace_without_reasoning_loses_its_form_and_its_steps_alone(carrying):
    parts = rewards(carrying, said(carrying.task.trace, reasoning=()), SHARP)
    assert (parts["format"], parts["process"]) == (0.0, 0.0)
    assert min(parts["ends"], parts["trace"]) > 0.9


def test_the_order_of_steps_does_not_matter(asked):
    for one in asked.values():
        steps = one.task.reasoning
        assert process_reward(one, steps[::-1], SHARP) == pytest.approx(process_reward(one, steps, SHARP))


def test_steps_count_by_kind_and_subject(carrying):
    steps = carrying.task.reasoning
    assert process_reward(carrying, [replace(step, subject="moon") for step in steps], SHARP) == 0.0
    assert process_reward(carrying, [replace(step, kind="Guessing") for step in steps], SHARP) == 0.0
    assert process_reward(carrying, [replace(step, subject=step.subject.upper()) for step in steps], SHARP) == 2.0
    assert process_reward(carrying, steps[:-1], SHARP) == pytest.approx(2.0 * (len(steps) - 1) / len(steps))


def test_steps_said_again_do_not_pay(carrying):
    steps = carrying.task.reasoning
    assert process_reward(carrying, [*steps, *steps], SHARP) == pytest.approx(1.0)


def test_the_papers_tolerances_of_steps(carrying):
    steps = list(carrying.task.reasoning)
    first = next(index for index, step in enumerate(steps) if len(step.uvd))
    scale = next(index for index, step in enumerate(steps) if step.kind == "Scale")

    def earned(index, **changed):
        others = [*steps[:index], replace(steps[index], **changed), *steps[index + 1 :]]
        return len(steps) * process_reward(carrying, others, PAPER) - 2 * (len(steps) - 1)

    uvd = steps[first].uvd
    assert earned(first, uvd=uvd * (1, 1, 1.29)) == pytest.approx(2.0)
    assert earned(first, uvd=uvd * (1, 1, 1.31)) == pytest.approx(1.5)
    assert earned(first, uvd=np.add(uvd, (0.11, 0.11, 0))) == pytest.approx(1.5)
    assert earned(first, uvd=np.zeros((0, 3))) == pytest.approx(0.0)
    assert earned(scale, value_m=steps[scale].value_m * 1.29) == pytest.approx(2.0)
    assert earned(scale, value_m=steps[scale].value_m * 0.69) == pytest.approx(1.0)
    assert earned(scale, value_m=float("nan")) == pytest.approx(0.0)


def test_lengths(asked):
    one = asked["measure_height", Mode.TRACE_3D]
    right = one.task.length_m
    near, far = (rewards(one, f"{right * factor:.4f} m", SHARP)["length"] for factor in (1.05, 1.4))
    assert 1 > near > far > 0
    assert [rewards(one, f"{right * factor:.4f} m", PAPER)["length"] for factor in (1.29, 1.31)] == [1.0, 0.0]
    assert rewards(one, "tall", SHARP) == {"format": 0.0, "length": 0.0}


def test_pointing_anywhere_inside_is_right(asked):
    one = asked["point_free", Mode.TRACE_3D]
    rows, columns = np.nonzero(one.task.mask)
    height, width = one.task.mask.shape
    inside = f"[({1000 * (columns[0] + 0.5) / width:.0f}, {1000 * (rows[0] + 0.5) / height:.0f})]"
    assert rewards(one, inside, SHARP)["pointing"] == 1.0
    out_u = 0 if one.task.trace.uv[0, 0] > 0.5 else 1000
    assert rewards(one, f"[({out_u}, 0)]", SHARP)["pointing"] < 0.1


def test_warping_forgives_pace_and_not_place():
    line = np.linspace(0, 1, 5)
    paces = np.array([0, 0, 0.25, 0.5, 0.5, 0.75, 1.0])
    assert warped_distance(np.abs(line[:, None] - paces[None])) == 0.0
    assert warped_distance(np.abs(line[:, None] + 0.3 - line[None])) > 0.1
    costs = np.random.default_rng(0).random((4, 6))
    assert warped_distance(costs) == warped_distance(costs.T) == warped_distance(costs[::-1, ::-1])


@pytest.mark.parametrize("wrong", [{"sharpness_m": -1.0}, {"process_weight": float("nan")}])
def test_rules_that_cannot_be_used_are_refused(wrong):
    with pytest.raises(InvalidRequest, match=next(iter(wrong))):
        RewardRules(**wrong)
