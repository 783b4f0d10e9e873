"""The tf2_ros stand-in answers as the genuine buffer was recorded to answer, case by case.

All 40 recorded scenarios run, every step of each: values, exception classes and texts, log lines. Not compared are
`exception_module` of tf exceptions (the genuine ones live in a C extension named tf2) and the order of
`_getFrameStrings`, which the record keeps sorted. What follows the scenarios covers what the record only tells in
prose or not at all.
"""

import json
import math
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not on the path")

import tf2_ros
import yaml
from builtin_interfaces.msg import Time as TimeMessage
from geometry_msgs.msg import TransformStamped
from rclpy.clock import ClockType
from rclpy.duration import Duration
from rclpy.time import Time

ROOT = Path(__file__).resolve().parents[2]
RECORD = ROOT.parent / "shared" / "golden" / "tf_launch" / "tf.json"
TOLERANCE = 1e-9

if ROOT / "pip_ros" not in Path(tf2_ros.__file__).resolve().parents:
    pytest.skip("the genuine tf2_ros is on the path: nothing to prove", allow_module_level=True)

RECORDED = json.loads(RECORD.read_text()) if RECORD.exists() else {"scenarios": [], "exceptions_mro": {}}
absent = pytest.mark.skipif(not RECORD.exists(), reason=f"no record at {RECORD.relative_to(ROOT.parent)}")


def stamped(parent: str, child: str, stamp_ns: int, xyz: Any = (0, 0, 0), xyzw: Any = (0, 0, 0, 1)) -> TransformStamped:
    message = TransformStamped()
    message.header.frame_id, message.child_frame_id = parent, child
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 10**9)
    origin, rotation = message.transform.translation, message.transform.rotation
    origin.x, origin.y, origin.z = map(float, xyz)
    rotation.x, rotation.y, rotation.z, rotation.w = map(float, xyzw)
    return message


def recorded_form(transform: TransformStamped) -> dict[str, Any]:
    origin, rotation, stamp = transform.transform.translation, transform.transform.rotation, transform.header.stamp
    return {
        "translation": [origin.x, origin.y, origin.z],
        "rotation_xyzw": [rotation.x, rotation.y, rotation.z, rotation.w],
        "stamp_ns": stamp.sec * 10**9 + stamp.nanosec,
        "frame_id": transform.header.frame_id,
        "child_frame_id": transform.child_frame_id,
    }


