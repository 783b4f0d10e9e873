"""The simulator's judgement of what was done."""

from __future__ import annotations

import numpy as np
import pytest
from transforms3d.axangles import axangle2mat

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.sim.bodies import body_name
from robotracer_ros.sim.catalogue import Split
from robotracer_ros.sim.motion_log import Motion
from robotracer_ros.sim.outcome import Rest, judge_outcome
from robotracer_ros.sim.scene import Scene, SceneObject
from robotracer_ros.sim.tasks.task import MEASURE, TRACE, Goal, Task


def thing(shape, size_m, spot_m, label):
    return SceneObject(shape, "red", np.array(size_m), np.array([*spot_m, size_m[2] / 2]), 0.0, label)


BLOCK = thing("block", (0.04, 0.04, 0.04), (0.0, 0.0), 1)
BOWL = thing("bowl", (0.16, 0.16, 0.058), (0.2, 0.0), 2)
CUP = thing("cup", (0.06, 0.06, 0.07), (-0.2, 0.0), 3)
SCENE = Scene.sample(Split.TEST, 0)
SCENE = Scene(SCENE.split, 0, (BLOCK, BOWL, CUP), SCENE.intrinsics, SCENE.table_from_camera, SCENE.look)
STILL = Motion(np.zeros(0), np.zeros((0, 3)), {label: np.zeros((0, 3)) for label in (1, 2, 3)})


def task(**fields):
    goal = Goal(np.array([0.1, 0.1, 0.01]), np.array([0.01, 0.01, 0.01]))
    return Task("x", fields.pop("kind", TRACE), "do it", True, False, subject=1, **{"goal": goal, **fields})


def rest(moved=None, touching=(), held=(), leaning=None, motion=STILL):
    places = {}
    for one in SCENE.objects:
        turn = axangle2mat((1, 0, 0), (leaning or {}).get(one.label, 0.0))
        centre = np.array((moved or {}).get(one.label, one.centre_m))
        places[one.label] = RigidTransform("table", body_name(one), turn, centre)
    pairs = {tuple(sorted(pair)) for pair in touching}
    return Rest(places, pairs, held, motion)


IN_BOWL = {1: (0.21, 0.0, 0.03)}
NAMES = {one.label: body_name(one) for one in SCENE.objects}


def test_a_block_in_the_bowl_that_touches_it_alone_is_in():
    done = rest(IN_BOWL, [(NAMES[1], NAMES[2]), (NAMES[2], "table")])
    assert judge_outcome(task(support=2), SCENE, done).succeeded


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (rest(IN_BOWL, []), "does not touch the red bowl"),
        (rest(IN_BOWL, [(NAMES[1], NAMES[2]), (NAMES[1], "table")]), "touches the table"),
        (rest({1: (0.29, 0.0, 0.03)}, [(NAMES[1], NAMES[2])]), "beyond the edge"),
        (rest(IN_BOWL, [(NAMES[1], NAMES[2])], held=[NAMES[1]]), "still held"),
        (rest({**IN_BOWL, 3: (-0.2, 0.03, 0.035)}, [(NAMES[1], NAMES[2])]), "red cup was moved by 3.0 cm"),
        (rest(IN_BOWL, [(NAMES[1], NAMES[2])], leaning={3: 1.0}), "red cup was knocked over"),
    ],
)
def test_what_is_not_in_the_bowl_is_said(after, words):
    outcome = judge_outcome(task(support=2), SCENE, after)
    assert not outcome.succeeded
    assert words in outcome.reason


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (rest({1: (0.12, 0.1, 0.02)}, [(NAMES[1], "table")]), ""),
        (rest({1: (0.15, 0.1, 0.02)}, [(NAMES[1], "table")]), "4.0 cm from where it belongs"),
        (rest({1: (0.1, 0.1, 0.02)}, []), "does not stand on the table"),
        (rest({1: (0.1, 0.1, 0.02)}, [(NAMES[1], "table")], leaning={1: 0.6}), "fell over"),
    ],
)
def test_a_thing_on_the_table_stands_where_it_belongs(after, words):
    outcome = judge_outcome(task(), SCENE, after)
    assert outcome.succeeded == (not words)
    assert words in outcome.reason


def carried(path, apart=0.03):
    tip = np.array(path, dtype=float)
    return Motion(np.arange(len(tip)) * 0.05, tip, {1: tip - (0, 0, apart), 2: 0 * tip, 3: 0 * tip})


def test_hovering_visits_everything_in_order_with_the_thing_in_hand():
    visits = tuple(Goal(np.array([x, 0.0, 0.15]), np.array([0.03, 0.0, 0.02]), round_=True) for x in (0.2, -0.2))
    hover = task(visits=visits, goal=visits[-1])
    there = [(0, 0, 0.05), (0.2, 0, 0.15), (0, 0, 0.2), (-0.2, 0, 0.15)]
    up = {1: (-0.2, 0.0, 0.12)}
    assert judge_outcome(hover, SCENE, rest(up, held=[NAMES[1]], motion=carried(there))).succeeded
    for after, words in (
        (rest(up, held=[NAMES[1]], motion=carried(there[::-1])), "number 2"),
        (rest(up, held=[NAMES[1]], motion=carried(there, apart=0.5)), "number 1"),
        (rest(up, motion=carried(there)), "not held any more"),
    ):
        assert words in judge_outcome(hover, SCENE, after).reason


def test_a_task_that_moves_nothing_is_not_judged():
    with pytest.raises(InvalidRequest, match="moves nothing"):
        judge_outcome(task(kind=MEASURE), SCENE, rest())
