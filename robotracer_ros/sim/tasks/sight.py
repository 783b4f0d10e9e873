"""What a view shows of a scene: which objects can be told, and their points in the picture and on the table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.sim.scene import Scene, SceneObject
from robotracer_ros.sim.tasks.solids import outline_points_m
from robotracer_ros.sim.tasks.task import Infeasible

# The table's number in a view's labels; `sim.stage.TABLE` is the same, but needs MuJoCo.
TABLE_LABEL: Final = 255
# An object can be named when this share of its outline is seen, and it covers this share of the picture.
_LEAST_SEEN: Final = 0.45
_LEAST_AREA: Final = 0.0008
# Points of a trace keep this far inside the picture, as a share of its sides.
_MARGIN: Final = 0.012
_NEAREST_M: Final = 0.10
# Around a spot of the table the view shows nothing else, as far as this share of the picture's width: a depth camera
# reads little at edges.
_SPOT_MARGIN: Final = 0.008
# A spot of the table is seen when the depth there says so to this, metres.
_SAME_SURFACE_M: Final = 0.012
# Answers are written in thousandths of the picture and in millimetres; the truth is exact in them.
THOUSAND: Final = 1000.0


class Seen(Protocol):
    """The part of a `sim.stage.View` that tasks need."""

    @property
    def depth_m(self) -> npt.NDArray[np.float32]:
        """(H, W) metres along the optical axis."""

    @property
    def labels(self) -> npt.NDArray[np.uint8]:
        """(H, W) object labels, `TABLE_LABEL`, or 0."""


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """The pixels of a view that show one object.

    Attributes:
        thing: the object.
        rows, columns: (N,) of its pixels.
        uvd: (3,) u, v and depth of the pixel nearest to the middle of them.
        point_m: (3,) the same point in the table frame.
    """

    thing: SceneObject
    rows: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]
    uvd: FloatArray
    point_m: FloatArray


@dataclass(slots=True, eq=False)
class Sight:
    """A scene together with a view of it in any resolution.

    Attributes:
        right, away: (2,) unit directions on the table, to the right and away as the camera sees them.
        patches: what can be named, by label.
    """

    scene: Scene
    view: Seen
    right: FloatArray = field(init=False)
    away: FloatArray = field(init=False)
    patches: dict[int, Patch] = field(init=False)
    scale_m: float = field(init=False)
    _rotation: FloatArray = field(init=False)
    _eye_m: FloatArray = field(init=False)
    _size: FloatArray = field(init=False)
    _view_size: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        camera = self.scene.intrinsics
        self._rotation = self.scene.table_from_camera.rotation
        self._eye_m = self.scene.table_from_camera.translation_m
        self._size = np.array([camera.width, camera.height], dtype=np.float64)
        self._view_size = np.array(self.view.labels.shape[::-1], dtype=np.float64)
        right = self._rotation[:2, 0]
        self.right = right / np.hypot(*right)
        self.away = np.array([-self.right[1], self.right[0]])
        with np.errstate(invalid="ignore"):
            known = self.view.depth_m[self.view.depth_m > 0]
        self.scale_m = round(float(known.mean(dtype=np.float64)), 3) if known.size else float("nan")
        self.patches = {patch.thing.label: patch for patch in self._patches()}

    def project(self, points_m: FloatArray) -> FloatArray:
        """(N, 3) u and v as shares of the picture, and depth in metres, of (N, 3) points of the table frame."""
        seen: FloatArray = (points_m - self._eye_m) @ self._rotation
        return np.column_stack([self.scene.intrinsics.project(seen) / self._size, seen[:, 2]])

    def lift(self, uvd: FloatArray) -> FloatArray:
        """(N, 3) points of the table frame, metres, of (N, 3) u and v as shares and depth in metres."""
        rays = self.scene.intrinsics.rays(uvd[:, :2] * self._size)
        directions = rays @ self._rotation[:, :2].T + self._rotation[:, 2]
        return np.asarray(directions * uvd[:, 2:] + self._eye_m)

    def written(self, points_m: FloatArray) -> FloatArray:
        """(N, 3) u, v and depth of points of the table frame, as exact as they are written.

        Raises:
            Infeasible: for a point at the picture's border or beyond.
        """
        uvd = self.project(points_m)
        inside = ((uvd[:, :2] > _MARGIN) & (uvd[:, :2] < 1 - _MARGIN)).all() and (uvd[:, 2] > _NEAREST_M).all()
        if not inside:
            raise Infeasible("a point lies outside the picture")
        return as_written(uvd)

    def from_camera_m(self, point_m: FloatArray) -> tuple[float, float]:
        """How far to the right of the camera and away from it, along the table, a point of the table frame is."""
        apart_m = np.asarray(point_m)[:2] - self._eye_m[:2]
        return float(self.right @ apart_m), float(self.away @ apart_m)

    def pixel(self, uv: FloatArray) -> tuple[int, int]:
        """Row and column of the view at u and v, shares of the picture."""
        column, row = np.clip(np.rint(self._view_pixels(uv[None])[0]), 0, self._view_size - 1)
        return int(row), int(column)

    def at(self, row: int, column: int) -> FloatArray:
        """(3,) u, v and depth of a pixel of the view.

        Raises:
            Infeasible: where the view has no depth.
        """
        depth_m = float(self.view.depth_m[row, column])
        if not depth_m > 0:
            raise Infeasible("no depth there")
        uv = self.uv_of(np.array([column]), np.array([row]))[0]
        return np.asarray(as_written(np.array([[*uv, depth_m]]))[0])

    def uv_of(self, columns: npt.NDArray[np.intp], rows: npt.NDArray[np.intp]) -> FloatArray:
        """(N, 2) u and v of the middles of pixels of the view, shares of the picture."""
        shares = (np.column_stack([columns, rows]) + 0.5) / self._view_size
        return np.asarray(shares - 0.5 / self._size)

    def points_m(self, patch: Patch) -> FloatArray:
        """(N, 3) points of the table frame that an object's pixels show; NaN where there is no depth."""
        uv = self.uv_of(patch.columns, patch.rows)
        return self.lift(np.column_stack([uv, self.view.depth_m[patch.rows, patch.columns]]))

    def table_spot(self, spot_m: FloatArray) -> FloatArray:
        """(3,) u, v and depth of a spot (2,) of the table's top.

        Raises:
            Infeasible: when the view does not show it.
        """
        uvd: FloatArray = self.written(np.array([[*spot_m, 0.0]]))[0]
        row, column = self.pixel(uvd[:2])
        reach = max(1, round(_SPOT_MARGIN * float(self._view_size[0])))
        around = self.view.labels[max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1]
        if (around != TABLE_LABEL).any():
            raise Infeasible("the spot is hidden or beside the table")
        far, near = self.lift(np.array([[*uvd[:2], 1.0], [*uvd[:2], 0.5]]))
        # Down the ray of the rounded pixel to z = 0.
        uvd[2] = round(0.5 + 0.5 * near[2] / (near[2] - far[2]), 3)
        if not abs(float(self.view.depth_m[row, column]) - uvd[2]) < _SAME_SURFACE_M + 0.01 * uvd[2]:
            raise Infeasible("the depth there is another surface's")
        return uvd

    def area_px(self, corners_m: FloatArray) -> npt.NDArray[np.bool_]:
        """(H, W) pixels of the table's top inside a convex polygon of (N, 2) spots.

        Raises:
            Infeasible: for a corner behind the camera.
        """
        uvd = self.project(np.column_stack([corners_m, np.zeros(len(corners_m))]))
        if not (uvd[:, 2] > _NEAREST_M).all():
            raise Infeasible("part of the area lies behind the camera")
        filled = np.zeros(self.view.labels.shape, dtype=np.uint8)
        fixed = np.rint(self._view_pixels(uvd[:, :2]) * 16).astype(np.int32)
        cv2.fillConvexPoly(filled, fixed, 1, lineType=cv2.LINE_8, shift=4)
        return np.asarray((filled > 0) & (self.view.labels == TABLE_LABEL))

    def _view_pixels(self, uv: FloatArray) -> FloatArray:
        return view_pixels(uv, self._size, self._view_size)

    def _patches(self) -> list[Patch]:
        """One patch for each object that can be named."""
        found = []
        outlines = [outline_points_m(thing) for thing in self.scene.objects]
        seen = self.project(np.concatenate(outlines)) if outlines else np.zeros((0, 3))
        pixels = self._view_pixels(seen[:, :2]).astype(np.float32)
        ends = np.cumsum([len(outline) for outline in outlines])
        for thing, outline in zip(self.scene.objects, np.split(pixels, ends[:-1]), strict=True):
            patch = self._patch(thing, outline)
            if patch is not None:
                found.append(patch)
        return found

    def _patch(self, thing: SceneObject, outline: npt.NDArray[np.float32]) -> Patch | None:
        low = np.maximum(np.floor(outline.min(axis=0)).astype(int) - 1, 0)
        high = np.ceil(outline.max(axis=0)).astype(int) + 2
        rows, columns = np.nonzero(self.view.labels[low[1] : high[1], low[0] : high[0]] == thing.label)
        area = float(cv2.contourArea(cv2.convexHull(outline)))
        if len(rows) < max(_LEAST_SEEN * area, _LEAST_AREA * float(np.prod(self._view_size)), 4.0):
            return None
        rows, columns = rows + low[1], columns + low[0]
        # Shares of the picture's width, so that the view's resolution and its squeezing do not matter.
        tall = self._size[1] / self._size[0] / self._view_size[1]
        away = ((columns - columns.mean()) / self._view_size[0]) ** 2 + ((rows - rows.mean()) * tall) ** 2
        middle = int(np.argmin(away))
        try:
            uvd = self.at(int(rows[middle]), int(columns[middle]))
        except Infeasible:
            return None
        return Patch(thing, rows, columns, uvd, self.lift(uvd[None])[0])


def view_pixels(uv: FloatArray, size: npt.ArrayLike, view_size: npt.ArrayLike) -> FloatArray:
    """(N, 2) pixels of a view of ``view_size`` (W, H) at u and v, shares of a picture of ``size``.

    The view is the picture resized: both span from half a pixel before the first to half a pixel behind the last.
    """
    return np.asarray((uv + 0.5 / np.asarray(size)) * np.asarray(view_size) - 0.5)


def as_written(uvd: FloatArray) -> FloatArray:
    """(N, 3) u and v rounded to thousandths of the picture and depth to millimetres."""
    return np.asarray(np.rint(uvd * THOUSAND) / THOUSAND)
