"""The tabletop benchmark's examples: numbered scenes, each with one task and what a camera gives of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.camera import CameraIntrinsics
from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.sim.catalogue import HELD_OUT_PAIRS, Split
from robotracer_ros.sim.depth_noise import DepthNoise
from robotracer_ros.sim.scene import CAMERA_FRAME, Scene
from robotracer_ros.sim.stage import Stage, View
from robotracer_ros.sim.tasks import FAMILIES, Task, make_tasks
from robotracer_ros.sim.viewpoint import HELD_OUT_ELEVATION_DEG, HELD_OUT_FOCAL_PX_AT_640

# An example whose scene has no task of its family takes the scene so much further on, which is no other example's.
MOST_EXAMPLES: Final = 100_000
_SCENES_TRIED: Final = 50
_REFERRING: Final = "referring"


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """One task with its scene.

    Attributes:
        number: from 0.
        view: what a faultless camera sees.
        sensor_depth_m: (H, W) float32 metres, what a depth camera makes of the view.
        intrinsics: of the view.
    """

    number: int
    scene: Scene
    view: View
    sensor_depth_m: npt.NDArray[np.float32]
    intrinsics: CameraIntrinsics
    task: Task

    @property
    def name(self) -> str:
        """Such as "tabletop/test/17/pick_in", by which answers are recorded."""
        return f"tabletop/{self.scene.split.value}/{self.scene.seed}/{self.task.family}"

    def observed(self, *, with_depth: bool) -> RgbdObservation:
        """What the package's camera side would hand on."""
        depth_m = self.sensor_depth_m if with_depth else None
        return RgbdObservation(self.view.rgb, depth_m, self.intrinsics, CAMERA_FRAME, 0)

    @property
    def named_pairs(self) -> frozenset[tuple[str, str]]:
        """(colour, shape) of the objects that the sentence names."""
        named = {self.task.subject, self.task.support}
        for step in self.task.reasoning:
            if step.kind.lower() == _REFERRING:
                named |= {self._label_at(uv) for uv in step.uvd[:, :2]}
        return frozenset((thing.colour, thing.shape) for thing in self.scene.objects if thing.label in named)

    @property
    def pair_held_out(self) -> bool:
        """Whether an object is named whose colour and shape training never showed together."""
        return bool(self.named_pairs & HELD_OUT_PAIRS)

    @property
    def camera_held_out(self) -> bool:
        """Whether the lens or the camera's elevation is one that training never had."""
        focal_px = self.scene.intrinsics.fx * 640 / self.scene.intrinsics.width
        elevation_deg = float(np.degrees(np.arcsin(-self.scene.table_from_camera.rotation[2, 2])))
        return (
            HELD_OUT_FOCAL_PX_AT_640[0] <= focal_px <= HELD_OUT_FOCAL_PX_AT_640[1]
            or HELD_OUT_ELEVATION_DEG[0] <= elevation_deg <= HELD_OUT_ELEVATION_DEG[1]
        )

    def _label_at(self, uv: npt.NDArray[np.float64]) -> int:
        height, width = self.view.labels.shape
        column, row = np.clip(np.rint(uv * (width, height)), 0, (width - 1, height - 1)).astype(int)
        return int(self.view.labels[row, column])


class Examples:
    """The examples of a split, drawn when they are asked for; the same ones everywhere, each from a scene of its own.

    The families take turns. Other numbers of examples, and another order of asking, change none of them.

    Args:
        split: which scenes; those of the test are never trained on.
        seed: another one gives other scenes.
        size: (W, H) of the pictures; each camera's own for None.
        families: of tasks; all for None.

    Raises:
        InvalidRequest: for a negative seed, or a family that there is not.
    """

    def __init__(
        self,
        split: Split,
        seed: int = 0,
        size: tuple[int, int] | None = None,
        families: Sequence[str] | None = None,
    ) -> None:
        unknown = sorted(set(families or ()) - FAMILIES.keys())
        if unknown:
            raise InvalidRequest(f"there is no task family {unknown[0]!r}; accepted: {', '.join(FAMILIES)}")
        if seed < 0:
            raise InvalidRequest(f"the benchmark's seed must be at least 0, received {seed}")
        self._split, self._seed, self._size = split, seed, size
        self._families = tuple(families or FAMILIES)
        self._stage = Stage()
        # How many scenes each number had to pass over, so that it is found out once.
        self._passed: dict[int, int] = {}

    def __enter__(self) -> Examples:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the graphics contexts. Calling it twice is fine."""
        self._stage.close()

    def first(self, count: int) -> Iterator[Example]:
        """The examples from 0 on.

        Raises:
            InvalidRequest: unless there are that many.
        """
        if not 1 <= count <= MOST_EXAMPLES:
            raise InvalidRequest(f"there are 1 to {MOST_EXAMPLES} examples, received a number of {count}")
        return (self.example(number) for number in range(count))

    def example(self, number: int) -> Example:
        """Draw one.

        Raises:
            InvalidRequest: when no scene that is tried has a task of its family.
        """
        family = self._families[number % len(self._families)]
        for passed in range(self._passed.get(number, 0), _SCENES_TRIED):
            scene = Scene.sample(self._split, (self._seed * _SCENES_TRIED + passed) * MOST_EXAMPLES + number)
            view = self._stage.view(scene, self._size)
            tasks = make_tasks(scene, view, np.random.default_rng(scene.seed), 1, [family])
            if tasks:
                self._passed[number] = passed
                depth_m = DepthNoise(seed=scene.seed).applied_to(view.depth_m)
                height, width = view.labels.shape
                camera = scene.intrinsics.scaled_to(width, height)
                return Example(number, scene, view, depth_m, camera, tasks[0])
        raise InvalidRequest(f"{_SCENES_TRIED} scenes in a row have no task of the family {family}")
