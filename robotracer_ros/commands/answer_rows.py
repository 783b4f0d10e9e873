"""Rows of released or recorded answers: whose words they are, through which camera, and where the pictures lie."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from robotracer_ros.errors import BadCameraInfo, BadImage, InvalidRequest
from robotracer_ros.geometry.camera import CameraIntrinsics
from robotracer_ros.rgbd_files import image_size

# A benchmark keeps its pictures in the folder with its name, or in this one below it.
_PICTURES_BELOW: Final = "raw_data"
# One pixel of rounding in a picture of a few hundred.
_SAME_SHAPE: Final = 0.01
# A principal point farther from the middle, as a share of the size, betrays intrinsics of a picture of another size.
_OFF_CENTRE: Final = 0.2
# No camera has more; JSON knows whole numbers that no float holds.
_WIDEST: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the file: its number from 1, and the JSON object it holds."""

    line: int
    said: Mapping[str, Any]

    @property
    def question_id(self) -> str | int | None:
        """``question_id`` of a benchmark or ``sample_id`` of a recording; None when the row has neither."""
        name = self.said.get("question_id", self.said.get("sample_id"))
        return name if isinstance(name, str | int) and name != "" else None

    @property
    def words(self) -> str:
        """The model's answer, ``model_prediction`` or ``answer``."""
        words = self.said.get("model_prediction", self.said.get("answer"))
        if not isinstance(words, str):
            raise InvalidRequest(
                f"line {self.line} needs the model's words as a string under 'model_prediction' or 'answer'; "
                f"its keys are {', '.join(map(str, list(self.said)[:12])) or 'none'}"
            )
        return words

    @property
    def truncated(self) -> bool:
        """Whether the row says that the model was cut off."""
        return self.said.get("truncated") is True

    def path(self, *keys: str) -> str:
        """The file named under the first of ``keys`` that is there; "" when none is."""
        return next((str(self.said[key]) for key in keys if isinstance(self.said.get(key), str)), "")


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A line that holds no JSON object, and why."""

    line: int
    error: InvalidRequest


def read_rows(path: Path) -> Iterator[Row | BrokenRow]:
    """Rows of a JSON Lines file, empty lines passed over.

    Raises:
        InvalidRequest: when the file cannot be read.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise InvalidRequest(f"cannot read answers from {path}: {error.strerror or error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            said = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield BrokenRow(number, InvalidRequest(f"line {number} is no JSON: {error}"))
            continue
        if isinstance(said, dict):
            yield Row(number, said)
        else:
            kind = type(said).__name__
            yield BrokenRow(number, InvalidRequest(f"line {number} must hold a JSON object, received {kind}"))


@dataclass(frozen=True, slots=True)
class Cameras:
    """Where the camera of a row is learned from.

    Attributes:
        folders: where the row's relative paths are looked for, in this order.
        fallback: the camera of rows that hold no intrinsics, or None.
        size: (width, height) of pictures that are not there, or None.
    """

    folders: tuple[Path, ...]
    fallback: CameraIntrinsics | None
    size: tuple[int, int] | None

    @staticmethod
    def below(*folders: Path) -> tuple[Path, ...]:
        """Each folder and its raw_data."""
        return tuple(place for folder in folders for place in (folder, folder / _PICTURES_BELOW))

    def found(self, name: str) -> Path | None:
        """The file a row calls ``name``, in the first folder that has it; None where none has."""
        return next((folder / name for folder in self.folders if name and _is_file(folder / name)), None)

    def of(self, row: Row) -> CameraIntrinsics:
        """The camera that a row's coordinates belong to.

        Raises:
            InvalidRequest: when the row holds no intrinsics, or nothing tells the size of its picture.
            BadImage: when its pictures contradict each other in shape.
            BadCameraInfo: when its intrinsics are none, or are not those of a picture of this size.
        """
        matrix = row.said.get("gt_depth_intrinsics", row.said.get("intrinsics"))
        if matrix is None:
            if self.fallback is None:
                raise InvalidRequest(
                    f"line {row.line} holds no camera matrix under 'gt_depth_intrinsics' or 'intrinsics'; give --camera"
                )
            return self.fallback
        fx, fy, cx, cy = _focal_and_centre(row.line, matrix)
        width, height, certain = self._size(row)
        camera = CameraIntrinsics(width, height, fx, fy, cx, cy)
        off = max(abs(cx / width - 0.5), abs(cy / height - 0.5))
        if not certain and off > _OFF_CENTRE:
            raise BadCameraInfo(
                f"line {row.line}: a principal point of ({cx:.0f}, {cy:.0f}) px is not that of its picture of "
                f"{width}x{height}; give the size that the intrinsics belong to as width and height in the row"
            )
        return camera

    def _size(self, row: Row) -> tuple[int, int, bool]:
        """(width, height) and whether somebody stated it for these intrinsics, rather than a picture's header."""
        if "width" in row.said or "height" in row.said:
            return *_stated_size(row), True
        # The intrinsics are the depth picture's, which may be smaller than the colour picture.
        names = [row.path("gt_depth_path", "depth_path"), row.path("image_path", "image")]
        sizes = [(path, image_size(path)) for name in names if (path := self.found(name)) is not None]
        if not sizes:
            if self.size is not None:
                return *self.size, True
            raise InvalidRequest(
                f"line {row.line}: the size of its picture is unknown, and 0 to 1000 cannot become pixels: the row has "
                f"no width and height, and {names[1] or 'a picture'} is not in {self._searched()}; "
                f"give --image-size WxH or --data DIR"
            )
        (_, (width, height)), (path, (other_width, other_height)) = sizes[0], sizes[-1]
        if abs(width / height / (other_width / other_height) - 1) > _SAME_SHAPE:
            raise BadImage(
                f"line {row.line}: its depth has {width}x{height} pixels and {path.name} {other_width}x{other_height}; "
                f"they cannot show the same view"
            )
        return width, height, False

    def _searched(self) -> str:
        return ", ".join(str(folder) for folder in self.folders)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        # A name too long, or of letters that no file system has, names no file.
        return False


def _stated_size(row: Row) -> tuple[int, int]:
    size = row.said.get("width"), row.said.get("height")
    width, height = size
    if not (isinstance(width, int) and isinstance(height, int) and 0 < width <= _WIDEST and 0 < height <= _WIDEST):
        raise BadCameraInfo(f"line {row.line}: width and height must be pixels from 1 to {_WIDEST}, not {size!r:.80}")
    return width, height


def _focal_and_centre(line: int, matrix: object) -> tuple[float, float, float, float]:
    try:
        numbers = np.array(matrix, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadCameraInfo(f"line {line}: the camera matrix must be 3x3 or 4x4 numbers, not {matrix!r:.80}") from error
    if numbers.shape not in ((3, 3), (4, 4)):
        raise BadCameraInfo(f"line {line}: the camera matrix must be 3x3 or 4x4, received {numbers.shape}")
    return float(numbers[0, 0]), float(numbers[1, 1]), float(numbers[0, 2]), float(numbers[1, 2])
