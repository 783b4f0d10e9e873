"""The depth sensor's readings around pixels of the colour image, whether or not depth is registered to colour."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.camera import CameraIntrinsics
from robotracer_ros.geometry.observation import DepthCamera, RgbdObservation

# No depth camera sees nearer, nor anything useful farther: the bounds of the strip a colour ray draws on its image.
_NEAREST_M: Final = 0.1
_FARTHEST_M: Final = 20.0


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """The readings within a square of the colour image.

    Attributes:
        rays: (K, 2) x/z and y/z of each reading in the colour camera's frame.
        depth_m: (K,) along the colour camera's optical axis, finite and above 0.
        distance_px: (K,) of each reading from the centre pixel, on the colour image.
        pixels: (K, 2) whole colour pixel (u, v) of each reading.
        capacity: how many readings the square could hold.
    """

    rays: FloatArray
    depth_m: FloatArray
    distance_px: FloatArray
    pixels: npt.NDArray[np.int64]
    capacity: int


class DepthReadings(Protocol):
    """Where lifting looks for the sensor's word."""

    def window(self, pixel: FloatArray, radius_px: int) -> Window:
        """The readings at most ``radius_px`` in u and in v away from ``pixel`` (2,)."""
        ...

    def around(self, pixels: FloatArray, margin_px: int) -> DepthReadings:
        """The same readings, made ready for many windows within ``margin_px`` of (N, 2) ``pixels``."""
        ...


def readings_of(observation: RgbdObservation) -> DepthReadings | None:
    """The observation's readings; None when it has no depth."""
    if observation.depth_m is None:
        return None
    if observation.depth_camera is None:
        return RegisteredReadings(observation.depth_m, observation.intrinsics)
    return UnregisteredReadings(observation.depth_m, observation.depth_camera, observation.intrinsics)


@dataclass(frozen=True, slots=True, eq=False)
class RegisteredReadings:
    """A depth image that shares its pixels with colour."""

    depth_m: npt.NDArray[np.float32]
    intrinsics: CameraIntrinsics

    def window(self, pixel: FloatArray, radius_px: int) -> Window:
        """See `DepthReadings.window`."""
        patch, origin = _patch(self.depth_m, pixel, radius_px)
        rows, columns = np.nonzero(np.isfinite(patch))
        found = np.column_stack([columns, rows]) + origin
        distance = np.linalg.norm(found - pixel, axis=1)
        rays = self.intrinsics.rays(found)
        depth = patch[rows, columns].astype(np.float64)
        seen = np.isfinite(rays).all(axis=1)
        return Window(rays[seen], depth[seen], distance[seen], found[seen], patch.size)

    def around(self, pixels: FloatArray, margin_px: int) -> RegisteredReadings:
        """See `DepthReadings.around`; these are ready as they are."""
        return self


@dataclass(frozen=True, slots=True, eq=False)
class UnregisteredReadings:
    """Another camera's depth image, carried onto colour window by window: contacts are few and far between."""

    depth_m: npt.NDArray[np.float32]
    camera: DepthCamera
    color: CameraIntrinsics

    def window(self, pixel: FloatArray, radius_px: int) -> Window:
        """See `DepthReadings.window`."""
        return self.around(pixel[None], radius_px).window(pixel, radius_px)

    def around(self, pixels: FloatArray, margin_px: int) -> SplattedReadings:
        """See `DepthReadings.around`."""
        return _register(self.depth_m, self.camera, self.color, pixels, margin_px)


@dataclass(frozen=True, slots=True, eq=False)
class SplattedReadings:
    """A region of the colour image onto which another camera's depth was carried, nearest reading first.

    Attributes:
        origin: (2,) colour pixel of the region's first row and column.
        depth_m: (h, w) along the colour camera's axis, NaN where nothing fell.
        rays: (h, w, 2) the true direction of each reading, which rarely passes through a pixel's centre.
    """

    origin: npt.NDArray[np.int64]
    depth_m: FloatArray
    rays: FloatArray

    def window(self, pixel: FloatArray, radius_px: int) -> Window:
        """See `DepthReadings.window`."""
        patch, corner = _patch(self.depth_m, pixel - self.origin, radius_px)
        rows, columns = np.nonzero(np.isfinite(patch))
        found = np.column_stack([columns, rows]) + corner
        rays = self.rays[found[:, 1], found[:, 0]]
        found = found + self.origin
        distance = np.linalg.norm(found - pixel, axis=1)
        return Window(rays, patch[rows, columns].astype(np.float64), distance, found, patch.size)

    def around(self, pixels: FloatArray, margin_px: int) -> SplattedReadings:
        """See `DepthReadings.around`; these are ready as they are."""
        return self


def _patch(
    image: npt.NDArray[np.floating], pixel: FloatArray, radius_px: int
) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.int64]]:
    """The part of ``image`` around ``pixel``, and the (u, v) of its corner; empty when the pixel is far outside."""
    column, row = (math.floor(float(value) + 0.5) for value in pixel)
    left, top = max(column - radius_px, 0), max(row - radius_px, 0)
    patch = image[top : max(row + radius_px + 1, 0), left : max(column + radius_px + 1, 0)]
    return patch, np.array([left, top])


