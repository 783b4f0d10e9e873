"""Pixels of ``sensor_msgs/Image`` as NumPy arrays, and back."""

from __future__ import annotations

import array
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from sensor_msgs.msg import Image

from robotracer_ros.errors import BadImage, UnsupportedEncoding
from robotracer_ros.ros.serialized import SerializedImage
from robotracer_ros.ros.stamps import header_of

# Channels of 8 bits, and the OpenCV code that makes RGB of them; None where they are RGB already.
_COLOUR: Final[dict[str, tuple[int, int | None]]] = {
    "rgb8": (3, None),
    "bgr8": (3, cv2.COLOR_BGR2RGB),
    "rgba8": (4, cv2.COLOR_RGBA2RGB),
    "bgra8": (4, cv2.COLOR_BGRA2RGB),
    "mono8": (1, cv2.COLOR_GRAY2RGB),
}
# REP 118: 32FC1 is metres; the 16 bit form counts millimetres, or another unit the driver documents.
_DEPTH: Final = {"16UC1": "u2", "mono16": "u2", "32FC1": "f4"}
COLOUR_ENCODINGS: Final = tuple(_COLOUR)
DEPTH_ENCODINGS: Final = tuple(_DEPTH)
MILLIMETRE_M: Final = 0.001


def image_to_numpy(
    message: Image, depth_unit_m: float = MILLIMETRE_M
) -> npt.NDArray[np.uint8] | npt.NDArray[np.float32]:
    """Read an image by its encoding: depth as `image_to_depth_m`, anything else as `image_to_rgb`."""
    if message.encoding in _DEPTH:
        return image_to_depth_m(message, depth_unit_m)
    return image_to_rgb(message)


def image_to_rgb(message: Image | SerializedImage) -> npt.NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB; a view of the message's own buffer where that is rgb8 already.

    Raises:
        BadImage: no pixels, or data that contradict the size or the step.
        UnsupportedEncoding: listing what is accepted, when ``cv_bridge`` cannot help either.
    """
    if message.encoding not in _COLOUR:
        return _through_cv_bridge(message)
    channels, code = _COLOUR[message.encoding]
    pixels = _pixels(message, np.dtype(np.uint8), channels)
    if code is None:
        return pixels
    return np.asarray(cv2.cvtColor(pixels, code), dtype=np.uint8)


def image_to_depth_m(message: Image | SerializedImage, depth_unit_m: float = MILLIMETRE_M) -> npt.NDArray[np.float32]:
    """(H, W) float32 metres, NaN without a reading.

    Args:
        message: 16UC1 or mono16 in ``depth_unit_m``, or 32FC1 in metres (REP 118), of either byte order.
        depth_unit_m: metres that one count of a 16 bit image stands for.

    Raises:
        BadImage: no pixels, or data that contradict the size or the step.
        UnsupportedEncoding: listing what is accepted.
    """
    if message.encoding not in _DEPTH:
        raise UnsupportedEncoding(
            f"a depth image in {message.encoding!r} is not read; accepted: {', '.join(DEPTH_ENCODINGS)}"
        )
    order = ">" if message.is_bigendian else "<"
    raw = _pixels(message, np.dtype(order + _DEPTH[message.encoding]), 1)
    return metres_from_floats(raw) if raw.dtype.kind == "f" else metres_from_counts(raw, depth_unit_m)


def metres_from_counts(counts: npt.NDArray[np.uint16], unit_m: float) -> npt.NDArray[np.float32]:
    """(H, W) float32 metres of 16 bit counts, NaN for 0 (no reading) and for 65535.

    65535 is what a range beyond the type saturates to, in drivers and when floats with infinities are converted; at
    the usual millimetre it would claim 65.5 m, which no such camera measures.
    """
    metres = np.multiply(counts, np.float32(unit_m), dtype=np.float32)
    # One comparison finds both: 0 - 1 wraps to 65535, so 0 and 65535 are the two counts whose predecessor is >= 65534.
    metres[counts - np.uint16(1) >= np.uint16(65534)] = np.nan
    return metres


def metres_from_floats(metres: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(H, W) native float32 metres, NaN for what is no distance: 0, negative, infinite (REP 117), NaN."""
    native = np.asarray(metres, dtype=np.float32)
    with np.errstate(invalid="ignore"):
        return np.where((native > 0) & (native < np.inf), native, np.float32(np.nan))


def rgb_to_image(rgb: npt.NDArray[np.uint8], frame_id: str, stamp_ns: int) -> Image:
    """An rgb8 ``sensor_msgs/Image`` of (H, W, 3) uint8 pixels.

    Raises:
        BadImage: for any other shape or type.
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or not rgb.size:
        raise BadImage(f"an rgb8 image is made of (H, W, 3) uint8, received {rgb.dtype} of {rgb.shape}")
    message = Image(height=rgb.shape[0], width=rgb.shape[1], encoding="rgb8", step=3 * rgb.shape[1])
    message.header = header_of(frame_id, stamp_ns)
    # An array filled at once is what rclpy stores as it is; bytes or lists go through it element by element.
    data = array.array("B")
    data.frombytes(np.ascontiguousarray(rgb).data)
    message.data = data
    return message


def _pixels(message: Image | SerializedImage, dtype: np.dtype[np.generic], channels: int) -> npt.NDArray[np.generic]:
    """A view of the data as (H, W) or, for several channels, (H, W, C), past the padding of its rows."""
    height, width, step = message.height, message.width, message.step
    named = f"a {message.encoding} image of {width}x{height}"
    if not height or not width:
        raise BadImage(f"{named} has no pixels; accepted: 1x1 and larger")
    row = width * channels * dtype.itemsize
    if step < row:
        raise BadImage(f"{named} needs a step of at least {row} bytes, received {step}")
    if len(message.data) != step * height:
        raise BadImage(f"{named} with step {step} must carry {step * height} bytes, received {len(message.data)}")
    shape, strides = (height, width), (step, channels * dtype.itemsize)
    if channels > 1:
        shape, strides = (*shape, channels), (*strides, dtype.itemsize)
    return np.ndarray(shape, dtype, buffer=message.data, strides=strides)


def _through_cv_bridge(message: Image) -> npt.NDArray[np.uint8]:
    """Let ``cv_bridge``, where it is installed, turn Bayer patterns, YUV and the like into RGB."""
    refusal = f"a colour image in {message.encoding!r} is not read; accepted: {', '.join(COLOUR_ENCODINGS)}"
    if message.encoding in _DEPTH:
        raise UnsupportedEncoding(f"{refusal}; this is a depth encoding: are the topics image and depth swapped?")
    try:
        from cv_bridge import CvBridge
    except (ImportError, AttributeError) as error:  # AttributeError: built against another major version of NumPy
        raise UnsupportedEncoding(f"{refusal}; with cv_bridge installed, what that converts to rgb8 as well") from error
    try:
        rgb = CvBridge().imgmsg_to_cv2(message, "rgb8")
    except Exception as error:  # its own error class, and whatever OpenCV and Boost throw through it
        raise UnsupportedEncoding(f"{refusal}; cv_bridge refused it as well: {error}") from error
    if rgb.dtype != np.uint8 or rgb.shape != (message.height, message.width, 3):
        raise UnsupportedEncoding(f"{refusal}; cv_bridge made {rgb.dtype} of {rgb.shape} of it")
    return np.asarray(rgb, dtype=np.uint8)
