"""The two request bodies: what the servers get is what the camera saw."""

from __future__ import annotations

import base64

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from robotracer_ros.backends.query_dialects import (
    ROBOTRACER_MODES,
    depth_png_mm,
    image_png,
    open_dialect,
    relative_depth_png,
)
from robotracer_ros.errors import BackendFailed, InvalidRequest
from robotracer_ros.geometry.camera import CameraIntrinsics
from robotracer_ros.query import ModelQuery

RGB = np.random.default_rng(3).integers(0, 256, (8, 10, 3), dtype=np.uint8)
DEPTH_M = np.linspace(0.4, 4.0, 80, dtype=np.float32).reshape(8, 10)
INTRINSICS = CameraIntrinsics(10, 8, 9.0, 9.5, 4.5, 3.5)


def query(depth_m=DEPTH_M, intrinsics=INTRINSICS):
    return ModelQuery("Point it.", RGB, "it", depth_m=depth_m, intrinsics=intrinsics)


def decoded(png):
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)


shapes = st.tuples(st.integers(1, 12), st.integers(1, 12))


@settings(max_examples=30, deadline=None)
@given(arrays.arrays(np.uint8, shapes.map(lambda shape: (*shape, 3))))
def test_colour_survives_png(rgb):
    np.testing.assert_array_equal(decoded(image_png(rgb))[:, :, ::-1], rgb)


@settings(max_examples=30, deadline=None)
@given(arrays.arrays(np.float32, shapes, elements=st.one_of(st.just(np.nan), st.floats(2.0**-9, 65.0, width=32))))
def test_depth_survives_png_to_half_a_millimetre(depth_m):
    read = decoded(depth_png_mm(depth_m))
    assert read.dtype == np.uint16
    known = np.isfinite(depth_m)
    np.testing.assert_array_equal(read == 0, ~known)
    assert np.abs(read[known] / 1000.0 - depth_m[known]).max(initial=0.0) <= 0.000501


def test_depth_beyond_sixteen_bits_is_no_reading():
    np.testing.assert_array_equal(decoded(depth_png_mm(np.array([[65.535, 65.6, 1e9]], np.float32))), [[65535, 0, 0]])


def test_relative_depth_is_near_bright_and_spans_all_values():
    grey = decoded(relative_depth_png(DEPTH_M))
    assert grey.shape == (8, 10, 3) and grey.dtype == np.uint8
    np.testing.assert_array_equal(grey[:, :, 0], grey[:, :, 2])
    assert grey[0, 0, 0] == 255 and grey[-1, -1, 0] == 0
    assert (np.diff(grey[:, :, 0].ravel().astype(int)) <= 0).all()


def test_holes_take_the_nearest_reading():
    depth_m = np.full((6, 12), 1.0, np.float32)
    depth_m[:, 6:] = 2.0
    holed = depth_m.copy()
    holed[2:4, 1:5] = np.nan
    holed[3, 8:11] = np.nan
    np.testing.assert_array_equal(decoded(relative_depth_png(holed)), decoded(relative_depth_png(depth_m)))


def test_relative_depth_of_nothing_and_of_a_plane():
    with pytest.raises(BackendFailed, match="no reading"):
        relative_depth_png(np.full((3, 3), np.nan, np.float32))
    assert not decoded(relative_depth_png(np.full((3, 3), 2.0, np.float32))).any()


@pytest.mark.parametrize("mode", ROBOTRACER_MODES)
def test_robotracer_body_by_mode(tmp_path, mode):
    with open_dialect("robotracer", mode, str(tmp_path)).payload(query()) as body:
        assert body.keys() == {"image_paths", "depth_z_paths", "intrinsics", "enable_spatial", "text"}
        assert body["text"] == "Point it."
        assert body["enable_spatial"] == int("encoder" in mode)
        assert body["intrinsics"] == (INTRINSICS.matrix.tolist() if "intrinsics" in mode else None)
        (image_path,) = body["image_paths"]
        assert image_path.startswith(str(tmp_path.resolve()))
        np.testing.assert_array_equal(cv2.imread(image_path)[:, :, ::-1], RGB)
        if "depth" in mode:
            (depth_path,) = body["depth_z_paths"]
            np.testing.assert_array_equal(cv2.imread(depth_path, cv2.IMREAD_UNCHANGED), np.rint(DEPTH_M * 1000.0))
        else:
            assert body["depth_z_paths"] is None
    assert list(tmp_path.iterdir()) == []


