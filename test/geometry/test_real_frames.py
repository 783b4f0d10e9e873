"""Lifting on a real frame: known heights above a table."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from robotracer_ros.geometry.camera import CameraIntrinsics
from robotracer_ros.geometry.lifting import lift
from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.geometry.trace import VisualTrace


@pytest.fixture
def clutter(shared: Path) -> tuple[RgbdObservation, dict]:
    folder = shared / "rgbd" / "clutter"
    numbers = json.loads((folder / "camera.json").read_text())
    camera = CameraIntrinsics(*(numbers[k] for k in ("width", "height", "fx", "fy", "cx", "cy")))
    raw = cv2.imread(str(folder / "depth.png"), cv2.IMREAD_UNCHANGED)
    depth = np.where(raw > 0, raw * numbers["depth_unit_m"], np.nan).astype(np.float32)
    rgb = cv2.cvtColor(cv2.imread(str(folder / "color.png")), cv2.COLOR_BGR2RGB)
    return RgbdObservation(rgb, depth, camera, "camera", 0), json.loads((folder / "cases.json").read_text())


def test_every_known_pixel_lifts_to_its_height(clutter: tuple[RgbdObservation, dict]) -> None:
    observation, cases = clutter
    normal, offset = np.array(cases["table_plane"]["normal"]), cases["table_plane"]["offset_m"]
    size = (observation.intrinsics.width, observation.intrinsics.height)
    wrong = {}
    for case in cases["height_above_table_m"]:
        point = lift(VisualTrace(np.array([case["pixel"]]) / size), observation).points_m[0]
        height = float(normal @ point + offset)
        if abs(height - case["height_m"]) > case["tolerance_m"]:
            wrong[case["what"]] = (height, case["height_m"], case["tolerance_m"])
    assert not wrong
