"""Stamps and headers: nanoseconds here, seconds and nanoseconds in messages."""

from __future__ import annotations

from builtin_interfaces.msg import Time
from std_msgs.msg import Header

_NS = 1_000_000_000


def stamp_ns(stamp: Time) -> int:
    """Nanoseconds of a message's stamp."""
    return int(stamp.sec) * _NS + int(stamp.nanosec)


def stamp_to_msg(nanoseconds: int) -> Time:
    """The stamp of ``nanoseconds``."""
    seconds, rest = divmod(int(nanoseconds), _NS)
    return Time(sec=seconds, nanosec=rest)


def header_of(frame_id: str, nanoseconds: int) -> Header:
    """A header with this frame and stamp."""
    return Header(frame_id=frame_id, stamp=stamp_to_msg(nanoseconds))
