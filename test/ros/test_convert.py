"""Messages and core types carry the same numbers in both directions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from geometry_msgs.msg import TransformStamped
from hypothesis import given
from hypothesis import strategies as st
from transforms3d.euler import euler2mat

from robotracer_ros import msg
from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.trace import ReasoningStep, SpatialTrace, VisualTrace
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.planning.path import PosePath
from robotracer_ros.ros.convert import (
    STAGES,
    path_to_msg,
    spatial_trace_from_msg,
    spatial_trace_msg_in,
    spatial_trace_to_msg,
    stamp_ns,
    stamp_to_msg,
    transform_from_msg,
    transform_to_msg,
)

ANGLES = st.floats(-3.1, 3.1)
SIZE = (640, 480)


def spatial() -> SpatialTrace:
    return SpatialTrace(
        points_m=[[0.1, 0.2, 0.3], [1.0, -2.0, 3.0]],
        frame_id="base",
        stamp_ns=1_700_000_000_123_456_789,
        pixels=[[10.5, 20.0], [639.0, 479.0]],
        depth_m=[0.75, 1.25],
        depth_source=[1, 3],
        disagreement_m=[0.02, np.nan],
        confidence=[1.0, 0.25],
    )


def visual() -> VisualTrace:
    steps = (
        ReasoningStep("Referring", "the cup", "[(0.5, 1.0, 0.7)]", [[0.5, 1.0, 0.7], [0.25, 0.5, np.nan]]),
        ReasoningStep("Measuring", "the cup", "20 centimeters", value_m=0.2),
    )
    return VisualTrace([[0.1, 0.2], [1.0, 1.0]], reasoning=steps, truncated=True)


def as_message(stages: dict[str, float]) -> msg.SpatialTrace:
    return spatial_trace_to_msg(spatial(), visual(), "cam", "go", "[(1)]", "m-1", stages, image_size_px=SIZE)


@given(st.integers(0, 2**31 * 10**9 - 1))
def test_stamps_come_back(nanoseconds: int) -> None:
    assert stamp_ns(stamp_to_msg(nanoseconds)) == nanoseconds


def test_a_stamp_before_1970_keeps_its_nanoseconds_positive() -> None:
    assert stamp_to_msg(-1) == Time(sec=-1, nanosec=999_999_999)
    assert stamp_ns(Time(sec=-1, nanosec=999_999_999)) == -1


@given(ANGLES, ANGLES, ANGLES)
def test_transforms_come_back(roll: float, pitch: float, yaw: float) -> None:
    sent = RigidTransform("base", "cam", euler2mat(roll, pitch, yaw), [1.0, -2.0, 0.5])
    message = transform_to_msg(sent, 5)
    assert (message.header.frame_id, message.child_frame_id, message.header.stamp.nanosec) == ("base", "cam", 5)
    received = transform_from_msg(message)
    assert (received.target_frame, received.source_frame) == ("base", "cam")
    np.testing.assert_allclose(received.rotation, sent.rotation, atol=1e-12)
    np.testing.assert_array_equal(received.translation_m, sent.translation_m)


def test_an_unset_transform_is_refused() -> None:
    message = TransformStamped()
    message.transform.rotation.w = 0.0
    with pytest.raises(InvalidRequest, match="length 1"):
        transform_from_msg(message)


def test_a_trace_comes_back() -> None:
    received = spatial_trace_from_msg(as_message({}))
    for name in ("points_m", "pixels", "depth_m", "depth_source", "disagreement_m", "confidence"):
        np.testing.assert_array_equal(getattr(received, name), getattr(spatial(), name))
    assert (received.frame_id, received.stamp_ns) == ("base", spatial().stamp_ns)


def test_a_trace_tells_what_was_asked_said_and_spent() -> None:
    message = as_message({"observe": 0.5, "answer": 2.0})
    words = (message.camera_frame, message.instruction, message.answer, message.model, message.truncated)
    assert words == ("cam", "go", "[(1)]", "m-1", True)
    assert (message.observe_s, message.answer_s) == (0.5, 2.0)
    assert math.isnan(message.plan_s)


def test_every_stage_has_a_field_and_every_field_a_stage() -> None:
    fields = {name.removesuffix("_s") for name in msg.SpatialTrace.get_fields_and_field_types() if name.endswith("_s")}
    assert fields == set(STAGES)


def test_reasoning_states_pixels_and_metres() -> None:
    referring, measuring = as_message({}).reasoning
    assert [(p.x, p.y) for p in referring.points] == [(320.0, 479.0), (160.0, 240.0)]
    assert referring.points[0].z == 0.7
    assert math.isnan(referring.points[1].z)
    assert math.isnan(referring.value_m)
    assert (measuring.kind, measuring.subject, measuring.text) == ("Measuring", "the cup", "20 centimeters")
    assert (measuring.value_m, measuring.points) == (0.2, [])


def test_an_unknown_stage_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="lifting"):
        as_message({"lifting": 1.0})


def test_a_trace_without_points_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="at least one point"):
        spatial_trace_from_msg(msg.SpatialTrace())


def test_a_trace_of_unset_points_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="depth_source"):
        spatial_trace_from_msg(msg.SpatialTrace(points=[msg.TracePoint()]))


def test_a_path_repeats_its_header_in_every_pose() -> None:
    quaternions = [[0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.6, 0.8]]
    message = path_to_msg(PosePath([[0, 0, 0], [1, 2, 3]], quaternions, "map", 1_000_000_007))
    assert (message.header.frame_id, stamp_ns(message.header.stamp)) == ("map", 1_000_000_007)
    assert [pose.header for pose in message.poses] == [message.header] * 2
    last = message.poses[1].pose
    assert (last.position.x, last.position.y, last.position.z) == (1.0, 2.0, 3.0)
    assert (last.orientation.x, last.orientation.y, last.orientation.z, last.orientation.w) == (0, 0, 0.6, 0.8)


def test_a_trace_s_message_is_carried_into_another_frame() -> None:
    message = as_message({})
    turned = RigidTransform("map", "base", euler2mat(0.1, 0.2, 0.3), np.array([1.0, 2.0, 3.0]))
    carried = spatial().moved(turned)
    moved = spatial_trace_msg_in(message, carried)
    assert moved.header.frame_id == "map" and stamp_ns(moved.header.stamp) == carried.stamp_ns
    np.testing.assert_allclose(spatial_trace_from_msg(moved).points_m, turned.apply(spatial().points_m))
    np.testing.assert_array_equal(spatial_trace_from_msg(message).points_m, spatial().points_m)
    assert (moved.answer, moved.points[1].u, moved.camera_frame) == ("[(1)]", 639.0, "cam")
    message.points = message.points[:1]
    with pytest.raises(InvalidRequest, match="1 points was carried as one of 2"):
        spatial_trace_msg_in(message, carried)
