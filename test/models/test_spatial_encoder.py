from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.models import RoboTracerSpatialConfig
from robotracer_ros.models.spatial_grids import GRID


@pytest.fixture
def grids():
    torch.manual_seed(1)
    return {
        "spatial_pixel_values": torch.rand(1, 3, GRID, GRID) * 2 - 1,
        "rays": torch.rand(1, 2, GRID, GRID) - 0.5,
        "has_rays": torch.ones(1),
        "depth": torch.rand(1, 1, GRID, GRID) + 0.3,
        "depth_valid": torch.ones(1, 1, GRID, GRID),
        "has_depth": torch.ones(1),
    }


def features(model, grids, **change):
    with torch.no_grad():
        return model.spatial_features(**{**grids, **change})


@pytest.mark.parametrize("cue", ["rays", "depth"])
def test_a_cue_that_is_not_there_is_not_looked_at(model, grids, cue):
    absent = {f"has_{cue}": torch.zeros(1)}
    one = features(model, grids, **absent)
    other = features(model, grids, **absent, **{cue: torch.full_like(grids[cue], 7.0)})
    assert torch.equal(one, other)
    assert not torch.allclose(one, features(model, grids), atol=1e-3)


@pytest.mark.parametrize("cue", ["rays", "depth"])
def test_its_stand_in_is_learned(model, grids, cue):
    absent = {f"has_{cue}": torch.zeros(1)}
    before, known = features(model, grids, **absent), features(model, grids)
    with torch.no_grad():
        getattr(model.spatial_encoder, f"no_{cue}").normal_(std=3.0)
    assert not torch.allclose(features(model, grids, **absent), before, atol=1e-3)
    assert torch.equal(features(model, grids), known)


@pytest.mark.parametrize("cue", ["spatial_pixel_values", "rays", "depth"])
def test_a_cue_that_is_there_counts(model, grids, cue):
    assert not torch.allclose(features(model, grids), features(model, grids, **{cue: grids[cue] + 0.1}), atol=1e-3)


def test_depth_without_reading_is_not_looked_at(model, grids):
    grids["depth_valid"][:, :, :40] = 0
    changed = grids["depth"].clone()
    changed[:, :, :40] = torch.nan
    assert torch.equal(features(model, grids), features(model, grids, depth=changed))


def test_millimetres_show(model, grids):
    flat = torch.full((1, 1, GRID, GRID), 0.8)
    before, after = features(model, grids, depth=flat), features(model, grids, depth=flat + 0.001)
    assert (before - after).norm() > 0.01 * before.norm()


def test_millimetres_to_the_side_show(model, grids):
    """Where rays and depth are known, a surface that lies 2 mm farther to the right looks different."""
    flat = {"depth": torch.full((1, 1, GRID, GRID), 0.8), "depth_valid": torch.ones(1, 1, GRID, GRID)}
    aside = grids["rays"] + torch.tensor([0.0025, 0.0]).view(1, 2, 1, 1)
    known = [features(model, grids, **flat), features(model, grids, **flat, rays=aside)]
    unknown = [features(model, grids, **flat, has_depth=torch.zeros(1), rays=rays) for rays in (grids["rays"], aside)]
    parted, hardly = ((one - other).norm() for one, other in (known, unknown))
    assert parted > 3 * hardly


def test_a_grid_that_does_not_divide_is_refused():
    with pytest.raises(InvalidRequest, match="divide"):
        RoboTracerSpatialConfig(patch_size=15)
