"""The buffer without waiting: ROS messages in, ROS messages out, names and numbers checked at the border."""

import math
import threading
from typing import Any

from builtin_interfaces.msg import Time as TimeMessage
from geometry_msgs.msg import TransformStamped
from rclpy.duration import Duration
from rclpy.impl.rcutils_logger import RcutilsLogger
from rclpy.time import Time

from tf2_ros import frame_listing
from tf2_ros.errors import InvalidArgumentException, LookupException, TransformException
from tf2_ros.frame_tree import FrameTree
from tf2_ros.pose import Pose, Quaternion, Vector, canonical
from tf2_ros.time_cache import Sample

DEFAULT_CACHE_TIME = Duration(seconds=10)

# How far the squared length of a quaternion may be from 1; tf2 refuses the transform beyond.
QUATERNION_TOLERANCE = 1e-2

S_TO_NS = 1_000_000_000

# tf2 logs without a logger name.
_logger = RcutilsLogger()


class BufferCore:
    """Transforms received so far, and what follows from them at once. Every method may be called from any thread.

    Times are `rclpy.time.Time` of any clock or `builtin_interfaces.msg.Time`; zero means the newest common stamp.
    """

    def __init__(self, cache_time: Duration | None = None) -> None:
        self._lock = threading.RLock()
        self._tree = FrameTree((DEFAULT_CACHE_TIME if cache_time is None else cache_time).nanoseconds)

    def set_transform(self, transform: TransformStamped, authority: str) -> None:
        """Store one sample of a moving edge. Bad data is logged and dropped, never raised."""
        self._insert(transform, authority, is_static=False)

    def set_transform_static(self, transform: TransformStamped, authority: str) -> None:
        """Store a fixed edge, which then holds at every stamp; see `set_transform`."""
        self._insert(transform, authority, is_static=True)

    def lookup_transform_core(self, target_frame: str, source_frame: str, time: Time | TimeMessage) -> TransformStamped:
        """`target_from_source` at a time, at once.

        Raises LookupException, ConnectivityException, ExtrapolationException or InvalidArgumentException.
        """
        _require_strings({1: target_frame, 2: source_frame})
        stamp_ns = _nanoseconds(time)
        with self._lock:
            if target_frame != source_frame:
                self._require_frame(target_frame, "lookupTransform argument target_frame")
                self._require_frame(source_frame, "lookupTransform argument source_frame")
            pose, stamp_ns = self._tree.target_from_source(target_frame, source_frame, stamp_ns)
        return _to_message(target_frame, source_frame, pose, stamp_ns)

    def lookup_transform_full_core(
        self,
        target_frame: str,
        target_time: Time | TimeMessage,
        source_frame: str,
        source_time: Time | TimeMessage,
        fixed_frame: str,
    ) -> TransformStamped:
        """The target frame at one time from the source frame at another, joined in a frame that did not move.

        Raises as `lookup_transform_core`. The result carries the target's stamp.
        """
        _require_strings({1: target_frame, 3: source_frame, 5: fixed_frame})
        target_ns, source_ns = _nanoseconds(target_time), _nanoseconds(source_time)
        with self._lock:
            self._require_frame(target_frame, "lookupTransform argument target_frame")
            self._require_frame(source_frame, "lookupTransform argument source_frame")
            self._require_frame(fixed_frame, "lookupTransform argument fixed_frame")
            fixed_from_source, _ = self._tree.target_from_source(fixed_frame, source_frame, source_ns)
            target_from_fixed, target_ns = self._tree.target_from_source(target_frame, fixed_frame, target_ns)
        return _to_message(target_frame, source_frame, target_from_fixed.after(fixed_from_source), target_ns)

    def can_transform_core(self, target_frame: str, source_frame: str, time: Time | TimeMessage) -> tuple[int, str]:
        """1 and no text where `lookup_transform_core` would answer, else 0 and the reason."""
        _require_strings({1: target_frame, 2: source_frame})
        stamp_ns = _nanoseconds(time)
        with self._lock:
            if target_frame != source_frame:
                refusal = self._refusal({"target_frame": target_frame, "source_frame": source_frame})
                if refusal:
                    return 0, refusal
            return self._reachable((target_frame, source_frame, stamp_ns))

    def can_transform_full_core(
        self,
        target_frame: str,
        target_time: Time | TimeMessage,
        source_frame: str,
        source_time: Time | TimeMessage,
        fixed_frame: str,
    ) -> tuple[int, str]:
        """1 and no text where `lookup_transform_full_core` would answer, else 0 and the reason."""
        _require_strings({1: target_frame, 3: source_frame, 5: fixed_frame})
        frames = {"target_frame": target_frame, "source_frame": source_frame, "fixed_frame": fixed_frame}
        target_leg = (target_frame, fixed_frame, _nanoseconds(target_time))
        source_leg = (fixed_frame, source_frame, _nanoseconds(source_time))
        with self._lock:
            refusal = self._refusal(frames)
            return (0, refusal) if refusal else self._reachable(target_leg, source_leg)

    def get_latest_common_time(self, target_frame: str, source_frame: str) -> Time:
        """The newest stamp that every moving edge between the frames has reached; zero where none moves.

        Raises LookupException or InvalidArgumentException for a name, TransformException where no chain joins them.
        """
        _require_strings({1: target_frame, 2: source_frame})
        with self._lock:
            self._require_frame(target_frame, "get_latest_common_time")
            self._require_frame(source_frame, "get_latest_common_time")
            try:
                return Time(nanoseconds=self._tree.latest_common_ns(target_frame, source_frame))
            except TransformException as error:
                raise TransformException(str(error)) from error

    def clear(self) -> None:
        """Drop the moving edges. Fixed edges and the names of frames stay."""
        with self._lock:
            self._tree.clear()

    def all_frames_as_string(self) -> str:
        """One line per edge: `Frame <child> exists with parent <parent>.`"""
        with self._lock:
            return self._tree.describe()

    def all_frames_as_yaml(self) -> str:
        """Every edge that holds data, with sender, rate and stamps, as YAML."""
        with self._lock:
            return frame_listing.as_yaml(self._tree)

    def _allFramesAsDot(self) -> str:  # noqa: N802 - the upstream name
        with self._lock:
            return frame_listing.as_dot(self._tree)

    def _frameExists(self, frame_id: str) -> bool:  # noqa: N802 - the upstream name
        with self._lock:
            return frame_id in self._tree

    def _getFrameStrings(self) -> list[str]:  # noqa: N802 - the upstream name
        with self._lock:
            return self._tree.names()

    def _insert(self, transform: TransformStamped, authority: str, is_static: bool) -> None:
        stamp_ns = _nanoseconds(transform.header.stamp)
        parent, child = (name.removeprefix("/") for name in (transform.header.frame_id, transform.child_frame_id))
        origin, rotation = transform.transform.translation, transform.transform.rotation
        translation_m = (origin.x, origin.y, origin.z)
        rotation_xyzw = (rotation.x, rotation.y, rotation.z, rotation.w)
        problems = _name_problems(parent, child, authority) + _number_problems(
            translation_m, rotation_xyzw, child, authority
        )
        for problem in problems:
            _logger.error(problem)
        if problems:
            return
        sample = Sample(stamp_ns, parent, Pose(translation_m, canonical(rotation_xyzw)))
        with self._lock:
            kept = self._tree.insert(child, sample, is_static, authority)
        if not kept:
            _logger.warning(
                f"TF_OLD_DATA ignoring data from the past for frame {child} at time {stamp_ns / 1e9:.6f} according to "
                f"authority {authority}\nPossible reasons are listed at http://wiki.ros.org/tf/Errors%20explained"
            )

    def _require_frame(self, frame: str, argument: str) -> None:
        fault = _name_fault(frame)
        if fault:
            raise InvalidArgumentException(f'Invalid argument "{frame}" passed to {argument} - {fault}')
        if frame not in self._tree:
            raise LookupException(f'"{frame}" passed to {argument} does not exist. ')

    def _refusal(self, frames: dict[str, str]) -> str:
        for argument, frame in frames.items():
            fault = _name_fault(frame) or ("" if frame in self._tree else "frame does not exist")
            if fault:
                return f'Invalid frame ID "{frame}" passed to canTransform argument {argument} - {fault}'
        return ""

    def _reachable(self, *legs: tuple[str, str, int]) -> tuple[int, str]:
        try:
            for leg in legs:
                self._tree.target_from_source(*leg)
        except TransformException as error:
            return 0, str(error)
        return 1, ""


