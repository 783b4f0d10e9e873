"""Observed points and PLY files: what is written is what was seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from robotracer_ros.errors import InvalidRequest, NoDepth
from robotracer_ros.geometry.camera import CameraIntrinsics, Distortion
from robotracer_ros.geometry.cloud import PATH_SPACING_M, UNSEEN_COLOUR, observed_points, write_ply
from robotracer_ros.geometry.observation import DepthCamera, RgbdObservation
from robotracer_ros.geometry.transform import RigidTransform

CAMERA = CameraIntrinsics(64, 48, 60.0, 61.0, 31.0, 24.5)
BARREL = CameraIntrinsics(64, 48, 60.0, 61.0, 31.0, 24.5, Distortion("plumb_bob", (-0.12, 0.02, 1e-3, -1e-3)))


def observed(intrinsics=CAMERA, depth_camera=None, seed=0):
    rng = np.random.default_rng(seed)
    depth_intrinsics = depth_camera.intrinsics if depth_camera else intrinsics
    depth_m = rng.uniform(0.5, 2.0, (depth_intrinsics.height, depth_intrinsics.width)).astype(np.float32)
    depth_m[rng.random(depth_m.shape) < 0.2] = np.nan
    rgb = rng.integers(0, 256, (intrinsics.height, intrinsics.width, 3), dtype=np.uint8)
    return RgbdObservation(rgb, depth_m, intrinsics, "camera", 0, depth_camera)


@pytest.mark.parametrize("intrinsics", [CAMERA, BARREL], ids=["pinhole", "barrel"])
@pytest.mark.parametrize("stride", [1, 3])
def test_points_project_back_to_their_pixel_with_its_colour_and_depth(intrinsics, stride):
    observation = observed(intrinsics)
    points_m, colours = observed_points(observation, stride)
    pixels = intrinsics.project(points_m)
    columns, rows = np.rint(pixels).astype(int).T
    assert np.abs(pixels - np.rint(pixels)).max() < 0.05
    assert np.array_equal(colours, observation.rgb[rows, columns])
    np.testing.assert_allclose(points_m[:, 2], observation.depth_m[rows, columns])
    assert len(points_m) == np.isfinite(observation.depth_m[::stride, ::stride]).sum()
    assert colours.dtype == np.uint8


def test_an_unregistered_depth_camera_gives_points_in_the_colour_frame():
    color_from_depth = RigidTransform("camera", "depth", np.eye(3), [0.05, -0.01, 0.02])
    wide = CameraIntrinsics(40, 30, 20.0, 20.0, 20.0, 15.0)
    observation = observed(depth_camera=DepthCamera(wide, color_from_depth))
    points_m, colours = observed_points(observation)
    in_depth_camera = color_from_depth.inverse().apply(points_m)
    columns, rows = np.rint(wide.project(in_depth_camera)).astype(int).T
    np.testing.assert_allclose(in_depth_camera[:, 2], observation.depth_m[rows, columns], atol=1e-6)
    pixels = CAMERA.project(points_m)
    seen = CAMERA.contains(pixels)
    assert seen.any() and not seen.all()
    columns, rows = np.rint(pixels[seen]).astype(int).T
    expected = observation.rgb[np.clip(rows, 0, 47), np.clip(columns, 0, 63)]
    assert np.array_equal(colours[seen], expected)
    assert (colours[~seen] == UNSEEN_COLOUR).all()


def test_colour_alone_and_stride_zero_are_refused():
    colour_only = RgbdObservation(np.zeros((48, 64, 3), np.uint8), None, CAMERA, "camera", 0)
    with pytest.raises(NoDepth, match="colour only"):
        observed_points(colour_only)
    with pytest.raises(InvalidRequest, match="stride"):
        observed_points(observed(), 0)


def test_an_image_without_any_reading_gives_no_points():
    blind = RgbdObservation(np.zeros((48, 64, 3), np.uint8), np.full((48, 64), np.nan, np.float32), CAMERA, "camera", 0)
    points_m, colours = observed_points(blind)
    assert points_m.shape == (0, 3) and colours.shape == (0, 3)


def read_ply(path: Path):
    """An independent reader: it trusts the header and nothing else."""
    head, _, body = path.read_bytes().partition(b"end_header\n")
    lines = head.decode("ascii").splitlines()
    assert lines[:2] == ["ply", "format binary_little_endian 1.0"]
    numpy_type = {"float": "<f4", "uchar": "u1", "int": "<i4"}
    elements: dict[str, tuple[int, list]] = {}
    for line in lines[2:]:
        word = line.split()
        if word[0] == "element":
            elements[word[1]] = (int(word[2]), [])
        elif word[0] == "property":
            elements[list(elements)[-1]][1].append((word[2], numpy_type[word[1]]))
    tables = {}
    for name, (count, fields) in elements.items():
        record = np.dtype(fields)
        tables[name], body = np.frombuffer(body[: count * record.itemsize], record), body[count * record.itemsize :]
        assert len(tables[name]) == count
    assert body == b""
    return tables


def xyz(table):
    return np.column_stack([table[name] for name in "xyz"])


def test_a_written_cloud_reads_back_with_its_path_as_vertices_and_edges(tmp_path):
    points_m, colours = observed_points(observed())
    corners_m = np.array([[0.0, 0.0, 1.0], [0.1, 0.0, 1.0], [0.1, 0.0, 1.0], [0.1, 0.05, 0.9]])
    path_colours = [[255, 0, 0], [0, 255, 0], [0, 255, 0], [0, 0, 255]]
    write_ply(tmp_path / "scene.ply", points_m, colours, corners_m, path_colours)
    tables = read_ply(tmp_path / "scene.ply")
    vertices, edges = tables["vertex"], tables["edge"]
    np.testing.assert_allclose(xyz(vertices)[: len(points_m)], points_m, atol=1e-6)
    assert np.array_equal(np.column_stack([vertices[n] for n in ("red", "green", "blue")])[: len(points_m)], colours)
    path_m = xyz(vertices)[len(points_m) :]
    assert np.linalg.norm(np.diff(path_m, axis=0), axis=1).max() <= PATH_SPACING_M * 1.001
    for corner in corners_m:
        assert np.linalg.norm(path_m - corner, axis=1).min() < 1e-6
    assert np.array_equal(edges["vertex1"], np.arange(len(points_m), len(vertices) - 1))
    assert np.array_equal(edges["vertex2"], edges["vertex1"] + 1)
    assert vertices["red"][len(points_m)] == 255 and vertices["blue"][-1] == 255


@pytest.mark.parametrize("count", [0, 1])
def test_a_path_of_no_or_one_point_has_no_edges(tmp_path, count):
    write_ply(tmp_path / "a.ply", np.zeros((2, 3)), np.zeros((2, 3), np.uint8), np.ones((count, 3)))
    tables = read_ply(tmp_path / "a.ply")
    assert len(tables["vertex"]) == 2 + count and "edge" not in tables


def test_a_path_of_kilometres_stays_a_small_file(tmp_path):
    write_ply(tmp_path / "a.ply", (), (), [[0, 0, 0], [1e6, 0, 0], [1e6, 1e6, 0]])
    assert (tmp_path / "a.ply").stat().st_size < 10e6


@pytest.mark.parametrize(
    "points, colours, path, words",
    [
        (np.zeros((2, 3)), np.zeros((3, 3), np.uint8), (), "colours"),
        (np.zeros((2, 2)), np.zeros((2, 3), np.uint8), (), "points_m"),
        ([[0, 0, np.nan]], [[0, 0, 0]], (), "finite"),
        ([[0, 0, 0]], [[0, 0, 0]], [[np.inf, 0, 0]], "finite"),
        ([[0, 0, 0]], [[0, 0, 300]], (), "0 to 255"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, points, colours, path, words):
    with pytest.raises(InvalidRequest, match=words):
        write_ply(tmp_path / "a.ply", points, colours, path)


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(InvalidRequest, match="missing"):
        write_ply(tmp_path / "missing" / "a.ply", np.zeros((1, 3)), np.zeros((1, 3), np.uint8))
