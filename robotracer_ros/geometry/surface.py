"""The depth of the surface under a pixel, from the readings around it."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.readings import Window

# A reading this near to a plane lies on it. The square is the law of triangulating sensors, whose step between
# neighbouring depths is about 0.003 z^2 (Khoshelham and Elberink 2012); half of it and some noise is 0.0025 z^2.
_NOISE_M: Final = 0.001
_NOISE_PER_SQUARE_METRE: Final = 0.0025
# The surfaces on both sides of an edge, what stands before and behind them, and two bands of flying pixels.
_MOST_SURFACES: Final = 6
_FEWEST_READINGS: Final = 4
_FEWEST_FOR_A_PLANE: Final = 6
# Of the neighbours of a surface's readings at least this share belongs to it. Wild readings have their like for
# neighbours by chance only: as large a share as they make up of the image.
_LEAST_COMPANY: Final = 0.4
# Flying pixels line an edge up to three deep, so a block of four by four is a real thing; one reading may be missing.
_BLOCK_PX: Final = 4
_FULL_BLOCK: Final = 15
# Planes through any three readings always find some that lie on them. One must beat the plain ones by this factor.
_PLAIN_BONUS: Final = 1.25
_PLAIN_LEVELS: Final = 16
_TRIPLES: Final = 64
# Guesses are compared on at most this many readings; then the best is fitted to all.
_MOST_COMPARED: Final = 400

IntArray = npt.NDArray[np.int64]


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

    The readings are parted into planes, which for a pinhole camera are linear in 1/z, so that a floor seen at a low
    angle stays one surface although its rows lie far apart in depth. Wild readings and flying pixels are left out. The
    surface of the reading at the pixel itself counts; where that is a hole or was left out, the surface nearest to
    ``hint_m``, or without a hint the one that comes nearest in the image. Its depth at ``ray`` comes from the plane
    through its readings, exact between the pixels too.

    Args:
        window: readings around the pixel.
        ray: (2,) x/z and y/z of the pixel.
        hint_m: the model's depth at the pixel, NaN if it has none.

    Returns:
        The reading, or None when the window is empty. The same window gives the same reading every time.
    """
    if not len(window.depth_m):
        return None
    labels = _part(window)
    chosen = labels == _choose(window, labels, hint_m)
    depth = _plane_depth(window.rays[chosen], window.depth_m[chosen], ray)
    return SurfaceReading(depth, float(chosen.sum()) / window.capacity)


def _part(window: Window) -> IntArray:
    """(K,) the surface of each reading, -1 for wild readings and flying pixels."""
    centre = window.rays.mean(axis=0)
    scale = max(float(np.abs(window.rays - centre).max()), 1e-9)
    design = np.column_stack([(window.rays - centre) / scale, np.ones(len(window.rays))])
    planes = _planes(design, window.depth_m)
    if not len(planes):
        # Too few readings to agree on anything: each speaks for itself.
        return np.arange(len(window.depth_m))
    on = np.abs(_behind(planes, design, window.depth_m)) <= 1.0
    # A reading on two planes belongs to the larger: a small one may bridge an edge by way of its flying pixels.
    labels = np.where(on.any(axis=0), on.argmax(axis=0), -1)
    together = [s for s in range(len(planes)) if _hangs_together(_grid(window, labels, s))]
    standing = [s for s in together if not _is_flying(window, design, labels, s, planes[np.setdiff1d(together, s)])]
    if not standing:
        standing = [int(np.argmax(np.bincount(labels[labels >= 0])))]
    return np.where(np.isin(labels, standing), labels, -1)


def _planes(design: FloatArray, depth_m: FloatArray) -> FloatArray:
    """(S, 3) planes of 1/z over ``design``, largest first, each found among the readings the others left."""
    planes: list[FloatArray] = []
    left = np.arange(len(depth_m))
    while len(left) >= _FEWEST_READINGS and len(planes) < _MOST_SURFACES:
        tilts = [np.zeros(2), *(plane[:2] for plane in planes[:1])]
        plane = _largest_plane(design[left], depth_m[left], tilts)
        on = np.abs(_behind(plane[None], design[left], depth_m[left])[0]) <= 1.0
        if on.sum() < _FEWEST_READINGS:
            break
        planes.append(plane)
        left = left[~on]
    return np.array(planes).reshape(-1, 3)


