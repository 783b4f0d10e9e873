"""What the demonstration's sentences mean, where they make sense, and what the simulator says to an answer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

# Not mujoco itself: the stage says how it is to draw before it is imported.
pytest.importorskip("robotracer_ros.sim.stage")

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.nodes.demo_verdict import findings
from robotracer_ros.nodes.demo_wish import TEMPLATES, Tabletop, found, understood
from robotracer_ros.sim.catalogue import Split
from robotracer_ros.sim.scene import Scene
from robotracer_ros.sim.stage import Stage
from robotracer_ros.sim.tasks import make_tasks, points_in_table, words

PARTS = {
    "a": "the second block from the left",
    "b": "the blue bowl",
    "c": "the cup next to the red tray",
    "d": "the plate nearest to the camera",
    "n": "12",
}
TURNS = [(side, way) for side in words.SIDES for way in zip(words.SIDES[side], words.WAYS[side], strict=False)]
ALL = [(family, one) for family, tables in TEMPLATES.items() for table in tables for one in table.training + table.test]


@pytest.fixture(scope="module")
def stage():
    with Stage() as one:
        yield one


@pytest.mark.parametrize(("family", "template"), ALL)
def test_every_wording_is_understood_part_by_part(family, template):
    for turn, (side, way) in TURNS:
        wish = understood(template.format(**PARTS, side=side, way=way).capitalize() + ".")
        assert wish.family == family
        for key, part in wish.parts.items():
            assert part == (turn if key in ("side", "way") else PARTS[key])
        assert set(wish.parts) == {key for key in (*"abcdn", "side", "way") if f"{{{key}}}" in template}


def test_two_wordings_of_one_wish_are_equal_and_two_wishes_are_not():
    wish = understood("put the red block left of the blue bowl")
    assert wish == understood("Pick up the red block and place it to the left of the blue bowl.")
    assert wish != understood("put the red block right of the blue bowl")
    assert wish != understood("put the blue bowl left of the red block")
    assert wish != understood("put the red block 10 cm left of the blue bowl")


@pytest.mark.parametrize(
    "sentence", ["open the door", "", "put the red block", "put the red sheep into the bowl", "put a block into a bowl"]
)
def test_what_is_no_task_is_refused_with_sentences_that_are(sentence):
    with pytest.raises(InvalidRequest) as refused:
        understood(sentence)
    shown = [line.strip() for line in str(refused.value).splitlines() if line.startswith("  ")]
    assert {understood(line).family for line in shown} == set(TEMPLATES)


def test_the_scene_that_is_found_holds_the_wish(stage):
    sentence = "push the yellow ball 10 cm to the right"
    table = found(understood(sentence), sentence, stage, range(40, 80))
    assert understood(table.task.sentence) == understood(sentence)
    assert [thing.name for thing in table.scene.objects].count("yellow ball") == 1
    with pytest.raises(InvalidRequest, match="none of 2 test scenes"):
        found(understood(sentence), sentence, stage, range(2))


@pytest.fixture(scope="module")
def table(stage):
    """The red block belongs into the blue bowl."""
    scene = Scene.sample(Split.TEST, 326)
    view = stage.view(scene)
    tasks = make_tasks(scene, view, np.random.default_rng(0), 60, ["pick_in"])
    wish = understood("put the red block into the blue bowl")
    return Tabletop(scene, view, next(task for task in tasks if understood(task.sentence) == wish))


def right(table, points_m):
    return {finding.about: finding.right for finding in findings(table, points_m)}


@pytest.fixture(scope="module")
def truth_m(table):
    return points_in_table(table.scene, table.task.trace.uv, table.task.trace.depth_m)


def test_the_truth_is_right(table, truth_m):
    assert right(table, truth_m) == {"start": True, "end": True, "collision": True}


def test_each_fault_is_found_and_measured(table, truth_m):
    off = truth_m.copy()
    off[0] += (0.0, 0.0, 0.05)
    told = {finding.about: finding for finding in findings(table, off)}
    assert not told["start"].right
    assert told["start"].words.startswith("5.0 cm from the surface of the red block")
    assert told["end"].right
    short = truth_m[:-1]
    assert right(table, short)["end"] is False
    other = next(thing for thing in table.task.obstacles if thing.shape == "cylinder")
    through = np.insert(truth_m, 2, other.centre_m, axis=0)
    told = {finding.about: finding for finding in findings(table, through)}
    assert not told["collision"].right
    assert f"the {other.name}" in told["collision"].words
    under = np.insert(truth_m, 2, [*truth_m[2][:2], -0.05], axis=0)
    told = {finding.about: finding for finding in findings(table, under)}
    assert not told["collision"].right
    assert "meets the table" in told["collision"].words


def test_a_task_without_a_goal_is_refused(table):
    with pytest.raises(InvalidRequest, match="no task that a trace answers"):
        findings(Tabletop(table.scene, table.view, replace(table.task, goal=None)), np.zeros((2, 3)))
