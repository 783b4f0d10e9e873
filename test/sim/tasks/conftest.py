"""Scenes with their views, drawn once for all tests of tasks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from robotracer_ros.sim.catalogue import Split
from robotracer_ros.sim.scene import Scene

Seen = tuple[Scene, Any]


@pytest.fixture(scope="session")
def seen() -> Iterator[dict[Split, list[Seen]]]:
    """Some scenes of each split and their views at the size of training; the last of each at the camera's own."""
    # MuJoCo itself must not be imported before the stage has chosen how it draws.
    with pytest.importorskip("robotracer_ros.sim.stage").Stage() as stage:
        found = {
            split: [(scene, stage.view(scene, (224, 224))) for scene in (Scene.sample(split, n) for n in range(count))]
            for split, count in ((Split.TRAIN, 14), (Split.VALIDATION, 4), (Split.TEST, 14))
        }
        for split, scenes in found.items():
            whole = Scene.sample(split, 3)
            scenes.append((whole, stage.view(whole)))
        yield found
