"""A table seen from straight above, made of numbers alone: a block, a tray, and the true answer about them."""

from __future__ import annotations

import numpy as np

from robotracer_ros.families.robotracer import RoboTracer
from robotracer_ros.geometry.camera import CameraIntrinsics
from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.geometry.trace import VisualTrace
from robotracer_ros.geometry.transform import RigidTransform

CAMERA = CameraIntrinsics(1280, 720, 900.0, 905.0, 640.3, 361.2)
INSTRUCTION = "put the red block on the blue tray"
# One metre above the table's middle, its picture's right along the table's x.
TABLE_FROM_CAMERA = RigidTransform("table", "camera", np.diag([1.0, -1.0, -1.0]), np.array([0.0, 0.0, 1.0]))
# (centre x, centre y, half x, half y, height), metres, and the colour.
BLOCK = ((-0.30, 0.05, 0.03, 0.03, 0.05), (200, 40, 40))
TRAY = ((0.25, -0.08, 0.10, 0.08, 0.01), (40, 80, 200))


def waypoints_m() -> np.ndarray:
    """(8, 3) in the table frame: from the block's top in a bow to the tray's floor."""
    start, end = (np.array([x, y, height]) for (x, y, _, _, height), _ in (BLOCK, TRAY))
    share = np.linspace(0.0, 1.0, 8)[:, None]
    return start * (1 - share) + end * share + np.sin(np.pi * share) * (0.0, 0.0, 0.15)


def observe() -> RgbdObservation:
    """What the camera sees, without faults."""
    rgb = np.full((CAMERA.height, CAMERA.width, 3), (150, 130, 110), np.uint8)
    depth_m = np.ones((CAMERA.height, CAMERA.width), np.float32)
    for (x, y, half_x, half_y, height), colour in (BLOCK, TRAY):
        corners = TABLE_FROM_CAMERA.inverse().apply(
            [[x - half_x, y + half_y, height], [x + half_x, y - half_y, height]]
        )
        (left, top), (right, bottom) = np.rint(CAMERA.project(corners)).astype(int)
        rgb[top:bottom, left:right] = colour
        depth_m[top:bottom, left:right] = 1.0 - height
    return RgbdObservation(rgb, depth_m, CAMERA, "camera", 0)


def answer() -> str:
    """The true trace in RoboTracer's words."""
    seen = TABLE_FROM_CAMERA.inverse().apply(waypoints_m())
    return RoboTracer().render(VisualTrace(CAMERA.project(seen) / (CAMERA.width, CAMERA.height), seen[:, 2]))
