"""What the spatial encoder sees of one picture: colour, rays and depth on a grid of 96 x 96 cells."""

from __future__ import annotations

from typing import Final, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.camera import CameraIntrinsics

GRID: Final = 96
PICTURE: Final = 192

Grid: TypeAlias = npt.NDArray[np.float32]


def spatial_grids(
    rgb: npt.NDArray[np.uint8], intrinsics: CameraIntrinsics | None, depth_m: npt.NDArray[np.floating] | None
) -> dict[str, Grid]:
    """The spatial inputs of one picture of any size, without a batch axis.

    Args:
        rgb: (H, W, 3) uint8, the whole picture.
        intrinsics: of the picture in any resolution: a picture stored smaller keeps the intrinsics it was taken with.
        depth_m: (h, w) metres along the optical axis over the same field of view as ``rgb``, in any resolution. NaN,
            infinity and values that are not above 0 are no readings; without a single reading there is no depth.

    Returns:
        ``spatial_pixel_values`` (3, 96, 96) in [-1, 1], ``rays`` (2, 96, 96) x/z and y/z of the cells' centres,
        ``depth`` (1, 96, 96) metres, ``depth_valid`` (1, 96, 96) 0 or 1, ``has_rays`` and ``has_depth`` (). What
        is not given is 0.

    Raises:
        InvalidRequest: for arrays of another shape or type.
    """
    depth, valid = depth_grid(depth_m)
    return {
        "spatial_pixel_values": halved(normalised_picture(rgb)),
        "rays": ray_grid(intrinsics),
        "has_rays": np.array(intrinsics is not None, dtype=np.float32),
        "depth": depth[None],
        "depth_valid": valid[None],
        "has_depth": np.array(valid.any(), dtype=np.float32),
    }


def normalised_picture(rgb: npt.NDArray[np.uint8]) -> Grid:
    """(3, 192, 192) float32 in [-1, 1] of an (H, W, 3) uint8 picture, both sides stretched to fit.

    Raises:
        InvalidRequest: for an array of another shape or type, or without pixels.
    """
    rgb = np.asarray(rgb)
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or not rgb.size:
        raise InvalidRequest(
            f"a picture must be (H, W, 3) uint8 in RGB order, received {rgb.dtype} of shape {rgb.shape}"
        )
    height, width = rgb.shape[:2]
    if (height, width) != (PICTURE, PICTURE):
        # INTER_AREA averages only where both sides shrink.
        shrinks = height >= PICTURE and width >= PICTURE
        interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        rgb = np.asarray(cv2.resize(rgb, (PICTURE, PICTURE), interpolation=interpolation), dtype=np.uint8)
    return np.ascontiguousarray(rgb.transpose(2, 0, 1), dtype=np.float32) / np.float32(127.5) - np.float32(1.0)


def halved(pixel_values: Grid) -> Grid:
    """(3, 96, 96) means of the 2 x 2 blocks of (3, 192, 192)."""
    rows = pixel_values[:, 0::2] + pixel_values[:, 1::2]
    return np.asarray((rows[:, :, 0::2] + rows[:, :, 1::2]) * np.float32(0.25))


def ray_grid(intrinsics: CameraIntrinsics | None) -> Grid:
    """(2, 96, 96) x/z and y/z of the cells' centres with the lens undone; 0 where no ray is known."""
    if intrinsics is None:
        return np.zeros((2, GRID, GRID), dtype=np.float32)
    # Pixel centres have whole-number coordinates: the image begins at -0.5.
    centres = (np.arange(GRID) + 0.5) / GRID
    u, v = np.meshgrid(centres * intrinsics.width - 0.5, centres * intrinsics.height - 0.5)
    rays = intrinsics.rays(np.column_stack([u.ravel(), v.ravel()])).T.reshape(2, GRID, GRID)
    return np.nan_to_num(rays, nan=0.0, posinf=0.0, neginf=0.0).astype(np.float32)


def depth_grid(depth_m: npt.NDArray[np.floating] | None) -> tuple[Grid, Grid]:
    """(96, 96) mean of the readings that lie in each cell, metres, and (96, 96) 1 where there is one, else 0.

    Raises:
        InvalidRequest: for an array that is not (h, w) floating-point.
    """
    empty = np.zeros((GRID, GRID), dtype=np.float32)
    if depth_m is None:
        return empty, empty.copy()
    depth_m = np.asarray(depth_m)
    if not np.issubdtype(depth_m.dtype, np.floating) or depth_m.ndim != 2 or not depth_m.size:
        raise InvalidRequest(
            f"depth_m must be (H, W) metres as floating-point numbers, received {depth_m.dtype} of shape "
            f"{depth_m.shape}; divide whole millimetres by 1000"
        )
    with np.errstate(invalid="ignore"):
        known = (depth_m > 0) & np.isfinite(depth_m)
    readings = np.where(known, depth_m, 0).astype(np.float32)
    share = _cell_means(known.astype(np.float32))
    # Half a thousandth of a cell is no reading but rounding.
    valid = share > 5e-4
    mean_m = np.divide(_cell_means(readings), share, out=empty, where=valid)
    return mean_m, valid.astype(np.float32)


def _cell_means(values: Grid) -> Grid:
    """(96, 96) area-weighted means of (h, w) values."""
    repeats = [-(-GRID // length) for length in values.shape]
    # Repeated pixels keep cv2's INTER_AREA an exact mean for pictures smaller than the grid.
    if max(repeats) > 1:
        values = values.repeat(repeats[0], axis=0).repeat(repeats[1], axis=1)
    return np.asarray(cv2.resize(values, (GRID, GRID), interpolation=cv2.INTER_AREA), dtype=np.float32)
