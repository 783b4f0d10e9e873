"""The header of a message that is still serialized, read without deserializing the rest."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from robotracer_ros.errors import BadImage

# Encapsulation kinds of RTPS 2.5, section 10.2: plain CDR in its two versions; the last bit says little endian.
_PLAIN_CDR: Final = (0x0000, 0x0001, 0x0006, 0x0007)
# Encapsulation, then sec, nanosec and the length of frame_id with its closing zero; all aligned to 4 bytes.
_FRAME_ID_AT: Final = 16


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
    kind = int.from_bytes(data[:2], "big")
    if kind not in _PLAIN_CDR:
        raise BadImage(f"serialized data in encapsulation {kind:#06x} are not read; accepted: plain CDR (0, 1, 6, 7)")
    seconds, nanoseconds, length = struct.unpack_from("<iII" if kind & 1 else ">iII", data, 4)
    end = _FRAME_ID_AT + length
    if end > len(data):
        raise BadImage(f"a serialized message of {len(data)} bytes announces a frame_id that ends at byte {end}")
    frame_id = data[_FRAME_ID_AT : max(_FRAME_ID_AT, end - 1)]
    # rclpy decodes strings in the same way, so the two agree on names that are not UTF-8 too.
    return SerializedHeader(seconds * 1_000_000_000 + nanoseconds, frame_id.decode("utf-8", "surrogateescape"))
