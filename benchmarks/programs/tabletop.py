"""One simulated table and what can be asked about it, the same in every process of a benchmark."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.sim.catalogue import Split
from robotracer_ros.sim.depth_noise import DepthNoise
from robotracer_ros.sim.scene import CAMERA_FRAME, Scene
from robotracer_ros.sim.stage import Stage
from robotracer_ros.sim.tasks import Task, make_tasks

BASE_FRAME = "base_link"
_FAMILIES = ("pick_in", "pick_on", "pick_beside", "pick_offset", "push")


@dataclass(frozen=True)
class Table:
    """A scene, its tasks, and what a depth camera with faults sees of it."""

    scene: Scene
    tasks: list[Task]
    observation: RgbdObservation


def tabletop(seed: int) -> Table:
    """The test scene of a seed with up to ten tasks of carrying and pushing."""
    scene = Scene.sample(Split.TEST, seed)
    with Stage() as stage:
        view = stage.view(scene)
    depth_m = DepthNoise(seed=seed).applied_to(view.depth_m)
    observation = RgbdObservation(view.rgb, depth_m, scene.intrinsics, CAMERA_FRAME, 0)
    return Table(scene, make_tasks(scene, view, np.random.default_rng(seed), 10, _FAMILIES), observation)
