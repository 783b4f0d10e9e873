"""Every conversion between ROS messages and core types; pixels and cameras come from the two files beside this one."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Final

import numpy as np
from geometry_msgs.msg import Point, PoseStamped, TransformStamped
from nav_msgs.msg import Path

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.trace import ReasoningStep, SpatialTrace, VisualTrace
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.msg import ReasoningStep as ReasoningStepMessage
from robotracer_ros.msg import SpatialTrace as SpatialTraceMessage
from robotracer_ros.msg import TracePoint
from robotracer_ros.ros.cameras import camera_from_info, is_rectified
from robotracer_ros.ros.images import image_to_depth_m, image_to_numpy, image_to_rgb, rgb_to_image
from robotracer_ros.ros.stamps import header_of, stamp_ns, stamp_to_msg

if TYPE_CHECKING:
    from robotracer_ros.planning.path import PosePath

__all__ = [
    "STAGES",
    "camera_from_info",
    "header_of",
    "image_to_depth_m",
    "image_to_numpy",
    "image_to_rgb",
    "is_rectified",
    "path_to_msg",
    "rgb_to_image",
    "spatial_trace_from_msg",
    "spatial_trace_to_msg",
    "stamp_ns",
    "stamp_to_msg",
    "transform_from_msg",
    "transform_to_msg",
]

# What a request spends its seconds on; SpatialTrace.msg has a field ``<stage>_s`` for each.
STAGES: Final = ("observe", "transform", "answer", "lift", "plan")


def transform_from_msg(message: TransformStamped) -> RigidTransform:
    """``header.frame_id`` from ``child_frame_id``.

    Raises:
        InvalidRequest: for a quaternion that is not of length 1, or values not finite.
    """
    rotation, translation = message.transform.rotation, message.transform.translation
    return RigidTransform.from_quaternion_xyzw(
        message.header.frame_id,
        message.child_frame_id,
        (rotation.x, rotation.y, rotation.z, rotation.w),
        (translation.x, translation.y, translation.z),
    )


def transform_to_msg(target_from_source: RigidTransform, nanoseconds: int) -> TransformStamped:
    """The same transform for TF, with the source frame as child of the target frame."""
    message = TransformStamped(child_frame_id=target_from_source.source_frame)
    message.header = header_of(target_from_source.target_frame, nanoseconds)
    part = message.transform
    part.translation.x, part.translation.y, part.translation.z = target_from_source.translation_m.tolist()
    part.rotation.x, part.rotation.y, part.rotation.z, part.rotation.w = target_from_source.quaternion_xyzw.tolist()
    return message


def path_to_msg(path: PosePath) -> Path:
    """``nav_msgs/Path``; every pose repeats the path's header, as Nav2 and RViz expect."""
    message = Path(header=header_of(path.frame_id, path.stamp_ns))
    for position_m, quaternion_xyzw in zip(path.positions_m.tolist(), path.quaternions_xyzw.tolist(), strict=True):
        stamped = PoseStamped(header=message.header)
        pose = stamped.pose
        pose.position.x, pose.position.y, pose.position.z = position_m
        pose.orientation.x, pose.orientation.y, pose.orientation.z, pose.orientation.w = quaternion_xyzw
        message.poses.append(stamped)
    return message


def spatial_trace_to_msg(
    spatial: SpatialTrace,
    visual: VisualTrace,
    camera_frame: str,
    instruction: str,
    answer: str,
    model: str,
    stages: Mapping[str, float],
    *,
    image_size_px: tuple[int, int],
) -> SpatialTraceMessage:
    """The whole result of one request.

    Args:
        spatial: the points, in the frame they are published in.
        visual: the trace they were lifted from, with the model's reasoning.
        camera_frame: the optical frame that pixels and depths belong to.
        instruction, answer, model: what was asked, what came back word for word, and from whom.
        stages: seconds spent, by the names of `STAGES`; a stage left out is NaN, not 0.
        image_size_px: (width, height) of the colour image, which carries the reasoning's points to pixels.

    Raises:
        InvalidRequest: for a stage that the message does not know.
    """
    unknown = sorted(set(stages) - set(STAGES))
    if unknown:
        raise InvalidRequest(f"SpatialTrace has no stage {', '.join(unknown)}; accepted: {', '.join(STAGES)}")
    message = SpatialTraceMessage(camera_frame=camera_frame, instruction=instruction, answer=answer, model=model)
    message.header = header_of(spatial.frame_id, spatial.stamp_ns)
    message.truncated = visual.truncated
    message.points = [_trace_point(spatial, index) for index in range(len(spatial))]
    message.reasoning = [_reasoning_to_msg(step, image_size_px) for step in visual.reasoning]
    for stage in STAGES:
        setattr(message, f"{stage}_s", float(stages.get(stage, float("nan"))))
    return message


def spatial_trace_from_msg(message: SpatialTraceMessage) -> SpatialTrace:
    """The points of a published or hand-written trace.

    Raises:
        InvalidRequest: without points, or with points not finite or of an unknown depth source.
    """
    points = message.points
    if not points:
        raise InvalidRequest("a SpatialTrace without points was received; accepted: at least one point")
    return SpatialTrace(
        points_m=np.array([(point.position.x, point.position.y, point.position.z) for point in points]),
        frame_id=message.header.frame_id,
        stamp_ns=stamp_ns(message.header.stamp),
        pixels=np.array([(point.u, point.v) for point in points]),
        depth_m=np.array([point.depth for point in points]),
        depth_source=np.array([point.depth_source for point in points], dtype=np.uint8),
        disagreement_m=np.array([point.depth_disagreement for point in points]),
        confidence=np.array([point.confidence for point in points]),
    )


def spatial_trace_msg_in(message: SpatialTraceMessage, carried: SpatialTrace) -> SpatialTraceMessage:
    """A trace's message with its points where ``carried``, the same trace, has them; all else stays."""
    if len(message.points) != len(carried):
        raise InvalidRequest(f"a trace of {len(message.points)} points was carried as one of {len(carried)}")
    moved = deepcopy(message)
    moved.header = header_of(carried.frame_id, carried.stamp_ns)
    for point, (x, y, z) in zip(moved.points, carried.points_m.tolist(), strict=True):
        point.position.x, point.position.y, point.position.z = x, y, z
    return moved


def _trace_point(spatial: SpatialTrace, index: int) -> TracePoint:
    x, y, z = spatial.points_m[index].tolist()
    u, v = spatial.pixels[index].tolist()
    return TracePoint(
        position=Point(x=x, y=y, z=z),
        u=u,
        v=v,
        depth=float(spatial.depth_m[index]),
        depth_source=int(spatial.depth_source[index]),
        depth_disagreement=float(spatial.disagreement_m[index]),
        confidence=float(spatial.confidence[index]),
    )


def _reasoning_to_msg(step: ReasoningStep, image_size_px: tuple[int, int]) -> ReasoningStepMessage:
    width, height = image_size_px
    # The far edge counts to the last pixel, as in VisualTrace.pixels.
    return ReasoningStepMessage(
        kind=step.kind,
        subject=step.subject,
        text=step.text,
        points=[
            Point(x=min(u * width, width - 1.0), y=min(v * height, height - 1.0), z=depth_m)
            for u, v, depth_m in step.uvd.tolist()
        ],
        value_m=float(step.value_m),
    )
