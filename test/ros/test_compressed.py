"""What image_transport compresses comes back: exactly where it is lossless, nearly where it is not."""

from __future__ import annotations

import array
import contextlib
import struct

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sensor_msgs.msg import CompressedImage

from robotracer_ros.errors import BadImage, UnsupportedEncoding
from robotracer_ros.ros.compressed import compressed_to_depth_m, compressed_to_rgb
from robotracer_ros.ros.rvl import decode_rvl

COUNTS = np.array([[0, 1, 500, 4000], [65535, 0, 0, 65534], [700, 701, 699, 0]], np.uint16)


def message(form: str, data: bytes) -> CompressedImage:
    return CompressedImage(format=form, data=array.array("B", data))


def encoded(suffix: str, pixels: np.ndarray) -> bytes:
    done, data = cv2.imencode(suffix, pixels)
    assert done
    return data.tobytes()


def rvl(counts: np.ndarray) -> bytes:
    """The encoder of the paper, number by number."""
    nibbles: list[int] = []

    def put(value: int) -> None:
        while True:
            nibbles.append((value & 7) | (8 if value >> 3 else 0))
            value >>= 3
            if not value:
                return

    values, at, previous = counts.ravel().tolist(), 0, 0
    while at < len(values):
        zeros = next((i for i, value in enumerate(values[at:]) if value), len(values) - at)
        at += zeros
        others = next((i for i, value in enumerate(values[at:]) if not value), len(values) - at)
        put(zeros)
        put(others)
        for value in values[at : at + others]:
            delta, previous = value - previous, value
            put(((delta << 1) ^ (delta >> 31)) & 0xFFFFFFFF)
        at += others
    nibbles += [0] * (-len(nibbles) % 8)
    words = (nibbles[i : i + 8] for i in range(0, len(nibbles), 8))
    return b"".join(struct.pack("<I", int("".join(f"{n:x}" for n in word), 16)) for word in words)


def test_png_is_exact() -> None:
    rgb = np.random.default_rng(2).integers(0, 256, (6, 5, 3), dtype=np.uint8)
    received = compressed_to_rgb(message("rgb8; png compressed bgr8", encoded(".png", rgb[..., ::-1])))
    np.testing.assert_array_equal(received, rgb)


def test_jpeg_keeps_the_order_of_channels() -> None:
    rgb = np.zeros((16, 16, 3), np.uint8)
    rgb[...] = (220, 120, 20)
    received = compressed_to_rgb(message("bgr8; jpeg compressed bgr8", encoded(".jpg", rgb[..., ::-1])))
    np.testing.assert_allclose(received.astype(int), rgb.astype(int), atol=4)


def test_a_grey_jpeg_becomes_rgb() -> None:
    received = compressed_to_rgb(message("mono8; jpeg compressed ", encoded(".jpg", np.full((8, 8), 90, np.uint8))))
    np.testing.assert_allclose(received, 90, atol=2)
    assert received.shape == (8, 8, 3)


def expected_metres() -> np.ndarray:
    return np.where((COUNTS == 0) | (COUNTS == 65535), np.nan, COUNTS * 0.001)


@pytest.mark.parametrize("form", ["16UC1; compressedDepth png", "16UC1; compressedDepth", "mono16; compressedDepth"])
def test_compressed_depth_of_counts(form: str) -> None:
    data = struct.pack("<iff", 0, 0, 0) + encoded(".png", COUNTS)
    np.testing.assert_allclose(compressed_to_depth_m(message(form, data)), expected_metres(), rtol=1e-6)


def test_compressed_depth_as_rvl() -> None:
    data = struct.pack("<iffii", 0, 0, 0, COUNTS.shape[1], COUNTS.shape[0]) + rvl(COUNTS)
    received = compressed_to_depth_m(message("16UC1; compressedDepth rvl", data))
    np.testing.assert_allclose(received, expected_metres(), rtol=1e-6)


def test_a_plain_png_of_depth() -> None:
    received = compressed_to_depth_m(message("16UC1; png compressed ", encoded(".png", COUNTS)))
    np.testing.assert_allclose(received, expected_metres(), rtol=1e-6)


