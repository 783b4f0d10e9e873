"""What a depth camera does to true depth: noise, steps, holes and flying pixels."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray

_EDGE_STEP_M = 0.02


@dataclass(frozen=True, slots=True)
class DepthNoise:
    """The faults of a stereo depth camera; the defaults are those of a good one.

    Attributes:
        at_one_metre_m: standard deviation at 1 m; it grows with the square of depth, as disparity's error does.
        step_m: readings are multiples of it.
        holes: share of the pixels without a reading, in blots.
        flying: share of the pixels at depth edges that read something between front and back.
        farthest_m: no reading beyond.
        seed: of the random numbers.

    Raises:
        InvalidRequest: for a value outside its range.
    """

    at_one_metre_m: float = 0.0015
    step_m: float = 0.001
    holes: float = 0.03
    flying: float = 0.3
    farthest_m: float = 6.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not (self.at_one_metre_m >= 0 and self.step_m >= 0 and self.farthest_m > 0):
            raise InvalidRequest(f"noise and step must be at least 0 m and farthest_m above 0 m, received {self}")
        if not (0 <= self.holes <= 1 and 0 <= self.flying <= 1):
            raise InvalidRequest(f"holes and flying are shares from 0 to 1, received {self}")

    def applied_to(self, depth_m: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """A faulty copy of an (H, W) depth image in metres, NaN without a reading."""
        rng = np.random.default_rng(self.seed)
        measured = depth_m.astype(np.float64)
        measured = self._with_flying_pixels(measured, rng)
        measured += rng.standard_normal(measured.shape) * self.at_one_metre_m * measured**2
        if self.step_m > 0:
            measured = np.rint(measured / self.step_m) * self.step_m
        with np.errstate(invalid="ignore"):
            lost = ~((measured > 0) & (measured <= self.farthest_m))
        measured[lost | self._blots(measured.shape, rng)] = np.nan
        return measured.astype(np.float32)

    def _with_flying_pixels(self, depth_m: FloatArray, rng: np.random.Generator) -> FloatArray:
        known = np.isfinite(depth_m)
        nearest = cv2.erode(np.where(known, depth_m, np.inf), np.ones((3, 3), np.uint8))
        farthest = cv2.dilate(np.where(known, depth_m, -np.inf), np.ones((3, 3), np.uint8))
        with np.errstate(invalid="ignore"):
            edge = known & (farthest - nearest > _EDGE_STEP_M) & (rng.random(depth_m.shape) < self.flying)
        share = rng.random(int(edge.sum()))
        flying = depth_m.copy()
        flying[edge] = nearest[edge] + share * (farthest[edge] - nearest[edge])
        return flying

    def _blots(self, shape: tuple[int, ...], rng: np.random.Generator) -> npt.NDArray[np.bool_]:
        """Smooth noise cut where it covers the wanted share of the picture."""
        if self.holes == 0:
            return np.zeros(shape, dtype=np.bool_)
        rows, columns = shape
        noise = rng.standard_normal((max(rows // 6, 1), max(columns // 6, 1))).astype(np.float32)
        smooth = np.asarray(cv2.resize(noise, (columns, rows), interpolation=cv2.INTER_CUBIC))
        blots: npt.NDArray[np.bool_] = smooth >= np.quantile(smooth, 1 - self.holes)
        return blots
