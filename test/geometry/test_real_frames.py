"""Lifting on a real frame: known heights above a table."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from robotracer_ros.geometry.lifting import lift
from robotracer_ros.geometry.trace import VisualTrace
from robotracer_ros.rgbd_files import FramesFolder


def test_every_known_pixel_lifts_to_its_height(shared: Path) -> None:
    folder = shared / "rgbd" / "clutter"
    observation, cases = FramesFolder.opened(folder).observe(0), json.loads((folder / "cases.json").read_text())
    normal, offset = np.array(cases["table_plane"]["normal"]), cases["table_plane"]["offset_m"]
    size = (observation.intrinsics.width, observation.intrinsics.height)
    wrong = {}
    for case in cases["height_above_table_m"]:
        point = lift(VisualTrace(np.array([case["pixel"]]) / size), observation).points_m[0]
        height = float(normal @ point + offset)
        if abs(height - case["height_m"]) > case["tolerance_m"]:
            wrong[case["what"]] = (height, case["height_m"], case["tolerance_m"])
    assert not wrong
