"""Checkpoints of a training: the model as transformers loads it, and the state it resumes from, whole or not at all."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.models import RoboTracerForConditionalGeneration, RoboTracerProcessor
from robotracer_ros.models.image_processing import RoboTracerImageProcessor

SETTINGS: Final = "settings.json"


def read_checkpoint(folder: Path) -> tuple[Any, Any]:
    """The model in float32 and its tokenizer.

    Raises:
        InvalidRequest: for a folder that is no checkpoint of a RoboTracer.
    """
    config = folder / "config.json"
    if not config.is_file() or json.loads(config.read_text()).get("model_type") != "robotracer":
        raise InvalidRequest(
            f"{folder} holds no RoboTracer checkpoint; accepted: a folder that `robotracer train sft` wrote, such as "
            "OUT/checkpoint"
        )
    model = RoboTracerForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
    return model, RoboTracerProcessor.from_pretrained(folder).tokenizer


def write_checkpoint(model: Any, tokenizer: Any, folder: Path, record: Mapping[str, Any]) -> None:
    """Half-precision safetensors with the processor, as `from_pretrained` reads them.

    Args:
        record: what was trained on what, where and for how long; written to ``settings.json`` beside the weights.
    """
    half = RoboTracerForConditionalGeneration(model.config)
    half.load_state_dict(model.state_dict())
    half.half().save_pretrained(folder)
    tokens = {name: getattr(model.config, name) for name in ("num_image_tokens", "num_spatial_tokens")}
    RoboTracerProcessor(RoboTracerImageProcessor(), tokenizer, **tokens).save_pretrained(folder)
    (folder / SETTINGS).write_text(json.dumps(record, indent=2) + "\n")


def where(device: str) -> str:
    """The machine that a training runs on, in words."""
    name = torch.cuda.get_device_name(device) if "cuda" in device else "cpu"
    return f"{name}, {platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}"


def write_whole(state: Mapping[str, Any], path: Path) -> None:
    """Put a state on disk; whoever is interrupted leaves the one before."""
    unfinished = path.with_suffix(".part")
    torch.save(dict(state), unfinished)
    unfinished.replace(path)
