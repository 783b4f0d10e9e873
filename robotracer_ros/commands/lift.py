"""`robotracer lift`: recorded answers to metric points, one JSON line each."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from robotracer_ros.commands.answer_rows import BrokenRow, Cameras, Row, read_rows
from robotracer_ros.commands.json_numbers import listed
from robotracer_ros.errors import BadImage, InvalidRequest, RobotracerError
from robotracer_ros.families import ModelFamily, open_family
from robotracer_ros.geometry.camera import CameraIntrinsics
from robotracer_ros.geometry.lifting import lift, lift_without_image
from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.geometry.trace import DepthSource, SpatialTrace
from robotracer_ros.query import ModelAnswer
from robotracer_ros.rgbd_files import CAMERA_FRAME, read_camera_file, read_depth_m


def run(arguments: argparse.Namespace) -> int:
    """Lift every row; 0 when any could be lifted, 1 when none could.

    Raises:
        InvalidRequest: when the arguments contradict each other or a file cannot be read or written.
    """
    answers = Path(arguments.answers)
    lifter = _Lifter.from_arguments(arguments, answers)
    rows = list(read_rows(answers))
    outcomes: Counter[str] = Counter()
    with _output(arguments.out, answers) as out:
        for row in rows:
            result = lifter.result(row)
            outcomes[result["error"]["code_name"] if result["error"] else ""] += 1
            out.write(json.dumps(result, allow_nan=False) + "\n")
    lifted = outcomes.pop("", 0)
    failures = "".join(f"; {name} {count}" for name, count in outcomes.most_common())
    print(f"lifted {lifted} of {len(rows)} answers{failures}", file=sys.stderr)
    return 0 if lifted else 1


@dataclass(frozen=True, slots=True)
class _Lifter:
    """What all rows share: how words are read, where cameras are found and which depth counts."""

    family: ModelFamily
    cameras: Cameras
    depth: str

    @classmethod
    def from_arguments(cls, arguments: argparse.Namespace, answers: Path) -> _Lifter:
        depth = arguments.depth
        if depth == "auto":
            depth = "both" if arguments.data else "model"
        if depth == "sensor" and not arguments.data:
            raise InvalidRequest("--depth sensor needs the depth pictures: give --data DIR")
        if arguments.data and not Path(arguments.data).is_dir():
            raise InvalidRequest(f"--data: there is no folder {arguments.data}")
        folders = ([Path(arguments.data)] if arguments.data else []) + [answers.parent]
        fallback = read_camera_file(arguments.camera).intrinsics if arguments.camera else None
        cameras = Cameras(Cameras.below(*folders), fallback, arguments.image_size)
        return cls(open_family(arguments.family), cameras, depth)

    def result(self, row: Row | BrokenRow) -> dict[str, Any]:
        """The line to write for a row, whatever happens to it."""
        if isinstance(row, BrokenRow):
            return _failed(None, row.error)
        try:
            return self._lifted(row)
        except RobotracerError as error:
            return _failed(row.question_id, error)

    def _lifted(self, row: Row) -> dict[str, Any]:
        words = row.words
        camera = self.cameras.of(row)
        answer = ModelAnswer(words, "", 0.0, row.truncated)
        visual = self.family.read(answer, (camera.width, camera.height))
        if self.depth == "model":
            spatial = lift_without_image(visual, camera, CAMERA_FRAME)
        else:
            seen = visual if self.depth == "both" else replace(visual, depth_m=None)
            spatial = lift(seen, self._observation(row, camera))
        return _succeeded(row.question_id, spatial, visual.uv, visual.truncated)

    def _observation(self, row: Row, camera: CameraIntrinsics) -> RgbdObservation:
        """The row's depth picture; lifting looks at no colours, so none are read."""
        name = row.path("gt_depth_path", "depth_path")
        path = self.cameras.found(name)
        if path is None:
            where = ", ".join(str(folder) for folder in self.cameras.folders)
            raise InvalidRequest(
                f"line {row.line}: {f'its depth picture {name} is' if name else 'it names no depth picture'} "
                f"{f'not in {where}' if name else 'under gt_depth_path or depth_path'}; --depth model does without"
            )
        depth_m = read_depth_m(path)
        if depth_m.shape != (camera.height, camera.width):
            height, width = depth_m.shape
            raise BadImage(
                f"line {row.line}: {name} has {width}x{height} pixels, its camera {camera.width}x{camera.height}"
            )
        black = np.broadcast_to(np.uint8(0), (camera.height, camera.width, 3))
        return RgbdObservation(black, depth_m, camera, CAMERA_FRAME, 0)


def _succeeded(question_id: str | int | None, spatial: SpatialTrace, uv: Any, truncated: bool) -> dict[str, Any]:
    return {
        "question_id": question_id,
        "points_m": listed(spatial.points_m),
        "depth_source": [DepthSource(int(source)).name for source in spatial.depth_source],
        "error": None,
        "uv": listed(uv),
        "depth_disagreement_m": listed(spatial.disagreement_m),
        "confidence": listed(spatial.confidence),
        "truncated": truncated,
    }


def _failed(question_id: str | int | None, error: RobotracerError) -> dict[str, Any]:
    return {
        "question_id": question_id,
        "points_m": None,
        "depth_source": [],
        "error": {"code_name": error.code_name, "message": str(error)},
    }


@contextmanager
def _output(name: str, answers: Path) -> Iterator[TextIO]:
    if name == "-":
        yield sys.stdout
        return
    path = Path(name)
    if path.resolve() == answers.resolve():
        raise InvalidRequest(f"--out would overwrite the answers in {answers}")
    try:
        file = path.open("w", encoding="utf-8")
    except OSError as error:
        raise InvalidRequest(f"cannot write {path}: {error.strerror or error}") from error
    with file:
        yield file
