"""What every model family offers: how a model is asked, and how its words are read."""

from __future__ import annotations

from enum import IntEnum
from typing import Final, Protocol

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.geometry.trace import VisualTrace
from robotracer_ros.query import ModelAnswer, ModelQuery

# Ten times the longest instruction of TraceSpatial-Bench; past it the prompt crowds out the image in a 4k context.
MAX_SENTENCE_CHARACTERS: Final = 4000


class Mode(IntEnum):
    """What to ask for; the numbers of ``GetTrace.srv``."""

    TRACE_3D = 0
    TRACE_2D = 1
    POINTS = 2


class ModelFamily(Protocol):
    """One way of asking and reading, shared by all models trained on it. A family keeps no state."""

    @property
    def name(self) -> str:
        """The name `open_family` knows it by."""
        ...

    def query(
        self,
        observation: RgbdObservation,
        instruction: str,
        mode: Mode = Mode.TRACE_3D,
        *,
        sample_id: str = "",
        timeout_s: float = 60.0,
    ) -> ModelQuery:
        """Word the question for a trace that carries out ``instruction`` in the observed scene.

        Raises:
            InvalidRequest: for an instruction that is blank or too long, or a mode this family has no prompt for.
        """
        ...

    def ask(self, observation: RgbdObservation, question: str, *, timeout_s: float = 60.0) -> ModelQuery:
        """Word a spatial question whose answer is a sentence or a length.

        Raises:
            InvalidRequest: for a question that is blank or too long.
        """
        ...

    def read(self, answer: ModelAnswer, image_size: tuple[int, int] | None = None) -> VisualTrace:
        """Read the trace out of a model's words; ``image_size`` (W, H) serves families that answer in pixels.

        Raises:
            AnswerError: one of its kinds, and nothing else.
        """
        ...

    def read_length_m(self, answer: ModelAnswer) -> float:
        """The length a model's words state, metres; NaN when they state none."""
        ...

    def render(self, trace: VisualTrace) -> str:
        """The words a model of this family would say for ``trace``: ``read(render(t))`` is ``t`` to their rounding.

        Raises:
            InvalidRequest: for a trace this family has no words for.
        """
        ...


def require_sentence(role: str, text: str) -> str:
    """Return ``text`` unchanged when a model can be asked with it; ``role`` names it in the error.

    Raises:
        InvalidRequest: when it is blank or longer than `MAX_SENTENCE_CHARACTERS`.
    """
    if not text.strip():
        raise InvalidRequest(f"the {role} is empty; say in a sentence what to do or what to find out")
    if len(text) > MAX_SENTENCE_CHARACTERS:
        raise InvalidRequest(
            f"the {role} has {len(text)} characters; at most {MAX_SENTENCE_CHARACTERS} are accepted "
            f"(it begins {text[:40]!r})"
        )
    return text


def require_mode(mode: int) -> Mode:
    """The `Mode` of a number from outside.

    Raises:
        InvalidRequest: for any other number, listing those accepted.
    """
    try:
        return Mode(mode)
    except ValueError as error:
        accepted = ", ".join(f"{known.value} ({known.name})" for known in Mode)
        raise InvalidRequest(f"mode {mode!r} is not known; accepted: {accepted}") from error
