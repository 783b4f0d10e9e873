"""Which cues a RoboTracer gets: those of the mode, or all that the query has."""

from __future__ import annotations

import numpy as np
import pytest

from robotracer_ros.backends.input_modes import Cues, cues_of, require_input_mode
from robotracer_ros.backends.query_dialects import ROBOTRACER_MODES
from robotracer_ros.errors import BackendFailed, InvalidRequest
from robotracer_ros.geometry.camera import CameraIntrinsics
from robotracer_ros.query import ModelQuery

IMAGE = np.zeros((6, 8, 3), np.uint8)
CAMERA = CameraIntrinsics(8, 6, 7.0, 7.0, 3.5, 2.5)
DEPTH_M = np.ones((6, 8), np.float32)
HOLES = np.full((6, 8), np.nan, np.float32)


def query(intrinsics=None, depth_m=None):
    return ModelQuery("go", IMAGE, intrinsics=intrinsics, depth_m=depth_m)


@pytest.mark.parametrize(
    ("given", "cues"),
    [
        (query(), Cues(True, False, False)),
        (query(CAMERA), Cues(True, True, False)),
        (query(CAMERA, DEPTH_M), Cues(True, True, True)),
        (query(CAMERA, HOLES), Cues(True, True, False)),
        (query(None, DEPTH_M), Cues(True, False, False)),
    ],
)
def test_without_a_mode_every_cue_that_there_is(given, cues):
    assert cues_of(given, "") == cues


def test_each_mode_adds_a_cue():
    everything = query(CAMERA, DEPTH_M)
    assert [cues_of(everything, mode) for mode in ROBOTRACER_MODES] == [
        Cues(False, False, False), Cues(True, False, False), Cues(True, True, False), Cues(True, True, True),
    ]  # fmt: skip


def test_a_mode_that_names_what_the_query_lacks():
    with pytest.raises(BackendFailed, match="needs the camera's intrinsics"):
        cues_of(query(), "RGB+encoder+intrinsics")
    with pytest.raises(BackendFailed, match="needs a depth image"):
        cues_of(query(CAMERA), "RGB+encoder+intrinsics+depth")


def test_unknown_modes_list_those_known():
    assert [require_input_mode(mode) for mode in ("", *ROBOTRACER_MODES)] == ["", *ROBOTRACER_MODES]
    with pytest.raises(InvalidRequest, match=r"'rgb' is not known; accepted: RGB, RGB\+encoder"):
        require_input_mode("rgb")