def test_pictures_are_deleted_when_the_request_fails(tmp_path):
    with pytest.raises(ZeroDivisionError), open_dialect("robotracer", "", str(tmp_path)).payload(query()):
        assert len(list(tmp_path.iterdir())) == 2
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("dialect", "mode", "missing", "words"),
    [
        ("robotracer", ROBOTRACER_MODES[3], {"depth_m": None}, "choose a mode without depth"),
        ("robotracer", ROBOTRACER_MODES[3], {"intrinsics": None}, r"use mode RGB\+encoder"),
        ("robotracer", ROBOTRACER_MODES[2], {"intrinsics": None}, r"use mode RGB\+encoder"),
        ("roborefer", "RGB+depth", {"depth_m": None}, "choose a mode without depth"),
    ],
)
def test_a_cue_that_the_named_mode_misses_is_named_and_nothing_is_left(tmp_path, dialect, mode, missing, words):
    opened = open_dialect(dialect, mode, str(tmp_path) if dialect == "robotracer" else "")
    with pytest.raises(BackendFailed, match=words), opened.payload(query(**missing)):
        pass
    assert list(tmp_path.iterdir()) == []


NO_READING = np.full_like(DEPTH_M, np.nan)


@pytest.mark.parametrize(
    ("missing", "depth", "intrinsics"),
    [
        ({}, True, True),
        ({"depth_m": None}, False, True),
        ({"depth_m": NO_READING}, False, True),
        ({"intrinsics": None}, False, False),
        ({"depth_m": None, "intrinsics": None}, False, False),
    ],
)
def test_without_a_named_mode_robotracer_gets_the_cues_there_are(tmp_path, missing, depth, intrinsics):
    opened = open_dialect("robotracer", "", str(tmp_path))
    # The choice is made anew for each query: what one lacks is not withheld from the next.
    for asked, with_depth, with_intrinsics in ((query(**missing), depth, intrinsics), (query(), True, True)):
        with opened.payload(asked) as body:
            assert (body["depth_z_paths"] is not None) == with_depth
            assert (body["intrinsics"] is not None) == with_intrinsics
            assert body["enable_spatial"] == 1
            assert len(list(tmp_path.iterdir())) == 1 + with_depth


@pytest.mark.parametrize(("depth_m", "sent"), [(DEPTH_M, 1), (None, 0), (NO_READING, 0)])
def test_without_a_named_mode_roborefer_gets_depth_where_there_is_some(depth_m, sent):
    with open_dialect("roborefer", "", "").payload(query(depth_m)) as body:
        assert body["enable_depth"] == len(body["depth_url"]) == sent


def test_a_full_disk_is_named(tmp_path, monkeypatch):
    opened = open_dialect("robotracer", "RGB", str(tmp_path))

    def full(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(BackendFailed, match="No space left"), opened.payload(query()):
        pass


@pytest.mark.parametrize("mode", ["RGB", "RGB+depth"])
def test_roborefer_body_by_mode(mode):
    with open_dialect("roborefer", mode, "").payload(query()) as body:
        assert body.keys() == {"image_url", "depth_url", "enable_depth", "text"}
        (image,) = body["image_url"]
        np.testing.assert_array_equal(decoded(base64.b64decode(image))[:, :, ::-1], RGB)
        assert body["enable_depth"] == int("depth" in mode) == len(body["depth_url"])


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(InvalidRequest, match="shared_dir must be a folder"):
        open_dialect("robotracer", "", str(file))
