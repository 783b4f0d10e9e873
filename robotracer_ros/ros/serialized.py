"""Messages that are still serialized: their header, and an image's pixels, read where they lie."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from robotracer_ros.errors import BadImage

# Encapsulation kinds of RTPS 2.5, section 10.2: plain CDR in its two versions; the last bit says little endian.
_PLAIN_CDR: Final = (0x0000, 0x0001, 0x0006, 0x0007)
# Encapsulation, then sec, nanosec and the length of frame_id with its closing zero; all aligned to 4 bytes.
_FRAME_ID_AT: Final = 16


@dataclass(frozen=True, slots=True, eq=False)
class SerializedImage:
    """``sensor_msgs/Image`` without its header; the fields of the message, with ``data`` a view of the received bytes.

    Deserializing would copy the pixels twice, into the middleware's struct and into the message.
    """

    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    data: memoryview


@dataclass(frozen=True, slots=True)
class SerializedHeader:
    """``std_msgs/Header``: ``stamp_ns`` in nanoseconds, and ``frame_id``."""

    stamp_ns: int
    frame_id: str


def read_header(data: bytes) -> SerializedHeader:
    """The header at the front of a serialized Image, CompressedImage, CameraInfo or any message that begins with one.

    Raises:
        BadImage: for bytes that end early, or in an encapsulation other than plain CDR.
    """
    if len(data) < _FRAME_ID_AT:
        raise BadImage(f"a serialized message of {len(data)} bytes has no header; accepted: {_FRAME_ID_AT} and more")
    order = _byte_order(data)
    seconds, nanoseconds = struct.unpack_from(f"{order}iI", data, 4)
    frame_id, _ = _string(data, order, _FRAME_ID_AT - 4)
    return SerializedHeader(seconds * 1_000_000_000 + nanoseconds, frame_id)


def read_image(data: bytes) -> SerializedImage:
    """A serialized ``sensor_msgs/Image`` whose pixels stay where they are.

    Raises:
        BadImage: for bytes that end early, or in an encapsulation other than plain CDR.
    """
    order = _byte_order(data)
    try:
        _, at = _string(data, order, _FRAME_ID_AT - 4)
        height, width = struct.unpack_from(f"{order}II", data, at)
        encoding, at = _string(data, order, at + 8, align=False)
        is_bigendian = data[at]
        # The encapsulation's 4 bytes do not count for alignment, and are a multiple of it.
        step, length = struct.unpack_from(f"{order}II", data, _aligned(at + 1))
    except (struct.error, IndexError) as error:
        raise BadImage(f"a serialized image of {len(data)} bytes ends within its fields") from error
    first = _aligned(at + 1) + 8
    if first + length > len(data):
        raise BadImage(f"a serialized image of {len(data)} bytes announces pixels up to byte {first + length}")
    return SerializedImage(height, width, encoding, is_bigendian, step, memoryview(data)[first : first + length])


def _byte_order(data: bytes) -> str:
    kind = int.from_bytes(data[:2], "big")
    if kind not in _PLAIN_CDR:
        raise BadImage(f"serialized data in encapsulation {kind:#06x} are not read; accepted: plain CDR (0, 1, 6, 7)")
    return "<" if kind & 1 else ">"


def _string(data: bytes, order: str, at: int, *, align: bool = True) -> tuple[str, int]:
    """The string whose length stands at ``at``, and where what follows it begins, aligned to 4 bytes if wanted."""
    (length,) = struct.unpack_from(f"{order}I", data, at)
    end = at + 4 + length
    if end > len(data):
        raise BadImage(f"a serialized message of {len(data)} bytes announces a string that ends at byte {end}")
    # rclpy decodes strings in the same way, so the two agree on names that are not UTF-8 too.
    text = data[at + 4 : max(at + 4, end - 1)].decode("utf-8", "surrogateescape")
    return text, _aligned(end) if align else end


def _aligned(at: int) -> int:
    return at + -at % 4
