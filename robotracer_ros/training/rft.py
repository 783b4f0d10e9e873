"""Reinforcement fine-tuning of a supervised checkpoint by GRPO: `robotracer train rft`.

1. Questions about training pictures are drawn, in all input modes.
2. The model answers each of them several times (8 in the paper), at random.
3. Each answer earns its rewards (`rewards`); what it earned above or below the mean of its group, over the group's
   spread, is its advantage.
4. The probability of each token is raised or lowered by its answer's advantage, clipped where it has left the one it
   was drawn with, and held near the supervised model's (GRPO, arXiv 2402.03300).
5. The state is kept, so that training resumes; at the end the checkpoint is written with its settings beside it.
"""

from __future__ import annotations

import copy
import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.sim.catalogue import Split
from robotracer_ros.training.checkpoint import SETTINGS, read_checkpoint, where, write_checkpoint, write_whole
from robotracer_ros.training.grpo import Terms, advantages, policy_terms, token_log_probabilities
from robotracer_ros.training.pictures import Shard, read_shard, shards_in
from robotracer_ros.training.questions import IGNORED, Vocabulary
from robotracer_ros.training.rewards import RewardRules, rewards
from robotracer_ros.training.sampling import (
    Answer,
    Prompt,
    draw_prompts,
    never_said,
    picture_inputs,
    rows_with_answers,
    sample_answers,
)

STATE: Final = "rft_state.pt"
LOG: Final = "log.jsonl"
# Steps whose questions come from one shard before the next one is read.
_STEPS_OF_A_SHARD: Final = 16
_SEEDS_OF_A_STEP: Final = 1_000_003


