"""RGB-D frames in files: a colour picture, a depth PNG and a camera.json, alone or as a folder of many."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from robotracer_ros.errors import BadCameraInfo, BadImage, InvalidRequest, NoImage
from robotracer_ros.geometry.camera import CameraIntrinsics, Distortion
from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.geometry.transform import RigidTransform

CAMERA_FRAME: Final = "camera"
WORLD_FRAME: Final = "world"
_PNG: Final = b"\x89PNG\r\n\x1a\n"
# "color.png" with "depth.png", or "017.color.jpg" with "017.depth.png".
_COLOUR_NAME: Final = re.compile(r"(?:(?P<name>.+)\.)?colou?r\.(?:png|jpe?g)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CameraFile:
    """What a camera.json says.

    Attributes:
        intrinsics: from ``width``, ``height``, ``fx``, ``fy``, ``cx``, ``cy`` and, when the lens bends rays,
            ``distortion``: {"model": "plumb_bob", "coefficients": [...]}.
        depth_unit_m: metres of one count of the depth PNG, from ``depth_unit_m``; 0.001 when absent.
        no_reading: counts that stand for no reading, from ``invalid_depth``, a number or a list; 0 always is one.
        rate_hz: of a recorded sequence, from ``rate_hz``; NaN when absent.
        world_from_camera: pose by frame name, from ``world_from_camera``; empty when absent.
    """

    intrinsics: CameraIntrinsics
    depth_unit_m: float
    no_reading: tuple[int, ...]
    rate_hz: float
    world_from_camera: Mapping[str, RigidTransform]


@dataclass(frozen=True, slots=True)
class FrameFiles:
    """One frame's name ("" where the folder holds a single one) and its two files."""

    name: str
    color: Path
    depth: Path


