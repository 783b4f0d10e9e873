"""Rigid transforms that know the two frames they stand between."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from transforms3d.quaternions import mat2quat, quat2mat

from robotracer_ros.errors import FrameMismatch, InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray, frozen_floats

# Columns of a rotation may miss unit length by the rounding of a float32 source (CameraInfo, URDF), not by more.
_ORTHONORMAL_TOLERANCE = 1e-4
_UNIT_QUATERNION_TOLERANCE = 1e-2


@dataclass(frozen=True, slots=True, eq=False)
class RigidTransform:
    """``target_from_source``: carries points given in ``source_frame`` into ``target_frame``.

    Attributes:
        target_frame: the frame points arrive in.
        source_frame: the frame points come from.
        rotation: (3, 3), orthonormal with determinant +1.
        translation_m: (3,), the source's origin seen from the target, metres.

    Raises:
        InvalidRequest: for a matrix that is no rotation, or for values that are not finite.
    """

    target_frame: str
    source_frame: str
    rotation: FloatArray
    translation_m: FloatArray

    def __post_init__(self) -> None:
        rotation = frozen_floats("rotation", self.rotation, (3, 3))
        translation = frozen_floats("translation_m", self.translation_m, (3,))
        if not (np.isfinite(rotation).all() and np.isfinite(translation).all()):
            raise InvalidRequest(f"the transform {self.target_frame} from {self.source_frame} holds values not finite")
        off = float(np.abs(rotation @ rotation.T - np.eye(3)).max())
        if off > _ORTHONORMAL_TOLERANCE or np.linalg.det(rotation) < 0:
            raise InvalidRequest(
                f"the rotation {self.target_frame} from {self.source_frame} must be orthonormal with determinant +1; "
                f"received one that is off by {off:.3g} with determinant {np.linalg.det(rotation):.3g}"
            )
        object.__setattr__(self, "rotation", rotation)
        object.__setattr__(self, "translation_m", translation)

    @classmethod
    def identity(cls, frame: str) -> RigidTransform:
        """The transform of ``frame`` onto itself."""
        return cls(frame, frame, np.eye(3), np.zeros(3))

    @classmethod
    def from_quaternion_xyzw(
        cls, target_frame: str, source_frame: str, quaternion_xyzw: npt.ArrayLike, translation_m: npt.ArrayLike
    ) -> RigidTransform:
        """Build from a quaternion in ROS order (x, y, z, w), normalised here.

        Raises:
            InvalidRequest: when its length is more than 1 % off 1, like the all-zero quaternion of an unset message.
        """
        quaternion = frozen_floats("quaternion_xyzw", quaternion_xyzw, (4,))
        length = float(np.linalg.norm(quaternion))
        if not abs(length - 1.0) < _UNIT_QUATERNION_TOLERANCE:
            raise InvalidRequest(
                f"the quaternion of {target_frame} from {source_frame} must have length 1, "
                f"received {quaternion.tolist()} of length {length:.4g}"
            )
        rotation = quat2mat(np.roll(quaternion / length, 1))
        return cls(target_frame, source_frame, rotation, frozen_floats("translation_m", translation_m, (3,)))

    @property
    def quaternion_xyzw(self) -> FloatArray:
        """(4,) unit quaternion in ROS order, w not negative."""
        return frozen_floats("quaternion_xyzw", np.roll(mat2quat(self.rotation), -1), (4,))

    def inverse(self) -> RigidTransform:
        """``source_from_target``."""
        rotation = self.rotation.T
        return RigidTransform(self.source_frame, self.target_frame, rotation, -rotation @ self.translation_m)

    def apply(self, points_m: npt.ArrayLike) -> FloatArray:
        """Carry (..., 3) points in metres from the source frame into the target frame."""
        return np.asarray(points_m, dtype=np.float64) @ self.rotation.T + self.translation_m

    def rotate(self, directions: npt.ArrayLike) -> FloatArray:
        """Turn (..., 3) directions from the source frame into the target frame, without the translation."""
        return np.asarray(directions, dtype=np.float64) @ self.rotation.T

    def require_source(self, frame: str) -> None:
        """Check that points given in ``frame`` may go through this transform.

        Raises:
            FrameMismatch: when it starts in another frame.
        """
        if self.source_frame != frame:
            raise FrameMismatch(f"points in {frame!r} cannot go through {self.target_frame} from {self.source_frame}")

    def __matmul__(self, other: RigidTransform) -> RigidTransform:
        """``a_from_b @ b_from_c``.

        Raises:
            FrameMismatch: when the inner frames differ.
        """
        if self.source_frame != other.target_frame:
            raise FrameMismatch(
                f"cannot chain {self.target_frame} from {self.source_frame} with {other.target_frame} from "
                f"{other.source_frame}: the inner frames must be the same"
            )
        rotation = self.rotation @ other.rotation
        translation = self.apply(other.translation_m)
        return RigidTransform(self.target_frame, other.source_frame, rotation, translation)