@pytest.mark.parametrize("how", ["png", "rvl"])
def test_compressed_depth_of_floats_is_inverse_depth(how: str) -> None:
    # compressed_depth_image_transport, depth_max 10 m and depth_quantization 100 by default.
    quant_a = 100.0 * 101.0
    quant_b = 1.0 - quant_a / 10.0
    metres = np.array([[0.3, 1.0, 2.5], [9.9, np.nan, 5.0]])
    counts = np.nan_to_num(quant_a / metres + quant_b).astype(np.uint16)
    body = encoded(".png", counts) if how == "png" else struct.pack("<ii", 3, 2) + rvl(counts)
    data = struct.pack("<iff", 0, quant_a, quant_b) + body
    received = compressed_to_depth_m(message(f"32FC1; compressedDepth {how}", data))
    np.testing.assert_array_equal(np.isnan(received), np.isnan(metres))
    # One count at distance d spans d^2 / A.
    assert np.nanmax(np.abs(received - metres) / metres**2) < 1.01 / quant_a


@settings(deadline=None)
@given(arrays(np.uint16, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 2**16 - 1)))
def test_rvl_comes_back(counts: np.ndarray) -> None:
    np.testing.assert_array_equal(decode_rvl(rvl(counts), counts.size), counts.ravel())


def test_rvl_of_the_worked_example() -> None:
    # 2 zeros, 3 others: 5, 3, 3 as differences 5, -2, 0, folded to 10, 3, 0; 10 takes two nibbles, its low one first.
    assert decode_rvl(struct.pack("<I", 0x23A13000), 5).tolist() == [0, 0, 5, 3, 3]


@pytest.mark.parametrize("data", [b"", bytes(3), bytes(4), bytes(400), b"\xff" * 40, struct.pack("<I", 0x23A13000)])
def test_rvl_that_does_not_fit_is_named(data: bytes) -> None:
    with pytest.raises(BadImage, match="RVL"):
        decode_rvl(data, 4)


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_rvl_of_rubbish_is_refused_or_read(data: bytes) -> None:
    with contextlib.suppress(BadImage):
        assert decode_rvl(data, 50).shape == (50,)


WHOLE = struct.pack("<iff", 0, 0, 0) + encoded(".png", COUNTS)


@pytest.mark.parametrize(
    ("form", "data", "error", "words"),
    [
        ("16UC1; compressedDepth png", b"", BadImage, "0 bytes"),
        ("16UC1; compressedDepth png", WHOLE[:12], BadImage, "12 bytes"),
        ("16UC1; compressedDepth png", WHOLE[:30], BadImage, "not a whole picture"),
        ("16UC1; compressedDepth rvl", WHOLE[:15], BadImage, "for its size"),
        ("16UC1; compressedDepth rvl", struct.pack("<iffii", 0, 0, 0, 2**30, 2**30), BadImage, "1073741824"),
        ("16UC1; compressedDepth rvl", struct.pack("<iffii", 0, 0, 0, -1, 4), BadImage, "-1x4"),
        ("64FC1; compressedDepth png", WHOLE, UnsupportedEncoding, "64FC1"),
        ("; compressedDepth png", WHOLE, UnsupportedEncoding, "16UC1"),
        ("16UC1; jpeg compressed ", encoded(".jpg", np.zeros((4, 4), np.uint8)), UnsupportedEncoding, "uint8"),
        ("16UC1; png compressed ", encoded(".png", np.zeros((4, 4, 3), np.uint16)), UnsupportedEncoding, "uint16"),
        ("png", b"", BadImage, "no bytes"),
    ],
)
def test_depth_that_cannot_be_read_is_named(form: str, data: bytes, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        compressed_to_depth_m(message(form, data))


@pytest.mark.parametrize("data", [b"", b"no picture", encoded(".png", np.zeros((9, 9, 3), np.uint8))[:40]])
def test_colour_that_cannot_be_decoded_is_named(data: bytes) -> None:
    with pytest.raises(BadImage):
        compressed_to_rgb(message("jpeg", data))


def test_depth_is_no_colour() -> None:
    with pytest.raises(UnsupportedEncoding, match="jpeg, png"):
        compressed_to_rgb(message("16UC1; compressedDepth png", WHOLE))