def _largest_plane(design: FloatArray, depth_m: FloatArray, tilts: list[FloatArray]) -> FloatArray:
    """The plane of 1/z with the most readings on it.

    Random sample consensus (Fischler and Bolles 1981), with a seed of its own: planes through three readings are
    guessed, and beside them plain ones, facing the camera or parallel to the first found: a step often parts two
    surfaces of one slant. The best guess is fitted to the readings near it.
    """
    inverse = 1.0 / depth_m
    count = len(depth_m)
    random = np.random.default_rng(count)
    plain = [_parallel_planes(design, inverse, tilt) for tilt in tilts]
    triples = random.integers(0, count, (_TRIPLES, 3))
    corners = design[triples]
    sound = np.abs(np.linalg.det(corners)) > 1e-3
    through = np.linalg.solve(corners[sound], inverse[triples[sound]][..., None])[..., 0]
    guesses = np.concatenate([*plain, through])
    some = np.arange(count) if count <= _MOST_COMPARED else random.choice(count, _MOST_COMPARED, replace=False)
    score = np.maximum(1.0 - _behind(guesses, design[some], depth_m[some]) ** 2, 0.0).sum(axis=1)
    score[: len(tilts) * _PLAIN_LEVELS] *= _PLAIN_BONUS
    return _fitted(guesses[int(np.argmax(score))], design, depth_m)


def _parallel_planes(design: FloatArray, inverse: FloatArray, tilt: FloatArray) -> FloatArray:
    """Planes of one tilt at levels from the farthest reading to the nearest, as densely as the readings lie."""
    levels = np.quantile(inverse - design[:, :2] @ tilt, np.linspace(0.02, 0.98, _PLAIN_LEVELS), method="nearest")
    return np.column_stack([np.tile(tilt, (_PLAIN_LEVELS, 1)), levels])


def _fitted(plane: FloatArray, design: FloatArray, depth_m: FloatArray) -> FloatArray:
    """The plane after a few least-squares steps on the readings within one and a half tolerances of it."""
    for _ in range(4):
        weight = np.maximum(1.0 - (_behind(plane[None], design, depth_m)[0] / 1.5) ** 2, 0.0)
        normal = (design * weight[:, None]).T @ design + 1e-9 * np.eye(3)
        if weight.sum() < 3 or np.linalg.cond(normal) > 1e9:
            break
        plane = np.linalg.solve(normal, (design * weight[:, None]).T @ (1.0 / depth_m))
    return plane


def _behind(planes: FloatArray, design: FloatArray, depth_m: FloatArray) -> FloatArray:
    """(S, K) how far each reading lies behind each plane, in tolerances (to first order)."""
    tolerance_m = _NOISE_M + _NOISE_PER_SQUARE_METRE * depth_m**2
    return np.asarray((planes @ design.T - 1.0 / depth_m) * (depth_m**2 / tolerance_m))


def _grid(window: Window, labels: IntArray, surface: int) -> IntArray:
    """The window as an image: 1 on the surface, 0 off it, -1 where there is no reading."""
    corner = window.pixels.min(axis=0)
    width, height = window.pixels.max(axis=0) - corner + 1
    grid = np.full((height, width), -1, dtype=np.int64)
    grid[window.pixels[:, 1] - corner[1], window.pixels[:, 0] - corner[0]] = labels == surface
    return grid


def _hangs_together(grid: IntArray) -> bool:
    """Whether a surface's readings lie side by side, rather than scattered among others."""
    if (grid == 1).sum() < _FEWEST_READINGS:
        return False
    sides = ((grid[:, 1:], grid[:, :-1]), (grid[1:], grid[:-1]))
    pairs = np.concatenate([(one + other)[(one >= 0) & (other >= 0)] for one, other in sides])
    # In an image so sparse that no reading has a neighbour, none can be judged by its neighbours.
    return not len(pairs) or bool(2 * (pairs == 2).sum() >= max(_LEAST_COMPANY * pairs.sum(), 1))


def _is_flying(window: Window, design: FloatArray, labels: IntArray, surface: int, others: FloatArray) -> bool:
    """Whether a surface lies between two others in depth and is nowhere wider than flying pixels are."""
    mine = labels == surface
    behind = np.median(_behind(others, design[mine], window.depth_m[mine]), axis=1)
    if not ((behind > 1).any() and (behind < -1).any()):
        return False
    grid = _grid(window, labels, surface) == 1
    if min(grid.shape) < _BLOCK_PX:
        return True
    blocks = np.lib.stride_tricks.sliding_window_view(grid, (_BLOCK_PX, _BLOCK_PX))
    return int(blocks.sum(axis=(2, 3)).max()) < _FULL_BLOCK


def _choose(window: Window, labels: IntArray, hint_m: float) -> int:
    centre = int(np.argmin(window.distance_px))
    if window.distance_px[centre] <= 1.0 and labels[centre] >= 0:
        return int(labels[centre])
    far = np.abs(window.depth_m - hint_m) if np.isfinite(hint_m) else window.distance_px
    return int(labels[np.argmin(np.where(labels >= 0, far, np.inf))])


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
