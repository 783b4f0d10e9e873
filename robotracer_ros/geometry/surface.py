"""The depth of the surface under a pixel, from the readings around it."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.readings import Window

# Two readings this far apart in depth, growing with its square, belong to two surfaces. The square is the law
# of triangulating sensors, whose step between neighbouring depths is about 0.003 z^2 (Khoshelham and Elberink 2012).
_GAP_M: Final = 0.002
_GAP_PER_SQUARE_METRE: Final = 0.003
# A group with less than this share of the readings is noise between surfaces, and one between two others is a
# flying pixel up to the larger share: mixed pixels line an edge, so they stay few across a window.
_SMALL_SHARE: Final = 0.2
_BETWEEN_SHARE: Final = 0.34
_FEWEST_FOR_A_PLANE: Final = 6


class SurfaceReading(NamedTuple):
    """What the sensor says at a pixel.

    Attributes:
        depth_m: along the optical axis.
        support: share of the window that shows the same surface, in [0, 1].
    """

    depth_m: float
    support: float


def read_surface(window: Window, ray: FloatArray, hint_m: float = float("nan")) -> SurfaceReading | None:
    """The surface under the window's centre.

    The readings are parted into surfaces at gaps of depth. The surface of the reading at the pixel itself counts; where
    that is a hole or a flying pixel, the surface nearest to ``hint_m``, or without a hint the one that comes nearest in
    the image. Its depth at ``ray`` comes from the plane through its readings, which for a pinhole camera is linear in
    1/z, so it is exact on slanted planes between the pixels too.

    Args:
        window: readings around the pixel.
        ray: (2,) x/z and y/z of the pixel.
        hint_m: the model's depth at the pixel, NaN if it has none.

    Returns:
        The reading, or None when the window is empty.
    """
    if not len(window.depth_m):
        return None
    labels, surfaces = _part(window.depth_m)
    chosen = labels == _choose(window, labels, surfaces, hint_m)
    depth = _plane_depth(window.rays[chosen], window.depth_m[chosen], ray)
    return SurfaceReading(depth, float(chosen.sum()) / window.capacity)


def _part(depth_m: FloatArray) -> tuple[npt.NDArray[np.int64], list[int]]:
    """Label each reading with its surface, nearest surface first, and list the surfaces that are not noise."""
    order = np.argsort(depth_m, kind="stable")
    ordered = depth_m[order]
    breaks = np.diff(ordered) > _GAP_M + _GAP_PER_SQUARE_METRE * ordered[1:] ** 2
    labels = np.empty(len(depth_m), dtype=np.int64)
    labels[order] = np.concatenate([[0], np.cumsum(breaks)])
    share = np.bincount(labels) / len(depth_m)
    large = [label for label in range(len(share)) if share[label] >= _SMALL_SHARE]
    if len(large) > 2:
        large = [s for s in large if s in (large[0], large[-1]) or share[s] >= _BETWEEN_SHARE]
    return labels, large or [int(np.argmax(share))]


def _choose(window: Window, labels: npt.NDArray[np.int64], surfaces: list[int], hint_m: float) -> int:
    centre = int(np.argmin(window.distance_px))
    if window.distance_px[centre] <= 1.0 and int(labels[centre]) in surfaces:
        return int(labels[centre])
    if np.isfinite(hint_m):
        return min(surfaces, key=lambda s: float(np.abs(window.depth_m[labels == s] - hint_m).min()))
    return min(surfaces, key=lambda s: float(window.distance_px[labels == s].min()))


def _plane_depth(rays: FloatArray, depth_m: FloatArray, ray: FloatArray) -> float:
    """Depth at ``ray`` of the plane through the readings, never farther from them than they are from each other."""
    median = float(np.median(depth_m))
    if len(depth_m) < _FEWEST_FOR_A_PLANE:
        return median
    offsets = rays - ray
    scale = float(np.abs(offsets).max())
    if scale <= 0:
        return median
    design = np.column_stack([offsets / scale, np.ones(len(offsets))])
    inverse = 1.0 / depth_m
    weight = np.ones(len(depth_m))
    # Iteratively reweighted (Geman-McClure): what does not lie on the plane loses its say.
    for _ in range(8):
        normal = (design * weight[:, None]).T @ design
        if np.linalg.cond(normal) > 1e9:
            return median
        plane = np.linalg.solve(normal, (design * weight[:, None]).T @ inverse)
        residual = np.abs(inverse - design @ plane)
        spread = max(1.5 * float(np.median(residual)), 1e-9)
        weight = 1.0 / (1.0 + (residual / spread) ** 2) ** 2
    slack = 0.5 * float(np.ptp(depth_m))
    if plane[2] <= 0:
        return median
    return float(np.clip(1.0 / plane[2], depth_m.min() - slack, depth_m.max() + slack))
