"""Boxes as triangles, and as the files that robots are described with."""

from __future__ import annotations

import numpy as np

from robotracer_ros.geometry.arrays import FloatArray

# Two triangles of each side, corners counted as the bits of z, y, x.
_SIDES = ((0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5))


def box(low: tuple[float, float, float], high: tuple[float, float, float]) -> FloatArray:
    """(12, 3, 3)."""
    corners = np.array([[(low, high)[at >> axis & 1][axis] for axis in range(3)] for at in range(8)])
    return np.array([corners[list(pick)] for a, b, c, d in _SIDES for pick in ((a, b, c), (a, c, d))])


def binary_stl(triangles: FloatArray, header: bytes = b"made up") -> bytes:
    rows = np.zeros(len(triangles), dtype=[("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
    rows["corners"] = triangles
    return header.ljust(80, b"\0") + len(triangles).to_bytes(4, "little") + rows.tobytes()


def text_stl(triangles: FloatArray) -> bytes:
    facets = "".join(
        "facet normal 0 0 0\n outer loop\n"
        + "".join("  vertex {:.9e} {:.9e} {:.9e}\n".format(*corner) for corner in triangle)
        + " endloop\nendfacet\n"
        for triangle in triangles
    )
    return f"solid vertex\n{facets}endsolid vertex\n".encode()