@dataclass(frozen=True, slots=True)
class RftSettings:
    """What a run depends on; saved beside the weights.

    Attributes:
        shards: the folder of training pictures.
        out: the folder of state, log and checkpoint.
        checkpoint: the folder of the supervised model.
        steps: in all.
        questions: of one step, each about a picture of its own.
        group: answers to each question.
        temperature: of the answers' drawing.
        answer_tokens: the most an answer may have; a longer one earns nothing.
        share_of_2d: of the traces that are asked for without depth.
        updates: of the weights with the answers of one step; clipping acts from the second on.
        clip: how far a token's probability may move, as a share, before its gradient ends.
        kl_weight: of the divergence from the supervised model.
        learning_rate: after the first steps, of AdamW.
        warmup_steps: over which the rate rises.
        train_towers: also move the vision tower and the spatial encoder.
        rows_at_once: questions in one backward pass; less needs less memory.
        sharpness_m: see `RewardRules`; 0 for the paper's own laws.
        process_weight: see `RewardRules`.
        judged_weight: see `RewardRules`.
        keep_every: steps between two states on disk.
        seed: of questions and answers.
        threads: 0 for as many as torch takes itself.
        device: cpu, cuda or cuda:N.
    """

    shards: str
    out: str
    checkpoint: str
    steps: int = 300
    questions: int = 8
    group: int = 8
    temperature: float = 1.0
    answer_tokens: int = 256
    share_of_2d: float = 0.1
    updates: int = 1
    clip: float = 0.2
    kl_weight: float = 0.02
    learning_rate: float = 3e-5
    warmup_steps: int = 10
    train_towers: bool = False
    rows_at_once: int = 4
    sharpness_m: float = 0.03
    process_weight: float = 0.25
    judged_weight: float = 0.0
    keep_every: int = 10
    seed: int = 0
    threads: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        least = {"steps": 1, "questions": 1, "group": 2, "answer_tokens": 1, "updates": 1, "warmup_steps": 1,
                 "rows_at_once": 1, "keep_every": 1, "threads": 0, "kl_weight": 0}  # fmt: skip
        for name, lowest in least.items():
            if not getattr(self, name) >= lowest:
                raise InvalidRequest(f"{name} must be at least {lowest}, received {getattr(self, name)}")
        for name in ("temperature", "learning_rate", "clip"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise InvalidRequest(f"{name} must be above 0, received {getattr(self, name)}")

    @property
    def rules(self) -> RewardRules:
        """How answers are rewarded."""
        return RewardRules(self.sharpness_m, self.process_weight, self.judged_weight)


def train_rft(settings: RftSettings) -> None:
    """Train; go on where an earlier start was interrupted."""
    ReinforcementTraining(settings).run()


class ReinforcementTraining:
    """The policy, the supervised model it is held near, and how far it has come."""

    def __init__(self, settings: RftSettings) -> None:
        self.settings, self.rules = settings, settings.rules
        if settings.threads:
            torch.set_num_threads(settings.threads)
        self.out = Path(settings.out)
        self._paths = shards_in(Path(settings.shards), Split.TRAIN)
        if not self._paths:
            raise InvalidRequest(
                f"there are no shards of training pictures in {settings.shards}; `robotracer train data` draws them"
            )
        model, self.tokenizer = read_checkpoint(Path(settings.checkpoint))
        self.vocabulary = Vocabulary.of(self.tokenizer)
        self.model: Any = model.to(settings.device).eval()
        self.reference = copy.deepcopy(self.model).requires_grad_(False)
        for tower in () if settings.train_towers else (self.model.vision_tower, self.model.spatial_encoder):
            tower.requires_grad_(False)
        self._learned = [weight for weight in self.model.parameters() if weight.requires_grad]
        self.optimiser = torch.optim.AdamW(self._learned, lr=settings.learning_rate, weight_decay=0.0)
        self.step = self.answers = 0
        self.seconds = 0.0
        self._shard: tuple[int, Shard] | None = None
        self.out.mkdir(parents=True, exist_ok=True)
        self._resume()

    def run(self) -> None:
        """Train to the last step and write the checkpoint."""
        (self.out / SETTINGS).write_text(json.dumps(asdict(self.settings), indent=2) + "\n")
        began = time.monotonic() - self.seconds
        while self.step < self.settings.steps:
            row = self.stepped()
            self.seconds = time.monotonic() - began
            self._tell(row)
            if self.step % self.settings.keep_every == 0:
                self.keep()
        self.keep()
        write_checkpoint(self.model, self.tokenizer, self.out / "checkpoint", self.record())

    def stepped(self) -> dict[str, float]:
        """One step, from questions to weights; what it earned and did."""
        settings = self.settings
        prompts = self._prompts()
        torch.manual_seed(settings.seed * _SEEDS_OF_A_STEP + self.step)
        answers = sample_answers(
            self.model, self.vocabulary, prompts,
            group=settings.group, limit=settings.answer_tokens, temperature=settings.temperature,
        )  # fmt: skip
        parts, earned = self._rewarded(prompts, answers)
        terms = self._learn(prompts, answers, advantages(earned))
        self.step += 1
        self.answers += earned.numel()
        lengths = [len(answer.ids) for group in answers for answer in group]
        row = {"reward": float(earned.mean()), "spread": float(earned.std(dim=1).mean()), **parts}
        return row | terms | {"tokens": sum(lengths) / len(lengths)}

    def _prompts(self) -> list[Prompt]:
        """A step's questions depend on the seed and its number alone, so training resumes where it stopped."""
        settings, config = self.settings, self.model.config
        number = self.step // _STEPS_OF_A_SHARD
        if self._shard is None or self._shard[0] != number:
            order = np.random.default_rng([settings.seed, 11, number // len(self._paths)]).permutation(len(self._paths))
            self._shard = number, read_shard(self._paths[order[number % len(self._paths)]])
        rng = np.random.default_rng([settings.seed, 13, self.step])
        sizes = (config.num_image_tokens, config.num_spatial_tokens)
        return draw_prompts(self._shard[1], rng, self.vocabulary, settings.questions, sizes, settings.share_of_2d)

    def _rewarded(self, prompts: list[Prompt], answers: list[list[Answer]]) -> tuple[dict[str, float], torch.Tensor]:
        """The mean of each part over the answers that could earn it, and (questions, group) totals."""
        found: dict[str, list[float]] = {}
        totals = []
        for prompt, group in zip(prompts, answers, strict=True):
            texts = self.tokenizer.batch_decode([answer.ids for answer in group], skip_special_tokens=True)
            for text, answer in zip(texts, group, strict=True):
                parts = rewards(prompt.asked, text, self.rules, truncated=not answer.ended)
                totals.append(self.rules.total(parts))
                for name, value in parts.items():
                    found.setdefault(name, []).append(value)
        means = {name: sum(values) / len(values) for name, values in found.items()}
        return means, torch.tensor(totals).view(len(prompts), -1)

    def _learn(self, prompts: list[Prompt], answers: list[list[Answer]], worth: torch.Tensor) -> dict[str, float]:
        """Move the weights; ``worth`` (questions, group) are the answers' advantages."""
        size = self.settings.rows_at_once
        chunks = [slice(first, first + size) for first in range(0, len(prompts), size)]
        batches = [self._batch(prompts[chunk], answers[chunk], worth[chunk]) for chunk in chunks]
        tokens = sum(len(batch["worth"]) for batch in batches)
        means: dict[str, float] = {}
        for update in range(self.settings.updates):
            self.optimiser.zero_grad(set_to_none=True)
            means = {}
            for batch in batches:
                terms = self._terms(batch, first=update == 0)
                share = len(batch["worth"]) / tokens
                (share * terms.loss(self.settings.kl_weight)).backward()
                for name, value in terms.told().items():
                    means[name] = means.get(name, 0.0) + share * value
            torch.nn.utils.clip_grad_norm_(self._learned, 1.0)
            self.optimiser.param_groups[0]["lr"] = self._learning_rate()
            self.optimiser.step()
        return means

    def _batch(self, prompts: list[Prompt], answers: list[list[Answer]], worth: torch.Tensor) -> dict[str, Any]:
        device = self.settings.device
        tokens = {
            name: tensor.to(device) for name, tensor in rows_with_answers(self.vocabulary, prompts, answers).items()
        }
        lengths = torch.tensor([len(answer.ids) for group in answers for answer in group])
        targets = torch.nn.functional.pad(tokens.pop("labels")[:, 1:], (0, 1), value=IGNORED)
        scale_m = [float(np.nanmean(prompt.asked.view.depth_m)) for prompt in prompts]
        return {
            "inputs": {
                **tokens, **picture_inputs(prompts, device), "logits_to_keep": targets != IGNORED,
                "scale_m": torch.tensor(scale_m, device=device), "use_cache": False,
            },
            "targets": targets[targets != IGNORED],
            "worth": worth.flatten().repeat_interleave(lengths).to(device),
        }  # fmt: skip

    def _terms(self, batch: dict[str, Any], *, first: bool) -> Terms:
        drawn = batch["targets"], self.settings.temperature, never_said(self.vocabulary)
        if first:
            with torch.no_grad():
                batch["reference"] = token_log_probabilities(self.reference(**batch["inputs"]).logits, *drawn)
        output = self.model(**batch["inputs"])
        now = token_log_probabilities(output.logits, *drawn)
        if first:
            batch["before"] = now.detach()
        # The scale decoder reads the text model's state: without its own loss it would lose touch with what moves.
        scale = self.model.config.scale_loss_weight * output.scale_loss
        return policy_terms(now, batch["before"], batch["reference"], batch["worth"], self.settings.clip, scale)

    def _learning_rate(self) -> float:
        return self.settings.learning_rate * min(1.0, (self.step + 1) / self.settings.warmup_steps)

    def _tell(self, row: dict[str, float]) -> None:
        begin = {"step": self.step, "hours": self.seconds / 3600, "answers": self.answers}
        numbers = {name: float(f"{value:.6g}") for name, value in (begin | row).items() if math.isfinite(value)}
        with (self.out / LOG).open("a") as file:
            file.write(json.dumps(numbers) + "\n")
        parts = "  ".join(f"{name} {value:.3f}" for name, value in row.items())
        print(f"step {self.step}/{self.settings.steps}  {parts}", flush=True)

    def record(self) -> dict[str, Any]:
        """What was trained where, for how long, on how many answers."""
        return {
            "training": "rft", "steps": self.step, "answers": self.answers, "hours": round(self.seconds / 3600, 3),
            "where": where(self.settings.device),
            "settings": asdict(self.settings),
        }  # fmt: skip

    def keep(self) -> None:
        """Put the state on disk, all or nothing."""
        state = {"model": self.model.state_dict(), "optimiser": self.optimiser.state_dict(), "step": self.step,
                 "answers": self.answers, "seconds": self.seconds}  # fmt: skip
        write_whole(state, self.out / STATE)

    def _resume(self) -> None:
        if not (self.out / STATE).exists():
            return
        state = torch.load(self.out / STATE, map_location=self.settings.device, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.answers, self.seconds = state["step"], state["answers"], state["seconds"]
        print(f"going on from step {self.step}")
