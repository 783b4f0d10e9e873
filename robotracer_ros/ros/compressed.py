"""``sensor_msgs/CompressedImage`` as arrays: JPEG and PNG, and image_transport's compressedDepth."""

from __future__ import annotations

import struct
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from sensor_msgs.msg import CompressedImage

from robotracer_ros.errors import BadImage, UnsupportedEncoding
from robotracer_ros.ros.images import MILLIMETRE_M, metres_from_counts, metres_from_floats
from robotracer_ros.ros.rvl import decode_rvl

# compressed_depth_image_transport puts a format word and the two numbers of its inverse depth before the picture.
_DEPTH_HEADER: Final = struct.Struct("<iff")
_RVL_SIZE: Final = struct.Struct("<ii")
_MOST_PIXELS: Final = 8192 * 8192
_DEPTH_ACCEPTED: Final = "16UC1, mono16 or 32FC1 with 'compressedDepth png' or 'compressedDepth rvl', or a 16 bit PNG"


def compressed_to_rgb(message: CompressedImage) -> npt.NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB of a JPEG or PNG, whatever the order of channels it was made from.

    Raises:
        BadImage: for bytes that are no picture.
        UnsupportedEncoding: for compressedDepth.
    """
    if "compressedDepth" in message.format:
        raise UnsupportedEncoding(f"a colour image in {message.format!r} is not read; accepted: jpeg, png")
    # Cameras turn pixels, not metadata: an orientation tag must not turn the picture away from its camera_info.
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    bgr = _picture(message, memoryview(message.data), flags)
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def compressed_to_depth_m(message: CompressedImage, depth_unit_m: float = MILLIMETRE_M) -> npt.NDArray[np.float32]:
    """(H, W) float32 metres, NaN without a reading.

    Args:
        message: of image_transport's ``compressedDepth`` (PNG or RVL; counts, or 32FC1 as quantised inverse depth),
            or a plain 16 bit PNG.
        depth_unit_m: metres that one count stands for; not used for 32FC1.

    Raises:
        BadImage: for bytes that are no picture, or end early.
        UnsupportedEncoding: for any other format, such as depth in a JPEG.
    """
    encoding, _, how = (part.strip() for part in message.format.partition(";"))
    if "compressedDepth" not in message.format:
        return metres_from_counts(_counts(message, memoryview(message.data)), depth_unit_m)
    data = memoryview(message.data)
    if len(data) <= _DEPTH_HEADER.size:
        raise BadImage(f"{_named(message)} needs {_DEPTH_HEADER.size} bytes and a picture, received {len(data)} bytes")
    _, quant_a, quant_b = _DEPTH_HEADER.unpack_from(data)
    body = data[_DEPTH_HEADER.size :]
    counts = _rvl(message, body) if how.endswith("rvl") else _counts(message, body)
    if encoding in ("16UC1", "mono16"):
        return metres_from_counts(counts, depth_unit_m)
    if encoding == "32FC1":
        return _metres_from_inverse(counts, quant_a, quant_b)
    raise UnsupportedEncoding(f"depth in {message.format!r} is not read; accepted: {_DEPTH_ACCEPTED}")


def _metres_from_inverse(counts: npt.NDArray[np.uint16], quant_a: float, quant_b: float) -> npt.NDArray[np.float32]:
    """depth = A / (count - B), count 0 for no reading: the inverse depth of compressed_depth_image_transport."""
    with np.errstate(divide="ignore", invalid="ignore"):
        metres = np.float32(quant_a) / (counts.astype(np.float32) - np.float32(quant_b))
    metres[counts == 0] = np.nan
    return metres_from_floats(metres)


def _counts(message: CompressedImage, data: memoryview) -> npt.NDArray[np.uint16]:
    pixels = _picture(message, data, cv2.IMREAD_UNCHANGED)
    if pixels.dtype != np.uint16 or pixels.ndim != 2:
        raise UnsupportedEncoding(
            f"{_named(message)} decodes to {pixels.dtype} of {pixels.shape}, no depth; accepted: {_DEPTH_ACCEPTED}"
        )
    return pixels.view(np.uint16)


def _rvl(message: CompressedImage, body: memoryview) -> npt.NDArray[np.uint16]:
    if len(body) < _RVL_SIZE.size:
        raise BadImage(f"{_named(message)} needs {_RVL_SIZE.size} bytes for its size, received {len(body)}")
    width, height = _RVL_SIZE.unpack_from(body)
    # A run of zeros takes a few bytes whatever its length, so the bytes do not bound the memory a broken size asks for.
    if width < 1 or height < 1 or width * height > _MOST_PIXELS:
        raise BadImage(f"{_named(message)} announces {width}x{height} pixels; accepted: 1 to {_MOST_PIXELS} in all")
    return decode_rvl(body[_RVL_SIZE.size :], width * height).reshape(height, width)


def _picture(message: CompressedImage, data: memoryview, flags: int) -> npt.NDArray[np.generic]:
    if not len(data):
        raise BadImage(f"{_named(message)} carries no bytes")
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise BadImage(f"{_named(message)} of {len(data)} bytes cannot be decoded: {error}") from error
    if pixels is None:
        raise BadImage(f"{_named(message)} of {len(data)} bytes is not a whole picture that OpenCV reads (jpeg, png)")
    return np.asarray(pixels)


def _named(message: CompressedImage) -> str:
    return f"a compressed image in {message.format!r}"
