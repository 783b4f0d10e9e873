"""A RoboTracer of a few thousand parameters, its processor, and a picture with what a camera knows of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from robotracer_ros.families.robotracer import PROMPTS
from robotracer_ros.geometry.camera import CameraIntrinsics

PHRASES = [part for prompt in PROMPTS.values() for part in prompt.split("{}") if part]
CORPUS = [
    "[(512, 304, 0.734), (498, 250, 0.700), (401, 322, 1.005)]",
    "<think> Step1: [Referring] [red block]: [(512, 304, 0.734)] Step2: [Measuring] [gap]: 0.05 m Step3: [Scale] "
    "[Scene]: 0.912 </think> <answer> [(5, 6, 0.700)] </answer>",
    "put the red block into the blue bowl",
]


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    pytest.importorskip("transformers")
    from robotracer_ros.models import build_tokenizer

    return build_tokenizer(CORPUS * 5, PHRASES)


@pytest.fixture(scope="session")
def processor(tokenizer: Any) -> Any:
    from robotracer_ros.models import RoboTracerImageProcessor, RoboTracerProcessor

    return RoboTracerProcessor(RoboTracerImageProcessor(), tokenizer)


@pytest.fixture
def model(tokenizer: Any) -> Any:
    """Fresh for each test, the same weights each time."""
    torch = pytest.importorskip("torch")
    from robotracer_ros.models import RoboTracerForConditionalGeneration, nano_config

    torch.manual_seed(0)
    small = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
    # Spread weights, so that a difference in the input shows in the output.
    text = {**small, "num_key_value_heads": 1, "initializer_range": 0.2}
    config = nano_config(tokenizer, vision=small, text=text, spatial=small, initializer_range=0.2)
    return RoboTracerForConditionalGeneration(config).eval()


@pytest.fixture(scope="session")
def rgb() -> Any:
    """(48, 64, 3)"""
    return np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


@pytest.fixture(scope="session")
def depth_m() -> Any:
    """(48, 64) with a hole."""
    depth = np.linspace(0.5, 1.5, 48 * 64, dtype=np.float32).reshape(48, 64)
    depth[10:20, 10:20] = np.nan
    return depth


@pytest.fixture(scope="session")
def intrinsics() -> CameraIntrinsics:
    return CameraIntrinsics(64, 48, 60.0, 61.0, 31.0, 24.5)


@pytest.fixture(scope="session")
def modes(intrinsics: CameraIntrinsics, depth_m: Any) -> dict[str, dict[str, Any]]:
    """The four modes of the paper as the processor's arguments."""
    return {
        "RGB": {"encoder": False},
        "RGB+encoder": {},
        "RGB+encoder+intrinsics": {"intrinsics": intrinsics},
        "RGB+encoder+intrinsics+depth": {"intrinsics": intrinsics, "depth_m": depth_m},
    }
