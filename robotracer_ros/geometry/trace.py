"""Traces: a model's image points, and the same points in metres."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from robotracer_ros.errors import InvalidRequest, NonPositiveDepth, PointOutsideImage
from robotracer_ros.geometry.arrays import FloatArray, frozen_floats, read_only
from robotracer_ros.geometry.transform import RigidTransform


class DepthSource(IntEnum):
    """Where a point's depth comes from; the numbers of ``TracePoint.msg``."""

    SENSOR = 1
    MODEL = 2
    INTERPOLATED = 3


@dataclass(frozen=True, slots=True, eq=False)
class ReasoningStep:
    """One step of the reasoning that led to an answer, such as ``[Measuring] [the cup]: 20 centimeters``.

    Attributes:
        kind: "Referring", "Measuring", "Scale", "Position" ... as the model names it.
        subject: what the step is about.
        text: the value in the model's own words.
        uvd: (K, 3) points the step states, u and v in [0, 1], d in metres or NaN; (0, 3) if none.
        value_m: the length the step states, metres; NaN if it states none.
    """

    kind: str
    subject: str
    text: str
    uvd: FloatArray = field(default_factory=lambda: np.zeros((0, 3)))
    value_m: float = float("nan")

    def __post_init__(self) -> None:
        object.__setattr__(self, "uvd", frozen_floats("uvd", self.uvd, (None, 3)))


@dataclass(frozen=True, slots=True, eq=False)
class VisualTrace:
    """Ordered image points from a model.

    Attributes:
        uv: (N, 2) in [0, 1] of the image's width and height, N at least 1.
        depth_m: (N,) the model's own depth in metres, NaN where it gave none; None when it gave none at all.
        confidence: (N,) in [0, 1], how sure the model is of each point; ones where the backend cannot tell.
        reasoning: the steps that led here, in order.
        truncated: the answer was cut off; the points are those that were complete.

    Raises:
        InvalidRequest: for arrays of another shape, no point, or a confidence outside [0, 1], naming its point.
        PointOutsideImage: naming the first point beyond the image.
        NonPositiveDepth: naming the first point whose depth is zero, negative or infinite.
    """

    uv: FloatArray
    depth_m: FloatArray | None = None
    confidence: FloatArray | None = None
    reasoning: tuple[ReasoningStep, ...] = ()
    truncated: bool = False

    def __post_init__(self) -> None:
        uv = frozen_floats("uv", self.uv, (None, 2))
        if not len(uv):
            raise InvalidRequest("a visual trace has at least one point, received none")
        outside = np.flatnonzero(~((uv >= 0) & (uv <= 1)).all(axis=1))
        if len(outside):
            first = int(outside[0])
            raise PointOutsideImage(
                f"point {first + 1} of {len(uv)} lies outside the image: ({uv[first, 0]:.4g}, {uv[first, 1]:.4g}) "
                f"of its width and height; accepted: 0 to 1"
            )
        object.__setattr__(self, "uv", uv)
        if self.depth_m is not None:
            depth = frozen_floats("depth_m", self.depth_m, (len(uv),))
            wrong = np.flatnonzero(~(np.isnan(depth) | ((depth > 0) & np.isfinite(depth))))
            if len(wrong):
                first = int(wrong[0])
                raise NonPositiveDepth(
                    f"point {first + 1} of {len(uv)} has depth {depth[first]:g} m; accepted: above 0 m"
                )
            object.__setattr__(self, "depth_m", None if np.isnan(depth).all() else depth)
        given = np.ones(len(uv)) if self.confidence is None else self.confidence
        confidence = frozen_floats("confidence", given, (len(uv),))
        unsure = np.flatnonzero(~((confidence >= 0) & (confidence <= 1)))
        if len(unsure):
            first = int(unsure[0])
            raise InvalidRequest(
                f"point {first + 1} of {len(uv)} has confidence {confidence[first]:g}; accepted: 0 to 1"
            )
        object.__setattr__(self, "confidence", confidence)

    def __len__(self) -> int:
        return len(self.uv)

    def pixels(self, width: int, height: int) -> FloatArray:
        """(N, 2) pixels of a ``width`` x ``height`` image, the far edge counted to its last pixel."""
        return np.minimum(self.uv * (width, height), (width - 1.0, height - 1.0))


@dataclass(frozen=True, slots=True, eq=False)
class SpatialTrace:
    """The points of a visual trace in metres, in a named frame.

    Attributes:
        points_m: (N, 3).
        frame_id: the frame of ``points_m``.
        stamp_ns: of the image, nanoseconds.
        pixels: (N, 2) in the image.
        depth_m: (N,) along the optical axis of the camera.
        depth_source: (N,) uint8 of `DepthSource`.
        disagreement_m: (N,) |model - sensor| where both spoke of the same point, else NaN.
        confidence: (N,) in [0, 1].
    """

    points_m: FloatArray
    frame_id: str
    stamp_ns: int
    pixels: FloatArray
    depth_m: FloatArray
    depth_source: npt.NDArray[np.uint8]
    disagreement_m: FloatArray
    confidence: FloatArray

    def __post_init__(self) -> None:
        points = frozen_floats("points_m", self.points_m, (None, 3))
        if not np.isfinite(points).all():
            raise InvalidRequest(f"a spatial trace holds finite points only, received {points.tolist()}")
        count = len(points)
        object.__setattr__(self, "points_m", points)
        object.__setattr__(self, "pixels", frozen_floats("pixels", self.pixels, (count, 2)))
        for name in ("depth_m", "disagreement_m", "confidence"):
            object.__setattr__(self, name, frozen_floats(name, getattr(self, name), (count,)))
        source = np.array(self.depth_source, dtype=np.uint8)
        if source.shape != (count,) or not np.isin(source, [s.value for s in DepthSource]).all():
            raise InvalidRequest(f"depth_source must be {count} of {[s.name for s in DepthSource]}, received {source}")
        object.__setattr__(self, "depth_source", read_only(source))

    def __len__(self) -> int:
        return len(self.points_m)

    def moved(self, target_from_frame: RigidTransform) -> SpatialTrace:
        """The same trace in another frame; pixels and depth stay those of the camera.

        Raises:
            FrameMismatch: when the transform does not start in this trace's frame.
        """
        target_from_frame.require_source(self.frame_id)
        return SpatialTrace(
            target_from_frame.apply(self.points_m),
            target_from_frame.target_frame,
            self.stamp_ns,
            self.pixels,
            self.depth_m,
            self.depth_source,
            self.disagreement_m,
            self.confidence,
        )
