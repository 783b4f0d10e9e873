"""`robotracer trace`: one picture, one sentence, one trace in metres."""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from robotracer_ros.backends import open_backend
from robotracer_ros.backends.deadline import Deadline
from robotracer_ros.backends.options import read_options
from robotracer_ros.commands.json_numbers import listed
from robotracer_ros.families import Mode, open_family
from robotracer_ros.geometry.cloud import observed_points, write_ply
from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.geometry.trace import DepthSource, SpatialTrace
from robotracer_ros.overlay import colour_ramp, draw_overlay
from robotracer_ros.rgbd_files import read_camera_file, read_observation, write_rgb
from robotracer_ros.tracer import Tracer, TraceResult

_MODES = {"3d": Mode.TRACE_3D, "2d": Mode.TRACE_2D, "points": Mode.POINTS}


def run(arguments: argparse.Namespace) -> int:
    """Trace, print the result as JSON, and draw what was asked for.

    Raises:
        RobotracerError: any of its kinds.
    """
    started = time.perf_counter()
    observation = read_observation(arguments.image, arguments.depth, read_camera_file(arguments.camera))
    observed_s = time.perf_counter() - started
    backend = Deadline(open_backend(arguments.backend, _options(arguments)))
    tracer = Tracer(open_family(arguments.family), backend)
    try:
        result = tracer.trace(
            observation,
            arguments.instruction,
            _MODES[arguments.mode],
            sample_id=arguments.sample,
            timeout_s=arguments.timeout,
        )
    finally:
        tracer.close()
    if arguments.overlay:
        write_rgb(arguments.overlay, draw_overlay(observation.rgb, result.spatial, arguments.instruction))
    if arguments.ply:
        _write_cloud(arguments.ply, observation, result.spatial)
    print(json.dumps(_described(result, arguments.instruction, observed_s), allow_nan=False, indent=2))
    return 0


def _options(arguments: argparse.Namespace) -> dict[str, object]:
    """The backend's options: those with a name of their own here, and every --option NAME=VALUE."""
    named = {"answers": arguments.answers, "url": arguments.url, "model": arguments.model}
    return {
        **{name: value for name, value in named.items() if value is not None},
        **read_options(arguments.backend, arguments.option),
    }


def _described(result: TraceResult, instruction: str, observed_s: float) -> dict[str, Any]:
    spatial = result.spatial
    return {
        "instruction": instruction,
        "frame_id": spatial.frame_id,
        "points_m": listed(spatial.points_m),
        "pixels": listed(spatial.pixels),
        "depth_m": listed(spatial.depth_m),
        "depth_source": [DepthSource(int(source)).name for source in spatial.depth_source],
        "depth_disagreement_m": listed(spatial.disagreement_m),
        "confidence": listed(spatial.confidence),
        "truncated": result.visual.truncated,
        "reasoning": [
            {
                "kind": step.kind,
                "subject": step.subject,
                "text": step.text,
                "uvd": listed(step.uvd),
                "value_m": listed(step.value_m),
            }
            for step in result.visual.reasoning
        ],
        "answer": result.answer.text,
        "model": result.answer.model,
        "seconds": {"observe": observed_s, **result.seconds},
    }


def _write_cloud(path: str, observation: RgbdObservation, trace: SpatialTrace) -> None:
    points_m, colours = observed_points(observation)
    write_ply(path, points_m, colours, trace.points_m, colour_ramp(len(trace)))
