"""What families and backends say to each other: a question with its picture, and the model's words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.camera import CameraIntrinsics


@dataclass(frozen=True, slots=True, eq=False)
class ModelQuery:
    """One question to a vision-language model.

    Attributes:
        text: the whole prompt, as the family words it.
        image: (H, W, 3) uint8 RGB.
        instruction: the user's own sentence inside ``text``; recordings are keyed by it.
        sample_id: the sample's name in a data set, "" outside of one; recordings may be keyed by it.
        depth_m: (H, W) float32 metres registered to ``image``, NaN without a reading, or None.
        intrinsics: of ``image``, or None.
        max_new_tokens: the longest answer that is of use.
        timeout_s: seconds after which nobody waits for the answer any more.
        pattern: a regular expression that the whole answer shall match, for backends that can constrain a model to
            one; "" for free text. Of the syntax only what every engine reads: characters, classes, groups,
            alternatives and repetitions, neither anchors nor look-around.
    """

    text: str
    image: npt.NDArray[np.uint8]
    instruction: str = ""
    sample_id: str = ""
    depth_m: npt.NDArray[np.float32] | None = None
    intrinsics: CameraIntrinsics | None = None
    max_new_tokens: int = 512
    timeout_s: float = 60.0
    pattern: str = ""

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1:
            raise InvalidRequest(f"max_new_tokens must be at least 1, received {self.max_new_tokens}")
        if not self.timeout_s > 0:
            raise InvalidRequest(f"timeout_s must be above 0 s, received {self.timeout_s}")


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """A model's words.

    Attributes:
        text: the raw answer.
        model: which model said it, as its backend names it.
        latency_s: seconds the model took.
        truncated: the model was cut off at ``max_new_tokens``.
        token_logprobs: each generated token's text with the natural logarithm of its probability, () where the
            backend has none.
    """

    text: str
    model: str
    latency_s: float
    truncated: bool = False
    token_logprobs: tuple[tuple[str, float], ...] = ()


class Backend(Protocol):
    """Where a model runs. Replay, a recorder and a remote server are backends too, so they nest."""

    def answer(self, query: ModelQuery) -> ModelAnswer:
        """Ask the model.

        Raises:
            BackendError: one of its kinds, and nothing else.
        """
        ...

    def close(self) -> None:
        """Free the model, the connection or the file. Calling it twice is fine."""
        ...
