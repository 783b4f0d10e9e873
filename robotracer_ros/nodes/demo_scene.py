"""What the demonstration shows: a tabletop of the simulator, or a recorded frame."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml

from robotracer_ros.checkpoints import DEFAULT_CHECKPOINT, shipped_checkpoints
from robotracer_ros.errors import InvalidRequest
from robotracer_ros.families.robotracer import RoboTracer
from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.nodes import demo_wish as wishes
from robotracer_ros.nodes.demo_wish import Tabletop
from robotracer_ros.rgbd_files import FramesFolder
from robotracer_ros.sim.depth_noise import DepthNoise

TARGET_FRAME: Final = "base_link"
DEFAULT_INSTRUCTION: Final = "put the red block into the blue bowl"
# Optical axes (REP 103: z forward, x right, y down) in a body frame: x forward, y left, z up.
_BODY_FROM_OPTICAL: Final = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """What the camera sees, what is asked, and who answers.

    Attributes:
        target_from_camera: the mounting that the demonstration broadcasts on /tf_static.
        launch: arguments of the launch file that choose who answers.
        told: one line each for the reader, by heading.
        tabletop: the scene with its task, where the simulator knows what is right.
    """

    observation: RgbdObservation
    target_from_camera: RigidTransform
    instruction: str
    launch: dict[str, str]
    told: dict[str, str] = field(default_factory=dict)
    tabletop: Tabletop | None = None


def shown(arguments: argparse.Namespace, folder: Path) -> Shown:
    """What the command line asks to see; ``folder`` takes the files that the node is to read.

    Raises:
        InvalidRequest: for a frame that cannot be used, a sentence that makes no sense, and where MuJoCo is absent.
    """
    return _recorded(arguments) if arguments.rgbd else _tabletop(arguments, folder)


def _recorded(arguments: argparse.Namespace) -> Shown:
    observation = FramesFolder.opened(arguments.rgbd).observe(0)
    mounted = RigidTransform(TARGET_FRAME, observation.frame_id, _BODY_FROM_OPTICAL, np.zeros(3))
    size = f"{observation.intrinsics.width}x{observation.intrinsics.height}"
    told = {
        "scene": f"{arguments.rgbd}, {size}; {TARGET_FRAME} sits in the camera: x forward, y left, z up",
        "instruction": arguments.instruction,
        "answer": f"replayed from {arguments.answers}",
    }
    answers = str(Path(arguments.answers).resolve())
    return Shown(observation, mounted, arguments.instruction, {"backend": "replay", "answers": answers}, told)


def _tabletop(arguments: argparse.Namespace, folder: Path) -> Shown:
    with _stage() as stage:
        table, instruction = _set(arguments, stage)
    scene = table.scene
    observation = RgbdObservation(
        table.view.rgb,
        DepthNoise(seed=scene.seed).applied_to(table.view.depth_m),
        scene.intrinsics,
        scene.table_from_camera.source_frame,
        0,
    )
    pose = scene.table_from_camera
    mounted = RigidTransform(TARGET_FRAME, pose.source_frame, pose.rotation, pose.translation_m)
    launch, who = _answering(arguments, instruction, table, folder)
    size = f"{scene.intrinsics.width}x{scene.intrinsics.height}"
    told = {
        "scene": f"simulated table {scene.seed} of the test set, {size}: {wishes.things_in(scene)}",
        "instruction": instruction,
        "answer": who,
    }
    return Shown(observation, mounted, instruction, launch, told, table)


def _set(arguments: argparse.Namespace, stage: Any) -> tuple[Tabletop, str]:
    """The table for a sentence, for a seed, for both, or the usual one, and the sentence."""
    if arguments.seed is not None and not arguments.instruction:
        table = wishes.first_offer(arguments.seed, stage)
        return table, table.task.sentence
    instruction = arguments.instruction or DEFAULT_INSTRUCTION
    wish = wishes.understood(instruction)
    if arguments.seed is not None:
        return wishes.found_in(arguments.seed, wish, instruction, stage), instruction
    return wishes.found(wish, instruction, stage), instruction


@contextmanager
def _stage() -> Iterator[Any]:
    try:
        from robotracer_ros.sim.stage import Stage
    except ImportError as error:
        raise InvalidRequest(
            f"the demo's table is drawn by MuJoCo, and importing it failed ({error}); install it (pip install mujoco), "
            f"or show a frame of your own: --rgbd DIR --answers FILE"
        ) from error
    with Stage() as stage:
        yield stage


def _answering(
    arguments: argparse.Namespace, instruction: str, table: Tabletop, folder: Path
) -> tuple[dict[str, str], str]:
    """Launch arguments and one line that name who answers.

    Raises:
        InvalidRequest: where the checkpoint that belongs to the package is not there.
    """
    launch = {"params_file": _parameters(table.task.contacts, folder)}
    model = arguments.model or DEFAULT_CHECKPOINT
    if arguments.truth:
        answers = _written_truth(instruction, table, folder)
        return {**launch, "backend": "replay", "answers": answers}, "the scene's own truth; no model is asked"
    if not arguments.model and model not in shipped_checkpoints():
        raise InvalidRequest(
            f"the checkpoint {model} did not come with this copy of the package; name one (--model DIR), or let the "
            f"scene's own truth answer (--truth)"
        )
    if Path(model).expanduser().is_dir():
        model = str(Path(model).expanduser().resolve())
    return {**launch, "backend": "transformers_local", "model": model}, f"by {model}, in the node's own process"


def _parameters(contacts: str, folder: Path) -> str:
    """A file of the parameters that no launch argument sets."""
    file = folder / "parameters.yaml"
    file.write_text(yaml.safe_dump({"/**": {"ros__parameters": {"lift": {"contacts": contacts}}}}))
    return str(file)


def _written_truth(instruction: str, table: Tabletop, folder: Path) -> str:
    file = folder / "truth.jsonl"
    row = {"question_id": 0, "prompt": instruction, "model_prediction": RoboTracer().render(table.task.trace)}
    file.write_text(json.dumps(row) + "\n")
    return str(file)
