"""A header and an image read from the bytes equal those of the deserialized message."""

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
from robotracer_ros.ros.serialized import read_header, read_image
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


@settings(deadline=None)
@given(FRAMES, st.text("abcU1680", max_size=12), st.integers(0, 2**32 - 1), st.booleans(), st.binary(max_size=50))
def test_an_image_read_in_place_is_the_message(frame: str, encoding: str, step: int, big: bool, pixels: bytes) -> None:
    sent = Image(height=3, width=step // 2, encoding=encoding, is_bigendian=int(big), step=step, data=pixels)
    sent.header.frame_id = frame
    data = serialize_message(sent)
    image, received = read_image(data), deserialize_message(data, Image)
    for name in ("height", "width", "encoding", "is_bigendian", "step"):
        assert getattr(image, name) == getattr(received, name)
    assert bytes(image.data) == bytes(received.data) == pixels


def test_a_big_endian_image_is_read_as_well() -> None:
    fields = struct.pack(">iII", 7, 9, 4) + b"cam\0" + struct.pack(">III", 2, 1, 6) + b"mono8\0"
    data = bytes([0, 0, 0, 0]) + fields + b"\0" + b"\0" + struct.pack(">II", 1, 2) + b"xy"
    image = read_image(data)
    assert (image.height, image.width, image.encoding, image.step, bytes(image.data)) == (2, 1, "mono8", 1, b"xy")


@pytest.mark.parametrize("missing", range(1, 40))
def test_an_image_that_ends_early_is_refused(missing: int) -> None:
    data = serialize_message(Image(height=1, width=8, encoding="mono8", step=8, data=bytes(8)))
    with pytest.raises(BadImage, match="bytes"):
        read_image(data[: 48 - missing])


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
