"""What the servers of RoboTracer and RoboRefer expect in the body of ``POST /query``."""

from __future__ import annotations

import base64
import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from robotracer_ros.errors import BackendFailed, InvalidRequest
from robotracer_ros.geometry.arrays import AnyArray
from robotracer_ros.query import ModelQuery

# Cues by mode, as the authors' evaluation combines them (Evaluation/query_model.py). Each mode has the cues of the one
# before it and further ones.
ROBOTRACER_MODES: Final = (
    "RGB",
    "RGB+encoder",
    "RGB+encoder+intrinsics",
    "RGB+encoder+intrinsics+depth",
)
ROBOREFER_MODES: Final = ("RGB", "RGB+depth")
DIALECTS: Final = ("robotracer", "roborefer")

_MAX_MILLIMETRES: Final = 65535
# Lossless at every level; the lowest that still compresses costs a robot the least time.
_PNG_SETTINGS: Final = (cv2.IMWRITE_PNG_COMPRESSION, 1)


class Dialect(Protocol):
    """How a query becomes a request body."""

    def payload(self, query: ModelQuery) -> AbstractContextManager[dict[str, object]]:
        """The body, usable inside the context; files it names exist no longer than that.

        Raises:
            BackendFailed: when the query lacks a cue that the named mode needs, or a picture cannot be written.
        """
        ...


def open_dialect(name: str, mode: str, shared_dir: str) -> Dialect:
    """The dialect called ``name``; with ``mode`` "" each query is sent with every cue that it has.

    Raises:
        InvalidRequest: for an unknown name or mode, or a ``shared_dir`` that is missing, superfluous or not writable.
    """
    if name not in DIALECTS:
        raise InvalidRequest(f"dialect {name!r} is not known; accepted: {', '.join(DIALECTS)}")
    modes = ROBOTRACER_MODES if name == "robotracer" else ROBOREFER_MODES
    if mode and mode not in modes:
        raise InvalidRequest(f"mode {mode!r} is not known to the dialect {name}; accepted: {', '.join(modes)}")
    if name == "roborefer":
        if shared_dir:
            raise InvalidRequest("shared_dir is of no use to the dialect roborefer: its pictures travel in the request")
        return RoboReferDialect(mode)
    return RoboTracerDialect(mode, shared_dir)


class RoboTracerDialect:
    """Absolute paths of files that the server opens itself: colour as PNG, depth as 16-bit PNG in millimetres."""

    def __init__(self, mode: str, shared_dir: str) -> None:
        if not shared_dir:
            raise InvalidRequest(
                "the dialect robotracer needs shared_dir, a folder that the server sees under the same path: "
                "requests name the pictures' files"
            )
        folder = Path(shared_dir).expanduser().resolve()
        if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
            raise InvalidRequest(f"shared_dir must be a folder that can be written to, received {str(folder)!r}")
        self._folder = folder
        self._mode = mode

    @contextmanager
    def payload(self, query: ModelQuery) -> Iterator[dict[str, object]]:
        """Write the pictures, hand out the body, delete the pictures whatever happens."""
        stem = f"query-{uuid.uuid4().hex}"
        image_file, depth_file = self._folder / f"{stem}-image.png", self._folder / f"{stem}-depth.png"
        mode = self._mode or _richest_mode(query, ROBOTRACER_MODES)
        cues = _cues_of(mode)
        try:
            _write(image_file, image_png(query.image))
            if "depth" in cues:
                _write(depth_file, depth_png_mm(_required_depth(query, mode)))
            yield {
                "image_paths": [str(image_file)],
                "depth_z_paths": [str(depth_file)] if "depth" in cues else None,
                "intrinsics": _required_intrinsics(query, mode) if "intrinsics" in cues else None,
                "enable_spatial": int("encoder" in cues),
                "text": query.text,
            }
        finally:
            for file in (image_file, depth_file):
                _delete(file)


