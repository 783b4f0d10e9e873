"""Meshes are read as they were written, covered with points, and refused with a reason where they are broken."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from planning.meshes import binary_stl, box, text_stl

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.planning.mesh import read_triangles, surface_points

BOX = box((-0.05, -0.02, 0.0), (0.05, 0.02, 0.1))
# Eight corners, six sides of four, told in three ways.
OBJ = b"""# a box
o box
v 0 0 0
v 1 0 0 1.0
v 1 1 0
v 0 1 0
f 1//1 2//1 3/4/1 \\
  4
v 0 0 1
v 1 0 1
v 1 1 1
v 0 1 1
f -4 -3 -2 -1
f 1 2 6 5
f 2/1 3/1 7/1 6/1
f 3 4 8 7
f 4 1 5 8
"""


def kept(tmp_path: Path, name: str, data: bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.stl", binary_stl(BOX)),
        ("b.STL", binary_stl(BOX, b"solid by a program that did not know better")),
        ("c.stl", text_stl(BOX)),
        ("d.stl", text_stl(BOX).upper().replace(b"\n", b"\r\n")),
        ("e.stl", binary_stl(BOX) + b"more"),
    ],
)
def test_an_stl_is_read(tmp_path, name, data):
    np.testing.assert_allclose(read_triangles(kept(tmp_path, name, data)), BOX, atol=1e-8)


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_an_obj_is_read(tmp_path, ending):
    triangles = read_triangles(kept(tmp_path, "box.obj", OBJ.replace(b"\n", ending)))
    assert triangles.shape == (12, 3, 3)
    area = np.linalg.norm(np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]), axis=1) / 2
    # Every side once, whole.
    np.testing.assert_allclose(area, 0.5)
    assert len(np.unique(triangles.mean(axis=1).round(6), axis=0)) == 12


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.dae", b"<COLLADA/>", r"\.dae is not read; accepted: \.stl, \.obj"),
        ("a", b"", "a file without suffix is not read"),
        ("a.stl", b"", "cut off: 0 bytes of 84"),
        ("a.stl", binary_stl(BOX)[:-1], "cut off: 683 bytes of 684"),
        ("a.stl", binary_stl(BOX, b"solid")[:-1], "cut off"),
        ("a.stl", text_stl(BOX)[:-40], "cut off"),
        ("a.stl", text_stl(BOX).replace(b"  vertex", b"  corner", 1), "35 vertices, which make no whole triangles"),
        ("a.stl", text_stl(BOX).replace(b"e-02", b"o-02"), "a vertex must be 3 numbers"),
        ("a.stl", b"solid a\nfacet\nvertex 1 2\nvertex 1\nvertex 1 2 3\nendsolid", "a vertex must be 3 numbers"),
        ("a.stl", binary_stl(BOX[:0]), "no triangle"),
        ("a.stl", b"solid a\nendsolid a", "no triangle"),
        ("a.stl", binary_stl(np.where(BOX > 0.09, np.nan, BOX)), "not finite"),
        ("a.stl", text_stl(np.where(BOX > 0.09, np.inf, BOX)), "not finite"),
        ("a.obj", b"v 0 0 0\nv 1 0 0\n", "no triangle"),
        ("a.obj", b"v 0 0 0\nv 1 0 0\nv 1 1\nf 1 2 3", "a vertex must be 3 numbers"),
        ("a.obj", b"v 0 0 0\nv 1 0 0\nv 1 1 0\nf 1 2 4", "a face names the vertex 4 where there are 3"),
        ("a.obj", b"v 0 0 0\nv 1 0 0\nv 1 1 0\nf 1 2 0", "a face names the vertex 0"),
        ("a.obj", b"v 0 0 0\nv 1 0 0\nv 1 1 0\nf 1 2 99999999999999999999999", "a face names the vertex 9"),
        ("a.obj", b"v 0 0 0\nv 1 0 0\nv 1 1 0\nf a b c", "by whole numbers, received b'a'"),
    ],
)
def test_a_broken_file_is_refused_with_its_fault(tmp_path, name, data, reason):
    with pytest.raises(InvalidRequest, match=reason):
        read_triangles(kept(tmp_path, name, data))


def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.stl")
    (tmp_path / "folder.stl").mkdir()
    for path in (tmp_path / "none.stl", tmp_path / "pipe.stl", tmp_path / "folder.stl", Path("/dev/zero/a.stl")):
        with pytest.raises(InvalidRequest, match=r"there is no such file|cannot be read"):
            read_triangles(path)
    with (tmp_path / "large.stl").open("wb") as file:
        file.truncate(60_000_000)
    with pytest.raises(InvalidRequest, match="larger than 50 MB"):
        read_triangles(tmp_path / "large.stl")


def fine(parts: int) -> np.ndarray:
    """A square of 20 cm in so many stripes of triangles each way."""
    u = np.linspace(0, 0.2, parts + 1)
    low, high = np.meshgrid(u[:-1], u[:-1]), np.meshgrid(u[1:], u[1:])
    one = np.stack([np.stack([*corner, 0 * low[0]], -1) for corner in (low, (high[0], low[1]), high)], -2)
    two = np.stack([np.stack([*corner, 0 * low[0]], -1) for corner in (low, high, (low[0], high[1]))], -2)
    return np.concatenate([one.reshape(-1, 3, 3), two.reshape(-1, 3, 3)])


@pytest.mark.parametrize("parts", [1, 7, 150])
def test_the_surface_is_covered_whatever_the_triangles(parts):
    points = surface_points(fine(parts), 0.01)
    asked = np.random.default_rng(0).uniform(0, 0.2, (2000, 2))
    away = np.sqrt(((asked[:, None] - points[None, :, :2]) ** 2).sum(axis=2).min(axis=1))
    assert away.max() < 0.0073
    # 4 dm^2: no more points than four times a grid's, or as many cells as there are.
    assert len(points) < 6600 and np.abs(points[:, 2]).max() == 0


def test_a_mesh_in_millimetres_without_a_scale_is_refused():
    with pytest.raises(InvalidRequest, match=r"too large, 100 x 40 x 100 m; is a scale missing\?"):
        surface_points(1000 * BOX, 0.01)
    with pytest.raises(InvalidRequest, match="too large"):
        surface_points(1e200 * BOX, 0.01)
