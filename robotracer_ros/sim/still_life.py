"""A tabletop still life: a picture with exact depth, an instruction, and the true trace that carries it out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.camera import CameraIntrinsics
from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.geometry.trace import VisualTrace
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.sim.arrangement import TABLE_FRAME, TABLE_SIZE_M, set_out
from robotracer_ros.sim.carrying import carrying_way_m
from robotracer_ros.sim.depth_noise import DepthNoise
from robotracer_ros.sim.ray_cast import Hits, cast
from robotracer_ros.sim.solids import Box, Solid
from robotracer_ros.sim.surfaces import Surface, graded, linear, lit_colours, tiled, wooden

CAMERA_FRAME: Final = "camera_color_optical_frame"
# A RealSense D435's colour camera at 1280x720.
DEFAULT_CAMERA: Final = CameraIntrinsics(1280, 720, 912.0, 911.0, 641.5, 362.0)
_EYE_M: Final = (0.0, -0.62, 0.49)
_LOOKED_AT_M: Final = (0.0, 0.055, 0.05)
_FLOOR_M: Final = -0.74
_ROOM_SOLIDS: Final = 3
_SEEDS_TRIED: Final = 200
# Arrays of this many rays stay in the processor's cache; whole pictures take three times as long.
_RAYS_AT_ONCE: Final = 1 << 15
# Of 255; the grain of the wood stays below it.
_STAIR_LEVELS: Final = 28
# Of normals in hundredths.
_STAIR_TURN: Final = 50
# Points this near the picture's edge are too easily lost to be a good example.
_EDGE_SHARE: Final = 0.04
_IN_FRONT_M: Final = 0.004
# A rotated grid of 2x2 rays inside a pixel, where edges would show stairs.
_SUB_PIXELS: Final = np.array([[-0.375, -0.125], [0.125, -0.375], [0.375, 0.125], [-0.125, 0.375]])


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What a camera sees of a still life, without faults.

    Attributes:
        rgb: (H, W, 3) uint8.
        depth_m: (H, W) float32 metres along the optical axis, NaN where a ray meets nothing.
        labels: (H, W) int16, index into ``StillLife.things``, -1 for table, floor and wall.
    """

    rgb: npt.NDArray[np.uint8]
    depth_m: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int16]


def looking_at(eye_m: npt.ArrayLike, target_m: npt.ArrayLike) -> RigidTransform:
    """``table_from_camera`` of an upright camera (x right, y down, z forward) at ``eye_m`` that looks at ``target_m``.

    Raises:
        InvalidRequest: when it would look straight up or down, where upright means nothing, or nowhere.
    """
    eye, target = np.asarray(eye_m, dtype=np.float64), np.asarray(target_m, dtype=np.float64)
    forward = target - eye
    right = np.cross(forward, [0.0, 0.0, 1.0])
    if not np.linalg.norm(right) > 1e-9:
        raise InvalidRequest(f"a camera at {eye.tolist()} m cannot be upright and look at {target.tolist()} m")
    forward, right = forward / np.linalg.norm(forward), right / np.linalg.norm(right)
    rotation = np.column_stack([right, np.cross(forward, right), forward])
    return RigidTransform(TABLE_FRAME, CAMERA_FRAME, rotation, eye)


