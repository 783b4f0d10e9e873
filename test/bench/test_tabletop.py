"""The tabletop benchmark: truth scores in every mode, nonsense never, and every task counts."""

from __future__ import annotations

import json

import numpy as np
import pytest
from bench.speakers import FAMILIES, Failing, Speaker

from robotracer_ros.errors import BackendTimeout, BackendUnavailable, InvalidRequest

pytest.importorskip("robotracer_ros.sim.stage")

from robotracer_ros.bench.asking import Asker
from robotracer_ros.bench.examples import Examples
from robotracer_ros.bench.input_modes import MODES, RICHEST
from robotracer_ros.bench.tabletop import PICK_AND_PLACE, UNIQUE, Report, run_mode, subsets_of
from robotracer_ros.bench.tally import Tally
from robotracer_ros.families.robotracer import RoboTracer
from robotracer_ros.sim.catalogue import HELD_OUT_PAIRS, Split


@pytest.mark.parametrize("mode", MODES)
def test_the_truth_is_right_in_every_mode(asked, truth, mode):
    tally = Tally.of(asked(truth, mode))
    assert tally.overall.value == 1.0
    assert set(tally.criteria) == {"start", "end", "no collision", "order", "in mask", "within 10 %"}
    assert tally.errors == {} and tally.median_s == 0.25


def test_the_truth_is_right_by_its_own_depth_too(asked, truth):
    assert Tally.of(asked(truth, RICHEST, "model")).overall.value == 1.0


CONSTANT = "[(500, 500, 0.7), (520, 400, 0.6), (10, 990, 0.7)]"


@pytest.mark.parametrize("words", [CONSTANT, "[(3, 3)]", "12 m"])
def test_the_same_answer_to_everything_is_wrong(asked, words):
    assert Tally.of(asked(Speaker(lambda name: words), RICHEST)).overall.value <= 1 / len(FAMILIES)


@pytest.mark.parametrize(
    ("words", "codes"),
    [("", {"NO_TRACE": 5, "UNREADABLE_ANSWER": 1}), ("[(2000, 5, 1)]", {"POINT_OUTSIDE_IMAGE": 5})],
)
def test_words_that_cannot_be_used_count_as_wrong_with_their_code(asked, words, codes):
    tally = Tally.of(asked(Speaker(lambda name: words), RICHEST))
    assert tally.overall.value == 0 and tally.overall.asked == len(FAMILIES)
    assert codes.items() <= tally.errors.items()
    # Each criterion keeps its denominator.
    assert tally.criteria["start"].asked == 4 and tally.criteria["order"].asked == 1
    assert not any(share.right for share in tally.criteria.values())


def test_a_model_that_is_too_slow_is_wrong(asked):
    tally = Tally.of(asked(Failing(BackendTimeout), RICHEST))
    assert (tally.overall.right, tally.overall.asked) == (0, len(FAMILIES))
    assert tally.errors == {"BACKEND_TIMEOUT": len(FAMILIES)} and np.isnan(tally.median_s)


def test_a_model_that_is_not_there_gets_no_score(asked):
    with pytest.raises(BackendUnavailable):
        asked(Failing(BackendUnavailable), RICHEST)


@pytest.mark.parametrize("mode", MODES)
def test_depth_is_handed_on_in_the_mode_that_has_it_alone(asked, truth, mode):
    asked(truth, mode)
    assert {query.depth_m is not None for query in truth.queries} == {mode == RICHEST}


def test_without_depth_a_wrong_depth_of_the_model_is_not_mended(examples, asked):
    """A start 8 cm in front of the thing is put onto it by the sensor alone."""
    example = examples[FAMILIES.index("pick_in")]
    uvd = np.column_stack([np.rint(example.task.trace.uv * 1000), example.task.trace.depth_m - 0.08])
    words = "[" + ", ".join(f"({u:.0f}, {v:.0f}, {d:.3f})" for u, v, d in uvd) + "]"
    started = {}
    for mode, lift in (("rgb", "fused"), (RICHEST, "fused"), (RICHEST, "model")):
        asker = Asker(RoboTracer(), Speaker(lambda name: words), mode, lift)
        started[mode, lift] = asker.ask(example).verdict.start_ok
    assert started == {("rgb", "fused"): False, (RICHEST, "fused"): True, (RICHEST, "model"): False}


