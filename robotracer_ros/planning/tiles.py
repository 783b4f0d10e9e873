"""Depth images cut into square tiles, whose extent in metres is known before any of their pixels is deprojected."""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.camera import CameraIntrinsics
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.planning.depth_view import DepthView

# 256 points per tile: few enough boxes for a whole image, small enough boxes to leave most of them unopened.
TILE_PX: Final = 16
# x/z beyond which no lens of this package sees: stands for "unknown" without the NaNs that infinity makes.
_ANY_RAY: Final = 1e6


class Tiles(Protocol):
    """Groups of points with the boxes that hold them.

    Attributes:
        lower_m, upper_m: (T, 3) corners of each tile's axis-aligned box, metres.
    """

    lower_m: FloatArray
    upper_m: FloatArray

    def points(self, tiles: npt.NDArray[np.int64]) -> FloatArray:
        """Points (K, P, 3) of the tiles with these numbers (K,); NaN where a pixel shows none."""
        ...


class DepthTiles:
    """The surface a depth image shows, in the depth camera's optical frame.

    Only tiles with at least one reading are kept.
    """

    def __init__(self, view: DepthView) -> None:
        self._camera = view.camera
        down, right = -view.camera.height % TILE_PX, -view.camera.width % TILE_PX
        padded = view.depth_m
        if down or right:
            padded = np.pad(padded, ((0, down), (0, right)), constant_values=np.nan)
        self._across = padded.shape[1] // TILE_PX
        tiled = padded.reshape(-1, TILE_PX, padded.shape[1])
        # Down the columns first: there the loop over memory is the long one.
        nearest = np.fmin.reduce(np.fmin.reduce(tiled, axis=1).reshape(-1, TILE_PX), axis=1).astype(np.float64)
        farthest = np.fmax.reduce(np.fmax.reduce(tiled, axis=1).reshape(-1, TILE_PX), axis=1).astype(np.float64)
        self._kept = np.flatnonzero(np.isfinite(nearest))
        self._depth = tiled.reshape(-1, TILE_PX, self._across, TILE_PX)
        low, high = (rays[self._kept] for rays in _ray_bounds(view.camera, len(tiled), self._across))
        near, far = nearest[self._kept, None], farthest[self._kept, None]
        self.lower_m = np.hstack([np.minimum(low * near, low * far), near])
        self.upper_m = np.hstack([np.maximum(high * near, high * far), far])

    def points(self, tiles: npt.NDArray[np.int64]) -> FloatArray:
        """Points (K, 256, 3) of the tiles with these numbers (K,), metres; NaN without a reading."""
        row, column = np.divmod(self._kept[tiles], self._across)
        depth = self._depth[row, :, column].reshape(-1)
        inside = np.arange(TILE_PX)
        shape = (len(tiles), TILE_PX, TILE_PX)
        u = np.broadcast_to((column[:, None] * TILE_PX + inside)[:, None, :], shape)
        v = np.broadcast_to((row[:, None] * TILE_PX + inside)[:, :, None], shape)
        points = np.full((depth.size, 3), np.nan)
        read = np.flatnonzero(np.isfinite(depth))
        points[read] = self._camera.deproject(np.column_stack([u.ravel()[read], v.ravel()[read]]), depth[read])
        return points.reshape(len(tiles), TILE_PX * TILE_PX, 3)


class GroundTiles:
    """What stands on the ground, drawn flat onto it: the points between two heights, in a frame whose z is up.

    Args:
        tiles: in any frame.
        target_from_tiles: from that frame to the one with z up.
        ground_z_m: where the ground is.
        height_m: (2,) least and greatest height above it that stands in the way.
    """

    def __init__(
        self, tiles: Tiles, target_from_tiles: RigidTransform, ground_z_m: float, height_m: tuple[float, float]
    ) -> None:
        self._tiles, self._target_from_tiles = tiles, target_from_tiles
        self._ground_z_m, self._low_z_m, self._high_z_m = ground_z_m, ground_z_m + height_m[0], ground_z_m + height_m[1]
        centre = target_from_tiles.apply((tiles.lower_m + tiles.upper_m) / 2)
        half = (tiles.upper_m - tiles.lower_m) / 2 @ np.abs(target_from_tiles.rotation).T
        lower, upper = centre - half, centre + half
        self._kept = np.flatnonzero((upper[:, 2] >= self._low_z_m) & (lower[:, 2] <= self._high_z_m))
        self.lower_m, self.upper_m = lower[self._kept], upper[self._kept]
        self.lower_m[:, 2] = self.upper_m[:, 2] = ground_z_m

    def points(self, tiles: npt.NDArray[np.int64]) -> FloatArray:
        """Points (K, P, 3) of the tiles with these numbers (K,), their z put onto the ground; NaN for all others."""
        points = self._target_from_tiles.apply(self._tiles.points(self._kept[tiles]))
        with np.errstate(invalid="ignore"):
            standing = (points[..., 2] >= self._low_z_m) & (points[..., 2] <= self._high_z_m)
        points[~standing] = np.nan
        points[..., 2][standing] = self._ground_z_m
        return points


def _ray_bounds(camera: CameraIntrinsics, down: int, across: int) -> tuple[FloatArray, FloatArray]:
    """Least and greatest (x/z, y/z), each (down * across, 2), of the pixels in each tile.

    Taken from the tile's corners, half a pixel outside its pixels. Between corners a lens bends the straight line by
    a few hundredths of a pixel over 16, which that half pixel covers. Where a corner has no ray, any is possible.
    """
    u, v = np.meshgrid(np.arange(across + 1) * TILE_PX - 0.5, np.arange(down + 1) * TILE_PX - 0.5)
    rays = camera.rays(np.column_stack([u.ravel(), v.ravel()])).reshape(down + 1, across + 1, 2)
    corners = np.stack([rays[:-1, :-1], rays[:-1, 1:], rays[1:, :-1], rays[1:, 1:]]).reshape(4, -1, 2)
    unknown = np.isnan(corners).any(axis=0)
    return np.where(unknown, -_ANY_RAY, corners.min(axis=0)), np.where(unknown, _ANY_RAY, corners.max(axis=0))
