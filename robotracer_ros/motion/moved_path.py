"""A path carried into another frame, and its poses as matrices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
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


def path_now(path: PosePath, frame: str, lookup: Lookup) -> PosePath:
    """The path seen from ``frame``, by where its own frame stands now.

    A path's frame is the one in which what was seen stands still. An arm's base, or a lift below it, may have moved
    since the image was taken, and the arm sets out from where it stands.

    Raises:
        RobotracerError: as `path_in`.
    """
    # Stamp 0 is the newest there is (tf2).
    return replace(path_in(replace(path, stamp_ns=0), frame, lookup), stamp_ns=path.stamp_ns)


def pose_matrices(path: PosePath) -> FloatArray:
    """(M, 4, 4) of its poses, in its frame."""
    poses = np.tile(np.eye(4), (len(path), 1, 1))
    for pose, position, quaternion in zip(poses, path.positions_m, path.quaternions_xyzw, strict=True):
        one = RigidTransform.from_quaternion_xyzw(path.frame_id, "tip", quaternion, position)
        pose[:3, :3], pose[:3, 3] = one.rotation, one.translation_m
    return poses
