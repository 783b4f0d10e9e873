"""A path carried into another frame, and its poses as matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from robotracer_ros.errors import MotionRefused
from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.planning.path import PosePath

# target_from_source at a time in nanoseconds, 0 for the newest; raises NoTransform.
Lookup: TypeAlias = Callable[[str, str, int], RigidTransform]


def path_in(path: PosePath, frame: str, lookup: Lookup) -> PosePath:
    """The path seen from ``frame``, by where its own frame stood at its stamp.

    Raises:
        MotionRefused: for a path that names no frame.
        NoTransform: where TF knows no way.
    """
    if not path.frame_id:
        raise MotionRefused(f"the path names no frame; accepted: {frame!r}, and every frame that TF knows")
    if path.frame_id == frame:
        return path
    target_from_source = lookup(frame, path.frame_id, path.stamp_ns)
    target_from_source.require_source(path.frame_id)
    quaternions = [
        (target_from_source @ RigidTransform.from_quaternion_xyzw(path.frame_id, "tip", quaternion, position))
        .quaternion_xyzw
        for position, quaternion in zip(path.positions_m, path.quaternions_xyzw, strict=True)
    ]  # fmt: skip
    return PosePath(
        target_from_source.apply(path.positions_m), np.array(quaternions), frame, path.stamp_ns, path.violations
    )


def pose_matrices(path: PosePath) -> FloatArray:
    """(M, 4, 4) of its poses, in its frame."""
    poses = np.tile(np.eye(4), (len(path), 1, 1))
    for pose, position, quaternion in zip(poses, path.positions_m, path.quaternions_xyzw, strict=True):
        one = RigidTransform.from_quaternion_xyzw(path.frame_id, "tip", quaternion, position)
        pose[:3, :3], pose[:3, 3] = one.rotation, one.translation_m
    return poses