def at(ns: int, time_type: str = "rclpy") -> Any:
    kinds: dict[str, Callable[[], Any]] = {
        "rclpy": lambda: Time(nanoseconds=ns),
        "rclpy.time.Time() default": Time,
        "rclpy.time.Time ROS_TIME": lambda: Time(nanoseconds=ns, clock_type=ClockType.ROS_TIME),
        "builtin_interfaces/Time": lambda: TimeMessage(sec=ns // 10**9, nanosec=ns % 10**9),
        "int": lambda: ns,
    }
    return kinds[time_type]()


def full(step: dict[str, Any]) -> tuple[Any, ...]:
    return step["target"], at(step["target_time_ns"]), step["source"], at(step["source_time_ns"]), step["fixed"]


def can(answer: Callable[..., Any], *question: Any) -> dict[str, Any]:
    return {"value": bool(answer(*question)), "debug_tuple": list(answer(*question, return_debug_tuple=True))}


def set_step(buffer: tf2_ros.Buffer, step: dict[str, Any]) -> dict[str, Any]:
    store = buffer.set_transform_static if step["static"] else buffer.set_transform
    message = stamped(step["parent"], step["child"], step["stamp_ns"], step["translation"], step["rotation_xyzw"])
    store(message, step["authority"])
    return {"ok": True}


STEPS: dict[str, Callable[[tf2_ros.Buffer, dict[str, Any]], Any]] = {
    "set": set_step,
    "set_raw_object": lambda buffer, _: buffer.set_transform({}, "test"),
    "clear": lambda buffer, _: {"ok": buffer.clear() is None},
    "lookup": lambda buffer, step: recorded_form(
        buffer.lookup_transform(step["target"], step["source"], at(step["time_ns"], step.get("time_type", "rclpy")))
    ),
    "lookup_full": lambda buffer, step: recorded_form(buffer.lookup_transform_full(*full(step))),
    "can_transform": lambda buffer, step: can(
        buffer.can_transform, step["target"], step["source"], at(step["time_ns"])
    ),
    "can_transform_full": lambda buffer, step: can(buffer.can_transform_full, *full(step)),
    "get_latest_common_time": lambda buffer, step: {
        "time_ns": buffer.get_latest_common_time(step["target"], step["source"]).nanoseconds
    },
    "all_frames_as_string": lambda buffer, _: {"text": buffer.all_frames_as_string()},
    "all_frames_as_yaml_without_rates": lambda buffer, _: {
        "keys_present": re.findall(r"^\S.*$", buffer.all_frames_as_yaml(), re.MULTILINE)
    },
    "_frameExists": lambda buffer, step: {"value": buffer._frameExists(step["frame"])},
    "_getFrameStrings": lambda buffer, _: {"value": sorted(buffer._getFrameStrings())},
    "_allFramesAsDot_nonempty": lambda buffer, _: {"value": bool(buffer._allFramesAsDot())},
}


def outcome(buffer: tf2_ros.Buffer, step: dict[str, Any], capfd: pytest.CaptureFixture[str]) -> dict[str, Any]:
    try:
        result = STEPS[step["op"]](buffer, step)
    except (tf2_ros.TransformException, TypeError, AttributeError) as error:
        result = {"exception": type(error).__name__, "message": str(error)}
    logged = capfd.readouterr().err.splitlines()
    if logged:
        result["stderr"] = [re.sub(r"\[\d+\.\d+\]", "[<WALL_TIME>]", line) for line in logged]
    return result


def numbers_and_rest(result: dict[str, Any]) -> tuple[list[float], dict[str, Any]]:
    rest = {key: value for key, value in result.items() if key not in {"rotation_xyzw", "translation"}}
    rest.pop("exception_module", None)
    return [*result.get("translation", ()), *result.get("rotation_xyzw", ())], rest


def same_transform(got: list[float], wanted: list[float]) -> bool:
    """Equal with the sign of the quaternion, save where 4 w² is 1: there rounding alone decides tf2's own choice."""
    if wanted and 4.0 * wanted[-1] ** 2 == pytest.approx(1.0) and got[-1] * wanted[-1] < 0.0:
        got = [*got[:3], *(-value for value in got[3:])]
    return got == pytest.approx(wanted, abs=TOLERANCE)


@absent
@pytest.mark.parametrize("scenario", RECORDED["scenarios"], ids=lambda scenario: scenario["name"])
def test_every_step_of_a_recorded_scenario(scenario: dict[str, Any], capfd: pytest.CaptureFixture[str]) -> None:
    cache_time_ns = scenario["cache_time_ns"]
    buffer = tf2_ros.Buffer(None if cache_time_ns is None else Duration(nanoseconds=cache_time_ns))
    for index, step in enumerate(scenario["steps"]):
        got, got_rest = numbers_and_rest(outcome(buffer, step, capfd))
        wanted, wanted_rest = numbers_and_rest(step["outcome"])
        assert got_rest == wanted_rest, f"step {index}: {step}"
        assert same_transform(got, wanted), f"step {index}: {step}: got {got}"


@absent
def test_nothing_recorded_is_left_out() -> None:
    assert len(RECORDED["scenarios"]) == 40
    assert {step["op"] for scenario in RECORDED["scenarios"] for step in scenario["steps"]} == set(STEPS)


@absent
@pytest.mark.parametrize(("name", "mro"), RECORDED["exceptions_mro"].items())
def test_exceptions_descend_as_recorded(name: str, mro: list[str]) -> None:
    assert [ancestor.__name__ for ancestor in getattr(tf2_ros, name).__mro__] == mro


@pytest.mark.parametrize(
    ("xyz", "xyzw", "word"),
    [
        ((0, 0, 0), (0, 0, 0, 0), "TF_DENORMALIZED_QUATERNION"),
        ((0, 0, 0), (0, 0, 0, 1.006), "TF_DENORMALIZED_QUATERNION"),
        ((0, 0, 0), (0, 0, 0, 0.994), "TF_DENORMALIZED_QUATERNION"),
        ((0, math.nan, 0), (0, 0, 0, 1), "TF_NAN_INPUT"),
        ((0, 0, 0), (0, math.nan, 0, 1), "TF_NAN_INPUT"),
    ],
)
def test_refuses_impossible_numbers_with_a_log_line_only(
    xyz: Any, xyzw: Any, word: str, capfd: pytest.CaptureFixture[str]
) -> None:
    buffer = tf2_ros.Buffer()
    buffer.set_transform(stamped("a", "b", 1, xyz, xyzw), "sender")
    logged = capfd.readouterr().err
    assert f'{word}: Ignoring transform for child_frame_id "b" from authority "sender"' in logged
    assert buffer.all_frames_as_string() == ""


@pytest.mark.parametrize("length", [0.9951, 1.0049])
def test_a_quaternion_within_tolerance_comes_back_with_unit_length(length: float) -> None:
    buffer = tf2_ros.Buffer()
    buffer.set_transform(stamped("a", "b", 1, xyzw=(0, 0, 0.6 * length, 0.8 * length)), "test")
    rotation = recorded_form(buffer.lookup_transform("a", "b", Time()))["rotation_xyzw"]
    assert rotation == pytest.approx([0, 0, 0.6, 0.8], abs=1e-12)


def test_a_transform_after_its_inverse_is_nothing() -> None:
    buffer = tf2_ros.Buffer()
    buffer.set_transform(stamped("a", "b", 10**9, (1, 2, 3), (0.1, -0.5, 0.7, 0.5)), "test")
    back = buffer.lookup_transform("b", "a", Time())
    back.header.frame_id, back.child_frame_id = "b", "c"
    buffer.set_transform(back, "test")
    round_trip, _ = numbers_and_rest(recorded_form(buffer.lookup_transform("a", "c", Time())))
    assert same_transform(round_trip, [0, 0, 0, 0, 0, 0, 1])


def test_a_moving_edge_turned_fixed_forgets_its_samples() -> None:
    buffer = tf2_ros.Buffer()
    buffer.set_transform(stamped("a", "b", 10**9, (1, 0, 0)), "test")
    buffer.set_transform_static(stamped("a", "b", 0, (2, 0, 0)), "test")
    assert buffer.lookup_transform("a", "b", Time(seconds=99)).transform.translation.x == 2.0


def test_a_frame_that_moves_to_another_parent_is_there_from_that_stamp_on() -> None:
    buffer = tf2_ros.Buffer()
    buffer.set_transform_static(stamped("a", "c", 0, (0, 5, 0)), "test")
    for parent, seconds, x_m in (("a", 1, 1), ("c", 2, 2), ("c", 3, 3)):
        buffer.set_transform(stamped(parent, "b", seconds * 10**9, (x_m, 0, 0)), "test")
    for seconds, x_m, y_m in ((1.9, 1, 0), (2, 2, 5), (2.5, 2.5, 5)):
        origin = buffer.lookup_transform("a", "b", Time(seconds=seconds)).transform.translation
        assert (origin.x, origin.y) == pytest.approx((x_m, y_m), abs=TOLERANCE)


def test_yaml_tells_parent_sender_rate_and_span() -> None:
    buffer = tf2_ros.Buffer()
    assert yaml.safe_load(buffer.all_frames_as_yaml()) == []
    for stamp_ns in range(10**9, 2 * 10**9 + 1, 10**8):
        buffer.set_transform(stamped("odom", "base", stamp_ns), "wheels")
    assert yaml.safe_load(buffer.all_frames_as_yaml()) == {
        "base": {
            "parent": "odom",
            "broadcaster": "wheels",
            "rate": 11.0,
            "most_recent_transform": 2.0,
            "oldest_transform": 1.0,
            "buffer_length": 1.0,
        }
    }


def test_the_newest_common_time_of_two_branches_leaves_out_what_lies_above_their_fork() -> None:
    buffer = tf2_ros.Buffer()
    for parent, child, newest_s in (("map", "base", 2), ("base", "arm", 5), ("arm", "hand", 4), ("base", "eye", 3)):
        buffer.set_transform(stamped(parent, child, newest_s * 10**9), "test")
    for pair, newest_s in ((("hand", "eye"), 3), (("eye", "hand"), 3), (("arm", "hand"), 4), (("map", "hand"), 2)):
        assert buffer.get_latest_common_time(*pair) == Time(seconds=newest_s)


def test_a_frame_that_keeps_still_stays_where_it_is_between_samples() -> None:
    """Unit quaternions whose product with themselves rounds to more than 1 are among these."""
    draw = random.Random(1)
    for _ in range(200):
        axis = [draw.gauss(0, 1) for _ in range(4)]
        rotation = [value / math.hypot(*axis) for value in axis]
        buffer = tf2_ros.Buffer()
        for stamp_ns in (10**9, 2 * 10**9):
            buffer.set_transform(stamped("a", "b", stamp_ns, (1, 2, 3), rotation), "test")
        samples = [buffer.lookup_transform("a", "b", Time(seconds=seconds)) for seconds in (1, 1.3)]
        first, between = (numbers_and_rest(recorded_form(sample))[0] for sample in samples)
        assert same_transform(between, first)
