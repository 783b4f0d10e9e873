"""RViz's configuration shows what the nodes publish, with a quality of service that hears it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

RESULTS = {
    "robot_description", *(f"{node}/{name}" for node in ("trace_node", "motion_node") for name in ("path", "markers")),
    "trace_node/overlay",
}  # fmt: skip


def displays(repository: Path) -> list[dict[str, Any]]:
    shown = yaml.safe_load((repository / "rviz" / "tracer.rviz").read_text())
    return list(shown["Visualization Manager"]["Displays"])


def test_every_result_is_heard_however_late_one_looks(repository: Path) -> None:
    topics = [
        display[name]
        for display in displays(repository)
        for name in ("Topic", "Description Topic")
        if name in display and display[name]["Durability Policy"] == "Transient Local"
    ]
    assert {topic["Value"] for topic in topics} == RESULTS
    assert {topic["Reliability Policy"] for topic in topics} == {"Reliable"}


def test_the_camera_is_heard_as_a_sensor(repository: Path) -> None:
    (image,) = (one for one in displays(repository) if one["Name"] == "Image")
    assert image["Topic"]["Value"] == "image"
    assert (image["Topic"]["Reliability Policy"], image["Topic"]["Durability Policy"]) == ("Best Effort", "Volatile")
    (cloud,) = (one for one in displays(repository) if one["Class"].endswith("DepthCloud"))
    assert (cloud["Color Image Topic"], cloud["Depth Map Topic"]) == ("image", "depth")
    # This display spells it in its own way.
    assert cloud["Reliability Policy"] == "Best effort"
