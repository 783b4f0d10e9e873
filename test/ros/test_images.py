"""Every encoding, byte order and padding becomes the same pixels; what contradicts itself is named."""

from __future__ import annotations

import array
import sys
import types

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ros.camera import image

from robotracer_ros.errors import BadImage, UnsupportedEncoding
from robotracer_ros.ros.images import (
    COLOUR_ENCODINGS,
    image_to_depth_m,
    image_to_numpy,
    image_to_rgb,
    metres_from_counts,
    rgb_to_image,
)

RGB = np.random.default_rng(1).integers(0, 256, (5, 7, 3), dtype=np.uint8)
ALPHA = np.full((5, 7, 1), 9, np.uint8)
COLOUR = {
    "rgb8": (RGB, RGB),
    "bgr8": (RGB[..., ::-1], RGB),
    "rgba8": (np.concatenate([RGB, ALPHA], axis=2), RGB),
    "bgra8": (np.concatenate([RGB[..., ::-1], ALPHA], axis=2), RGB),
    "mono8": (RGB[..., 0], np.repeat(RGB[..., :1], 3, axis=2)),
}
METRES = np.array([[0.001, 1.5, np.nan], [65.534, np.nan, 0.5]], np.float32)


def test_the_table_of_this_file_is_complete() -> None:
    assert set(COLOUR) == set(COLOUR_ENCODINGS)


@pytest.mark.parametrize("bigendian", [False, True])
@pytest.mark.parametrize("padding", [0, 1, 13])
@pytest.mark.parametrize("encoding", COLOUR)
def test_colour_becomes_rgb(encoding: str, padding: int, bigendian: bool) -> None:
    pixels, expected = COLOUR[encoding]
    rgb = image_to_rgb(image(encoding, pixels, padding, bigendian))
    assert rgb.dtype == np.uint8
    np.testing.assert_array_equal(rgb, expected)


@pytest.mark.parametrize("padding", [0, 1, 2, 64])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("encoding", ["16UC1", "mono16"])
def test_counts_become_metres(encoding: str, order: str, padding: int) -> None:
    counts = np.array([[1, 1500, 0], [65534, 65535, 500]], order + "u2")
    metres = image_to_depth_m(image(encoding, counts, padding, order == ">"))
    assert metres.dtype == np.float32
    np.testing.assert_allclose(metres, METRES, rtol=1e-6)


@pytest.mark.parametrize("padding", [0, 3, 4])
@pytest.mark.parametrize("order", ["<", ">"])
def test_floats_stay_metres(order: str, padding: int) -> None:
    raw = np.array([[0.25, 0.0, -1.0], [np.inf, -np.inf, np.nan]], order + "f4")
    metres = image_to_depth_m(image("32FC1", raw, padding, order == ">"))
    assert metres.dtype == np.dtype(np.float32)
    np.testing.assert_array_equal(metres, [[0.25, np.nan, np.nan], [np.nan, np.nan, np.nan]])


def test_every_count_but_the_first_and_the_last_is_a_reading() -> None:
    metres = metres_from_counts(np.arange(65536, dtype=np.uint16), 0.001)
    assert np.flatnonzero(np.isnan(metres)).tolist() == [0, 65535]
    np.testing.assert_allclose(metres[1:-1], np.arange(1, 65535) * 0.001, rtol=1e-6)


def test_the_unit_of_a_count_can_be_another() -> None:
    message = image("16UC1", np.array([[5000]], "<u2"))
    assert image_to_depth_m(message, 0.0001)[0, 0] == pytest.approx(0.5)


def test_rgb8_is_not_copied() -> None:
    message = image("rgb8", RGB)
    assert np.shares_memory(image_to_rgb(message), np.frombuffer(message.data, np.uint8))


def test_the_message_is_not_changed() -> None:
    message = image("32FC1", np.array([[0.0, 1.0]], "<f4"))
    before = bytes(message.data)
    image_to_depth_m(message)
    assert bytes(message.data) == before


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 255))
def test_an_image_comes_back_as_it_went(height: int, width: int, seed: int) -> None:
    rgb = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    message = rgb_to_image(rgb, "cam", 1_500_000_001)
    assert (message.header.frame_id, message.header.stamp.sec, message.header.stamp.nanosec) == ("cam", 1, 500_000_001)
    assert isinstance(message.data, array.array)
    np.testing.assert_array_equal(image_to_rgb(message), rgb)


