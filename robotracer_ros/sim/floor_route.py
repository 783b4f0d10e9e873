"""Free ways over a simulated floor: through what the base has room for and the camera sees."""

from __future__ import annotations

import heapq
import math
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.sim.floor_scene import ROOM_MAX_M, ROOM_MIN_M, FloorScene
from robotracer_ros.sim.floor_spec import CAMERA

_CELL_M: Final = 0.05
_CHECK_M: Final = 0.02
_FLAT_M: Final = 0.01
# Nothing stands nearer to the base than this, and there the camera does not see the floor.
_BLIND_M: Final = 0.95
# Lifting reads a square around a point: so many pixels around it have to show floor.
_ALL_FLOOR_PX: Final = 8
# A way a little longer that keeps more distance is the better one: cells with less to spare cost up to so much more.
_WIDE_M: Final = 0.20
_NARROW_COST: Final = 2.0
# Nobody calls a way about so much longer than the straight one the way there.
_LONGEST: Final = 1.5
_NEIGHBOURS: Final = tuple((i, j, math.hypot(i, j)) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j)


class FloorMap:
    """What of a floor is free and in sight from where the base stands.

    Args:
        scene: what stands there.
        depth_m: (H, W) that a faultless camera sees, metres.
        odom_from_base, base_from_camera: where it stands.
        keep_m: the least distance of the base's middle from anything.
        keep_hidden_m: the same from floor that things hide: nobody knows what is there, and a depth camera reads
            nonsense at its border.
    """

    def __init__(
        self,
        scene: FloorScene,
        depth_m: npt.NDArray[np.float32],
        odom_from_base: RigidTransform,
        base_from_camera: RigidTransform,
        keep_m: float,
        keep_hidden_m: float,
    ) -> None:
        self._scene, self._keep_m = scene, keep_m
        self._camera_from_odom = (odom_from_base @ base_from_camera).inverse()
        self._base_m = odom_from_base.translation_m[:2]
        floor = self._floor_pixels(depth_m)
        side = 2 * _ALL_FLOOR_PX + 1
        # Beyond the border nothing speaks against a pixel.
        self._floor = cv2.erode(floor, np.ones((side, side), np.uint8), borderValue=1).astype(np.bool_)
        self._low = np.array(ROOM_MIN_M)
        shape = np.ceil((np.array(ROOM_MAX_M) - self._low) / _CELL_M).astype(int)
        cells = np.moveaxis(np.indices(tuple(shape)), 0, -1)
        self._centres = self._low + (cells + 0.5) * _CELL_M
        self._spare_m = self._sight_m(floor) - keep_hidden_m
        self._open = self.passable(self._centres.reshape(-1, 2)).reshape(self._spare_m.shape)

    def _floor_pixels(self, depth_m: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
        """(H, W) 1 where the floor is seen."""
        rows, columns = np.indices(depth_m.shape)
        points = CAMERA.deproject(np.column_stack([columns.ravel(), rows.ravel()]), depth_m.ravel())
        height_m = self._camera_from_odom.inverse().apply(points)[:, 2].reshape(depth_m.shape)
        return (np.abs(height_m) < _FLAT_M).astype(np.uint8)

    def _sight_m(self, floor: npt.NDArray[np.uint8]) -> FloatArray:
        """Of every cell: metres to the nearest one that something stands on or hides."""
        points = self._centres.reshape(-1, 2)
        inside = self.in_picture(points)
        clear = np.ones(len(points), dtype=np.uint8)
        columns, rows = np.rint(CAMERA.project(self._in_camera(points[inside]))).astype(np.intp).T
        clear[inside] = floor[rows, columns]
        away = cv2.distanceTransform(clear.reshape(self._centres.shape[:2]), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        return np.asarray(away, dtype=np.float64) * _CELL_M

    def passable(self, points_m: FloatArray) -> npt.NDArray[np.bool_]:
        """(N,) whether the base has room at (N, 2) points of odom, and the camera sees that."""
        cells = np.clip(((points_m - self._low) / _CELL_M).astype(np.intp), 0, np.array(self._spare_m.shape) - 1)
        blind = np.linalg.norm(points_m - self._base_m, axis=1) < _BLIND_M
        open_ = self._spare_m[cells[:, 0], cells[:, 1]] >= 0
        return np.asarray((self._scene.clearance_m(points_m) >= self._keep_m) & open_ & (blind | self.seen(points_m)))

    def in_picture(self, points_m: FloatArray, margin: float = 0.0) -> npt.NDArray[np.bool_]:
        """(N,) whether (N, 2) points of the floor lie in the picture, that share of its size inside, hidden or not."""
        share = CAMERA.project(self._in_camera(points_m)) / (CAMERA.width - 1, CAMERA.height - 1)
        with np.errstate(invalid="ignore"):
            return np.asarray(((share >= margin) & (share <= 1 - margin)).all(axis=1))

    def seen(self, points_m: FloatArray, margin: float = 0.0) -> npt.NDArray[np.bool_]:
        """(N,) whether (N, 2) points of the floor are in the picture, with nothing before or close beside them."""
        inside = self.in_picture(points_m, margin)
        columns, rows = np.rint(CAMERA.project(self._in_camera(points_m[inside]))).astype(np.intp).T
        found = np.zeros(len(points_m), dtype=np.bool_)
        found[inside] = self._floor[rows, columns]
        return found

    def way(self, start_m: FloatArray, goal_m: FloatArray) -> FloatArray:
        """(K, 2) corners of a free way in sight, both ends included; (0, 2) where there is none or it is a long detour.

        A* over a grid, then corners left out wherever the straight line is as free.
        """
        room_m = self._scene.clearance_m(self._centres) - self._keep_m
        cost = 1.0 + _NARROW_COST * np.clip(1.0 - np.minimum(room_m, self._spare_m) / _WIDE_M, 0.0, 1.0)
        start, goal = (tuple(((point - self._low) / _CELL_M).astype(int).tolist()) for point in (start_m, goal_m))
        chain = _searched(self._open, cost, start, goal)
        if not chain:
            return np.zeros((0, 2))
        inner = np.array([self._centres[cell] for cell in chain[1:-1]]).reshape(-1, 2)
        way = self._tightened(np.vstack([start_m, inner, goal_m]))
        length_m = np.linalg.norm(np.diff(way, axis=0), axis=1).sum()
        return way if length_m <= _LONGEST * np.linalg.norm(goal_m - start_m) else np.zeros((0, 2))

    def _in_camera(self, points_m: FloatArray) -> FloatArray:
        return self._camera_from_odom.apply(np.column_stack([points_m, np.zeros(len(points_m))]))

    def _tightened(self, points: FloatArray) -> FloatArray:
        kept, here = [0], 0
        while here < len(points) - 1:
            there = len(points) - 1
            while there > here + 1 and not self._clear(points[here], points[there]):
                there -= 1
            kept.append(there)
            here = there
        return points[kept]

    def _clear(self, a: FloatArray, b: FloatArray) -> bool:
        count = max(2, int(np.linalg.norm(b - a) / _CHECK_M) + 1)
        line = a + (b - a) * np.linspace(0.0, 1.0, count)[:, None]
        return bool(self.passable(line).all())


def _searched(
    open_: npt.NDArray[np.bool_], cost: FloatArray, start: tuple[int, int], goal: tuple[int, int]
) -> list[tuple[int, int]]:
    """The cheapest chain of open cells from one to another, empty where there is none; the start may be closed."""
    best = {start: 0.0}
    came: dict[tuple[int, int], tuple[int, int]] = {}
    queue = [(math.dist(start, goal), start)]
    done: set[tuple[int, int]] = set()
    while queue:
        _, cell = heapq.heappop(queue)
        if cell == goal:
            chain = [cell]
            while chain[-1] in came:
                chain.append(came[chain[-1]])
            return chain[::-1]
        if cell in done:
            continue
        done.add(cell)
        for i, j, length in _NEIGHBOURS:
            after = (cell[0] + i, cell[1] + j)
            if not (0 <= after[0] < open_.shape[0] and 0 <= after[1] < open_.shape[1] and open_[after]):
                continue
            total = best[cell] + length * float(cost[after])
            if total < best.get(after, math.inf):
                best[after], came[after] = total, cell
                heapq.heappush(queue, (total + math.dist(after, goal), after))
    return []
