"""Tasks are deterministic, true by their own judge, in the split's own words, and written and read back unchanged."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.families.lengths import last_length_m
from robotracer_ros.families.robotracer import RoboTracer
from robotracer_ros.geometry.lifting import CONTACTS
from robotracer_ros.query import ModelAnswer
from robotracer_ros.sim.catalogue import Split
from robotracer_ros.sim.scene import Scene
from robotracer_ros.sim.tasks import FAMILIES, MEASURE, POINTS, TRACE, Task, judge, make_tasks, points_in_table
from robotracer_ros.sim.tasks.reasoning import MAX_STEPS
from robotracer_ros.sim.tasks.words import Templates

Seen = tuple[Scene, Any]
PER_FAMILY = 4


@pytest.fixture(scope="module")
def drawn(seen: dict[Split, list[Seen]]) -> list[tuple[Task, Scene, Any]]:
    return [
        (task, scene, view)
        for scenes in seen.values()
        for scene, view in scenes
        for family in FAMILIES
        for task in make_tasks(scene, view, np.random.default_rng(scene.seed), PER_FAMILY, [family])
    ]


def words_of(task: Task) -> set[str]:
    return set(re.findall(r"[a-z]+|[0-9]+", task.sentence.lower()))


def test_every_family_is_drawn_often(drawn: list[tuple[Task, Scene, Any]]) -> None:
    counts = Counter(task.family for task, _, _ in drawn)
    assert set(counts) == set(FAMILIES)
    assert min(counts.values()) > 30, counts


def test_the_same_seed_gives_the_same_tasks(seen: dict[Split, list[Seen]]) -> None:
    scene, view = seen[Split.TRAIN][0]
    one, two, other = (make_tasks(scene, view, np.random.default_rng(seed), 12) for seed in (5, 5, 6))
    assert [task.sentence for task in one] == [task.sentence for task in two]
    for first, second in zip(one, two, strict=True):
        if first.trace is not None and second.trace is not None:
            np.testing.assert_array_equal(first.trace.uv, second.trace.uv)
    assert [task.sentence for task in one] != [task.sentence for task in other]


def test_instructions_do_not_repeat_and_no_more_come_than_were_asked_for(seen: dict[Split, list[Seen]]) -> None:
    for scene, view in seen[Split.TRAIN]:
        tasks = make_tasks(scene, view, np.random.default_rng(1), 15)
        assert len({task.sentence for task in tasks}) == len(tasks) <= 15


def test_the_truth_passes_its_own_judge(drawn: list[tuple[Task, Scene, Any]]) -> None:
    for task, scene, view in drawn:
        if task.kind == MEASURE:
            answer: Any = last_length_m(task.answer)
        elif task.trace is None:
            pytest.fail(f"{task.sentence!r} has no trace")
        elif task.kind == POINTS:
            answer = task.trace.uv
        else:
            answer = points_in_table(scene, task.trace.uv, task.trace.depth_m)
        verdict = judge(task, scene, view, answer)
        assert verdict.overall, (task.sentence, verdict)


def test_a_trace_has_five_to_eight_points_with_depth_inside_the_picture(drawn: list[tuple[Task, Scene, Any]]) -> None:
    for task, _, _ in drawn:
        if task.kind == TRACE:
            assert task.trace is not None and task.trace.depth_m is not None
            assert 5 <= len(task.trace) <= 8, task.sentence
            assert ((task.trace.uv > 0) & (task.trace.uv < 1)).all()
            assert task.contacts in CONTACTS
            assert (task.contacts == "start") == (task.family == "hover")


def test_contacts_lie_on_what_the_camera_sees(drawn: list[tuple[Task, Scene, Any]]) -> None:
    for task, _, view in drawn:
        if task.kind != TRACE or task.trace is None or task.trace.depth_m is None:
            continue
        height, width = view.labels.shape
        columns, rows = (task.trace.uv * (width, height)).astype(int).T
        assert view.labels[rows[0], columns[0]] == task.subject, task.sentence
        assert abs(view.depth_m[rows[0], columns[0]] - task.trace.depth_m[0]) < 0.02
        if task.contacts == "ends":
            assert view.labels[rows[-1], columns[-1]] == (task.support or 255), task.sentence
            assert abs(view.depth_m[rows[-1], columns[-1]] - task.trace.depth_m[-1]) < 0.03


def test_carried_things_pass_over_what_lies_between(drawn: list[tuple[Task, Scene, Any]]) -> None:
    for task, scene, _ in drawn:
        if task.family.startswith("pick") and task.trace is not None and task.trace.depth_m is not None:
            points_m = points_in_table(scene, task.trace.uv, task.trace.depth_m)
            assert (points_m[1:-1, 2] > max(points_m[0, 2], points_m[-1, 2]) + 0.045).all(), task.sentence


def test_what_is_written_is_read_back(drawn: list[tuple[Task, Scene, Any]]) -> None:
    family = RoboTracer()
    for task, _, _ in drawn:
        assert len(task.reasoning) <= MAX_STEPS
        if task.trace is None:
            continue
        read = family.read(ModelAnswer(family.render(task.trace), "truth", 0.0))
        np.testing.assert_array_equal(read.uv, task.trace.uv)
        if task.trace.depth_m is None:
            assert read.depth_m is None
        else:
            np.testing.assert_array_equal(read.depth_m, task.trace.depth_m)
        assert len(read.reasoning) == len(task.reasoning)
        for step, truth in zip(read.reasoning, task.reasoning, strict=True):
            assert (step.kind, step.subject, step.text) == (truth.kind, truth.subject, truth.text)
            np.testing.assert_array_equal(step.uvd, truth.uvd)
            np.testing.assert_array_equal(step.value_m, truth.value_m)


def test_lengths_are_reasoned_in_metres_on_the_table(drawn: list[tuple[Task, Scene, Any]]) -> None:
    """What a model is taught to compute adds up: places from the camera, how far they are apart, and the answer."""
    seen = set()
    for task, _, _ in drawn:
        places = places_from_camera(task)
        steps = {step.subject: step.value_m for step in task.reasoning if step.kind == "Measuring"}
        if task.family in ("measure_distance", "measure_gap"):
            apart = np.abs(places[1] - places[0])
            assert apart == pytest.approx([steps["distance right"], steps["distance away"]], abs=0.0021)
            along = steps["distance"] if task.family == "measure_gap" else task.length_m
            assert along == pytest.approx(np.hypot(*apart), abs=0.003)
            seen.add(task.family)
        elif task.family == "pick_offset" or (task.family == "push" and places):
            (length_m,) = (
                value for name, value in steps.items()
                if name.startswith("distance ") and name != "distance from camera"
            )  # fmt: skip
            moved = places[1] - places[0]
            assert np.abs(moved).max() == pytest.approx(length_m, abs=0.0021), task.sentence
            assert np.abs(moved).min() == pytest.approx(0, abs=0.0021), task.sentence
            seen.add(task.family)
    assert seen == {"measure_distance", "measure_gap", "pick_offset", "push"}


def places_from_camera(task: Task) -> list[Any]:
    """(2,) metres to the right and away, of each pair of steps that tells a place."""
    places = []
    for one, other in pairwise(task.reasoning):
        if one.subject.endswith("of camera"):
            assert other.subject == "distance from camera"
            places.append(np.array([one.value_m * (1 if one.subject.startswith("right") else -1), other.value_m]))
    return places


def test_templates_of_the_test_are_its_own_and_use_known_words() -> None:
    from robotracer_ros.sim.tasks import words

    families = [value for value in vars(words).values() if isinstance(value, Templates)]
    assert len(families) >= len(FAMILIES)
    known = {word for family in families for template in family.training for word in re.findall("[a-z]+", template)}
    for family in families:
        assert len(family.test) >= 2
        assert not set(family.test) & set(family.training)
        assert {word for template in family.test for word in re.findall("[a-z]+", template)} <= known


def test_only_the_test_uses_its_templates(drawn: list[tuple[Task, Scene, Any]]) -> None:
    for task, scene, _ in drawn:
        assert task.template_held_out == (scene.split is Split.TEST)


def test_the_vocabulary_is_small_and_closed(
    seen: dict[Split, list[Seen]], drawn: list[tuple[Task, Scene, Any]]
) -> None:
    training = {word for task, scene, _ in drawn if scene.split is not Split.TEST for word in words_of(task)}
    for scene, view in seen[Split.TRAIN]:
        for task in make_tasks(scene, view, np.random.default_rng(99), 60):
            training |= words_of(task)
    test = {word for task, scene, _ in drawn if scene.split is Split.TEST for word in words_of(task)}
    # Numbers and the names of colours, shapes and rows are known by their lists; a scene or two may lack one.
    assert {word for word in test - training if not word.isdigit()} <= {"smallest", "tallest", "third"}
    assert len(training) < 300


def test_a_view_of_another_size_gives_the_same_truth(seen: dict[Split, list[Seen]]) -> None:
    families = ["point_object", "pick_in", "pick_on", "pick_beside"]
    (_, at_size), (scene, whole_view) = seen[Split.TRAIN][3], seen[Split.TRAIN][-1]
    small, whole = (make_tasks(scene, view, np.random.default_rng(2), 20, families) for view in (at_size, whole_view))
    by_sentence = {task.sentence: task for task in whole}
    common = [(task, by_sentence[task.sentence]) for task in small if task.sentence in by_sentence]
    assert len(common) > 5
    for one, two in common:
        assert one.trace is not None and two.trace is not None
        np.testing.assert_allclose(one.trace.uv[0], two.trace.uv[0], atol=0.02)


def test_unique_means_colour_and_shape_alone(drawn: list[tuple[Task, Scene, Any]]) -> None:
    told_otherwise = re.compile("leftmost|rightmost|second|third|largest|smallest|tallest|nearest|farthest|next to the")
    for task, _, _ in drawn:
        if task.family in ("pick_in", "pick_on", "point_object", "measure_height"):
            assert task.unique == (told_otherwise.search(task.sentence) is None), task.sentence
    assert 0.3 < np.mean([task.unique for task, _, _ in drawn]) < 0.95


def test_unknown_families_are_refused(seen: dict[Split, list[Seen]]) -> None:
    scene, view = seen[Split.TRAIN][0]
    with pytest.raises(InvalidRequest, match=r"pick_in.*received"):
        make_tasks(scene, view, np.random.default_rng(0), 1, ["juggle"])
    with pytest.raises(InvalidRequest, match="at least 0"):
        make_tasks(scene, view, np.random.default_rng(0), -1)
