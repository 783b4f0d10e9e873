"""Supervised fine-tuning, from nothing to a model that answers: `robotracer train sft`.

1. The vocabulary is learned from the tasks' own words, and the model is created.
2. For the first steps the towers learn alone, from what every patch of a picture shows.
3. Then everything learns together: several questions behind each picture, next-token loss on the answers, the scene's
   scale, and still the patches. The four input modes of the paper are mixed.
4. The learning rate rises, stays, and falls at the end; the state is kept, so that training resumes.
5. The checkpoint is written in the form that transformers loads, with the configuration and the curve beside it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import torch

from robotracer_ros.models import smooth_numbers
from robotracer_ros.models.modeling import SPATIAL_INPUTS
from robotracer_ros.training.batches import Batch, Feeder
from robotracer_ros.training.beginning import beginning
from robotracer_ros.training.checkpoint import where, write_checkpoint, write_whole
from robotracer_ros.training.dense import DenseHeads
from robotracer_ros.training.gaze import Gaze
from robotracer_ros.training.losses import NumberLoss
from robotracer_ros.training.parallel import average_gradients, run_processes
from robotracer_ros.training.questions import IGNORED, Vocabulary

STATE: Final = "state.pt"
LOG: Final = "log.jsonl"
# Steps between two times that the rows of numbers are evened out.
_SMOOTHED_EVERY: Final = 10


@dataclass(frozen=True, slots=True)
class SftSettings:
    """What a run depends on; saved beside the weights.

    Attributes:
        shards: the folder of training pictures.
        out: the folder of state, log and checkpoint; a run that was interrupted goes on there.
        start: a checkpoint whose weights and vocabulary to begin with; empty to begin from nothing.
        steps: in all; ``tower_steps`` of them for the towers alone, and the last ``decay_steps`` with a falling rate.
        pictures, tower_pictures: of one step and process.
        warmup_steps: over which the learning rate rises, at the start and where the words set in.
        learning_rate, weight_decay: of AdamW.
        budget: tokens of questions and answers behind one picture.
        pointing: share of the budget for pointing at objects, see `batches.draw_batch`.
        train_vision: whether the vision tower goes on learning while the words are learned. Otherwise the learning
            rate also falls at the end of ``tower_steps``.
        tower_vision: whether the vision tower is among the towers that learn alone; without it a step takes a third of
            the time.
        dense_weight: of the patches' loss beside the words'.
        gaze_weight: of `gaze` beside the words' loss.
        word_weight: of a token that is no number or a length, beside a coordinate. Those are many and never certain.
        keep_every: steps between two states on disk.
        threads: of one process; 0 for as many as torch takes itself.
        seed: of weights, pictures and questions.
        device: such as cpu or cuda.
        processes: that train together, see `parallel`; each takes ``pictures`` a step.
    """

    shards: str
    out: str
    start: str = ""
    steps: int = 12000
    tower_steps: int = 1000
    decay_steps: int = 2000
    warmup_steps: int = 150
    pictures: int = 8
    tower_pictures: int = 32
    budget: int = 300
    pointing: float = 0.5
    learning_rate: float = 8e-4
    weight_decay: float = 0.03
    train_vision: bool = True
    tower_vision: bool = True
    dense_weight: float = 0.3
    gaze_weight: float = 0.3
    word_weight: float = 3.0
    keep_every: int = 100
    seed: int = 0
    threads: int = 0
    processes: int = 1
    device: str = "cpu"


def train_sft(settings: SftSettings) -> None:
    """Train, in as many processes as the settings say; go on where an earlier start was interrupted."""
    if settings.processes == 1:
        SupervisedTraining(settings).run()
    else:
        Path(settings.out).mkdir(parents=True, exist_ok=True)
        # Learned once, before there are several who would.
        beginning(settings.start, settings.shards, Path(settings.out), settings.seed)
        run_processes(settings.processes, _train_one, settings)


def _train_one(rank: int, settings: SftSettings) -> None:
    SupervisedTraining(settings, rank).run()


class SupervisedTraining:
    """The model, what only training has beside it, and how far it has come.

    Args:
        rank: of the process; the one of rank 0 writes.
    """

    def __init__(self, settings: SftSettings, rank: int = 0) -> None:
        self.settings = settings
        self.rank = rank
        torch.manual_seed(settings.seed)
        if settings.threads:
            torch.set_num_threads(settings.threads)
        self.out = Path(settings.out)
        self.out.mkdir(parents=True, exist_ok=True)
        model, self.tokenizer = beginning(settings.start, settings.shards, self.out, settings.seed)
        self.model: Any = model.to(settings.device)
        self.vocabulary = Vocabulary.of(self.tokenizer)
        config = self.model.config
        self.heads = DenseHeads(config.vision_config.hidden_size, config.spatial_config.hidden_size).to(settings.device)
        self.number_loss = NumberLoss(self.tokenizer).to(settings.device)
        # What stands behind a length, and behind no coordinate.
        self._metres = self.tokenizer(" m", add_special_tokens=False)["input_ids"][0]
        self.gaze = Gaze(self.model, self.tokenizer).to(settings.device)
        self.parameters = [*self.model.parameters(), *self.heads.parameters(), *self.gaze.parameters()]
        self.optimiser = torch.optim.AdamW(
            self.parameters,
            lr=settings.learning_rate, betas=(0.9, 0.98), weight_decay=settings.weight_decay,
        )  # fmt: skip
        self.step = self.questions = self.pictures_seen = 0
        self.seconds = 0.0
        self._features: dict[str, torch.Tensor] = {}
        self.model.vision_tower.register_forward_hook(
            lambda *called: self._features.__setitem__("vision", called[-1].last_hidden_state)
        )
        self.model.spatial_encoder.register_forward_hook(
            lambda *called: self._features.__setitem__("spatial", called[-1])
        )
        self._resume()

    def run(self) -> None:
        """Train to the last step and write the checkpoint."""
        settings = self.settings
        if self.rank == 0:
            (self.out / "settings.json").write_text(json.dumps(asdict(settings), indent=2) + "\n")
        began, shown = time.monotonic() - self.seconds, time.monotonic()
        batches: Iterator[Batch] | None = None
        while self.step < settings.steps:
            towers_alone = self.step < settings.tower_steps
            if batches is None or self.step == settings.tower_steps:
                self._choose_what_learns(towers_alone)
                batches = iter(self._feeder(towers_alone))
            losses = self._stepped(next(batches), towers_alone)
            self.seconds = time.monotonic() - began
            if self.rank == 0 and self.step % 20 == 0:
                self._tell(losses, time.monotonic() - shown)
                shown = time.monotonic()
            if self.rank == 0 and self.step % settings.keep_every == 0:
                self.keep()
        if self.rank == 0:
            self.keep()
            write_checkpoint(self.model, self.tokenizer, self.out / "checkpoint", self.record())

    def record(self) -> dict[str, Any]:
        """What was trained, on what, and for how long."""
        return {
            "training": "sft", "steps": self.step, "questions": self.questions, "pictures": self.pictures_seen,
            "hours": round(self.seconds / 3600, 3), "where": where(self.settings.device),
            "settings": asdict(self.settings),
        }  # fmt: skip

    def _choose_what_learns(self, towers_alone: bool) -> None:
        """What is left out neither moves nor decays."""
        for part in (self.model, self.gaze):
            part.requires_grad_(not towers_alone)
        self.model.spatial_encoder.requires_grad_(True)
        self.model.vision_tower.requires_grad_(
            self.settings.tower_vision if towers_alone else self.settings.train_vision
        )

    def _feeder(self, towers_alone: bool) -> Feeder:
        settings, config = self.settings, self.model.config
        return Feeder(
            Path(settings.shards),
            None if towers_alone else self.vocabulary,
            seed=settings.seed + 1000 * self.rank,
            first=self.step,
            pictures=settings.tower_pictures if towers_alone else settings.pictures,
            budget=settings.budget,
            sizes=(config.num_image_tokens, config.num_spatial_tokens),
            pointing=settings.pointing,
        )

    def _stepped(self, batch: Batch, towers_alone: bool) -> dict[str, float]:
        for group in self.optimiser.param_groups:
            group["lr"] = self._learning_rate()
        losses = self._tower_losses(batch) if towers_alone else self._losses(batch)
        self.optimiser.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()
        learning = [parameter for parameter in self.parameters if parameter.requires_grad]
        average_gradients(learning)
        torch.nn.utils.clip_grad_norm_(learning, 1.0)
        self.optimiser.step()
        if self.step % _SMOOTHED_EVERY == 0 and not towers_alone:
            smooth_numbers(self.model, self.tokenizer)
        self.step += 1
        self.questions += batch.questions * self.settings.processes
        self.pictures_seen += len(batch.scale_m) * self.settings.processes
        return {name: float(value.detach()) for name, value in losses.items()}

    def _tower_losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        pictures = self._moved(batch.pictures)
        self._features.clear()
        if self.settings.tower_vision:
            self.model.vision_features(pictures["pixel_values"])
        self.model.spatial_features(**{name: pictures[name] for name in SPATIAL_INPUTS})
        return self._dense_losses(batch, 1.0)

    def _losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        tokens = self._moved(batch.tokens)
        targets = torch.nn.functional.pad(tokens["labels"][:, 1:], (0, 1), value=IGNORED)
        learned = targets != IGNORED
        self._features.clear()
        output = self.model(
            input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"],
            position_ids=tokens["position_ids"], scale_m=batch.scale_m.to(self.settings.device),
            logits_to_keep=learned, use_cache=False, **self._moved(batch.pictures),
        )  # fmt: skip
        told, then = targets[learned], torch.nn.functional.pad(targets[:, 1:], (0, 1), value=IGNORED)[learned]
        is_coordinate = self.number_loss.is_number[told] & (then != self._metres)
        weights = torch.where(is_coordinate, 1.0, self.settings.word_weight)
        words = (weights * self.number_loss(output.logits.float(), told)).mean()
        dense = self._dense_losses(batch, self.settings.dense_weight)
        scale = self.model.config.scale_loss_weight * output.scale_loss
        gaze = self.settings.gaze_weight * self.gaze.loss(tokens["input_ids"], targets, self._moved(batch.targets))
        return {"words": words, "scale": scale, "gaze": gaze, **dense}

    def _dense_losses(self, batch: Batch, weight: float) -> dict[str, torch.Tensor]:
        targets = self._moved(batch.targets)
        losses = {}
        if "vision" in self._features and self._features["vision"].requires_grad:
            losses["patches"] = weight * self.heads.vision_loss(self._features["vision"], targets)
        if "spatial" in self._features:
            losses["space"] = weight * self.heads.spatial_loss(self._features["spatial"], targets)
        return losses

    def _moved(self, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {name: tensor.to(self.settings.device) for name, tensor in tensors.items()}

    def _learning_rate(self) -> float:
        """Up, level, down; up once more where the words set in."""
        settings = self.settings
        into = self.step - settings.tower_steps if self.step >= settings.tower_steps else self.step
        rising = min(1.0, (into + 1) / settings.warmup_steps)
        towers_end = self.step < settings.tower_steps and not settings.train_vision
        end = settings.tower_steps if towers_end else settings.steps
        falling = min(1.0, max(end - self.step, 1) / settings.decay_steps)
        return settings.learning_rate * rising * falling

    def _tell(self, losses: dict[str, float], seconds: float) -> None:
        row = {"step": self.step, "hours": self.seconds / 3600, "questions": self.questions,
               "pictures": self.pictures_seen, "lr": self._learning_rate(), **losses}  # fmt: skip
        with (self.out / LOG).open("a") as file:
            file.write(json.dumps({name: float(f"{value:.6g}") for name, value in row.items()}) + "\n")
        parts = "  ".join(f"{name} {value:.4f}" for name, value in losses.items())
        print(f"step {self.step}/{self.settings.steps}  {seconds / 20:.2f} s a step  {parts}", flush=True)

    def keep(self) -> None:
        """Put the state on disk."""
        state = {
            "model": self.model.state_dict(), "heads": self.heads.state_dict(),
            "gaze": self.gaze.state_dict(), "optimiser": self.optimiser.state_dict(), "step": self.step,
            "questions": self.questions, "pictures": self.pictures_seen, "seconds": self.seconds,
        }  # fmt: skip
        write_whole(state, self.out / STATE)

    def _resume(self) -> None:
        if not (self.out / STATE).exists():
            return
        state = torch.load(self.out / STATE, map_location=self.settings.device, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.heads.load_state_dict(state["heads"])
        self.gaze.load_state_dict(state["gaze"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.questions, self.pictures_seen = state["step"], state["questions"], state["pictures"]
        self.seconds = state["seconds"]
        print(f"going on from step {self.step}")
