"""What a model is given beside the words, by the benchmark's names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# From the fewest inputs to the most, each with a backend's name for it.
MODES: Final[Mapping[str, str]] = {
    "rgb": "RGB",
    "rgb+encoder": "RGB+encoder",
    "rgb+intrinsics": "RGB+encoder+intrinsics",
    "rgb+intrinsics+depth": "RGB+encoder+intrinsics+depth",
}
RICHEST: Final = "rgb+intrinsics+depth"
# With depth among the inputs: whether lifting gets it too, or the model's own depth stands alone.
LIFTS: Final = ("fused", "model")
