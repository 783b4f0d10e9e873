"""Triangles of STL and OBJ files, and points on them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray

KINDS: Final = (".stl", ".obj")
# A binary STL: 80 bytes for anybody, the number of triangles, and 50 bytes for each.
_HEADER: Final = 84
_TRIANGLE: Final = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
# Larger files and surfaces are no collision shape of an arm: a mesh in millimetres without its scale has more points.
_MOST_BYTES: Final = 50_000_000
_MOST_POINTS: Final = 4_000_000
_LARGEST_M: Final = 10.0
# No point of a triangle is farther than an edge / sqrt(3) from the nearest of its corners.
_EDGE: Final = 0.5
_CELL: Final = 0.25


def read_triangles(path: Path) -> FloatArray:
    """(T, 3, 3) corners of the triangles in a file, in its own unit.

    Raises:
        InvalidRequest: for a file that is missing, of another kind or broken, naming what is wrong with it.
    """
    kind = path.suffix.lower()
    if kind not in KINDS:
        raise InvalidRequest(f"{kind or 'a file without suffix'} is not read; accepted: {', '.join(KINDS)}")
    data = _bytes(path)
    # Numbers that are none are refused below, without a warning of NumPy's.
    with np.errstate(invalid="ignore"):
        triangles = _obj(data) if kind == ".obj" else _stl(data)
    if not len(triangles):
        raise InvalidRequest("it holds no triangle")
    if not np.isfinite(triangles).all():
        raise InvalidRequest("it holds a coordinate that is not finite")
    return triangles


def _bytes(path: Path) -> bytes:
    try:
        size = path.stat().st_size if path.is_file() else -1
        data = path.read_bytes() if 0 <= size <= _MOST_BYTES else b""
    except (OSError, ValueError) as error:
        raise InvalidRequest(f"it cannot be read: {error}") from error
    if size < 0:
        raise InvalidRequest("there is no such file")
    if size > _MOST_BYTES:
        raise InvalidRequest(f"it is larger than {_MOST_BYTES // 1_000_000} MB")
    return data


def surface_points(triangles: FloatArray, spacing_m: float) -> FloatArray:
    """(K, 3) points on triangles (T, 3, 3), metres: every place of the surface has one within about 0.7 ``spacing_m``.

    Raises:
        InvalidRequest: for a surface too large to be covered.
    """
    with np.errstate(over="ignore"):
        size = np.ptp(triangles.reshape(-1, 3), axis=0)
        edges = np.linalg.norm(triangles - np.roll(triangles, 1, axis=1), axis=2).max(axis=1)
    parts = np.maximum(np.ceil(edges / (_EDGE * spacing_m)), 1.0)
    if not size.max() <= _LARGEST_M or ((parts + 1) * (parts + 2) / 2).sum() > _MOST_POINTS:
        raise InvalidRequest(
            f"its surface is too large, {' x '.join(f'{side:.3g}' for side in size)} m; is a scale missing?"
        )
    clouds = [_divided(triangles[parts == count], int(count)) for count in np.unique(parts)]
    return _thinned(np.concatenate(clouds), _CELL * spacing_m)


def _divided(triangles: FloatArray, parts: int) -> FloatArray:
    """The corners of the ``parts``^2 triangles that each of triangles (T, 3, 3) is cut into."""
    first, second = np.divmod(np.arange((parts + 1) ** 2), parts + 1)
    inside = first + second <= parts
    first, second = first[inside], second[inside]
    weights = np.column_stack([first, second, parts - first - second]) / parts
    return np.asarray((weights @ triangles).reshape(-1, 3))


def _thinned(points: FloatArray, cell_m: float) -> FloatArray:
    """One point of each cell that has any."""
    cells = np.floor((points - points.min(axis=0)) / cell_m).astype(np.int64)
    size = cells.max(axis=0) + 1
    number = (cells[:, 0] * size[1] + cells[:, 1]) * size[2] + cells[:, 2]
    return np.asarray(points[np.sort(np.unique(number, return_index=True)[1])])


def _stl(data: bytes) -> FloatArray:
    count = int.from_bytes(data[80:_HEADER], "little")
    needed = _HEADER + count * _TRIANGLE.itemsize
    # Binary files may begin with "solid" too; no text has just the length its bytes 80 to 83 tell.
    if data.lstrip()[:5].lower() == b"solid" and len(data) != needed:
        return _stl_text(data)
    if len(data) < max(needed, _HEADER):
        raise InvalidRequest(f"it is cut off: {len(data)} bytes of {max(needed, _HEADER)}")
    return np.frombuffer(data, _TRIANGLE, count, _HEADER)["corners"].astype(np.float64)


def _stl_text(data: bytes) -> FloatArray:
    lines = [words for line in data.lower().splitlines() if (words := line.split())]
    if lines[-1][0] != b"endsolid":
        raise InvalidRequest("it is cut off: its last line is no endsolid")
    corners = _numbers([words[1:] for words in lines if words[0] == b"vertex"])
    if len(corners) % 3:
        raise InvalidRequest(f"it holds {len(corners)} vertices, which make no whole triangles")
    return corners.reshape(-1, 3, 3)


def _obj(data: bytes) -> FloatArray:
    data = data.replace(b"\r\n", b"\n").replace(b"\\\n", b" ")
    lines = [words for line in data.splitlines() if (words := line.split())]
    vertices = _numbers([words[1:4] for words in lines if words[0] == b"v"])
    faces, before = [], 0
    for words in lines:
        if words[0] == b"v":
            before += 1
        elif words[0] == b"f":
            corners = [_corner(word, before, len(vertices)) for word in words[1:]]
            # A polygon is a fan.
            faces += [(corners[0], *pair) for pair in pairwise(corners[1:])]
    return np.asarray(vertices[np.array(faces, dtype=np.int64).reshape(-1, 3)])


def _corner(word: bytes, before: int, count: int) -> int:
    """Which vertex of ``count`` a face names: from 1 on, or below 0 backwards from the last of those ``before`` it."""
    try:
        number = int(word.split(b"/")[0])
    except ValueError as error:
        raise InvalidRequest(f"a face names its vertices by whole numbers, received {word[:40]!r}") from error
    index = number - 1 if number >= 0 else before + number
    if not 0 <= index < count:
        raise InvalidRequest(f"a face names the vertex {number} where there are {count}")
    return index


def _numbers(rows: list[list[bytes]]) -> FloatArray:
    try:
        return np.array([[float(word) for word in row] for row in rows], dtype=np.float64).reshape(len(rows), 3)
    except ValueError as error:
        raise InvalidRequest(f"a vertex must be 3 numbers: {error}") from error
