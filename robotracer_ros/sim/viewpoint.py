"""Where the camera of a tabletop scene stands, and what lens it has."""

from __future__ import annotations

from typing import Final

import numpy as np

from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.camera import CameraIntrinsics
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.sim.catalogue import Split

TABLE_FRAME: Final = "table"
CAMERA_FRAME: Final = "camera_color_optical_frame"
# Pictures that cameras of robots give.
_SIZES: Final = ((640, 480), (640, 360), (848, 480), (640, 400), (512, 512), (960, 720))
# Focal length in pixels of a picture 640 wide; RealSense and Azure Kinect lie near 600.
FOCAL_PX_AT_640: Final = (300.0, 900.0)
ELEVATION_DEG: Final = (30.0, 75.0)
# Ranges that training never sees and half of the test's cameras are in.
HELD_OUT_FOCAL_PX_AT_640: Final = (560.0, 640.0)
HELD_OUT_ELEVATION_DEG: Final = (50.0, 55.0)
_SHARE_HELD_OUT: Final = 0.5
# The picture shows about this much of the table across its shorter side, metres.
_FIELD_M: Final = (0.50, 0.75)
_NEAREST_M: Final = 0.42
_FARTHEST_M: Final = 1.60


def sample_viewpoint(rng: np.random.Generator, split: Split) -> tuple[CameraIntrinsics, RigidTransform]:
    """A camera's intrinsics, and ``table_from_camera`` of its optical frame."""
    width, height = _SIZES[rng.integers(len(_SIZES))]
    held_out = split is Split.TEST and rng.random() < _SHARE_HELD_OUT
    which = rng.integers(2) if held_out else -1
    focal = _drawn(rng, FOCAL_PX_AT_640, HELD_OUT_FOCAL_PX_AT_640, inside=which == 0)
    elevation = np.deg2rad(_drawn(rng, ELEVATION_DEG, HELD_OUT_ELEVATION_DEG, inside=which == 1))
    fx = focal * width / 640
    fy = fx * rng.uniform(0.99, 1.01)
    cx, cy = (np.array([width, height]) - 1) / 2 + rng.uniform(-0.03, 0.03, 2) * (width, height)
    intrinsics = CameraIntrinsics(width, height, float(fx), float(fy), float(cx), float(cy))
    distance = np.clip(rng.uniform(*_FIELD_M) * fx / min(width, height), _NEAREST_M, _FARTHEST_M)
    azimuth, roll = rng.uniform(0, 2 * np.pi), np.deg2rad(rng.uniform(-4, 4))
    target = np.array([*rng.uniform(-0.05, 0.05, 2), 0.03])
    direction = np.array([np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)])
    return intrinsics, looking_at(target + direction * distance, target, float(roll))


def looking_at(eye_m: FloatArray, target_m: FloatArray, roll_rad: float = 0.0) -> RigidTransform:
    """``table_from_camera`` of a camera at ``eye_m`` with ``target_m`` on its axis, upright but for ``roll_rad``."""
    forward = (target_m - eye_m) / np.linalg.norm(target_m - eye_m)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    turned = right * np.cos(roll_rad) + down * np.sin(roll_rad)
    return RigidTransform(
        TABLE_FRAME, CAMERA_FRAME, np.column_stack([turned, np.cross(forward, turned), forward]), eye_m
    )


def _drawn(
    rng: np.random.Generator, whole: tuple[float, float], held_out: tuple[float, float], *, inside: bool
) -> float:
    """Uniform inside the held-out range, or over the rest."""
    if inside:
        return float(rng.uniform(*held_out))
    value = rng.uniform(whole[0], whole[1] - (held_out[1] - held_out[0]))
    return float(value if value < held_out[0] else value + held_out[1] - held_out[0])
