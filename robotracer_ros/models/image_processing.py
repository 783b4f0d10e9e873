"""Pictures for the vision tower: the whole picture stretched to 192 x 192, in [-1, 1]."""

from __future__ import annotations

from typing import Any

import numpy as np
from transformers import BatchFeature
from transformers.image_processing_utils import BaseImageProcessor

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.models.spatial_grids import PICTURE, normalised_picture


class RoboTracerImageProcessor(BaseImageProcessor):  # type: ignore[misc]
    """Stretches instead of cropping: thousandths of the width and height stay what they are."""

    model_input_names = ["pixel_values"]  # noqa: RUF012

    def __init__(self, size: dict[str, int] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = size or {"height": PICTURE, "width": PICTURE}
        if self.size != {"height": PICTURE, "width": PICTURE}:
            raise InvalidRequest(f"pictures are made {PICTURE} x {PICTURE}, received size {self.size}")

    def preprocess(self, images: Any, return_tensors: str | None = None, **kwargs: Any) -> BatchFeature:
        """``pixel_values`` (B, 3, 192, 192) of one picture or a list, see `pictures`.

        Raises:
            InvalidRequest: for what is no picture.
        """
        pixels = np.stack([normalised_picture(rgb) for rgb in pictures(images)])
        return BatchFeature({"pixel_values": pixels}, tensor_type=return_tensors)


def pictures(images: Any) -> list[Any]:
    """The flat list of (H, W, 3) arrays of one picture, a list, or the lists of lists that chat templates give.

    Raises:
        InvalidRequest: for no picture at all.
    """
    if isinstance(images, (list, tuple)):
        flat = [rgb for item in images for rgb in pictures(item)]
    else:
        rgb = np.asarray(images)
        flat = list(rgb) if rgb.ndim == 4 else [rgb]
    if not flat:
        raise InvalidRequest("images must hold at least one (H, W, 3) uint8 picture, received none")
    return flat
