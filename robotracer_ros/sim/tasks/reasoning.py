"""Steps of reasoning in the paper's form, in the words they are read back in (arXiv 2512.13660, appendix D.4)."""

from __future__ import annotations

import math
from typing import Final

from robotracer_ros.geometry.arrays import FloatArray
from robotracer_ros.geometry.trace import ReasoningStep
from robotracer_ros.sim.scene import SceneObject
from robotracer_ros.sim.tasks.sight import THOUSAND

# RoboTracer reasons in at most so many steps.
MAX_STEPS: Final = 9
# What the last point of a trace is called.
DESTINATION: Final = "destination"
# What is measured of a single object begins with the one word, or ends with the other.
HEIGHT: Final = "height"
CAMERA: Final = "camera"


def referring(subject: str, uvd: FloatArray) -> ReasoningStep:
    """Where an object is: (3,) u, v as shares of the picture and depth in metres."""
    u, v, depth_m = (float(value) for value in uvd)
    text = f"[({round(u * THOUSAND)}, {round(v * THOUSAND)}, {depth_m:.3f})]"
    return ReasoningStep("Referring", subject, text, uvd.reshape(1, 3))


def measuring(subject: str, length_m: float) -> ReasoningStep:
    """A length, metres: always to the millimetre, so that what a model is told of neighbouring numbers holds."""
    text = f"{length_m:.3f}"
    return ReasoningStep("Measuring", subject, f"{text} m", value_m=float(text))


def height(subject: str, thing: SceneObject) -> ReasoningStep:
    """How tall an object is, which stands on the table."""
    return measuring(f"{HEIGHT} of {subject}", float(thing.size_m[2]))


def from_camera(right_m: float, away_m: float) -> tuple[ReasoningStep, ReasoningStep]:
    """Where along the table the object of the step before is, as the camera sees it, metres."""
    side = "right" if right_m > 0 else "left"
    return measuring(f"{side} of {CAMERA}", abs(right_m)), measuring(f"distance from {CAMERA}", away_m)


def scale(scale_m: float) -> tuple[ReasoningStep, ...]:
    """The mean depth of the picture, metres; no step where it has none."""
    if math.isnan(scale_m):
        return ()
    text = f"{scale_m:.3f}"
    return (ReasoningStep("Scale", "Scene", text, value_m=float(text)),)
