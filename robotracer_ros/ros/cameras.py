"""The camera that a ``sensor_msgs/CameraInfo`` describes, for the image that came with it."""

from __future__ import annotations

import math
from typing import Final

from sensor_msgs.msg import CameraInfo

from robotracer_ros.errors import BadCameraInfo
from robotracer_ros.geometry.camera import CameraIntrinsics, Distortion

# Names in use for the models of `Distortion`; "fisheye" is what OpenCV and several drivers call equidistant.
_DISTORTION_NAMES: Final = {
    "plumb_bob": "plumb_bob",
    "rational_polynomial": "rational_polynomial",
    "equidistant": "equidistant",
    "fisheye": "equidistant",
}


def is_rectified(topic: str) -> bool:
    """Whether a topic carries rectified images by ROS's naming: its last name is image_rect, image_rect_color, ..."""
    return topic.rsplit("/", 1)[-1].startswith("image_rect")


def camera_from_info(info: CameraInfo, width: int, height: int, rectified: bool = False) -> CameraIntrinsics:
    """The camera of an image of ``width`` x ``height`` that came with ``info``.

    K and D belong to the raw image, P to the rectified one. Region of interest and binning change them as in
    image_geometry's PinholeCameraModel; an image whose size then still differs, in the same shape, was resized whole.

    Args:
        info: with K, P and D in pixels of the full sensor resolution.
        width, height: of the image, pixels.
        rectified: whether the image is, so that P applies and no distortion.

    Raises:
        BadCameraInfo: zero or values not finite, an unknown distortion model, or a size that cannot be the image's.
    """
    fx, fy, cx, cy = _focal_and_centre(info, rectified)
    x_offset, y_offset, region_width, region_height = _region(info)
    # The message's comment: 0 and 1 both mean no binning.
    bin_x, bin_y = max(1, info.binning_x), max(1, info.binning_y)
    camera = CameraIntrinsics(
        region_width // bin_x,
        region_height // bin_y,
        fx / bin_x,
        fy / bin_y,
        (cx - x_offset) / bin_x,
        (cy - y_offset) / bin_y,
        Distortion() if rectified else _distortion(info),
    )
    return _fitted(camera, width, height)


def _focal_and_centre(info: CameraInfo, rectified: bool) -> tuple[float, float, float, float]:
    if rectified:
        name, numbers = "P", (float(info.p[0]), float(info.p[5]), float(info.p[2]), float(info.p[6]))
    else:
        name, numbers = "K", (float(info.k[0]), float(info.k[4]), float(info.k[2]), float(info.k[5]))
    if not all(map(math.isfinite, numbers)) or numbers[0] <= 0 or numbers[1] <= 0:
        raise BadCameraInfo(
            f"camera_info of {info.header.frame_id!r} has fx, fy, cx, cy = {numbers} px in {name}; accepted: finite "
            f"numbers, focal lengths above 0. All zero means uncalibrated: give the driver its calibration file"
        )
    return numbers


def _region(info: CameraInfo) -> tuple[int, int, int, int]:
    """x and y offset, width and height of the published part of the sensor; a width or height of 0 is all of it."""
    roi = info.roi
    width, height = roi.width or info.width, roi.height or info.height
    inside = roi.x_offset + width <= info.width and roi.y_offset + height <= info.height
    if not (width and height and inside):
        raise BadCameraInfo(
            f"camera_info of {info.header.frame_id!r} has a region of {width}x{height} at ({roi.x_offset}, "
            f"{roi.y_offset}) on a sensor of {info.width}x{info.height}; accepted: a region on a sensor that has pixels"
        )
    return roi.x_offset, roi.y_offset, width, height


def _distortion(info: CameraInfo) -> Distortion:
    coefficients = tuple(float(value) for value in info.d)
    model = info.distortion_model
    # Simulators leave the model or the coefficients empty. Zero coefficients of a fisheye still bend.
    if model in ("", "plumb_bob", "rational_polynomial") and not any(coefficients):
        return Distortion()
    if model not in _DISTORTION_NAMES:
        raise BadCameraInfo(
            f"camera_info of {info.header.frame_id!r} has distortion model {model!r} with D = {coefficients}; "
            f"accepted: {', '.join(_DISTORTION_NAMES)}, or no model and zeros for a lens that does not distort"
        )
    return Distortion(_DISTORTION_NAMES[model], coefficients)


def _fitted(camera: CameraIntrinsics, width: int, height: int) -> CameraIntrinsics:
    if (camera.width, camera.height) == (width, height):
        return camera
    # Whole pixels leave the shape of a resized image free by up to one row.
    if width < 1 or height < 1 or abs(width * camera.height / camera.width - height) >= 1:
        raise BadCameraInfo(
            f"camera_info describes an image of {camera.width}x{camera.height} (after region of interest and binning), "
            f"the image is {width}x{height}; accepted: that size, or the whole of it resized in the same shape"
        )
    return camera.scaled_to(width, height)
