"""Observed points with their colours, and PLY files of them with a trace drawn through."""

from __future__ import annotations

from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from robotracer_ros.errors import InvalidRequest, NoDepth
from robotracer_ros.geometry.arrays import FloatArray, frozen_floats
from robotracer_ros.geometry.observation import RgbdObservation

Colours: TypeAlias = npt.NDArray[np.uint8]

# Given to points that the depth camera sees and the colour camera does not.
UNSEEN_COLOUR: Final = (128, 128, 128)
DEFAULT_PATH_COLOUR: Final = (255, 122, 26)
# Viewers draw vertices as dots of a few pixels; at 2 mm they merge into a line at any sensible zoom.
PATH_SPACING_M: Final = 0.002
# A path of kilometres is a mistake upstream; its samples are spread instead of filling the disk.
_MOST_PATH_VERTICES: Final = 200_000

_VERTEX: Final = np.dtype(
    [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("red", "u1"), ("green", "u1"), ("blue", "u1")], align=False
)
_EDGE: Final = np.dtype(
    [("vertex1", "<i4"), ("vertex2", "<i4"), ("red", "u1"), ("green", "u1"), ("blue", "u1")], align=False
)
_PLY_TYPE: Final = {"<f4": "float", "<i4": "int", "|u1": "uchar"}


def observed_points(observation: RgbdObservation, stride: int = 1) -> tuple[FloatArray, Colours]:
    """Every reading of the depth image as a point, without those that hold none.

    Args:
        observation: with depth, registered to colour or measured by a ``depth_camera``.
        stride: reads every ``stride``-th row and column of the depth image.

    Returns:
        (M, 3) metres in the colour camera's optical frame, and (M, 3) uint8 RGB. A point takes the colour of the
        pixel it projects to, whether or not something stands in front of it there; a point beyond the colour image is
        `UNSEEN_COLOUR`. Pixels that no ray of a distorted lens reaches are left out.

    Raises:
        NoDepth: when the observation has no depth image.
        InvalidRequest: for a stride below 1.
    """
    if observation.depth_m is None:
        raise NoDepth("a point cloud needs a depth image; this observation has colour only")
    if stride < 1:
        raise InvalidRequest(f"stride must be at least 1, received {stride}")
    rows, columns = np.nonzero(np.isfinite(observation.depth_m[::stride, ::stride]))
    rows, columns = rows * stride, columns * stride
    pixels = np.column_stack([columns, rows]).astype(np.float64)
    depth_m = observation.depth_m[rows, columns]
    if observation.depth_camera is None:
        points_m, colours = observation.intrinsics.deproject(pixels, depth_m), observation.rgb[rows, columns]
    else:
        camera = observation.depth_camera
        points_m = camera.color_from_depth.apply(camera.intrinsics.deproject(pixels, depth_m))
        colours = _colours_seen(observation, points_m)
    reached = np.isfinite(points_m).all(axis=1)
    return points_m[reached], colours[reached]


def write_ply(
    path: str | Path,
    points_m: npt.ArrayLike,
    colours: npt.ArrayLike,
    path_m: npt.ArrayLike = (),
    path_colours: npt.ArrayLike = DEFAULT_PATH_COLOUR,
) -> None:
    """Write a binary little-endian PLY that MeshLab, CloudCompare, Open3D and Blender open.

    Args:
        path: of the file.
        points_m: (M, 3) metres, stored as float32.
        colours: (M, 3) uint8 RGB.
        path_m: (N, 3) a trace in the frame of ``points_m``. It is added after the cloud as vertices every
            `PATH_SPACING_M` and, from two points on, as edges between them, since some viewers show only one of these.
        path_colours: one RGB for the whole path, or (N, 3), blended between its points.

    Raises:
        InvalidRequest: for shapes that do not fit, points not finite, or a file that cannot be written.
    """
    points = frozen_floats("points_m", points_m, (None, 3))
    waypoints = frozen_floats("path_m", path_m, (None, 3))
    if not (np.isfinite(points).all() and np.isfinite(waypoints).all()):
        raise InvalidRequest("a PLY file takes finite points only; received NaN or infinity among them")
    along_m, along_colours = _sampled(waypoints, _colour_rows("path_colours", path_colours, len(waypoints)))
    vertices = _vertices(
        np.vstack([points, along_m]), np.vstack([_colour_rows("colours", colours, len(points)), along_colours])
    )
    edges = np.zeros(max(len(along_m) - 1, 0), dtype=_EDGE)
    edges["vertex1"] = np.arange(len(edges)) + len(points)
    edges["vertex2"] = edges["vertex1"] + 1
    for channel, name in enumerate(("red", "green", "blue")):
        edges[name] = along_colours[: len(edges), channel]
    try:
        with Path(path).open("wb") as file:
            file.write(_header(len(vertices), len(edges)))
            file.write(vertices.tobytes())
            file.write(edges.tobytes())
    except OSError as error:
        raise InvalidRequest(f"the point cloud could not be written to {path}: {error.strerror or error}") from error


