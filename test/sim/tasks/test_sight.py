"""What is seen of a scene does not depend on the view's size, and points come back to where they were."""

from __future__ import annotations

import numpy as np
import pytest
from sim.tasks.drawn_flat import FlatView, flat_view, scene_of, thing

from robotracer_ros.sim.tasks.places import SIDES, direction
from robotracer_ros.sim.tasks.sight import Sight
from robotracer_ros.sim.tasks.task import Infeasible

SCENE = scene_of([thing(1, "red block", -0.1, 0.0), thing(2, "blue cup", 0.1, 0.0), thing(3, "green ball", 0.0, 0.15)])


@pytest.mark.parametrize("size", [(224, 224), (160, 120), (640, 480)])
def test_the_same_things_are_named_at_every_size(size: tuple[int, int]) -> None:
    sight = Sight(SCENE, flat_view(SCENE, *size))
    assert set(sight.patches) == {1, 2, 3}
    truth = sight.project(np.array([one.centre_m for one in SCENE.objects]))
    for one, uvd in zip(SCENE.objects, truth, strict=True):
        np.testing.assert_allclose(sight.patches[one.label].uvd[:2], uvd[:2], atol=0.015)


@pytest.mark.parametrize("size", [(224, 224), (640, 480)])
@pytest.mark.parametrize(("hidden", "named"), [(0.3, True), (0.75, False)])
def test_a_thing_is_named_while_enough_of_its_outline_is_seen(
    size: tuple[int, int], hidden: float, named: bool
) -> None:
    view = flat_view(SCENE, *size)
    rows, columns = np.nonzero(view.labels == 1)
    gone = rows < np.quantile(rows, hidden)
    view.labels[rows[gone], columns[gone]] = 0
    sight = Sight(SCENE, view)
    assert (1 in sight.patches) is named
    if named:
        row, column = sight.pixel(sight.patches[1].uvd[:2])
        assert view.labels[row, column] == 1


def test_lifting_undoes_projecting() -> None:
    sight = Sight(SCENE, flat_view(SCENE))
    points_m = np.random.default_rng(0).uniform((-0.2, -0.2, 0.0), (0.2, 0.2, 0.2), (50, 3))
    np.testing.assert_allclose(sight.lift(sight.project(points_m)), points_m, atol=1e-9)


@pytest.mark.parametrize("size", [(224, 224), (640, 480)])
def test_a_pixel_is_found_again_by_its_uv(size: tuple[int, int]) -> None:
    sight = Sight(SCENE, flat_view(SCENE, *size))
    for row, column in ((0, 0), (17, 99), (size[1] - 1, size[0] - 1)):
        uv = sight.uv_of(np.array([column]), np.array([row]))[0]
        assert sight.pixel(uv) == (row, column)


def test_a_spot_of_the_table_lies_on_it_and_must_be_seen() -> None:
    view = flat_view(SCENE)
    spot_m = np.array([0.0, -0.1])
    sight = Sight(SCENE, view)
    uvd = sight.project(np.array([[*spot_m, 0.0]]))[0]
    deep = FlatView(np.full_like(view.depth_m, uvd[2]), view.labels)
    found = Sight(SCENE, deep).table_spot(spot_m)
    np.testing.assert_allclose(sight.lift(found[None])[0], [*spot_m, 0.0], atol=0.002)
    with pytest.raises(Infeasible, match="another surface"):
        Sight(SCENE, FlatView(deep.depth_m + np.float32(0.1), view.labels)).table_spot(spot_m)
    with pytest.raises(Infeasible, match="hidden"):
        Sight(SCENE, deep).table_spot(SCENE.objects[0].centre_m[:2])


def test_sides_are_the_cameras() -> None:
    sight = Sight(SCENE, flat_view(SCENE))
    truth = {"left": (-1, 0), "right": (1, 0), "front": (0, -1), "behind": (0, 1)}
    for side in SIDES:
        np.testing.assert_allclose(direction(sight, side), truth[side], atol=1e-9)
