"""Which of a query's cues an in-process RoboTracer is given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robotracer_ros.backends.query_dialects import ROBOTRACER_MODES
from robotracer_ros.errors import BackendFailed, InvalidRequest
from robotracer_ros.query import ModelQuery


@dataclass(frozen=True, slots=True)
class Cues:
    """What the model sees beside the picture: through its spatial encoder at all, and there with what."""

    encoder: bool
    intrinsics: bool
    depth: bool


def require_input_mode(mode: str) -> str:
    """Return ``mode`` when it is one of `ROBOTRACER_MODES` or "".

    Raises:
        InvalidRequest: for any other, listing them.
    """
    if mode and mode not in ROBOTRACER_MODES:
        accepted = ", ".join(ROBOTRACER_MODES)
        raise InvalidRequest(f'mode {mode!r} is not known; accepted: {accepted}, or "" for all that a query has')
    return mode


def cues_of(query: ModelQuery, mode: str) -> Cues:
    """The cues of ``mode``; of "" those that the query has. A depth image without a reading is no cue.

    Raises:
        BackendFailed: when the query lacks a cue that ``mode`` names.
    """
    has_intrinsics = query.intrinsics is not None
    has_depth = query.depth_m is not None and bool(np.isfinite(query.depth_m).any())
    if not mode:
        # Depth without intrinsics was never shown in training: the modes add one cue at a time.
        return Cues(True, has_intrinsics, has_intrinsics and has_depth)
    named = mode.split("+")
    cues = Cues("encoder" in named, "intrinsics" in named, "depth" in named)
    if cues.intrinsics and not has_intrinsics:
        raise BackendFailed(f"mode {mode} needs the camera's intrinsics and the query has none; use mode RGB+encoder")
    if cues.depth and query.depth_m is None:
        raise BackendFailed(
            f"mode {mode} needs a depth image registered to colour and the query has none; use RGB+encoder+intrinsics"
        )
    return cues