def _colours_seen(observation: RgbdObservation, points_m: FloatArray) -> Colours:
    pixels = observation.intrinsics.project(points_m)
    seen = observation.intrinsics.contains(pixels)
    columns, rows = np.rint(pixels[seen]).astype(np.intp).T
    colours = np.full((len(points_m), 3), UNSEEN_COLOUR, dtype=np.uint8)
    # Rounding half a pixel at the far edge may step one over it.
    columns = np.clip(columns, 0, observation.intrinsics.width - 1)
    rows = np.clip(rows, 0, observation.intrinsics.height - 1)
    colours[seen] = observation.rgb[rows, columns]
    return colours


def _colour_rows(name: str, colours: npt.ArrayLike, count: int) -> Colours:
    array = np.asarray(colours)
    if array.shape == (3,):
        array = np.broadcast_to(array, (count, 3))
    if array.size == 0 and count == 0:
        array = array.reshape(0, 3)
    if array.shape != (count, 3):
        raise InvalidRequest(f"{name} must be one RGB or of shape ({count}, 3), received {array.shape}")
    if array.dtype != np.uint8 and (array.size and (array.min() < 0 or array.max() > 255)):
        raise InvalidRequest(f"{name} must lie in 0 to 255, received {array.min()} to {array.max()}")
    return array.astype(np.uint8)


def _sampled(waypoints_m: FloatArray, colours: Colours) -> tuple[FloatArray, Colours]:
    """The polyline at `PATH_SPACING_M` or finer, its own corners among the samples."""
    if len(waypoints_m) < 2:
        return waypoints_m, colours
    lengths_m = np.linalg.norm(np.diff(waypoints_m, axis=0), axis=1)
    spacing_m = max(PATH_SPACING_M, float(lengths_m.sum()) / _MOST_PATH_VERTICES)
    steps = np.maximum(np.ceil(lengths_m / spacing_m).astype(int), 1)
    fractions = [index + np.arange(count) / count for index, count in enumerate(steps)]
    where = np.concatenate([*fractions, [float(len(steps))]])
    corners = np.arange(len(waypoints_m), dtype=np.float64)
    blended = [np.interp(where, corners, values) for values in (*waypoints_m.T, *colours.T)]
    return np.column_stack(blended[:3]), np.rint(np.column_stack(blended[3:])).astype(np.uint8)


def _vertices(points_m: FloatArray, colours: Colours) -> npt.NDArray[np.void]:
    vertices = np.zeros(len(points_m), dtype=_VERTEX)
    for column, name in enumerate(("x", "y", "z")):
        vertices[name] = points_m[:, column]
    for column, name in enumerate(("red", "green", "blue")):
        vertices[name] = colours[:, column]
    return vertices


def _header(vertices: int, edges: int) -> bytes:
    lines = ["ply", "format binary_little_endian 1.0", "comment metres"]
    for name, count, record in (("vertex", vertices, _VERTEX), ("edge", edges, _EDGE)):
        if name == "edge" and not count:
            continue
        lines.append(f"element {name} {count}")
        lines += [f"property {_PLY_TYPE[record[field].str]} {field}" for field in record.names or ()]
    return ("\n".join([*lines, "end_header"]) + "\n").encode("ascii")
