"""One moment as an RGB-D camera saw it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from robotracer_ros.errors import BadImage, FrameMismatch, InvalidRequest
from robotracer_ros.geometry.arrays import read_only
from robotracer_ros.geometry.camera import CameraIntrinsics
from robotracer_ros.geometry.transform import RigidTransform


@dataclass(frozen=True, slots=True, eq=False)
class DepthCamera:
    """The camera that measured a depth image which is not registered to colour.

    Attributes:
        intrinsics: of the depth image.
        color_from_depth: carries points of the depth camera's optical frame into the colour camera's.
    """

    intrinsics: CameraIntrinsics
    color_from_depth: RigidTransform


@dataclass(frozen=True, slots=True, eq=False)
class RgbdObservation:
    """Colour, and depth where there is any, of one stamp.

    Attributes:
        rgb: (H, W, 3) uint8.
        depth_m: (H, W) float32 metres along the optical axis, NaN without a reading; None without a depth camera.
            Zeros, infinities and negative values are refused: turn them into NaN where the unit is known.
        intrinsics: of ``rgb``, and of ``depth_m`` when ``depth_camera`` is None.
        frame_id: the colour camera's optical frame.
        stamp_ns: acquisition time, nanoseconds.
        depth_camera: None when depth is registered to colour; else where the depth image's pixels lie.

    Raises:
        BadImage: for a shape or a type other than the above.
        FrameMismatch: when ``color_from_depth`` does not lead into ``frame_id``.
    """

    rgb: npt.NDArray[np.uint8]
    depth_m: npt.NDArray[np.float32] | None
    intrinsics: CameraIntrinsics
    frame_id: str
    stamp_ns: int
    depth_camera: DepthCamera | None = None

    def __post_init__(self) -> None:
        rgb = np.asarray(self.rgb)
        size = (self.intrinsics.height, self.intrinsics.width)
        if rgb.dtype != np.uint8 or rgb.shape != (*size, 3):
            raise BadImage(
                f"rgb must be uint8 of shape {(*size, 3)}, the size of its camera; received {rgb.dtype} of {rgb.shape}"
            )
        object.__setattr__(self, "rgb", read_only(rgb))
        if self.depth_camera is not None:
            if self.depth_m is None:
                raise InvalidRequest("a depth_camera was given without depth_m")
            if self.depth_camera.color_from_depth.target_frame != self.frame_id:
                raise FrameMismatch(
                    f"color_from_depth leads into {self.depth_camera.color_from_depth.target_frame!r}, "
                    f"the colour image is in {self.frame_id!r}"
                )
            size = (self.depth_camera.intrinsics.height, self.depth_camera.intrinsics.width)
        if self.depth_m is not None:
            object.__setattr__(self, "depth_m", _checked_depth(np.asarray(self.depth_m), size))


def _checked_depth(depth_m: npt.NDArray[np.float32], size: tuple[int, int]) -> npt.NDArray[np.float32]:
    if depth_m.dtype != np.float32 or depth_m.shape != size:
        raise BadImage(
            f"depth_m must be float32 of shape {size}, the size of its camera; "
            f"received {depth_m.dtype} of {depth_m.shape}"
        )
    # fmin passes over NaN, so one reduction finds any zero or negative reading; the maximum finds infinities.
    with np.errstate(invalid="ignore"):
        lowest, highest = float(np.fmin.reduce(depth_m, axis=None)), float(np.fmax.reduce(depth_m, axis=None))
    if lowest <= 0 or np.isinf(highest):
        raise BadImage(
            f"depth_m must hold metres above 0, or NaN where there is no reading; "
            f"received values from {lowest} to {highest}"
        )
    return read_only(depth_m)