class RoboReferDialect:
    """Base64 of PNG files inside the body; depth as a picture of inverse depth, near is bright."""

    def __init__(self, mode: str) -> None:
        self._mode = mode

    @contextmanager
    def payload(self, query: ModelQuery) -> Iterator[dict[str, object]]:
        """The body; there is nothing to clean up."""
        mode = self._mode or _richest_mode(query, ROBOREFER_MODES)
        with_depth = "depth" in _cues_of(mode)
        depth_urls = [_base64(relative_depth_png(_required_depth(query, mode)))] if with_depth else []
        yield {
            "image_url": [_base64(image_png(query.image))],
            "depth_url": depth_urls,
            "enable_depth": int(with_depth),
            "text": query.text,
        }


def image_png(rgb: npt.NDArray[np.uint8]) -> bytes:
    """(H, W, 3) uint8 RGB as a PNG file, lossless."""
    return _png(cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2BGR))


def depth_png_mm(depth_m: npt.NDArray[np.float32]) -> bytes:
    """(H, W) metres as a 16-bit PNG of millimetres; 0 where there is no reading, or one beyond 65.535 m."""
    millimetres = np.rint(np.asarray(depth_m, dtype=np.float64) * 1000.0)
    with np.errstate(invalid="ignore"):
        known = (millimetres > 0) & (millimetres <= _MAX_MILLIMETRES)
    return _png(np.where(known, millimetres, 0).astype(np.uint16))


def relative_depth_png(depth_m: npt.NDArray[np.float32]) -> bytes:
    """(H, W) metres as the 8-bit, three-channel PNG of relative inverse depth that RoboRefer was trained on.

    Its training depth is Depth-Anything V2's, scaled from the image's least to its greatest. Each hole takes the value
    of the nearest reading, since the estimator it stands in for leaves none.

    Raises:
        BackendFailed: when no pixel has a reading.
    """
    holes = ~np.isfinite(depth_m)
    if holes.all():
        raise BackendFailed("the depth image holds no reading at all; use mode RGB")
    with np.errstate(invalid="ignore"):
        inverse = 1.0 / np.asarray(depth_m, dtype=np.float64)
    if holes.any():
        _, nearest = cv2.distanceTransformWithLabels(
            holes.astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
        )
        reading_of_label = np.zeros(int(nearest.max()) + 1)
        reading_of_label[nearest[~holes]] = inverse[~holes]
        inverse = reading_of_label[nearest]
    least, greatest = float(inverse.min()), float(inverse.max())
    spread = greatest - least
    grey = (inverse - least) * (255.0 / spread) if spread > 0 else np.zeros_like(inverse)
    return _png(np.repeat(np.rint(grey).astype(np.uint8)[:, :, None], 3, axis=2))


def _cues_of(mode: str) -> frozenset[str]:
    return frozenset(mode.split("+"))


def _richest_mode(query: ModelQuery, modes: Sequence[str]) -> str:
    """The last of ``modes`` whose every cue the query has; a depth image without a reading is no cue."""
    missing = set()
    if query.depth_m is None or not np.isfinite(query.depth_m).any():
        missing.add("depth")
    if query.intrinsics is None:
        missing.add("intrinsics")
    return [mode for mode in modes if not _cues_of(mode) & missing][-1]


def _required_intrinsics(query: ModelQuery, mode: str) -> list[list[float]]:
    if query.intrinsics is None:
        raise BackendFailed(f"mode {mode} needs the camera's intrinsics and the query has none; use mode RGB+encoder")
    rows: list[list[float]] = query.intrinsics.matrix.tolist()
    return rows


def _required_depth(query: ModelQuery, mode: str) -> npt.NDArray[np.float32]:
    if query.depth_m is None:
        raise BackendFailed(
            f"mode {mode} needs a depth image registered to colour and the query has none; choose a mode without depth"
        )
    return query.depth_m


def _png(picture: AnyArray) -> bytes:
    try:
        done, encoded = cv2.imencode(".png", picture, list(_PNG_SETTINGS))
    except cv2.error as error:
        raise BackendFailed(f"a picture of shape {picture.shape} cannot be written as PNG: {error}") from error
    if not done:
        raise BackendFailed(f"a picture of shape {picture.shape} cannot be written as PNG")
    return encoded.tobytes()


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise BackendFailed(f"cannot write {file.name} into shared_dir: {error.strerror or error}") from error


def _delete(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise BackendFailed(f"cannot delete {file.name} from shared_dir: {error.strerror or error}") from error


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
