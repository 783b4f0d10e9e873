"""Depth images of planes and steps, drawn from their equations, so that every true depth is known."""

from __future__ import annotations

import numpy as np

from robotracer_ros.geometry.camera import CameraIntrinsics, Distortion
from robotracer_ros.geometry.observation import DepthCamera, RgbdObservation
from robotracer_ros.geometry.transform import RigidTransform

CAMERA = CameraIntrinsics(640, 480, 600.0, 605.0, 322.5, 238.25)
LENSES = [
    Distortion(),
    Distortion("plumb_bob", (-0.3, 0.1, 0.001, -0.0005, 0.0)),
    Distortion("rational_polynomial", (0.482, -2.672, 0.0005, -0.0003, 1.56, 0.361, -2.484, 1.479)),
    Distortion("equidistant", (0.05, -0.01, 0.003, -0.001)),
]
# A plane is (a, b, c) with 1/z = a x/z + b y/z + c.
FACING = (0.0, 0.0, 1.0)
SLANTED = (0.5, -0.35, 0.9)


def plane_depth(plane: tuple[float, float, float], rays: np.ndarray) -> np.ndarray:
    return 1.0 / (rays @ np.array(plane[:2]) + plane[2])


def pixel_grid(camera: CameraIntrinsics) -> np.ndarray:
    return np.stack(np.meshgrid(np.arange(camera.width), np.arange(camera.height)), axis=-1).reshape(-1, 2)


def plane_image(plane: tuple[float, float, float], camera: CameraIntrinsics = CAMERA) -> np.ndarray:
    depth = plane_depth(plane, camera.rays(pixel_grid(camera)))
    return depth.reshape(camera.height, camera.width).astype(np.float32)


def step_image(near_m: float = 0.8, far_m: float = 1.1, column: int = 320) -> np.ndarray:
    """Near on the left of ``column``, far from it on."""
    depth = np.full((CAMERA.height, CAMERA.width), far_m, np.float32)
    depth[:, :column] = near_m
    return depth


def observed(
    depth_m: np.ndarray | None, camera: CameraIntrinsics = CAMERA, depth_camera: DepthCamera | None = None
) -> RgbdObservation:
    rgb = np.zeros((camera.height, camera.width, 3), np.uint8)
    return RgbdObservation(rgb, depth_m, camera, "camera", 42, depth_camera)


def beside(translation_m: tuple[float, float, float], turned_rad: float = 0.0) -> RigidTransform:
    """A depth camera next to the colour camera, turned about its vertical axis."""
    c, s = np.cos(turned_rad), np.sin(turned_rad)
    return RigidTransform("camera", "depth", np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]), np.array(translation_m))
