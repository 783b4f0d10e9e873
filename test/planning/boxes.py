"""Boxes on a table as a depth camera sees them, exactly: every ray of the lens is cut with every box."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from robotracer_ros.geometry.camera import CameraIntrinsics, Distortion
from robotracer_ros.geometry.observation import DepthCamera, RgbdObservation
from robotracer_ros.geometry.trace import SpatialTrace
from robotracer_ros.geometry.transform import RigidTransform


@dataclass(frozen=True)
class Box:
    """An axis-aligned box of the base frame, metres."""

    low: tuple[float, float, float]
    high: tuple[float, float, float]


TABLE = Box((-5.0, -5.0, -0.5), (5.0, 5.0, 0.0))
CARRIED = Box((0.38, 0.12, 0.0), (0.46, 0.2, 0.1))
WALL = Box((0.3, -0.06, 0.0), (0.6, 0.0, 0.15))
LENSES = {
    "none": Distortion(),
    "plumb_bob": Distortion("plumb_bob", (0.1, -0.2, 0.001, -0.0005, 0.05)),
    "equidistant": Distortion("equidistant", (0.02, 0.003, -0.001, 0.0)),
}


def camera(width: int = 320, lens: str = "none") -> CameraIntrinsics:
    """A camera of about 60 degrees, 4:3."""
    return CameraIntrinsics(width, width * 3 // 4, width * 0.85, width * 0.86, width * 0.49, width * 0.38, LENSES[lens])


def looking(at: tuple[float, float, float], eye: tuple[float, float, float], frame: str = "camera") -> RigidTransform:
    """``base`` from the optical frame of a camera at ``eye`` that looks at a point, its picture upright."""
    forward = np.subtract(at, eye) / np.linalg.norm(np.subtract(at, eye))
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    return RigidTransform("base", frame, np.column_stack([right, np.cross(forward, right), forward]), np.array(eye))


def looking_down(at: tuple[float, float, float], elevation_deg: float, away_m: float = 0.8) -> RigidTransform:
    """``base`` from a camera so steeply above a point."""
    angle = np.radians(min(elevation_deg, 89.9))
    return looking(at, tuple(np.add(at, [away_m * np.cos(angle), 0.0, away_m * np.sin(angle)])))


VIEW = looking((0.45, 0.05, 0.0), (1.1, 0.1, 0.75))


@lru_cache(maxsize=16)
def depth_of(boxes: tuple[Box, ...], intrinsics: CameraIntrinsics, base_from_camera: RigidTransform) -> np.ndarray:
    """(H, W) float32 depth along the optical axis; NaN where a ray meets no box or the lens has no ray."""
    v, u = np.mgrid[: intrinsics.height, : intrinsics.width]
    rays = intrinsics.rays(np.column_stack([u.ravel(), v.ravel()]))
    directions = base_from_camera.rotate(np.column_stack([rays, np.ones(len(rays))]))
    depth = np.full(len(rays), np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        for box in boxes:
            bounds = (np.array([box.low, box.high]) - base_from_camera.translation_m)[:, None] / directions
            enter, leave = bounds.min(axis=0).max(axis=1), bounds.max(axis=0).min(axis=1)
            hit = (enter <= leave) & (enter > 0)
            depth[hit] = np.minimum(depth[hit], enter[hit])
    depth[~np.isfinite(depth)] = np.nan
    return depth.reshape(intrinsics.height, intrinsics.width).astype(np.float32)


def observed(
    boxes: list[Box],
    intrinsics: CameraIntrinsics | None = None,
    base_from_camera: RigidTransform = VIEW,
    *,
    noise_m: float = 0.0,
    holes: float = 0.0,
    unregistered: bool = False,
    seed: int = 0,
) -> RgbdObservation:
    """The boxes from a camera; unregistered depth is measured 5 cm beside the colour camera, by a narrower lens."""
    intrinsics = intrinsics or camera()
    random = np.random.default_rng(seed)
    depth_camera, depth_intrinsics, base_from_depth = None, intrinsics, base_from_camera
    if unregistered:
        depth_intrinsics = CameraIntrinsics(300, 200, 290.0, 288.0, 152.0, 99.0)
        turn = np.array([0.01, -0.02, 0.005, 1.0])
        color_from_depth = RigidTransform.from_quaternion_xyzw(
            "camera", "depth", turn / np.linalg.norm(turn), (0.05, 0.0, 0.01)
        )
        depth_camera = DepthCamera(depth_intrinsics, color_from_depth)
        base_from_depth = base_from_camera @ color_from_depth
    depth = depth_of(tuple(boxes), depth_intrinsics, base_from_depth)
    depth = depth + random.normal(scale=noise_m, size=depth.shape).astype(np.float32)
    depth[random.random(depth.shape) < holes] = np.nan
    rgb = np.zeros((intrinsics.height, intrinsics.width, 3), np.uint8)
    return RgbdObservation(rgb, depth, intrinsics, "camera", 7, depth_camera)


def traced(points_base_m: object, base_from_camera: RigidTransform = VIEW, frame: str = "camera") -> SpatialTrace:
    """A trace through points (N, 3) of the base frame, given in the camera's."""
    points = base_from_camera.inverse().apply(points_base_m)
    count = len(points)
    ones = np.ones(count)
    return SpatialTrace(points, frame, 7, np.zeros((count, 2)), points[:, 2], ones, np.full(count, np.nan), ones)
