"""What each patch of a picture shows, as targets for heads that only training has.

Words alone teach a tower little about where things are: one answer names one place. Segmentation, depth and the table's
plane are known for every patch, so the towers learn from all of them at once; the heads are dropped afterwards.
"""

from __future__ import annotations

import warnings
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from robotracer_ros.sim.catalogue import COLOURS, SHAPES
from robotracer_ros.sim.scene import Scene
from robotracer_ros.sim.stage import NOTHING, TABLE, View
from robotracer_ros.training.pictures import SIDE_PX

PATCH_PX: Final = 16
_PATCHES: Final = SIDE_PX // PATCH_PX
# Sub-cells of a spatial token, which covers a patch too.
_CELL_PX: Final = 8
_OF_CELLS: Final = 4
# An object fills at least this share of a patch that is said to show it.
_LEAST_SHARE: Final = 0.15
GROUNDS: Final = ("room", "table")
KINDS: Final = (*GROUNDS, *SHAPES)
COLOUR_NAMES: Final = tuple(COLOURS)
IGNORED: Final = -100
# Weights that bring the parts to about the same size.
_CENTRE_WEIGHT: Final = 8.0
_HEIGHT_WEIGHT: Final = 4.0
_PLACE_WEIGHT: Final = 2.0
_SIZE_WEIGHT: Final = 8.0
_FAR_M: Final = 1.5

Targets = dict[str, npt.NDArray[np.generic]]


class DenseHeads(nn.Module):  # type: ignore[misc]
    """Reads kind, colour and object centre from each vision patch; from each spatial token depth and height over the
    table, where along the table that is as the camera sees it, and how tall and wide an object there is.
    """

    def __init__(self, vision_size: int, spatial_size: int) -> None:
        super().__init__()
        self.of_vision = nn.Linear(vision_size, len(KINDS) + len(COLOUR_NAMES) + 2)
        self.of_spatial = nn.Linear(spatial_size, 2 * _OF_CELLS + 4)

    def vision_loss(self, features: torch.Tensor, targets: dict[str, torch.Tensor]) -> torch.Tensor:
        """Of (B, 144, hidden) features."""
        kinds, colours, centres = self.of_vision(features).split([len(KINDS), len(COLOUR_NAMES), 2], dim=-1)
        on_object = targets["kinds"] >= len(GROUNDS)
        named = targets["colours"] != IGNORED
        # Objects fill a tenth of a picture: averaged over all patches, room and table would be all that is learned.
        loss = 0.5 * functional.cross_entropy(kinds[~on_object], targets["kinds"][~on_object])
        if on_object.any():
            # A tray covers ten times as many patches as a block, and is not ten times as important.
            kind = targets["kinds"][on_object]
            weights = 1.0 / torch.bincount(kind, minlength=len(KINDS)).clamp(min=1).to(kinds.dtype)
            loss = loss + functional.cross_entropy(kinds[on_object], kind, weight=weights)
            off = functional.smooth_l1_loss(centres[on_object], targets["centres"][on_object], beta=0.02)
            loss = loss + _CENTRE_WEIGHT * off
        if named.any():
            loss = loss + functional.cross_entropy(colours[named], targets["colours"][named])
        return loss

    def spatial_loss(self, features: torch.Tensor, targets: dict[str, torch.Tensor]) -> torch.Tensor:
        """Of (B, 144, hidden) features."""
        log_depth, height, place, size = self.of_spatial(features).split([_OF_CELLS, _OF_CELLS, 2, 2], dim=-1)
        # Of walls and floors it is enough that they are far.
        height_m, places_m = targets["height"].clamp(-0.3, 0.3), targets["places"].clamp(-_FAR_M, _FAR_M)
        return (
            _near(log_depth, targets["log_depth"], 0.05)
            + _HEIGHT_WEIGHT * _near(height, height_m, 0.02)
            + _PLACE_WEIGHT * _near(place, places_m, 0.03)
            + _SIZE_WEIGHT * _near(size, targets["sizes"], 0.01)
        )


def dense_targets(scene: Scene, view: View) -> Targets:
    """The targets of one picture of 192 x 192.

    Returns:
        ``kinds`` and ``colours`` (144,) int64, ``centres`` (144, 2) float32 from the patch's middle to the object's in
        shares of the picture. Float32 and NaN where nothing is known: ``log_depth`` and ``height`` (144, 4) of a
        patch's quarters; ``places`` (144, 2) metres to the right and away from the camera along the table, of an
        object's middle or else of what is seen; ``sizes`` (144, 2) an object's height and mean width, metres.
    """
    label = _label_of_patches(view.labels)
    kind_of, colour_of, centre_of = _tables(scene, view)
    on_object = (label != NOTHING) & (label != TABLE)
    place_of, size_of = _metric_tables(scene)
    middles = (np.arange(_PATCHES) + 0.5) / _PATCHES
    v, u = np.meshgrid(middles, middles, indexing="ij")
    centres = centre_of[label] - np.column_stack([u.ravel(), v.ravel()])
    depth_m, seen_m = _cells(view.depth_m), _seen_m(scene, view)
    return {
        "kinds": kind_of[label],
        "colours": np.where(on_object, colour_of[label], IGNORED),
        "centres": centres.astype(np.float32),
        "log_depth": np.log(depth_m).astype(np.float32),
        "height": _cells(seen_m[2]).astype(np.float32),
        "places": np.where(on_object[:, None], place_of[label], _seen_places(scene, seen_m)).astype(np.float32),
        "sizes": np.where(on_object[:, None], size_of[label], np.nan).astype(np.float32),
    }


