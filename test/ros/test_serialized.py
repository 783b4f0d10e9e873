"""A header read from the bytes equals the header of the deserialized message."""

from __future__ import annotations

import struct

import pytest
from builtin_interfaces.msg import Time
from hypothesis import given, settings
from hypothesis import strategies as st
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from robotracer_ros.errors import BadImage
from robotracer_ros.ros.serialized import read_header
from robotracer_ros.ros.stamps import stamp_ns

FRAMES = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=40)


@settings(deadline=None)
@given(
    st.sampled_from([Image, CompressedImage, CameraInfo]),
    st.integers(-(2**31), 2**31 - 1),
    st.integers(0, 10**9 - 1),
    FRAMES,
)
def test_bytes_and_message_agree(kind: type, seconds: int, nanoseconds: int, frame: str) -> None:
    sent = kind(header=Header(stamp=Time(sec=seconds, nanosec=nanoseconds), frame_id=frame))
    data = serialize_message(sent)
    header = read_header(data)
    received = deserialize_message(data, kind).header
    assert header.frame_id == received.frame_id == frame
    assert header.stamp_ns == stamp_ns(received.stamp) == seconds * 10**9 + nanoseconds


def test_big_endian_bytes_are_read_as_well() -> None:
    data = bytes([0, 0, 0, 0]) + struct.pack(">iII", 7, 9, 4) + b"cam\0"
    header = read_header(data)
    assert (header.stamp_ns, header.frame_id) == (7_000_000_009, "cam")


@pytest.mark.parametrize("length", [0, 3, 4, 15])
def test_bytes_that_end_before_the_header_does(length: int) -> None:
    with pytest.raises(BadImage, match=f"{length} bytes"):
        read_header(serialize_message(Image())[:length])


def test_a_frame_that_is_longer_than_the_message() -> None:
    data = bytes([0, 1, 0, 0]) + struct.pack("<iII", 0, 0, 1000) + b"cam\0"
    with pytest.raises(BadImage, match="1016"):
        read_header(data)


def test_another_encapsulation_is_not_guessed_at() -> None:
    data = b"\x00\x03" + serialize_message(Image())[2:]
    with pytest.raises(BadImage, match="0x0003"):
        read_header(data)
