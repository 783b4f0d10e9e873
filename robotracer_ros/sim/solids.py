"""Upright boxes, cylinders and balls: where rays meet them, and how far from them a point of the floor plan is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from robotracer_ros.geometry.arrays import FloatArray


class Solid(Protocol):
    """A convex body standing upright in the table frame; metres, z up."""

    @property
    def centre_m(self) -> FloatArray:
        """(3,) middle of the body."""
        ...

    @property
    def radius_m(self) -> float:
        """Of a ball around the middle that holds the whole body."""
        ...

    @property
    def top_m(self) -> float:
        """Height of the highest point."""
        ...

    def distances(self, origins_m: FloatArray, directions: FloatArray) -> FloatArray:
        """(N,) multiples of each direction at which rays from outside first meet the body, infinity where they miss.

        Either argument may be (3,) and serve all rays.
        """
        ...

    def normals(self, points_m: FloatArray) -> FloatArray:
        """(N, 3) outward unit normals at (N, 3) points of the surface."""
        ...

    def plan_distances_m(self, xy_m: FloatArray) -> FloatArray:
        """(N,) distances of (N, 2) places to the body seen from above, 0 inside."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Box:
    """A box of full ``size_m`` (3,), turned by ``yaw_rad`` about the vertical through its middle."""

    centre_m: FloatArray
    size_m: FloatArray
    yaw_rad: float = 0.0

    @property
    def radius_m(self) -> float:
        """See `Solid`."""
        return float(np.linalg.norm(self.size_m)) / 2

    @property
    def top_m(self) -> float:
        """See `Solid`."""
        return float(self.centre_m[2] + self.size_m[2] / 2)

    @property
    def table_from_box(self) -> FloatArray:
        """(3, 3) rotation."""
        cosine, sine = np.cos(self.yaw_rad), np.sin(self.yaw_rad)
        return np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])

    def distances(self, origins_m: FloatArray, directions: FloatArray) -> FloatArray:
        """See `Solid`; the slab method."""
        origins = ((origins_m - self.centre_m) @ self.table_from_box).T
        along = (directions @ self.table_from_box).T
        enter, leave = np.float64(-np.inf), np.float64(np.inf)
        with np.errstate(divide="ignore", invalid="ignore"):
            for axis, half in enumerate(self.size_m / 2):
                one, two = (-half - origins[axis]) / along[axis], (half - origins[axis]) / along[axis]
                # A ray within a face's own plane divides 0 by 0: it runs along the body, and this axis says nothing.
                enter, leave = np.fmax(enter, np.fmin(one, two)), np.fmin(leave, np.fmax(one, two))
        return np.where((enter <= leave) & (enter > 0), enter, np.inf)

    def normals(self, points_m: FloatArray) -> FloatArray:
        """See `Solid`."""
        local = (points_m - self.centre_m) @ self.table_from_box / (self.size_m / 2)
        axis = np.abs(local).argmax(axis=1)
        normals = np.zeros_like(local)
        rows = np.arange(len(local))
        normals[rows, axis] = np.sign(local[rows, axis])
        turned: FloatArray = normals @ self.table_from_box.T
        return turned

    def plan_distances_m(self, xy_m: FloatArray) -> FloatArray:
        """See `Solid`."""
        local = (xy_m - self.centre_m[:2]) @ self.table_from_box[:2, :2]
        beyond = np.maximum(np.abs(local) - self.size_m[:2] / 2, 0.0)
        return np.hypot(beyond[:, 0], beyond[:, 1])


@dataclass(frozen=True, slots=True, eq=False)
class Cylinder:
    """An upright cylinder."""

    centre_m: FloatArray
    cylinder_radius_m: float
    height_m: float

    @property
    def radius_m(self) -> float:
        """See `Solid`."""
        return float(np.hypot(self.cylinder_radius_m, self.height_m / 2))

    @property
    def top_m(self) -> float:
        """See `Solid`."""
        return float(self.centre_m[2] + self.height_m / 2)

    def distances(self, origins_m: FloatArray, directions: FloatArray) -> FloatArray:
        """See `Solid`; an infinite cylinder cut by the slab between its ends."""
        origins = origins_m - self.centre_m
        (x, y, z), (dx, dy, dz) = origins.T, directions.T
        square = dx * dx + dy * dy
        along = x * dx + y * dy
        across = x * dy - y * dx
        with np.errstate(divide="ignore", invalid="ignore"):
            # The squared distance of ray and axis is across**2 / square: no difference of large squares.
            reach = np.sqrt(self.cylinder_radius_m**2 * square - across**2)
            side_enter, side_leave = (-along - reach) / square, (-along + reach) / square
            one, two = (-self.height_m / 2 - z) / dz, (self.height_m / 2 - z) / dz
        # A vertical ray has no side to enter; NaN there means it passes inside or outside for ever.
        inside = np.broadcast_to(x * x + y * y <= self.cylinder_radius_m**2, np.shape(side_enter))
        vertical = np.broadcast_to(square == 0, np.shape(side_enter))
        side_enter = np.where(vertical & inside, -np.inf, side_enter)
        side_leave = np.where(vertical & inside, np.inf, side_leave)
        enter = np.maximum(side_enter, np.fmin(one, two))
        leave = np.minimum(side_leave, np.fmax(one, two))
        with np.errstate(invalid="ignore"):
            return np.where((enter <= leave) & (enter > 0), enter, np.inf)

    def normals(self, points_m: FloatArray) -> FloatArray:
        """See `Solid`."""
        local = points_m - self.centre_m
        beyond_side = np.hypot(local[:, 0], local[:, 1]) - self.cylinder_radius_m
        beyond_end = np.abs(local[:, 2]) - self.height_m / 2
        on_end = (beyond_end > beyond_side)[:, None]
        flat = np.column_stack([np.zeros((len(local), 2)), np.sign(local[:, 2])])
        round_ = np.column_stack([local[:, :2] / self.cylinder_radius_m, np.zeros(len(local))])
        return np.where(on_end, flat, round_)

    def plan_distances_m(self, xy_m: FloatArray) -> FloatArray:
        """See `Solid`."""
        away = np.hypot(xy_m[:, 0] - self.centre_m[0], xy_m[:, 1] - self.centre_m[1])
        beyond: FloatArray = np.maximum(away - self.cylinder_radius_m, 0.0)
        return beyond


@dataclass(frozen=True, slots=True, eq=False)
class Ball:
    """A ball."""

    centre_m: FloatArray
    radius_m: float

    @property
    def top_m(self) -> float:
        """See `Solid`."""
        return float(self.centre_m[2] + self.radius_m)

    def distances(self, origins_m: FloatArray, directions: FloatArray) -> FloatArray:
        """See `Solid`."""
        to_centre = self.centre_m - origins_m
        square = np.sum(directions * directions, axis=-1)
        nearest = np.sum(to_centre * directions, axis=-1) / square
        miss = to_centre - nearest[..., None] * directions
        with np.errstate(invalid="ignore"):
            half_chord = np.sqrt((self.radius_m**2 - np.sum(miss * miss, axis=-1)) / square)
            enter = nearest - half_chord
            return np.where(enter > 0, enter, np.inf)

    def normals(self, points_m: FloatArray) -> FloatArray:
        """See `Solid`."""
        return (points_m - self.centre_m) / self.radius_m

    def plan_distances_m(self, xy_m: FloatArray) -> FloatArray:
        """See `Solid`."""
        away = np.hypot(xy_m[:, 0] - self.centre_m[0], xy_m[:, 1] - self.centre_m[1])
        beyond: FloatArray = np.maximum(away - self.radius_m, 0.0)
        return beyond