def _label_of_patches(labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.intp]:
    """(144,) the object that fills a good part of a patch, else the commoner of table and room."""
    blocks = labels.reshape(_PATCHES, PATCH_PX, _PATCHES, PATCH_PX).transpose(0, 2, 1, 3).reshape(_PATCHES**2, -1)
    present = np.unique(labels)
    counts = np.stack([(blocks == value).sum(axis=1) for value in present], axis=1)
    is_object = (present != NOTHING) & (present != TABLE)
    weighed = np.where(is_object & (counts >= _LEAST_SHARE * PATCH_PX**2), counts + PATCH_PX**2, counts)
    return np.asarray(present[weighed.argmax(axis=1)], dtype=np.intp)


def _tables(scene: Scene, view: View) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """By label: kind, colour, and the middle of the visible part in shares of the picture."""
    kinds, colours, centres = np.zeros(256, np.int64), np.full(256, IGNORED, np.int64), np.zeros((256, 2))
    kinds[TABLE] = 1
    for thing in scene.objects:
        kinds[thing.label] = KINDS.index(thing.shape)
        colours[thing.label] = COLOUR_NAMES.index(thing.colour)
        rows, columns = np.nonzero(view.labels == thing.label)
        if len(rows):
            centres[thing.label] = (columns.mean() + 0.5) / SIDE_PX, (rows.mean() + 0.5) / SIDE_PX
    return kinds, colours, centres


def _metric_tables(scene: Scene) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """By label: how far to the right and away from the camera an object's middle is, and its height and mean width."""
    places, sizes = np.full((256, 2), np.nan), np.full((256, 2), np.nan)
    for thing in scene.objects:
        places[thing.label] = _from_camera_m(scene, thing.centre_m)
        sizes[thing.label] = thing.size_m[2], thing.size_m[:2].mean()
    return places, sizes


def _from_camera_m(scene: Scene, point_m: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(2, ...) of points (3, ...) of the table frame: to the right of the camera and away from it along the table."""
    camera = scene.table_from_camera
    right = camera.rotation[:2, 0] / np.hypot(*camera.rotation[:2, 0])
    x, y = point_m[0] - camera.translation_m[0], point_m[1] - camera.translation_m[1]
    return np.array([right[0] * x + right[1] * y, right[0] * y - right[1] * x])


def _seen_places(scene: Scene, seen_m: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(144, 2) where along the table what each patch sees is on average, as `_from_camera_m`."""
    with warnings.catch_warnings():
        # A patch without any depth has no mean, and NaN says so.
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.stack([np.nanmean(_cells(axis_m), axis=1) for axis_m in _from_camera_m(scene, seen_m)], axis=1)


def _seen_m(scene: Scene, view: View) -> npt.NDArray[np.float64]:
    """(3, 192, 192) points of the table frame that the pixels see, metres."""
    camera, pose = scene.intrinsics, scene.table_from_camera
    u = (np.arange(SIDE_PX) + 0.5) / SIDE_PX * camera.width - 0.5
    v = (np.arange(SIDE_PX) + 0.5) / SIDE_PX * camera.height - 0.5
    x, y = (u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy
    slopes = pose.rotation[:, 0, None, None] * x[None, None, :] + pose.rotation[:, 1, None, None] * y[None, :, None]
    slopes += pose.rotation[:, 2, None, None]
    return np.asarray(slopes * view.depth_m + pose.translation_m[:, None, None])


def _near(said: torch.Tensor, true: torch.Tensor, beta: float) -> torch.Tensor:
    """Of what is known of ``true``; 0 for nothing."""
    known = torch.isfinite(true)
    return functional.smooth_l1_loss(said[known], true[known], beta=beta) if known.any() else said.new_zeros(())


def _cells(values: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """(144, 4) means over 8 x 8 pixels, four to a spatial token, NaN where a cell has no value."""
    side = SIDE_PX // _CELL_PX
    blocks = values.reshape(side, _CELL_PX, side, _CELL_PX)
    known = np.isfinite(blocks)
    count = known.sum(axis=(1, 3))
    total = np.where(known, blocks, 0.0).sum(axis=(1, 3))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(count > 0, total / count, np.nan)
    return np.asarray(mean.reshape(side // 2, 2, side // 2, 2).transpose(0, 2, 1, 3).reshape(-1, 4))
