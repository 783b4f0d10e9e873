"""The object a path carries: which part of the depth image it is, so that it is not taken for an obstacle to itself.

The object is told from what it stands on by lowering a level through the scene, as water falls. At each level the
pixels that are higher, and that are reached from the grasped point over depth steps of at most a centimetre, form one
set, which grows as the level falls. The moment the level reaches the support, the set spills over it and further than
``radius_m`` from the grasped point. The object is the set just above the level at which it first spills.

Seen steeply, from the object to its support the depth falls by more than a centimetre at once. No level spills then:
the object is all that was reached, and its support the height that most of the readings around its outline share.

This needs no plane, works on a stack or a tray as on a table, and errs to the safe side: what is seen apart from the
grasped point, or touches something that is larger than ``radius_m``, stays an obstacle. So does a thing thinner than
the camera's noise. What lies under the object and is no larger than ``radius_m`` counts as part of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray, frozen_floats, read_only
from robotracer_ros.planning.depth_view import DepthView

# Neighbouring pixels of one surface differ by less, unless it is seen at a very flat angle.
_STEP_M: Final = 0.01
# The level is found to this; what of the object is lower above its support stays an obstacle.
_LEVEL_M: Final = 0.002
_ABOVE_SUPPORT_M: Final = 0.004
# The grasped point has a reading of the object within this distance, or there is no telling what is grasped.
_GRASP_TOLERANCE_M: Final = 0.03
# So far around an outline, readings this near to each other in height lie on one support: a third of all that are below
# the object's top, so that neighbours do not matter, and so many at least.
_AROUND_M: Final = 0.02
_EVEN_M: Final = 0.01
_SHARED: Final = 1 / 3
_LEAST_READINGS: Final = 20
# Deeper than any camera sees.
_FAR_M: Final = 1e6
# Pixels looked at, at most; larger regions are looked at in strides.
_PIXELS: Final = 20_000
# The region is larger than the ball by this, so that a set which spills is seen to.
SEARCH_MARGIN: Final = 1.2


@dataclass(frozen=True, slots=True, eq=False)
class CarriedObject:
    """What moves with the tool.

    Attributes:
        mask: (H, W) bool, the depth image's pixels that see it.
        points_m: (K, 3) of its surface, thinned, in the depth camera's optical frame: what a sweep along the path
            has to be made with.
        support_m: height of what it stands on over the depth camera, along the ``up`` it was found with; NaN where that
            was not seen within ``radius_m``.
    """

    mask: npt.NDArray[np.bool_]
    points_m: FloatArray
    support_m: float = float("nan")

    def __post_init__(self) -> None:
        mask = np.asarray(self.mask)
        if mask.dtype != np.bool_ or mask.ndim != 2:
            raise InvalidRequest(f"mask must be bool of shape (H, W), received {mask.dtype} of {mask.shape}")
        object.__setattr__(self, "mask", read_only(mask))
        object.__setattr__(self, "points_m", frozen_floats("points_m", self.points_m, (None, 3)))

    @classmethod
    def nothing(cls, view: DepthView) -> CarriedObject:
        """An empty gripper."""
        return cls(np.zeros(view.depth_m.shape, dtype=np.bool_), np.zeros((0, 3)))


def find_carried_object(view: DepthView, grasp_m: FloatArray, up: FloatArray, radius_m: float) -> CarriedObject:
    """The object around a grasped point, by the rule at the top of this module.

    Args:
        view: the depth image.
        grasp_m: (3,) the grasped point, view frame.
        up: (3,) unit vector against gravity, view frame.
        radius_m: how far the object reaches from ``grasp_m``, at most.

    Returns:
        The object; an empty one where nothing was seen at ``grasp_m`` or where it is joined to something larger.
    """
    rows, columns = view.window(grasp_m, radius_m * SEARCH_MARGIN)
    height, width = rows.stop - rows.start, columns.stop - columns.start
    if height <= 0 or width <= 0:
        return CarriedObject.nothing(view)
    stride = max(1, int(np.ceil(np.sqrt(height * width / _PIXELS))))
    region = _Region(view.points_in(rows, columns, stride), grasp_m, up, radius_m)
    if not np.nanmin(region.away_m, initial=np.inf) <= _GRASP_TOLERANCE_M:
        return CarriedObject.nothing(view)
    found, support_m = region.highest_contained()
    kernel = np.ones((2 * stride + 1, 2 * stride + 1), np.uint8)
    mask = np.zeros(view.depth_m.shape, dtype=np.uint8)
    # Each found pixel stands for its stride; growing by one more takes the mixed pixels of the silhouette along.
    mask[rows, columns][::stride, ::stride] = found
    return CarriedObject(cv2.dilate(mask, kernel).astype(np.bool_), region.points_m[found], support_m)


class _Region:
    """What is seen around the grasped point.

    Attributes:
        points_m: (h, w, 3), NaN without a reading.
        away_m: (h, w) from the grasped point.
    """

    def __init__(self, points_m: FloatArray, grasp_m: FloatArray, up: FloatArray, radius_m: float) -> None:
        self.points_m = points_m
        self.away_m = np.linalg.norm(points_m - grasp_m, axis=2)
        self._height_m = points_m @ up
        self._aside_m = np.linalg.norm(np.cross(points_m - grasp_m, up), axis=2)
        self._depth = np.nan_to_num(points_m[..., 2]).astype(np.float32)
        self._radius_m = radius_m

    def highest_contained(self) -> tuple[npt.NDArray[np.bool_], float]:
        """The set (h, w) reached from the pixel nearest to the grasp at the lowest level that does not spill, and the
        height of what it stands on; NaN where that is not seen.
        """
        seed = int(np.nanargmin(self.away_m))

        def reached(level_m: float) -> npt.NDArray[np.bool_]:
            with np.errstate(invalid="ignore"):
                closed = ~(self._height_m >= level_m)
            return _connected(self._depth, closed, seed)

        def spilt(level_m: float) -> npt.NDArray[np.bool_]:
            return np.asarray(reached(level_m) & (self.away_m > self._radius_m))

        top = float(self._height_m.flat[seed])
        low, high = top - self._radius_m, top
        if not spilt(low).any():
            found = reached(low)
            support_m = self._support_around(found)
            return found & ~(self._height_m < support_m + _ABOVE_SUPPORT_M), support_m
        while high - low > _LEVEL_M:
            middle = (low + high) / 2
            low, high = (middle, high) if spilt(middle).any() else (low, middle)
        # Where even the grasped point is not that far above the support, it is closed itself, and nothing is reached.
        found = reached(high + _ABOVE_SUPPORT_M)
        # A support reaches further to the side than what stands on it; a tall object's own side leaves the ball, too.
        outermost_m = self._aside_m[found].max(initial=0.0) + _STEP_M
        is_support = bool((self._aside_m[spilt(low)] > outermost_m).any())
        return found, low if is_support else float("nan")

    def _support_around(self, found: npt.NDArray[np.bool_]) -> float:
        """The height most readings around the outline of a set (h, w) share; NaN where they share none."""
        outline, _ = cv2.findContours(found.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        filled = cv2.drawContours(np.zeros(found.shape, np.uint8), outline, -1, 1, cv2.FILLED)
        pitches_m = np.linalg.norm(np.diff(self.points_m, axis=1), axis=2)
        pitches_m = pitches_m[pitches_m > 0]
        if not len(pitches_m):
            return float("nan")
        reach = max(3, int(np.ceil(_AROUND_M / float(np.median(pitches_m)))))
        # Pixels that touch the outline may be mixed ones.
        near, far = (cv2.dilate(filled, np.ones((2 * steps + 1, 2 * steps + 1), np.uint8)) for steps in (1, reach))
        top_m = float(np.quantile(self._height_m[found], 0.99))
        with np.errstate(invalid="ignore"):
            below = (self._height_m < top_m - _STEP_M) & (self.away_m <= self._radius_m)
        heights = np.sort(self._height_m[(far > near) & below])
        if len(heights) < _LEAST_READINGS:
            return float("nan")
        last = np.searchsorted(heights, heights + _EVEN_M, side="right")
        alike = last - np.arange(len(heights))
        best = int(alike.argmax())
        if alike[best] < _SHARED * len(heights):
            return float("nan")
        return float(np.median(heights[best : last[best]]))


def _connected(depth: npt.NDArray[np.float32], closed: npt.NDArray[np.bool_], seed: int) -> npt.NDArray[np.bool_]:
    """Pixels (h, w) reached from pixel number ``seed`` through open ones, over depth steps of at most `_STEP_M`."""
    # The rim of a cup is a pixel thin: open pixels lend their depth to the next, so that the ring is not broken. To all
    # around it would close gaps of two pixels between things.
    near = cv2.erode(np.where(closed, np.float32(_FAR_M), depth), np.ones((2, 2), np.uint8))
    thick = _filled(near.astype(np.float32), near >= _FAR_M, seed) & ~closed & (depth - near <= _STEP_M)
    return np.asarray(_filled(depth, closed, seed) | thick)


def _filled(depth: npt.NDArray[np.float32], closed: npt.NDArray[np.bool_], seed: int) -> npt.NDArray[np.bool_]:
    # OpenCV's flood fill writes into a mask with a border of one pixel, and does not enter what is set there already.
    mask = np.pad(closed, 1, constant_values=True).astype(np.uint8)
    row, column = divmod(seed, depth.shape[1])
    flags = 8 | cv2.FLOODFILL_MASK_ONLY | (2 << 8)
    cv2.floodFill(depth, mask, (column, row), 0.0, loDiff=_STEP_M, upDiff=_STEP_M, flags=flags)
    filled: npt.NDArray[np.bool_] = mask[1:-1, 1:-1] == 2
    return filled
