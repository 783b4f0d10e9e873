"""Pictures as training shows them, and what every patch of them is said to show."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("robotracer_ros.sim.stage")

import torch

from robotracer_ros.sim.stage import TABLE
from robotracer_ros.sim.tasks.sight import Sight
from robotracer_ros.training.dense import IGNORED, DenseHeads, dense_targets
from robotracer_ros.training.examples import draw_picture, recoloured


def test_only_objects_change_colour(shard):
    view = shard.view(0)
    picture = recoloured(view, np.random.default_rng(1))
    is_object = (view.labels > 0) & (view.labels != TABLE)
    off = np.abs(picture.astype(int) - view.rgb).max(axis=2)
    # Through hue and back costs a few levels.
    assert off[~is_object].max() <= 6
    assert np.median(off[is_object]) > 20


def test_nothing_is_said_of_colours_that_were_changed(shard):
    swapped = draw_picture(shard, 0, np.random.default_rng(0), "RGB", swapped=True)
    plain = draw_picture(shard, 0, np.random.default_rng(0), "RGB")
    assert (swapped.targets["colours"] == IGNORED).all()
    assert (plain.targets["colours"] != IGNORED).any()
    np.testing.assert_array_equal(swapped.targets["kinds"], plain.targets["kinds"])


def test_patches_tell_metres_as_the_camera_sees_them(shard):
    for index in range(4):
        scene, view = shard.scene(index), shard.view(index)
        targets, sight = dense_targets(scene, view), Sight(scene, view)
        sizes = {(round(float(thing.size_m[2]), 4)): thing for thing in scene.objects}
        for place_m, (height_m, width_m) in zip(targets["places"], targets["sizes"], strict=True):
            if np.isnan(height_m):
                continue
            thing = sizes[round(float(height_m), 4)]
            assert width_m == pytest.approx(thing.size_m[:2].mean(), abs=1e-5)
            alike = [one for one in scene.objects if abs(one.size_m[2] - height_m) < 1e-4]
            wheres = np.array([sight.from_camera_m(one.centre_m) for one in alike])
            assert np.abs(wheres - place_m).max(axis=1).min() < 1e-5
        on_table = np.isnan(targets["sizes"][:, 0]) & (np.abs(targets["height"]).max(axis=1) < 0.002)
        depth_m = np.exp(targets["log_depth"]).mean(axis=1)
        # Farther in the picture is farther along the table.
        assert on_table.any()
        assert np.corrcoef(depth_m[on_table], targets["places"][on_table, 1])[0, 1] > 0.9


def test_what_is_not_known_costs_nothing():
    heads, unknown = DenseHeads(8, 8), {name: torch.full((1, 144, width), torch.nan) for name, width in (
        ("log_depth", 4), ("height", 4), ("places", 2), ("sizes", 2)
    )}  # fmt: skip
    features = torch.randn(1, 144, 8)
    assert heads.spatial_loss(features, unknown) == 0
    known = {**unknown, "sizes": torch.full((1, 144, 2), 0.05)}
    assert heads.spatial_loss(features, known) > 0
