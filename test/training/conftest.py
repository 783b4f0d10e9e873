"""A few scenes drawn once, a model of a few thousand parameters, and settings that train it in seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

SCENES = 4
_SMALL = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2}


@pytest.fixture(scope="session")
def shard() -> Any:
    """Four training scenes, drawn here."""
    # MuJoCo itself must not be imported before the stage has chosen how it draws.
    pytest.importorskip("robotracer_ros.sim.stage")
    from robotracer_ros.sim.catalogue import Split
    from robotracer_ros.sim.scene import Scene
    from robotracer_ros.sim.stage import Stage
    from robotracer_ros.training.pictures import DRAWN_PX, Shard

    with Stage() as stage:
        views = [stage.view(Scene.sample(Split.TRAIN, seed), (DRAWN_PX, DRAWN_PX)) for seed in range(SCENES)]
    depth_steps = [np.rint(np.nan_to_num(view.depth_m) / 0.0002).astype(np.uint16) for view in views]
    return Shard(
        Split.TRAIN, 0, np.stack([view.rgb for view in views]),
        np.stack([view.labels for view in views]).astype(np.uint8), np.stack(depth_steps),
    )  # fmt: skip


@pytest.fixture(scope="session")
def shards(shard: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with that shard."""
    from robotracer_ros.training import pictures

    folder = tmp_path_factory.mktemp("shards")
    pictures._write(pictures.shard_path(folder, shard.split, 0), shard)
    return folder


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Supervised training creates a tiny model, from shards of four scenes."""
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from robotracer_ros.models import nano_config
    from robotracer_ros.training import beginning

    text = {**_SMALL, "num_key_value_heads": 1}
    monkeypatch.setattr(
        beginning, "nano_config", lambda tokenizer: nano_config(tokenizer, vision=_SMALL, text=text, spatial=_SMALL)
    )


@pytest.fixture(scope="session")
def checkpoint(shard: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random model with a vocabulary of its own."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from robotracer_ros.models import RoboTracerForConditionalGeneration, build_tokenizer, nano_config
    from robotracer_ros.sim.tasks import make_tasks
    from robotracer_ros.training.checkpoint import write_checkpoint
    from robotracer_ros.training.questions import prompt_phrases, question_of

    rng = np.random.default_rng(0)
    tasks = [task for index in range(SCENES) for task in make_tasks(shard.scene(index), shard.view(index), rng, 10)]
    questions = [question_of(task) for task in tasks]
    tokenizer = build_tokenizer([text for one in questions for text in (one.text, one.answer)], prompt_phrases())
    torch.manual_seed(0)
    text = {**_SMALL, "num_key_value_heads": 1}
    config = nano_config(tokenizer, vision=_SMALL, text=text, spatial=_SMALL)
    folder = tmp_path_factory.mktemp("sft") / "checkpoint"
    write_checkpoint(RoboTracerForConditionalGeneration(config), tokenizer, folder, {"training": "none"})
    return folder