@dataclass(frozen=True, slots=True)
class FramesFolder:
    """A folder of frames of one camera, in the order of their names."""

    camera: CameraFile
    frames: tuple[FrameFiles, ...]

    @classmethod
    def opened(cls, folder: str | Path) -> FramesFolder:
        """Find camera.json and the pairs color.png and depth.png, or NAME.color.png (or .jpg) and NAME.depth.png.

        Raises:
            InvalidRequest: when the folder or its camera.json is missing or cannot be read.
            NoImage: when it holds no pair.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise InvalidRequest(f"there is no folder {folder}")
        camera = read_camera_file(folder / "camera.json")
        frames = []
        for color in sorted(folder.iterdir()):
            named = _COLOUR_NAME.fullmatch(color.name)
            if named:
                name = named["name"] or ""
                depth = folder / (f"{name}.depth.png" if name else "depth.png")
                frames += [FrameFiles(name, color, depth)] if depth.is_file() else []
        if not frames:
            raise NoImage(f"{folder} holds no color.png with depth.png, nor NAME.color.png with NAME.depth.png")
        return cls(camera, tuple(frames))

    def __len__(self) -> int:
        return len(self.frames)

    def observe(self, index: int, frame_id: str = CAMERA_FRAME, stamp_ns: int = 0) -> RgbdObservation:
        """Read one frame.

        Raises:
            BadImage: see `read_rgb` and `read_depth_m`.
        """
        frame = self.frames[index]
        return read_observation(frame.color, frame.depth, self.camera, frame_id, stamp_ns)


def read_observation(
    color: str | Path, depth: str | Path | None, camera: CameraFile, frame_id: str = CAMERA_FRAME, stamp_ns: int = 0
) -> RgbdObservation:
    """One frame from its files; ``depth`` None for a camera without.

    Raises:
        InvalidRequest: for a file that cannot be read.
        BadImage: for a file that is no picture, or one of another size than the camera's.
    """
    rgb = read_rgb(color)
    _require_size(color, rgb, camera.intrinsics)
    depth_m = None
    if depth is not None:
        depth_m = read_depth_m(depth, camera.depth_unit_m, camera.no_reading)
        _require_size(depth, depth_m, camera.intrinsics)
    return RgbdObservation(rgb, depth_m, camera.intrinsics, frame_id, stamp_ns)


def read_rgb(path: str | Path) -> npt.NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB of a picture, unturned: depth and intrinsics know nothing of a photograph's EXIF rotation."""
    bgr = _decoded(path, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    rgb: npt.NDArray[np.uint8] = np.ascontiguousarray(bgr[:, :, ::-1])
    return rgb


def write_rgb(path: str | Path, rgb: npt.NDArray[np.uint8]) -> None:
    """Write (H, W, 3) uint8 RGB in the form that the file's suffix names; PNG where it has none.

    Raises:
        InvalidRequest: for a suffix that OpenCV does not know, and for a file that cannot be written.
    """
    try:
        done, data = cv2.imencode(Path(path).suffix or ".png", np.ascontiguousarray(rgb[:, :, ::-1]))
    except cv2.error as error:
        raise InvalidRequest(f"cannot write {path}: OpenCV knows no such pictures; take .png or .jpg") from error
    if not done:
        raise InvalidRequest(f"cannot write {path}: the picture could not be encoded; take .png or .jpg")
    try:
        Path(path).write_bytes(data.tobytes())
    except OSError as error:
        raise InvalidRequest(f"cannot write {path}: {error.strerror or error}") from error


def read_depth_m(
    path: str | Path, unit_m: float = 0.001, no_reading: tuple[int, ...] = (0,)
) -> npt.NDArray[np.float32]:
    """(H, W) float32 metres of a 16-bit PNG, NaN where it holds one of ``no_reading``.

    Raises:
        InvalidRequest: for a file that cannot be read.
        BadImage: for anything but one channel of 16 bits.
    """
    counts = _decoded(path, cv2.IMREAD_UNCHANGED)
    if counts.dtype != np.uint16 or counts.ndim != 2:
        raise BadImage(f"{path} must be a depth picture of one channel and 16 bits, received {_kind(counts)}")
    depth_m = counts.astype(np.float32) * np.float32(unit_m)
    depth_m[np.isin(counts, (0, *no_reading))] = np.nan
    return depth_m


def image_size(path: str | Path) -> tuple[int, int]:
    """(width, height) in pixels; a PNG tells it in its header.

    Raises:
        InvalidRequest: for a file that cannot be read.
        BadImage: for a file that is no picture.
    """
    try:
        with Path(path).open("rb") as file:
            head = file.read(24)
    except OSError as error:
        raise InvalidRequest(f"cannot read {path}: {error.strerror or error}") from error
    if head.startswith(_PNG) and len(head) == 24:
        return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    height, width = _decoded(path, cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION).shape[:2]
    return width, height


def read_camera_file(path: str | Path) -> CameraFile:
    """Read a camera.json; keys that `CameraFile` does not name are passed over.

    Raises:
        InvalidRequest: when it cannot be read, is no JSON object or lacks a key.
        BadCameraInfo: when its numbers are no camera.
    """
    try:
        said = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise InvalidRequest(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"{path} is no JSON: {error}") from error
    if not isinstance(said, dict):
        raise InvalidRequest(f"{path} must hold a JSON object, received {type(said).__name__}")
    needed = ("width", "height", "fx", "fy", "cx", "cy")
    missing = [key for key in needed if key not in said]
    if missing:
        raise InvalidRequest(f"{path} lacks {', '.join(missing)}; a camera.json needs {', '.join(needed)}")
    try:
        return _camera(said)
    except (TypeError, ValueError, OverflowError, AttributeError) as error:
        raise BadCameraInfo(f"{path}: {error}") from error


def _camera(said: Mapping[str, Any]) -> CameraFile:
    lens = said.get("distortion") or {}
    distortion = Distortion(str(lens.get("model", "none")), tuple(float(c) for c in lens.get("coefficients", ())))
    fx, fy, cx, cy = (float(said[key]) for key in ("fx", "fy", "cx", "cy"))
    unit_m = float(said.get("depth_unit_m", 0.001))
    if not (unit_m > 0 and np.isfinite(unit_m)):
        raise ValueError(f"depth_unit_m must be metres above 0, received {unit_m}")
    invalid = said.get("invalid_depth", 0)
    no_reading = tuple(int(count) for count in (invalid if isinstance(invalid, list) else [invalid]))
    poses = {str(name): _pose(str(name), matrix) for name, matrix in said.get("world_from_camera", {}).items()}
    intrinsics = CameraIntrinsics(int(said["width"]), int(said["height"]), fx, fy, cx, cy, distortion)
    return CameraFile(intrinsics, unit_m, no_reading, float(said.get("rate_hz", "nan")), poses)


def _pose(name: str, matrix: object) -> RigidTransform:
    numbers = np.array(matrix, dtype=np.float64)
    if numbers.shape != (4, 4):
        raise ValueError(f"the pose of frame {name} must be a 4x4 matrix, received {numbers.shape}")
    # Poses printed with a few digits are orthonormal to those digits only; the nearest rotation is meant.
    left, _, right = np.linalg.svd(numbers[:3, :3])
    nearest = left @ right
    if np.abs(nearest - numbers[:3, :3]).max() > 1e-2:
        raise ValueError(f"the pose of frame {name} must hold a rotation, received {numbers[:3, :3].tolist()}")
    return RigidTransform(WORLD_FRAME, CAMERA_FRAME, nearest, numbers[:3, 3])


def _decoded(path: str | Path, flags: int) -> npt.NDArray[Any]:
    try:
        data = np.frombuffer(Path(path).read_bytes(), dtype=np.uint8)
    except OSError as error:
        raise InvalidRequest(f"cannot read {path}: {error.strerror or error}") from error
    try:
        picture = cv2.imdecode(data, flags) if len(data) else None
    except cv2.error as error:
        raise BadImage(f"{path} is no picture that OpenCV reads: {error}") from error
    if picture is None:
        raise BadImage(f"{path} is no picture that OpenCV reads ({len(data)} bytes)")
    return np.asarray(picture)


def _require_size(path: str | Path, picture: npt.NDArray[Any], camera: CameraIntrinsics) -> None:
    height, width = picture.shape[:2]
    if (width, height) != (camera.width, camera.height):
        raise BadImage(f"{path} has {width}x{height} pixels, its camera {camera.width}x{camera.height}")


def _kind(picture: npt.NDArray[Any]) -> str:
    channels = 1 if picture.ndim == 2 else picture.shape[2]
    return f"{channels} of {8 * picture.dtype.itemsize} bits"
