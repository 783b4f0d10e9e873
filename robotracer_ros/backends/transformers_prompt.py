"""A query as the tensors that a checkpoint of transformers takes."""

from __future__ import annotations

from inspect import signature
from typing import Any

import numpy as np
import torch

from robotracer_ros.backends.input_modes import cues_of
from robotracer_ros.errors import InvalidRequest
from robotracer_ros.query import ModelQuery


class Prompter:
    """Turns queries into model inputs.

    Args:
        model, processor: of one checkpoint.
        mode: which cues a model with a spatial encoder gets, one of `input_modes`; "" for all that a query has.

    Raises:
        InvalidRequest: for a mode where the model has no spatial encoder.
    """

    def __init__(self, model: Any, processor: Any, mode: str) -> None:
        self._processor = processor
        self._mode = mode
        self._device, self._dtype = model.device, model.dtype
        self._takes_token_types = "mm_token_type_ids" in signature(model.forward).parameters
        taken = signature(processor.__call__).parameters.keys()
        self.has_spatial_encoder = taken >= {"intrinsics", "depth_m", "encoder"}
        if mode and not self.has_spatial_encoder:
            raise InvalidRequest(
                f"mode {mode!r} chooses what a spatial encoder gets, and {type(model).__name__} has none; leave mode "
                f"empty"
            )

    @property
    def has_chat_template(self) -> bool:
        """Whether the checkpoint says how a question is put to it; otherwise it gets the words as they stand."""
        return bool(getattr(self._processor, "chat_template", None))

    def inputs(self, query: ModelQuery) -> dict[str, Any]:
        """Everything the processor made, on the model's device.

        Raises:
            BackendFailed: when the query lacks a cue that the mode names.
        """
        if self.has_spatial_encoder:
            made = dict(self._spatial(query))
        else:
            # A copy: torch warns of memory that it must not write to.
            image, prompt = np.array(query.image), self._prompt(query.text)
            made = dict(self._processor(images=[image], text=[prompt], return_tensors="pt"))
        if self._takes_token_types and "mm_token_type_ids" not in made:
            # Without it, Qwen's generate() silently places the picture's tokens as if they were words.
            ids = made["input_ids"].tolist()
            made["mm_token_type_ids"] = torch.tensor(self._processor.create_mm_token_type_ids(ids))
        return {name: self._placed(value) for name, value in made.items()}

    def _spatial(self, query: ModelQuery) -> Any:
        """RoboTracer's own; its processor words the prompt, and its model casts: depth loses too much in bfloat16."""
        cues = cues_of(query, self._mode)
        return self._processor(
            images=query.image,
            text=query.text,
            intrinsics=query.intrinsics if cues.intrinsics else None,
            depth_m=query.depth_m if cues.depth else None,
            encoder=cues.encoder,
            return_tensors="pt",
        )

    def _prompt(self, text: str) -> str:
        if not self.has_chat_template:
            return f"{getattr(self._processor, 'image_token', '')}{text}"
        content = [{"type": "image"}, {"type": "text", "text": text}]
        messages = [{"role": "user", "content": content}]
        prompt: str = self._processor.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        return prompt

    def _placed(self, value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return value
        casts = value.is_floating_point() and not self.has_spatial_encoder
        return value.to(self._device, self._dtype) if casts else value.to(self._device)
