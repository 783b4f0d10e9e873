"""Each criterion of the judge refuses an answer that is wrong in that way alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.sim.catalogue import Split
from robotracer_ros.sim.scene import Scene, SceneObject
from robotracer_ros.sim.tasks import Task, judge, make_tasks, points_in_table
from robotracer_ros.sim.tasks.crowd import Crowd
from robotracer_ros.sim.tasks.route import is_free, sampled

Seen = tuple[Scene, Any]


def first(seen: dict[Split, list[Seen]], family: str) -> tuple[Task, Scene, Any]:
    for scene, view in seen[Split.TRAIN]:
        tasks = make_tasks(scene, view, np.random.default_rng(0), 1, [family])
        if tasks:
            return tasks[0], scene, view
    raise LookupError(family)


def truth_m(task: Task, scene: Scene) -> FloatArray:
    assert task.trace is not None and task.trace.depth_m is not None
    return points_in_table(scene, task.trace.uv, task.trace.depth_m)


@pytest.mark.parametrize("family", ["pick_in", "pick_on", "pick_beside", "pick_between", "pick_offset", "push"])
def test_a_start_away_from_the_object_is_wrong(seen: dict[Split, list[Seen]], family: str) -> None:
    task, scene, view = first(seen, family)
    points_m = truth_m(task, scene)
    points_m[0] += (0, 0, 0.15)
    verdict = judge(task, scene, view, points_m)
    assert verdict.start_ok is False and verdict.end_ok and not verdict.overall


@pytest.mark.parametrize(
    "family", ["pick_in", "pick_on", "pick_beside", "pick_between", "pick_offset", "push", "hover"]
)
def test_only_the_last_point_counts_as_the_end(seen: dict[Split, list[Seen]], family: str) -> None:
    task, scene, view = first(seen, family)
    points_m = truth_m(task, scene)
    beyond = np.concatenate([points_m, np.add(points_m[-1:], (0, 0, 0.2))])
    assert judge(task, scene, view, points_m).end_ok
    verdict = judge(task, scene, view, beyond)
    assert verdict.end_ok is False and verdict.start_ok and not verdict.overall


def test_an_offset_off_by_five_centimetres_is_wrong(seen: dict[Split, list[Seen]]) -> None:
    task, scene, view = first(seen, "pick_offset")
    points_m = truth_m(task, scene)
    for off_m, right in ((0.02, True), (0.05, False)):
        moved = points_m + np.where(np.arange(len(points_m))[:, None] == len(points_m) - 1, (off_m, 0, 0), 0)
        assert judge(task, scene, view, moved).end_ok is right


def test_a_way_through_another_object_collides(seen: dict[Split, list[Seen]]) -> None:
    task, scene, view = first(seen, "pick_beside")
    points_m = truth_m(task, scene)
    for thing in task.obstacles:
        low = float(thing.size_m[2]) * (0.5 if thing.shape in ("block", "ball", "cylinder") else 0.03)
        through = np.insert(points_m, 2, [*thing.centre_m[:2], low], axis=0)
        verdict = judge(task, scene, view, through)
        assert verdict.collision_free is False and verdict.start_ok and verdict.end_ok, thing.name


def test_a_way_below_the_table_collides(seen: dict[Split, list[Seen]]) -> None:
    task, scene, view = first(seen, "pick_beside")
    points_m = truth_m(task, scene)
    below = np.insert(points_m, 3, points_m[2] * (1, 1, 0) - (0, 0, 0.03), axis=0)
    assert judge(task, scene, view, below).collision_free is False


def test_hovering_in_the_wrong_order_or_leaving_one_out_is_wrong(seen: dict[Split, list[Seen]]) -> None:
    task, scene, view = first(seen, "hover")
    points_m, visits = truth_m(task, scene), [np.asarray(goal.centre_m) for goal in task.visits]
    head = points_m[:2]
    assert judge(task, scene, view, np.array([*head, *visits])).order_ok
    assert judge(task, scene, view, np.array([*head, visits[-1]])).order_ok is False
    assert judge(task, scene, view, np.array([*head, *visits[::-1]])).order_ok is False


@pytest.mark.parametrize("family", ["point_object", "point_free"])
def test_a_point_beside_the_mask_is_wrong(seen: dict[Split, list[Seen]], family: str) -> None:
    task, scene, view = first(seen, family)
    assert task.mask is not None and task.trace is not None
    rows, columns = np.nonzero(~task.mask)
    height, width = task.mask.shape
    outside = np.array([[columns[0] / width, rows[0] / height]])
    assert judge(task, scene, view, outside).pointing_ok is False
    assert judge(task, scene, view, np.concatenate([task.trace.uv, outside])).pointing_ok is False
    assert judge(task, scene, view, np.zeros((0, 2))).pointing_ok is False
    assert judge(task, scene, view, np.array([[np.nan, 0.5]])).pointing_ok is False


@pytest.mark.parametrize("family", ["measure_distance", "measure_height", "measure_gap"])
def test_a_length_is_right_within_a_tenth(seen: dict[Split, list[Seen]], family: str) -> None:
    task, scene, view = first(seen, family)
    verdicts = [judge(task, scene, view, task.length_m * share).measure_ok for share in (0.88, 0.92, 1.08, 1.12)]
    assert verdicts == [False, True, True, False]
    assert judge(task, scene, view, np.nan).measure_ok is False


def test_no_point_and_no_number_are_wrong_answers(seen: dict[Split, list[Seen]]) -> None:
    task, scene, view = first(seen, "pick_in")
    for answer in (np.zeros((0, 3)), np.full((5, 3), np.nan)):
        verdict = judge(task, scene, view, answer)
        assert verdict.start_ok is verdict.end_ok is verdict.collision_free is verdict.overall is False


def test_answers_of_another_shape_or_view_are_refused(seen: dict[Split, list[Seen]]) -> None:
    task, scene, view = first(seen, "pick_in")
    with pytest.raises(InvalidRequest, match="points_m"):
        judge(task, scene, view, np.zeros((3, 2)))
    pointing, _, _ = first(seen, "point_object")
    whole, other = seen[Split.TEST][-1]
    with pytest.raises(InvalidRequest, match="another view"):
        judge(pointing, whole, other, np.array([[0.5, 0.5]]))


def test_near_the_ends_nothing_counts_as_a_collision() -> None:
    block = SceneObject("block", "red", np.full(3, 0.05), np.array([0.0, 0.0, 0.025]), 0.0, 1)
    near = SceneObject("block", "blue", np.full(3, 0.05), np.array([0.066, 0.0, 0.025]), 0.0, 2)
    way = np.array([[0.0, 0.0, 0.025], [0.045, 0.0, 0.025], [0.045, 0.0, 0.2]])
    assert is_free(way, [block], Crowd.of([near]))
    assert not is_free(way, [], Crowd.of([near]))


def test_samples_are_no_farther_apart_than_asked_and_keep_the_points() -> None:
    points_m = np.array([[0, 0, 0], [0.1, 0, 0], [0.1, 0.0, 0.0], [0.1, 0.033, 0.2]], dtype=float)
    path = sampled(points_m, 0.005)
    assert np.linalg.norm(np.diff(path, axis=0), axis=1).max() <= 0.005 + 1e-12
    for point in points_m:
        assert np.abs(path - point).sum(axis=1).min() < 1e-12
    np.testing.assert_array_equal(sampled(points_m[:1]), points_m[:1])