def test_recordings_tell_scenes_with_the_same_words_apart(asked, truth, examples):
    asked(truth, "rgb")
    assert [query.sample_id for query in truth.queries] == [f"{example.name}/rgb" for example in examples]
    assert len({query.instruction for query in truth.queries}) == len(examples)
    assert all(example.task.sentence in query.text for example, query in zip(examples, truth.queries, strict=True))


def test_examples_are_the_same_each_time_and_take_the_families_in_turn(room, examples):
    assert [example.task.family for example in examples] == list(FAMILIES)
    again = room.example(3)
    assert again.task.sentence == examples[3].task.sentence and again.scene.seed == examples[3].scene.seed
    assert np.array_equal(again.view.rgb, examples[3].view.rgb)
    assert np.array_equal(again.sensor_depth_m, examples[3].sensor_depth_m, equal_nan=True)
    with Examples(Split.TEST, 1, (480, 360), FAMILIES) as others:
        assert others.example(3).scene.seed not in {example.scene.seed for example in examples}


def test_the_sensor_has_faults_that_the_view_has_not(examples):
    for example in examples:
        off = np.abs(example.sensor_depth_m - example.view.depth_m)
        assert 0.005 < np.isnan(off).mean() < 0.2 and 0 < np.nanmedian(off) < 0.01
        assert example.observed(with_depth=False).depth_m is None


def test_subsets_follow_what_the_sentence_names(examples):
    for example in examples:
        subsets = subsets_of(example)
        assert {name.partition(" ")[2] for name in subsets} >= {"pairs", "wording", "cameras"}
        named = {f"{colour} {shape}" for colour, shape in example.named_pairs}
        # Whoever is named by colour and shape in the sentence is among them.
        sentence = example.task.sentence.lower()
        spoken = {thing.name for thing in example.scene.objects if f"the {thing.name}" in sentence}
        assert spoken <= named
        held_out = any(tuple(name.split()) in HELD_OUT_PAIRS for name in named)
        assert ("held-out pairs" in subsets) == held_out
        assert "held-out wording" in subsets
        assert (UNIQUE in subsets) == (example.task.unique and example.task.family in PICK_AND_PLACE)


def test_half_of_the_cameras_are_new(room):
    """By the split's own rule; the share of 60 is within five standard errors."""
    from dataclasses import replace

    from robotracer_ros.sim.scene import Scene

    any_example = room.example(0)
    new = [replace(any_example, scene=Scene.sample(Split.TEST, seed)).camera_held_out for seed in range(60)]
    assert 0.2 < np.mean(new) < 0.8
    known = [replace(any_example, scene=Scene.sample(Split.TRAIN, seed)).camera_held_out for seed in range(60)]
    assert not any(known)


def test_the_report_holds_what_it_promises(asked, truth):
    report = Report({"rgb": asked(Speaker(lambda name: ""), "rgb"), RICHEST: asked(truth, RICHEST)})
    said = json.loads(json.dumps(report.described(), allow_nan=False))
    assert said["overall"] == 1.0 and said["mode"] == RICHEST and said["n"] == len(FAMILIES)
    assert said["by_mode"]["rgb"]["overall"] == 0.0
    assert said["by_mode"]["rgb"]["errors"] == {"NO_TRACE": 5, "UNREADABLE_ANSWER": 1}
    assert list(said["by_family"]) == list(FAMILIES)
    assert all(0 <= family["overall"] <= 1 for family in said["by_family"].values())
    words = report.in_words()
    assert "pick_in" in words and "5 NO_TRACE" in words and "0.25 (median)" in words and "of 6" in words


def test_what_cannot_be_run_is_refused(room, truth):
    with pytest.raises(InvalidRequest, match="rgb, "):
        Asker(RoboTracer(), truth, "depth")
    with pytest.raises(InvalidRequest, match="fused, model"):
        Asker(RoboTracer(), truth, "rgb", "sensor")
    with pytest.raises(InvalidRequest, match="pick_in"):
        Examples(Split.TEST, families=["juggle"])
    with pytest.raises(InvalidRequest, match="at least 0"):
        Examples(Split.TEST, -1)
    with pytest.raises(InvalidRequest, match="received a number of 0"):
        room.first(0)
    with pytest.raises(InvalidRequest, match="at least one mode"):
        Report({})


def test_those_who_watch_see_every_reply(examples, truth):
    seen = []
    run_mode(examples, Asker(RoboTracer(), truth, "rgb"), lambda example, reply: seen.append((example.number, reply)))
    assert [number for number, _ in seen] == list(range(len(examples)))
    assert all(reply.answer.model == "speaker" for _, reply in seen)
