"""Whether a gripper and what it holds come too near to what the camera saw, anywhere along a path."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from robotracer_ros.errors import FrameMismatch, InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray, frozen_floats
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.planning.depth_view import DepthView
from robotracer_ros.planning.nearest import nearest_distance
from robotracer_ros.planning.orientation import between, sign_continuous
from robotracer_ros.planning.path import PosePath, Violation, ViolationKind
from robotracer_ros.planning.tiles import DepthTiles

# Cells are this share of the clearance wide: so much earlier at most than the true distance is a cell said to be near.
_CELL: Final = 0.5
_LEAST_CELL_M: Final = 0.004
# A sweep as large as a room at that cell; more is an error of the caller's units.
_MOST_CELLS: Final = 200_000_000
# A hundred metres in steps of 2 cm.
_MOST_POSES: Final = 5000
# Of a waypoint's points in near cells about so many are measured first; deep in something, they suffice.
_MEASURED: Final = 48


class NearCells:
    """Cells of space that may hold a point within ``clearance_m`` of one of ``points_m``.

    A point in none of them is farther away; a point in one may be farther by a cell's diagonal.

    Args:
        points_m: (N, 3) in any frame.
        lower_m, upper_m: (3,) corners of the box that is asked about, same frame.

    Raises:
        InvalidRequest: for a clearance that is not above 0, and a box as large as a hall.
    """

    def __init__(self, points_m: FloatArray, lower_m: FloatArray, upper_m: FloatArray, clearance_m: float) -> None:
        if not 0 < clearance_m < np.inf:
            raise InvalidRequest(f"clearance_m must be above 0 m, received {clearance_m}")
        self.cell_m = max(_CELL * clearance_m, _LEAST_CELL_M)
        self._origin = lower_m - clearance_m - self.cell_m
        size = np.ceil((upper_m + clearance_m + self.cell_m - self._origin) / self.cell_m) + 1
        if not size.prod() <= _MOST_CELLS:
            raise InvalidRequest(f"a sweep of {(upper_m - lower_m).round(2).tolist()} m is too large to be checked")
        self._size = size.astype(np.int64)
        self._near = self._grown(self._held(points_m), clearance_m)

    def hold(self, points_m: FloatArray) -> npt.NDArray[np.bool_]:
        """(N,) which of points (N, 3) lie in such a cell; none outside the box does."""
        cells, inside = self._cells(points_m)
        if inside.all():
            return np.asarray(self._near.reshape(-1)[cells])
        held = np.zeros(len(points_m), dtype=np.bool_)
        held[inside] = self._near.reshape(-1)[cells[inside]]
        return held

    def _held(self, points_m: FloatArray) -> npt.NDArray[np.bool_]:
        """Cells with a point."""
        cells, inside = self._cells(points_m)
        held = np.zeros(int(self._size.prod()), dtype=np.bool_)
        held[cells[inside]] = True
        return held.reshape(self._size)

    def _cells(self, points_m: FloatArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """(N,) the number of each point's cell, and whether there is such a cell at all."""
        number = np.zeros(len(points_m), dtype=np.int64)
        inside = np.ones(len(points_m), dtype=np.bool_)
        for axis in range(3):
            # Below the box the quotient is negative and rounds towards 0: it is asked before it is rounded.
            along = (points_m[:, axis] - self._origin[axis]) / self.cell_m
            inside &= (along >= 0) & (along < self._size[axis])
            number = number * self._size[axis] + along.astype(np.int64)
        return number, inside

    def _grown(self, held: npt.NDArray[np.bool_], clearance_m: float) -> npt.NDArray[np.bool_]:
        """With every cell of which some point is within the clearance of some point of a held cell."""
        reach = int(np.ceil(clearance_m / self.cell_m))
        steps = np.arange(-reach - 1, reach + 2)
        near = np.zeros_like(held)
        gap = np.maximum(np.abs(steps) - 1, 0) * self.cell_m
        for x, gap_x in zip(steps, gap, strict=True):
            for y, gap_y in zip(steps, gap, strict=True):
                left = clearance_m**2 - gap_x**2 - gap_y**2
                if left > 0:
                    # Along the last axis all cells within reach at once, by counting.
                    high = int(np.floor(np.sqrt(left) / self.cell_m - 1e-9)) + 1
                    near |= _shifted(_along_last(held, high), int(x), int(y))
        return near


