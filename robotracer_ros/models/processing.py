"""From pictures, questions and what the camera knows to the model's inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import torch
from transformers import BatchFeature
from transformers.processing_utils import ProcessorMixin

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.camera import CameraIntrinsics
from robotracer_ros.models.image_processing import pictures
from robotracer_ros.models.spatial_grids import Grid, depth_grid, halved, ray_grid
from robotracer_ros.models.tokenization import ASSISTANT, IMAGE, SCALE, SPATIAL

# The picture goes first, wherever the message has it; later messages repeat neither picture nor scale.
CHAT_TEMPLATE: Final = (
    "{%- for message in messages -%}"
    "{%- if message.role not in ('user', 'assistant') -%}"
    "{{- raise_exception('a message is from user or assistant, received ' ~ message.role) -}}"
    "{%- endif -%}"
    "{%- set parts = [{'type': 'text', 'text': message.content}] if message.content is string else message.content -%}"
    "{%- if message.role == 'assistant' -%}{{- '" + ASSISTANT + "' -}}{%- endif -%}"
    "{%- for part in parts if part.type == 'image' -%}{{- '" + IMAGE + SCALE + "' -}}{%- endfor -%}"
    "{%- for part in parts if part.type == 'text' -%}{{- part.text -}}{%- endfor -%}"
    "{%- if message.role == 'assistant' -%}{{- eos_token -}}{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '" + ASSISTANT + "' -}}{%- endif -%}"
)


class RoboTracerProcessor(ProcessorMixin):  # type: ignore[misc]
    """Tokens, pictures and spatial grids together; the mode follows from what is given.

    ``encoder=False`` is the mode RGB, without spatial tokens; ``encoder=True`` alone is RGB+encoder; intrinsics and
    depth make it RGB+encoder+intrinsics and RGB+encoder+intrinsics+depth.
    """

    def __init__(
        self,
        image_processor: Any = None,
        tokenizer: Any = None,
        num_image_tokens: int = 144,
        num_spatial_tokens: int = 144,
        chat_template: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.num_image_tokens = num_image_tokens
        self.num_spatial_tokens = num_spatial_tokens
        super().__init__(image_processor, tokenizer, chat_template=chat_template or CHAT_TEMPLATE)

    def __call__(
        self,
        images: Any = None,
        text: str | Sequence[str] | None = None,
        *,
        intrinsics: Any = None,
        depth_m: Any = None,
        encoder: bool = True,
        return_tensors: str | None = "pt",
        videos: Any = None,
        audio: Any = None,
        **kwargs: Any,
    ) -> BatchFeature:
        """The inputs of `RoboTracerForConditionalGeneration`, padded on the left.

        Args:
            images: one (H, W, 3) uint8 RGB picture or a list, one for each text.
            text: a question or a list; or what the chat template made of it, which holds ``<|image_pad|>`` already.
            intrinsics: of the picture, `CameraIntrinsics` or a 3 x 3 camera matrix without distortion; one for all
                pictures, or a list with one or None for each.
            depth_m: (H, W) float metres registered to the picture, NaN without a reading; a list for a list.
            encoder: whether the spatial encoder takes part; without it there is no place for intrinsics and depth.
            return_tensors: "pt", "np" or None for arrays.

        Raises:
            InvalidRequest: for numbers of pictures, texts and cues that do not fit each other, intrinsics of another
                picture size, depth of another shape, and texts with place-holders in the wrong number.
        """
        if videos is not None or audio is not None:
            raise InvalidRequest("videos and audio are not read; accepted: images, text, intrinsics and depth_m")
        if images is None or text is None:
            raise InvalidRequest("the processor needs both images and text")
        rgbs = pictures(images)
        texts = [text] if isinstance(text, str) else list(text)
        if len(texts) != len(rgbs):
            raise InvalidRequest(f"each text needs its picture, received {len(texts)} texts and {len(rgbs)} pictures")
        pixels = self.image_processor(rgbs)["pixel_values"]
        data = {**self._tokens(texts, encoder, kwargs), "pixel_values": pixels}
        if encoder:
            data.update(self._grids(rgbs, pixels, intrinsics, depth_m))
        elif intrinsics is not None or depth_m is not None:
            raise InvalidRequest("intrinsics and depth_m go through the spatial encoder; leave them out or set encoder")
        return BatchFeature(data, tensor_type=return_tensors)

    def prompt(self, text: str, encoder: bool = True) -> str:
        """The question as the model reads it, place-holders written out: all that stands before the answer.

        Raises:
            InvalidRequest: when ``text`` itself holds place-holders, other than one ``<|image_pad|>`` of the template.
        """
        if IMAGE not in text:
            text = f"{IMAGE}{SCALE}{text}{ASSISTANT}"
        if text.count(IMAGE) != 1 or text.count(SCALE) != 1 or SPATIAL in text:
            raise InvalidRequest(
                f"a text must hold {IMAGE} and {SCALE} once or not at all, and {SPATIAL} never; received {text!r:.200}"
            )
        return text.replace(IMAGE, IMAGE * self.num_image_tokens + SPATIAL * (self.num_spatial_tokens * encoder))

    @property
    def model_input_names(self) -> list[str]:
        """Everything that a call can give."""
        spatial = ["spatial_pixel_values", "rays", "has_rays", "depth", "depth_valid", "has_depth"]
        return ["input_ids", "attention_mask", "pixel_values", *spatial]

    def _tokens(self, texts: Sequence[str], encoder: bool, settings: dict[str, Any]) -> dict[str, Any]:
        prompts = [self.prompt(text, encoder) for text in texts]
        encoded = self.tokenizer(prompts, **{"padding": True, "return_token_type_ids": False, **settings})
        return {name: np.asarray(rows) for name, rows in encoded.items()}

    def _grids(self, rgbs: Sequence[Any], pixels: Any, intrinsics: Any, depth_m: Any) -> dict[str, Grid]:
        cameras = [
            _camera(one, rgb.shape) for one, rgb in zip(_per_picture(intrinsics, len(rgbs), 2), rgbs, strict=True)
        ]
        depths = [_depth(one, rgb.shape) for one, rgb in zip(_per_picture(depth_m, len(rgbs), 2), rgbs, strict=True)]
        grids = [depth_grid(depth) for depth in depths]
        depth, valid = (np.stack(part)[:, None] for part in zip(*grids, strict=True))
        return {
            "spatial_pixel_values": np.stack([halved(one) for one in pixels]),
            "rays": np.stack([ray_grid(camera) for camera in cameras]),
            "has_rays": np.array([camera is not None for camera in cameras], dtype=np.float32),
            "depth": depth,
            "depth_valid": valid,
            "has_depth": np.asarray(valid.any(axis=(1, 2, 3)), dtype=np.float32),
        }


def _per_picture(values: Any, count: int, dimensions: int) -> list[Any]:
    """One value for each picture: of none, of one for all, of a list, or of an array with a leading axis."""
    if values is None or isinstance(values, CameraIntrinsics):
        return [values] * count
    if isinstance(values, torch.Tensor):
        values = values.numpy()
    stacked = not isinstance(values, np.ndarray) and any(
        one is None or isinstance(one, CameraIntrinsics) or np.ndim(one) == dimensions for one in values
    )
    if stacked or np.ndim(values) == dimensions + 1:
        if len(values) != count:
            raise InvalidRequest(f"a list of cues needs one for each of {count} pictures, received {len(values)}")
        return list(values)
    return [values] * count


def _camera(intrinsics: Any, shape: tuple[int, ...]) -> CameraIntrinsics | None:
    height, width = shape[:2]
    if intrinsics is None:
        return None
    if not isinstance(intrinsics, CameraIntrinsics):
        matrix = np.asarray(intrinsics, dtype=np.float64)
        if matrix.shape != (3, 3):
            raise InvalidRequest(f"intrinsics must be CameraIntrinsics or a 3 x 3 matrix, received {matrix.shape}")
        return CameraIntrinsics(width, height, matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2])
    if (intrinsics.width, intrinsics.height) != (width, height):
        raise InvalidRequest(
            f"the intrinsics belong to a {intrinsics.width}x{intrinsics.height} image and the picture is "
            f"{width}x{height}; use scaled_to"
        )
    return intrinsics


def _depth(depth_m: Any, shape: tuple[int, ...]) -> Any:
    if depth_m is None:
        return None
    depth_m = np.asarray(depth_m)
    if depth_m.shape != tuple(shape[:2]):
        raise InvalidRequest(f"depth_m must have the picture's shape {tuple(shape[:2])}, received {depth_m.shape}")
    return depth_m
