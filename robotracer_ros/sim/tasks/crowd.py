"""What stands on the table, seen from above, as arrays: what is in the way and what is tall."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.sim.scene import SceneObject


@dataclass(frozen=True, slots=True, eq=False)
class Crowd:
    """Several objects at once.

    Attributes:
        things: the objects.
        centres_m: (K, 2) on the table.
        radii_m: (K,) of the circles around them seen from above.
        tops_m: (K,) heights of their tops over the table.
    """

    things: tuple[SceneObject, ...]
    centres_m: FloatArray
    radii_m: FloatArray
    tops_m: FloatArray

    @classmethod
    def of(cls, things: Sequence[SceneObject]) -> Crowd:
        """The crowd of these objects."""
        return cls(
            tuple(things),
            np.array([thing.centre_m[:2] for thing in things]).reshape(-1, 2),
            np.array([thing.radius_m for thing in things]),
            np.array([thing.top_m for thing in things]),
        )

    def without(self, *left_out: SceneObject) -> Crowd:
        """All but these."""
        kept = [index for index, thing in enumerate(self.things) if thing not in left_out]
        return Crowd(
            tuple(self.things[index] for index in kept),
            self.centres_m[kept],
            self.radii_m[kept],
            self.tops_m[kept],
        )

    def distances_m(self, spot_m: FloatArray) -> FloatArray:
        """(K,) from a spot (2,) of the table to the circles around the objects, negative inside."""
        away = self.centres_m - spot_m
        return np.asarray(np.hypot(away[:, 0], away[:, 1]) - self.radii_m)

    def along(self, start_m: FloatArray, end_m: FloatArray, radius_m: float) -> npt.NDArray[np.bool_]:
        """(K,) which circles a thing of this radius meets on the way from one spot (2,) to another."""
        way = end_m - start_m
        share = np.clip((self.centres_m - start_m) @ way / max(float(way @ way), 1e-12), 0.0, 1.0)
        away = self.centres_m - (start_m + share[:, None] * way)
        return np.asarray(np.hypot(away[:, 0], away[:, 1]) < self.radii_m + radius_m)

    def highest_m(self, start_m: FloatArray, end_m: FloatArray, radius_m: float) -> float:
        """Height of the tallest of those that `along` tells, 0 for none."""
        return float((self.tops_m * self.along(start_m, end_m, radius_m)).max(initial=0.0))

    def around(self, points_m: FloatArray) -> npt.NDArray[np.bool_]:
        """(N, K) which of (N, 3) points lie within an object's circle and not over its top."""
        away = points_m[:, None, :2] - self.centres_m
        within = np.einsum("nkd,nkd->nk", away, away) <= self.radii_m**2
        return np.asarray(within & (points_m[:, 2:] <= self.tops_m))