class StillLife:
    """A table set by chance, the same for the same seed, and the truth about it.

    Attributes:
        instruction: such as "put the red block on the blue tray".
        things: what stands on the table, with names and poses in the table frame; the block first, then the tray.
        table_from_camera: the pose of the camera's optical frame.
        waypoints_m: (8, 3) in the table frame: a point at the block's foot on its way to the tray, free of collisions.

    Args:
        seed: chooses the arrangement.
        table_from_camera: defaults to a camera before the table, half a metre above it.

    Raises:
        InvalidRequest: when from that camera no arrangement shows block, tray and the way between them.
    """

    def __init__(self, seed: int = 0, table_from_camera: RigidTransform | None = None) -> None:
        self.table_from_camera = table_from_camera or looking_at(_EYE_M, _LOOKED_AT_M)
        if self.table_from_camera.target_frame != TABLE_FRAME:
            raise InvalidRequest(f"the camera's pose must be in {TABLE_FRAME!r}, received {self.table_from_camera}")
        self._seed = seed
        rng = np.random.default_rng(seed)
        for _ in range(_SEEDS_TRIED):
            self._arrangement = set_out(rng)
            self.waypoints_m = carrying_way_m(self._arrangement, self.table_from_camera.translation_m)
            self._solids, self._surfaces = self._room()
            if self._way_is_seen():
                break
        else:
            raise InvalidRequest("from this camera the way stays hidden; place it before the table and above it")
        self.things = self._arrangement.things
        self.instruction = f"put the {self._arrangement.block.name} on the {self._arrangement.tray.name}"

    def view(self, intrinsics: CameraIntrinsics = DEFAULT_CAMERA) -> View:
        """Cast a ray through every pixel, and four more where an edge would show stairs."""
        height, width = intrinsics.height, intrinsics.width
        count = height * width
        depth = np.empty(count, dtype=np.float32)
        solid = np.empty(count, dtype=np.int16)
        facing = np.empty((count, 3), dtype=np.uint8)
        colours = np.empty((count, 3), dtype=np.float32)
        for first in range(0, count, _RAYS_AT_ONCE):
            band = slice(first, min(first + _RAYS_AT_ONCE, count))
            hits, colours[band] = self._seen(intrinsics, _pixels(np.arange(band.start, band.stop), width))
            # The z component of each camera ray is 1, so the multiple of the ray is the depth.
            depth[band] = np.where(np.isfinite(hits.distance), hits.distance, np.nan)
            solid[band], facing[band] = hits.solid, 100 + np.rint(100 * hits.normals)
        rgb = np.rint(colours).astype(np.uint8)
        size = (height, width)
        edge = np.flatnonzero(_edges(solid.reshape(size), facing.reshape(*size, 3), rgb.reshape(*size, 3)))
        for some in np.array_split(edge, len(edge) // _RAYS_AT_ONCE + 1):
            finer = [self._seen(intrinsics, _pixels(some, width) + offset)[1] for offset in _SUB_PIXELS]
            rgb[some] = np.rint(np.mean(finer, axis=0))
        return View(rgb.reshape(*size, 3), depth.reshape(size), self._labels(solid).reshape(size))

    def observe(
        self, intrinsics: CameraIntrinsics = DEFAULT_CAMERA, noise: DepthNoise | None = None, stamp_ns: int = 0
    ) -> RgbdObservation:
        """What an RGB-D camera delivers; without ``noise`` the depth is exact."""
        view = self.view(intrinsics)
        depth_m = view.depth_m if noise is None else noise.applied_to(view.depth_m)
        return RgbdObservation(view.rgb, depth_m, intrinsics, self.table_from_camera.source_frame, stamp_ns)

    def trace(self, intrinsics: CameraIntrinsics = DEFAULT_CAMERA) -> VisualTrace:
        """The true trace, with the true depth of each point.

        Raises:
            PointOutsideImage: when this camera's picture does not hold all of it.
        """
        points_m = self.table_from_camera.inverse().apply(self.waypoints_m)
        uv = intrinsics.project(points_m) / (intrinsics.width, intrinsics.height)
        return VisualTrace(uv, points_m[:, 2])

    def answer(self, intrinsics: CameraIntrinsics = DEFAULT_CAMERA) -> str:
        """The true trace in RoboTracer's words: thousandths of width and height, metres to the millimetre."""
        trace = self.trace(intrinsics)
        depth_m = self.table_from_camera.inverse().apply(self.waypoints_m)[:, 2]
        words = [f"({u:.0f}, {v:.0f}, {d:.3f})" for (u, v), d in zip(trace.uv * 1000, depth_m, strict=True)]
        return f"[{', '.join(words)}]"

    def _room(self) -> tuple[list[Solid], list[Surface]]:
        """Floor, wall and table, then every part of every thing."""
        solids: list[Solid] = [
            Box(np.array([0.0, 1.0, _FLOOR_M - 0.05]), np.array([12.0, 12.0, 0.1])),
            Box(np.array([0.0, 1.75, 1.0]), np.array([12.0, 0.1, 4.0])),
            Box(np.array([0.0, 0.0, -TABLE_SIZE_M[2] / 2]), TABLE_SIZE_M),
        ]
        surfaces = [
            Surface(tiled(linear(166, 158, 148), linear(154, 146, 136), 0.4)),
            Surface(graded(linear(186, 196, 202), linear(226, 228, 226), -0.5, 1.1)),
            Surface(wooden(self._seed, linear(214, 170, 118), linear(160, 110, 66))),
        ]
        for thing in self._arrangement.things:
            solids.extend(thing.parts)
            surfaces.extend(thing.surfaces)
        return solids, surfaces

    def _directions(self, intrinsics: CameraIntrinsics, pixels: FloatArray) -> FloatArray:
        rays = intrinsics.rays(pixels)
        return self.table_from_camera.rotate(np.column_stack([rays, np.ones(len(rays))]))

    def _seen(self, intrinsics: CameraIntrinsics, pixels: FloatArray) -> tuple[Hits, npt.NDArray[np.float32]]:
        directions = self._directions(intrinsics, pixels)
        hits = cast(self._solids, self.table_from_camera.translation_m, directions)
        casters = range(_ROOM_SOLIDS - 1, len(self._solids))
        return hits, lit_colours(self._solids, self._surfaces, casters, hits, directions)

    def _labels(self, solid: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
        owner = [-1] * _ROOM_SOLIDS
        for index, thing in enumerate(self._arrangement.things):
            owner += [index] * len(thing.parts)
        # The last entry answers for index -1, a ray that met nothing.
        return np.array([*owner, -1], dtype=np.int16)[solid]

    def _way_is_seen(self) -> bool:
        """Whether the default picture holds all waypoints, nothing hides one, and the ends lie on block and tray."""
        if not len(self.waypoints_m):
            return False
        points_m = self.table_from_camera.inverse().apply(self.waypoints_m)
        pixels = DEFAULT_CAMERA.project(points_m)
        share = pixels / (DEFAULT_CAMERA.width, DEFAULT_CAMERA.height)
        if not ((share > _EDGE_SHARE) & (share < 1 - _EDGE_SHARE)).all():
            return False
        hits = cast(self._solids, self.table_from_camera.translation_m, self._directions(DEFAULT_CAMERA, pixels))
        tray_floor = self._solids.index(self._arrangement.tray.parts[0])
        in_front = (points_m[:, 2] < hits.distance + _IN_FRONT_M).all()
        return bool(in_front and self._labels(hits.solid)[0] == 0 and hits.solid[-1] == tray_floor)


def _pixels(indices: npt.NDArray[np.intp], width: int) -> FloatArray:
    """(N, 2) column and row of pixels counted row by row."""
    return np.column_stack([indices % width, indices // width]).astype(np.float64)


def _edges(
    solid: npt.NDArray[np.int16], facing: npt.NDArray[np.uint8], rgb: npt.NDArray[np.uint8]
) -> npt.NDArray[np.bool_]:
    """(H, W) pixels beside one of another solid, of another face or of quite another colour."""
    cross = np.asarray(cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)))
    edge = np.asarray(cv2.morphologyEx(solid, cv2.MORPH_GRADIENT, cross)) > 0
    for picture, limit in ((facing, _STAIR_TURN), (rgb, _STAIR_LEVELS)):
        steps = np.asarray(cv2.morphologyEx(picture, cv2.MORPH_GRADIENT, cross))
        for channel in range(3):
            edge |= steps[..., channel] > limit
    return edge