def readings(view: DepthView, nearest_m: float = 0.0, farthest_m: float = np.inf) -> FloatArray:
    """(N, 3) every point that a depth image shows between two depths, view frame."""
    with np.errstate(invalid="ignore"):
        row, column = np.nonzero((view.depth_m >= nearest_m) & (view.depth_m < farthest_m))
    return view.camera.deproject(np.column_stack([column, row]).astype(np.float64), view.depth_m[row, column])


def without_body(view: DepthView, body_m: FloatArray, margin_m: float) -> DepthView:
    """The view without the readings within ``margin_m`` of points (K, 3) of a body, view frame: a robot that sees
    itself is no obstacle to itself.
    """
    if not len(body_m):
        return view
    near = NearCells(body_m, body_m.min(axis=0), body_m.max(axis=0), margin_m)
    with np.errstate(invalid="ignore"):
        row, column = np.nonzero(view.depth_m >= 0.0)
    mask = np.zeros(view.depth_m.shape, dtype=np.bool_)
    mask[row, column] = near.hold(readings(view))
    return view.without(mask)


def without_box(view: DepthView, box_from_view: RigidTransform, lower_m: FloatArray, upper_m: FloatArray) -> DepthView:
    """The view without the readings between two corners (3,) of a box, in the box's own frame."""
    centre = box_from_view.inverse().apply((lower_m + upper_m) / 2)
    rows, columns = view.window(centre, float(np.linalg.norm(upper_m - lower_m)) / 2)
    mask = np.zeros(view.depth_m.shape, dtype=np.bool_)
    if rows.stop > rows.start and columns.stop > columns.start:
        points = box_from_view.apply(view.points_in(rows, columns))
        mask[rows, columns] = ((points >= lower_m) & (points <= upper_m)).all(axis=2)
    return view.without(mask)


def _along_last(held: npt.NDArray[np.bool_], reach: int) -> npt.NDArray[np.bool_]:
    """Cells with a held one at most ``reach`` away along the last axis."""
    grown = held.copy()
    for step in range(1, reach + 1):
        grown[..., step:] |= held[..., :-step]
        grown[..., :-step] |= held[..., step:]
    return grown


def _shifted(cells: npt.NDArray[np.bool_], x: int, y: int) -> npt.NDArray[np.bool_]:
    moved = np.zeros_like(cells)
    to_x, from_x = (slice(x, None), slice(None, -x or None)) if x >= 0 else (slice(None, x), slice(-x, None))
    to_y, from_y = (slice(y, None), slice(None, -y or None)) if y >= 0 else (slice(None, y), slice(-y, None))
    moved[to_x, to_y] = cells[from_x, from_y]
    return moved


def swept_too_close(
    path: PosePath, body_m: FloatArray, view: DepthView, target_from_view: RigidTransform, clearance_m: float,
    asked: npt.NDArray[np.bool_] | None = None,
) -> list[Violation]:  # fmt: skip
    """Where a body that moves along a path comes nearer than ``clearance_m`` to a surface in ``view``.

    Args:
        path: of the tip, in ``target_from_view.target_frame``.
        body_m: (K, 3) points of the gripper and of what it holds, seen from the tip.
        view: without the pixels that see the gripper or what it holds.
        asked: (M,) which waypoints are asked about; None for all.

    Returns:
        A violation for every waypoint that is too close, by an amount that is at least nearly the largest.

    Raises:
        InvalidRequest: for a clearance that is not above 0.
        FrameMismatch: for a path in another frame.
    """
    body = frozen_floats("body_m", body_m, (None, 3))
    if path.frame_id != target_from_view.target_frame:
        raise FrameMismatch(
            f"the path is in {path.frame_id!r}, the view is placed in {target_from_view.target_frame!r}"
        )
    which = np.arange(len(path)) if asked is None else np.flatnonzero(asked)
    if not len(which) or not len(body):
        return []
    view_from_target = target_from_view.inverse()
    swept = _swept(path, body, which, view_from_target)
    centres, radius_m = view_from_target.apply(path.positions_m[which]), float(np.linalg.norm(body, axis=1).max())
    lower, upper = centres.min(axis=0) - radius_m, centres.max(axis=0) + radius_m
    view = _window(view, centres, radius_m + clearance_m)
    flat = swept.reshape(-1, 3)
    near = (
        NearCells(readings(view, lower[2] - clearance_m, upper[2] + clearance_m), lower, upper, clearance_m)
        .hold(flat)
        .reshape(swept.shape[:2])
    )
    violations = []
    tiles: DepthTiles | None = None
    for row in np.flatnonzero(near.any(axis=1)):
        tiles = tiles or DepthTiles(view)
        away = _nearest(swept[row, near[row]], tiles, clearance_m)
        if away < clearance_m:
            violations.append(Violation(ViolationKind.TOO_CLOSE, int(which[row]), clearance_m - away))
    return violations


