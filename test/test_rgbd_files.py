"""RGB-D files: what is written in the documented form is read back, and anything else is named."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from robotracer_ros.errors import BadCameraInfo, BadImage, InvalidRequest, NoImage
from robotracer_ros.geometry.camera import Distortion
from robotracer_ros.rgbd_files import (
    FramesFolder,
    image_size,
    read_camera_file,
    read_depth_m,
    read_observation,
    read_rgb,
    write_rgb,
)

CAMERA = {"width": 40, "height": 30, "fx": 35.0, "fy": 36.0, "cx": 19.5, "cy": 14.5}


def write_camera(folder, **more):
    path = folder / "camera.json"
    path.write_text(json.dumps({**CAMERA, **more}))
    return path


def write_frame(folder, color="color.png", depth="depth.png", seed=0):
    rng = np.random.default_rng(seed)
    rgb = rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)
    counts = rng.integers(400, 3000, (30, 40)).astype(np.uint16)
    counts[:5, :5] = 0
    cv2.imwrite(str(folder / color), rgb[:, :, ::-1])
    cv2.imwrite(str(folder / depth), counts)
    return rgb, counts


def test_a_frame_reads_back_in_metres_with_its_holes(tmp_path):
    rgb, counts = write_frame(tmp_path)
    folder = FramesFolder.opened(write_camera(tmp_path).parent)
    observation = folder.observe(0, "optical", 12)
    np.testing.assert_array_equal(observation.rgb, rgb)
    expected = np.where(counts == 0, np.nan, counts / 1000)
    np.testing.assert_allclose(observation.depth_m, expected, rtol=1e-6)
    assert (len(folder), observation.frame_id, observation.stamp_ns) == (1, "optical", 12)


def test_unit_and_counts_without_reading_are_the_camera_s(tmp_path):
    _, counts = write_frame(tmp_path)
    counts[10, 10] = 65535
    cv2.imwrite(str(tmp_path / "depth.png"), counts)
    camera = read_camera_file(write_camera(tmp_path, depth_unit_m=0.0002, invalid_depth=[65535]))
    depth_m = read_observation(tmp_path / "color.png", tmp_path / "depth.png", camera).depth_m
    assert np.isnan(depth_m[10, 10]) and np.isnan(depth_m[0, 0])
    assert depth_m[20, 20] == pytest.approx(counts[20, 20] * 0.0002)


def test_a_sequence_is_read_in_order_with_its_poses(tmp_path):
    pose = np.eye(4)
    pose[:3, 3] = 1, 2, 3
    for name in ("002", "000", "001"):
        write_frame(tmp_path, f"{name}.color.png", f"{name}.depth.png", int(name))
    write_frame(tmp_path, "003.color.png", "other.png")
    write_camera(tmp_path, rate_hz=15, world_from_camera={"001": pose.tolist()})
    folder = FramesFolder.opened(tmp_path)
    assert [frame.name for frame in folder.frames] == ["000", "001", "002"]
    assert folder.camera.rate_hz == 15
    np.testing.assert_array_equal(folder.camera.world_from_camera["001"].translation_m, [1, 2, 3])


def test_the_lens_is_read(tmp_path):
    lens = {"model": "plumb_bob", "coefficients": [0.1, -0.2, 0.0, 0.001, 0.0]}
    camera = read_camera_file(write_camera(tmp_path, distortion=lens))
    assert camera.intrinsics.distortion == Distortion("plumb_bob", (0.1, -0.2, 0.0, 0.001, 0.0))


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp"])
def test_a_picture_s_size_is_read_without_turning_it(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    cv2.imwrite(str(path), np.zeros((30, 40, 3), np.uint8))
    assert image_size(path) == (40, 30)


@pytest.mark.parametrize(
    "content, error, words",
    [
        ("{", InvalidRequest, "no JSON"),
        ("[1]", InvalidRequest, "object"),
        ('{"width": 4}', InvalidRequest, "lacks height, fx"),
        (json.dumps({**CAMERA, "fx": 0}), BadCameraInfo, "focal"),
        (json.dumps({**CAMERA, "fx": "wide"}), BadCameraInfo, "wide"),
        (json.dumps({**CAMERA, "depth_unit_m": 0}), BadCameraInfo, "depth_unit_m"),
        (json.dumps({**CAMERA, "distortion": {"model": "odd"}}), BadCameraInfo, "plumb_bob"),
        (json.dumps({**CAMERA, "distortion": 3}), BadCameraInfo, "camera.json"),
        (json.dumps({**CAMERA, "world_from_camera": {"0": [[1, 0], [0, 1]]}}), BadCameraInfo, "4x4"),
        (json.dumps({**CAMERA, "world_from_camera": {"0": np.zeros((4, 4)).tolist()}}), BadCameraInfo, "rotation"),
    ],
)
def test_a_camera_that_is_none_is_refused(tmp_path, content, error, words):
    (tmp_path / "camera.json").write_text(content)
    with pytest.raises(error, match=words):
        read_camera_file(tmp_path / "camera.json")


def test_pictures_that_are_none_are_refused(tmp_path):
    camera = read_camera_file(write_camera(tmp_path))
    write_frame(tmp_path)
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "empty.png").write_bytes(b"")
    cv2.imwrite(str(tmp_path / "small.png"), np.zeros((3, 4, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "bytes.png"), np.zeros((30, 40), np.uint8))
    for name, words in (("text.png", "no picture"), ("empty.png", "0 bytes"), ("small.png", "4x3 pixels")):
        with pytest.raises(BadImage, match=words):
            read_observation(tmp_path / name, None, camera)
    for name in ("bytes.png", "color.png"):
        with pytest.raises(BadImage, match="one channel and 16 bits"):
            read_depth_m(tmp_path / name)
    with pytest.raises(InvalidRequest, match="absent"):
        read_observation(tmp_path / "absent.png", None, camera)
    with pytest.raises(InvalidRequest, match="absent"):
        image_size(tmp_path / "absent.png")


def test_folders_without_frames_are_refused(tmp_path):
    with pytest.raises(InvalidRequest, match="no folder"):
        FramesFolder.opened(tmp_path / "absent")
    with pytest.raises(InvalidRequest, match=r"camera\.json"):
        FramesFolder.opened(tmp_path)
    write_camera(tmp_path)
    with pytest.raises(NoImage, match=r"color\.png"):
        FramesFolder.opened(tmp_path)


def test_real_frames_read_as_their_notes_say(shared):
    clutter = FramesFolder.opened(shared / "rgbd" / "clutter")
    cases = json.loads((shared / "rgbd" / "clutter" / "cases.json").read_text())
    observation = clutter.observe(0)
    plane = cases["table_plane"]
    for case in cases["height_above_table_m"]:
        column, row = case["pixel"]
        window = observation.depth_m[row - 4 : row + 5, column - 4 : column + 5]
        point_m = observation.intrinsics.deproject([[column, row]], [np.nanmedian(window)])[0]
        height_m = np.dot(plane["normal"], point_m) + plane["offset_m"]
        assert height_m == pytest.approx(case["height_m"], abs=case["tolerance_m"]), case["what"]
    office = FramesFolder.opened(shared / "rgbd" / "office")
    assert len(office) == 60 == len(office.camera.world_from_camera)
    assert not (office.observe(59).depth_m > 60).any()


@pytest.mark.parametrize("name", ["picture.png", "picture"])
def test_a_picture_reads_back_as_it_was_written(tmp_path, name):
    rgb = np.random.default_rng(1).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    write_rgb(tmp_path / name, rgb)
    np.testing.assert_array_equal(read_rgb(tmp_path / name), rgb)


@pytest.mark.parametrize(
    ("name", "words"), [("a.xyz", r"\.png or \.jpg"), ("absent/a.png", "No such file"), ("folder.png", "directory")]
)
def test_a_picture_that_cannot_be_written_is_named(tmp_path, name, words):
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(InvalidRequest, match=rf"{name}.*{words}"):
        write_rgb(tmp_path / name, np.zeros((2, 2, 3), np.uint8))
