"""Views without MuJoCo: each object's outline filled in, the nearest last, everything one metre away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from robotracer_ros.geometry.camera import CameraIntrinsics
from robotracer_ros.sim.catalogue import SHAPES, Split
from robotracer_ros.sim.scene import Scene, SceneObject
from robotracer_ros.sim.tasks.solids import outline_points_m
from robotracer_ros.sim.viewpoint import looking_at


@dataclass
class FlatView:
    depth_m: npt.NDArray[np.float32]
    labels: npt.NDArray[np.uint8]


def thing(label: int, name: str, x_m: float, y_m: float, size: float = 0.5) -> SceneObject:
    """An object of a size between the smallest (0) and the largest (1) of its shape."""
    colour, shape = name.split()
    low, high = np.array(SHAPES[shape].sizes_m)
    size_m = low + (high - low) * size
    return SceneObject(shape, colour, size_m, np.array([x_m, y_m, size_m[2] / 2]), 0.0, label)


def scene_of(objects: Sequence[SceneObject]) -> Scene:
    """Seen from y = -0.6 m and above, so that x is to the right and y is away."""
    return replace(
        Scene.sample(Split.TRAIN, 0),
        objects=tuple(objects),
        intrinsics=CameraIntrinsics(640, 480, 500.0, 500.0, 319.5, 239.5),
        table_from_camera=looking_at(np.array([0.0, -0.6, 0.6]), np.zeros(3)),
    )


def flat_view(scene: Scene, width: int = 224, height: int = 224) -> FlatView:
    labels: Any = np.full((height, width), 255, dtype=np.uint8)
    camera = scene.intrinsics.scaled_to(width, height)
    eye_m = scene.table_from_camera.translation_m
    for one in sorted(scene.objects, key=lambda each: -float(np.linalg.norm(each.centre_m - eye_m))):
        pixels = camera.project(scene.camera_from_table.apply(outline_points_m(one)))
        hull = cv2.convexHull(np.rint(pixels).astype(np.int32))
        cv2.fillConvexPoly(labels, hull, one.label)
    return FlatView(np.ones((height, width), dtype=np.float32), labels)