def between_waypoints(path: PosePath, spacing_m: float, reach_m: float) -> tuple[PosePath, npt.NDArray[np.int64]]:
    """The path with poses in between, as a planner moves the tip: straight, and turning evenly (slerp) all the way.

    Args:
        spacing_m: the longest way of the tip from one pose to the next, and of a point at ``reach_m`` while it turns.
        reach_m: how far the body reaches from the tip.

    Returns:
        The path with (M,) for each of its poses the given one that it is on the way to.

    Raises:
        InvalidRequest: for a path too long for any arm.
    """
    quaternions = sign_continuous(path.quaternions_xyzw)
    way_m = np.linalg.norm(np.diff(path.positions_m, axis=0), axis=1)
    cosine = np.einsum("ij,ij->i", quaternions[:-1], quaternions[1:])
    turn_m = 2 * np.arccos(np.clip(cosine, 0.0, 1.0)) * reach_m
    # Rounding makes no further step; a stretch that goes nowhere takes none.
    counts = np.ceil(np.maximum(way_m, turn_m) / spacing_m - 1e-6).clip(0, _MOST_POSES + 1).astype(np.int64)
    if counts.sum() > _MOST_POSES:
        raise InvalidRequest(f"a path of {way_m.sum():.4g} m is too long to be checked")
    at = np.repeat(np.arange(len(counts)), counts)
    share = (np.arange(len(at)) - np.repeat(np.cumsum(counts) - counts, counts)) / counts[at]
    positions = path.positions_m[at] + share[:, None] * (path.positions_m[at + 1] - path.positions_m[at])
    turned = between(quaternions[at], quaternions[at + 1], share)
    dense = PosePath(
        np.vstack([positions, path.positions_m[-1:]]), np.vstack([turned, quaternions[-1:]]), path.frame_id,
        path.stamp_ns,
    )  # fmt: skip
    return dense, np.append(at + 1, len(path) - 1)


def _window(view: DepthView, centres_m: FloatArray, radius_m: float) -> DepthView:
    """The part of the image that sees anything within ``radius_m`` of (W, 3) centres."""
    rows, columns = view.window_of(centres_m, np.full(len(centres_m), radius_m))
    if rows.stop <= rows.start or columns.stop <= columns.start:
        rows, columns = slice(0, 1), slice(0, 1)
    return view.cropped(rows, columns)


def _nearest(suspects: FloatArray, tiles: DepthTiles, clearance_m: float) -> float:
    """From any of points (N, 3) to the surface: some of them tell soon that they are too close, all that none is."""
    some = float(nearest_distance(suspects[:: max(1, len(suspects) // _MEASURED)], tiles, clearance_m).min())
    return some if some < clearance_m else float(nearest_distance(suspects, tiles, clearance_m).min())


def _swept(
    path: PosePath, body: FloatArray, which: npt.NDArray[np.intp], view_from_target: RigidTransform
) -> FloatArray:
    """(W, K, 3) the body at each waypoint, view frame."""
    x, y, z, w = path.quaternions_xyzw[which].T
    turns = np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]).transpose(2, 0, 1)  # fmt: skip
    turns = view_from_target.rotation @ turns
    places = view_from_target.apply(path.positions_m[which])
    return np.asarray(body @ turns.transpose(0, 2, 1) + places[:, None])