def _require_strings(arguments: dict[int, Any]) -> None:
    for position, value in arguments.items():
        if not isinstance(value, str):
            received = "None" if value is None else type(value).__name__
            raise TypeError(f"argument {position} must be str, not {received}")


def _nanoseconds(time: Any) -> int:
    if hasattr(time, "sec") and hasattr(time, "nanosec"):
        return int(time.sec) * S_TO_NS + int(time.nanosec)
    if hasattr(time, "nanoseconds"):
        return int(time.nanoseconds)
    raise TypeError("time must have sec and nanosec, or nanoseconds.")


def _name_fault(frame: str) -> str:
    if not frame:
        return "in tf2 frame_ids cannot be empty"
    return "in tf2 frame_ids cannot start with a '/'" if frame.startswith("/") else ""


def _name_problems(parent: str, child: str, authority: str) -> list[str]:
    problems = []
    if parent == child:
        problems.append(
            f'TF_SELF_TRANSFORM: Ignoring transform from authority "{authority}" with frame_id and  child_frame_id '
            f'"{child}" because they are the same'
        )
    if not child:
        problems.append(
            f'TF_NO_CHILD_FRAME_ID: Ignoring transform from authority "{authority}" because child_frame_id not set '
        )
    if not parent:
        problems.append(
            f'TF_NO_FRAME_ID: Ignoring transform with child_frame_id "{child}"  from authority "{authority}" '
            "because frame_id not set"
        )
    return problems


def _number_problems(translation_m: Vector, rotation_xyzw: Quaternion, child: str, authority: str) -> list[str]:
    ignoring = f'Ignoring transform for child_frame_id "{child}" from authority "{authority}" because of'
    origin, rotation = (" ".join(f"{value:f}" for value in values) for values in (translation_m, rotation_xyzw))
    problems = []
    if any(math.isnan(value) for value in (*translation_m, *rotation_xyzw)):
        problems.append(f"TF_NAN_INPUT: {ignoring} a nan value in the transform ({origin}) ({rotation})")
    # Written so that NaN fails as well.
    if not abs(sum(value * value for value in rotation_xyzw) - 1.0) < QUATERNION_TOLERANCE:
        problems.append(f"TF_DENORMALIZED_QUATERNION: {ignoring} an invalid quaternion in the transform ({rotation})")
    return problems


def _to_message(target: str, source: str, target_from_source: Pose, stamp_ns: int) -> TransformStamped:
    message = TransformStamped()
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, S_TO_NS)
    message.header.frame_id, message.child_frame_id = target, source
    origin, rotation = message.transform.translation, message.transform.rotation
    origin.x, origin.y, origin.z = target_from_source.translation_m
    rotation.x, rotation.y, rotation.z, rotation.w = canonical(target_from_source.rotation_xyzw)
    return message