def _register(
    depth_m: npt.NDArray[np.float32],
    camera: DepthCamera,
    color: CameraIntrinsics,
    pixels: FloatArray,
    margin_px: int,
) -> SplattedReadings:
    """Carry onto the colour image those readings that can fall within ``margin_px`` of ``pixels``."""
    size = (color.width - 1, color.height - 1)
    first = np.clip(np.floor(pixels.min(axis=0)) - margin_px, 0, size).astype(np.int64)
    last = np.clip(np.ceil(pixels.max(axis=0)) + margin_px, 0, size).astype(np.int64)
    border = _border_rays(color, first, last)
    spread_px = _spread_px(camera.intrinsics, color)
    top, bottom, left, right = _strip(camera, border)
    patch = depth_m[top:bottom, left:right]
    rows, columns = np.nonzero(np.isfinite(patch))
    seen = np.column_stack([columns + left, rows + top])
    points = camera.color_from_depth.apply(camera.intrinsics.deproject(seen, patch[rows, columns]))
    points = points[_within(points, border, (2 + spread_px) / min(color.fx, color.fy))]
    landed = color.project(points)
    kept = np.isfinite(landed).all(axis=1)
    return _splat(points[kept], landed[kept], first, last, spread_px)


def _border_rays(color: CameraIntrinsics, first: npt.NDArray[np.int64], last: npt.NDArray[np.int64]) -> FloatArray:
    """(K, 2) rays along the border of a region of the colour image, those that the lens has."""
    edge = np.linspace(0.0, 1.0, 9)
    sides = ((edge, 0), (edge, 1), (0, edge), (1, edge))
    border = np.concatenate([np.column_stack(np.broadcast_arrays(*side)) for side in sides])
    rays = color.rays(first - 0.5 + border * (last - first + 1))
    return rays[np.isfinite(rays).all(axis=1)]


def _within(points: FloatArray, border: FloatArray, slack: float) -> npt.NDArray[np.bool_]:
    """Which points lie among the region's own rays.

    Beyond its field of view the polynomial of a lens folds back into the picture: what colour cannot see would land in
    it, in front of what it sees.
    """
    ahead = points[:, 2] > 0
    if len(border):
        reach = points[:, 2:] * np.concatenate([border.min(axis=0) - slack, border.max(axis=0) + slack])
        ahead &= (points[:, :2] >= reach[:, :2]).all(axis=1) & (points[:, :2] <= reach[:, 2:]).all(axis=1)
    return ahead


def _strip(camera: DepthCamera, rays: FloatArray) -> tuple[int, int, int, int]:
    """The rows and columns (top, bottom, left, right) of the depth image that rays of colour may show up in."""
    near_and_far = [np.column_stack([rays, np.ones(len(rays))]) * z for z in np.geomspace(_NEAREST_M, _FARTHEST_M, 12)]
    where = camera.intrinsics.project(camera.color_from_depth.inverse().apply(np.concatenate(near_and_far)))
    where = where[np.isfinite(where).all(axis=1)]
    width, height = camera.intrinsics.width, camera.intrinsics.height
    if not len(where):
        return 0, height, 0, width
    # Two pixels more than the strip's own hull: the border is sampled, not followed.
    left, top = np.clip(np.floor(where.min(axis=0)) - 2, 0, (width, height)).astype(int)
    right, bottom = np.clip(np.ceil(where.max(axis=0)) + 3, 0, (width, height)).astype(int)
    return int(top), int(bottom), int(left), int(right)


def _spread_px(depth: CameraIntrinsics, color: CameraIntrinsics) -> int:
    """How far around its landing pixel a reading counts, so that a coarse depth image leaves no gaps on fine colour."""
    return math.ceil((max(color.fx / depth.fx, color.fy / depth.fy) - 1) / 2 - 1e-6)


def _splat(
    points: FloatArray, landed: FloatArray, first: npt.NDArray[np.int64], last: npt.NDArray[np.int64], spread_px: int
) -> SplattedReadings:
    width, height = (int(value) for value in last - first + 1)
    depth = np.full((height, width), np.nan)
    rays = np.full((height, width, 2), np.nan)
    # Farthest first, so that the nearest reading of a pixel is written last and stays: what lies behind it is hidden.
    order = np.argsort(-points[:, 2], kind="stable")
    points = points[order]
    cells = np.floor(landed[order] + 0.5).astype(np.int64) - first
    directions = points[:, :2] / points[:, 2:]
    offsets = range(-spread_px, spread_px + 1)
    columns = np.concatenate([cells[:, 0] + du for du in offsets for _ in offsets])
    rows = np.concatenate([cells[:, 1] + dv for _ in offsets for dv in offsets])
    repeats = (2 * spread_px + 1) ** 2
    by_depth = np.argsort(np.tile(-points[:, 2], repeats), kind="stable")
    inside = by_depth[((columns >= 0) & (columns < width) & (rows >= 0) & (rows < height))[by_depth]]
    source = inside % max(len(points), 1)
    depth[rows[inside], columns[inside]] = points[source, 2]
    rays[rows[inside], columns[inside]] = directions[source]
    return SplattedReadings(first, depth, rays)