@pytest.mark.parametrize("pixels", [np.zeros((2, 2), np.uint8), np.zeros((2, 2, 3)), np.zeros((0, 2, 3), np.uint8)])
def test_only_rgb_pixels_become_an_image(pixels: np.ndarray) -> None:
    with pytest.raises(BadImage, match="uint8"):
        rgb_to_image(pixels, "cam", 0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"height": 0}, "7x0 has no pixels"),
        ({"width": 0}, "0x5 has no pixels"),
        ({"step": 20}, "at least 21 bytes, received 20"),
        ({"step": 0}, "at least 21 bytes, received 0"),
        ({"data": array.array("B", bytes(104))}, "carry 105 bytes, received 104"),
        ({"data": array.array("B", bytes(106))}, "carry 105 bytes, received 106"),
        ({"data": array.array("B")}, "carry 105 bytes, received 0"),
        ({"width": 2**32 - 1}, "needs a step of at least 12884901885"),
    ],
)
def test_an_image_that_contradicts_itself_is_named(change: dict[str, object], words: str) -> None:
    message = image("rgb8", RGB)
    for name, value in change.items():
        setattr(message, name, value)
    with pytest.raises(BadImage, match=words):
        image_to_rgb(message)


@pytest.mark.parametrize("encoding", ["mono8", "rgb8", "8UC1", "64FC1", "32SC1", ""])
def test_depth_of_another_encoding_lists_what_is_accepted(encoding: str) -> None:
    with pytest.raises(UnsupportedEncoding, match="16UC1, mono16, 32FC1"):
        image_to_depth_m(image(encoding, RGB))


@pytest.mark.parametrize("encoding", ["bayer_rggb8", "yuv422", "", "RGB8"])
def test_colour_of_another_encoding_lists_what_is_accepted(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv_bridge", None)
    with pytest.raises(UnsupportedEncoding, match="rgb8, bgr8, rgba8, bgra8, mono8"):
        image_to_rgb(image(encoding, RGB))


def test_swapped_topics_are_suspected() -> None:
    with pytest.raises(UnsupportedEncoding, match="swapped"):
        image_to_rgb(image("32FC1", np.ones((2, 2), "<f4")))


def _bridge(monkeypatch: pytest.MonkeyPatch, convert: object) -> None:
    module = types.ModuleType("cv_bridge")
    module.CvBridge = type("CvBridge", (), {"imgmsg_to_cv2": convert})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cv_bridge", module)


def test_cv_bridge_converts_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def convert(_self: object, message: object, encoding: str) -> np.ndarray:
        asked.append((message, encoding))
        return RGB

    _bridge(monkeypatch, convert)
    message = image("yuv422", RGB)
    np.testing.assert_array_equal(image_to_rgb(message), RGB)
    assert asked == [(message, "rgb8")]


def test_what_cv_bridge_refuses_is_refused_with_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def convert(_self: object, _message: object, _encoding: str) -> np.ndarray:
        raise RuntimeError("no such conversion")

    _bridge(monkeypatch, convert)
    with pytest.raises(UnsupportedEncoding, match="no such conversion"):
        image_to_rgb(image("yuv422", RGB))


def test_what_cv_bridge_gets_wrong_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    _bridge(monkeypatch, lambda _self, _message, _encoding: RGB[..., 0])
    with pytest.raises(UnsupportedEncoding, match=r"made uint8 of \(5, 7\)"):
        image_to_rgb(image("yuv422", RGB))


def test_the_encoding_says_whether_it_is_depth() -> None:
    assert image_to_numpy(image("mono16", np.ones((2, 3), "<u2"))).dtype == np.float32
    assert image_to_numpy(image("mono8", np.ones((2, 3), np.uint8))).shape == (2, 3, 3)
