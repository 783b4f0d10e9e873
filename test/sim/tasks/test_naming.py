"""A name fits one object of the scene and no other, by a clear margin."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from sim.tasks.drawn_flat import flat_view, scene_of, thing

from robotracer_ros.sim.scene import SceneObject
from robotracer_ros.sim.tasks.crowd import Crowd
from robotracer_ros.sim.tasks.naming import Names
from robotracer_ros.sim.tasks.sight import Sight
from robotracer_ros.sim.tasks.task import Infeasible


def names_of(objects: Sequence[SceneObject], hide: int = 0) -> dict[int, dict[str, bool]]:
    """Each object's names, and whether they are unique, as 300 draws show them."""
    scene = scene_of(objects)
    view = flat_view(scene)
    view.labels[view.labels == hide] = 255
    names, rng = Names(Sight(scene, view), Crowd.of(objects)), np.random.default_rng(0)
    found: dict[int, dict[str, bool]] = {one.label: {} for one in objects}
    for one in objects:
        for _ in range(300):
            try:
                name = names.draw(rng, one)
            except Infeasible:
                break
            assert name.phrase == f"the {name.subject}"
            found[one.label][name.subject] = name.unique
    return found


ROW = [thing(n + 1, "red block", x, 0.0) for n, x in enumerate((-0.2, 0.0, 0.2))]


def test_things_alike_are_counted_as_the_camera_sees_them() -> None:
    found = names_of(ROW)
    assert found[1] == {"leftmost block": False, "leftmost red block": False}
    assert set(found[2]) == {f"second {noun} from the {end}" for noun in ("block", "red block") for end in
                             ("left", "right")}  # fmt: skip
    assert found[3] == {"rightmost block": False, "rightmost red block": False}


def test_nothing_is_counted_while_one_of_them_is_hidden() -> None:
    assert names_of(ROW, hide=3) == {1: {}, 2: {}, 3: {}}


def test_things_above_each_other_in_the_picture_are_not_left_and_right() -> None:
    found = names_of([thing(1, "red block", 0.0, -0.1), thing(2, "red block", 0.005, 0.15)])
    assert set(found[1]) == {"block nearest to the camera", "red block nearest to the camera"}
    assert set(found[2]) == {"block farthest from the camera", "red block farthest from the camera"}


def test_a_thing_alone_of_its_kind_is_unique_by_colour_and_shape() -> None:
    found = names_of([thing(1, "red block", -0.1, 0.0), thing(2, "blue cup", 0.15, 0.0)])
    assert found == {1: {"red block": True, "block": True}, 2: {"blue cup": True, "cup": True}}


def test_colour_and_shape_tell_apart_what_shape_alone_does_not() -> None:
    found = names_of([thing(1, "red block", -0.1, 0.0), thing(2, "blue block", 0.15, 0.0)])
    assert found[1]["red block"] and "block" not in found[1]
    assert found[1]["leftmost block"] is False and "rightmost block" not in found[1]


@pytest.mark.parametrize(("sizes", "told"), [((0.1, 0.9), True), ((0.5, 0.55), False)])
def test_sizes_are_told_by_a_clear_margin_only(sizes: tuple[float, float], told: bool) -> None:
    found = names_of([thing(1, "red block", -0.1, 0.0, sizes[0]), thing(2, "red block", 0.1, 0.0, sizes[1])])
    assert ("smallest block" in found[1]) is told
    assert ("largest block" in found[2]) is told
    assert ("tallest block" in found[2]) is told


def test_a_neighbour_tells_when_it_stands_beside_one_only() -> None:
    cups = [thing(1, "red cup", -0.2, 0.0), thing(2, "red cup", 0.1, 0.0)]
    assert "cup next to the blue block" in names_of([*cups, thing(3, "blue block", 0.19, 0.0)])[2]
    assert not any("next to" in name for name in names_of([*cups, thing(3, "blue block", -0.05, 0.0)])[2])


def test_no_two_things_of_a_task_name_each_other() -> None:
    objects = [thing(1, "red cup", -0.2, 0.0), thing(2, "red cup", 0.1, 0.0), thing(3, "blue block", 0.19, 0.0)]
    scene = scene_of(objects)
    names, rng = Names(Sight(scene, flat_view(scene)), Crowd.of(objects)), np.random.default_rng(0)
    refused = 0
    for _ in range(200):
        try:
            assert not any("next to" in name.subject for name in names.draw_all(rng, [objects[1], objects[2]]))
        except Infeasible:
            refused += 1
    assert 0 < refused < 200
