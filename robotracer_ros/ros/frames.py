"""TF at the stamp of an image: a bounded wait, and an error that says which frame is missing and which are there."""

from __future__ import annotations

import difflib
import re
import time
from typing import Final

import tf2_ros
from geometry_msgs.msg import TransformStamped
from rclpy.clock import JumpThreshold, TimeJump
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.time import Time

from robotracer_ros.errors import InvalidRequest, NoTransform
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.ros.convert import transform_from_msg

_LISTED_FRAMES: Final = 20
# What tf2 calls the parent of a root in its list of frames.
_NO_PARENT: Final = "NO_PARENT"
# tf2's words for a time before its first sample; its exception class is the same for one after its last.
_TOO_OLD: Final = "into the past"
_SLICE_S: Final = 0.1
# A step back of the clock that tf2 takes for a bag that starts over, not for a correction.
_RESTART: Final = Duration(seconds=-1)
_FRAME_LINE: Final = re.compile(r"^Frame (.+) exists with parent (.+)\.$", re.MULTILINE)


class Frames:
    """The TF tree as this node hears it.

    The callbacks of ``/tf`` and ``/tf_static`` sit in a reentrant group, so `lookup` may wait in another callback of a
    MultiThreadedExecutor or in a thread of its own; in the only thread of an executor it waits in vain.

    Args:
        node: its clock's jumps back clear the buffer, its remappings apply to ``/tf`` and ``/tf_static``.
        cache_time_s: how far back transforms are kept. tf2's own 10 s would forget the pose of an image while a
            model still thinks about it.
    """

    def __init__(self, node: Node, cache_time_s: float = 30.0) -> None:
        self._node = node
        # Given the node, a buffer would leave it a service and a hook of its clock that nobody can take back.
        self._buffer = tf2_ros.Buffer(cache_time=Duration(seconds=cache_time_s))
        threshold = JumpThreshold(min_forward=None, min_backward=_RESTART, on_clock_change=True)
        self._jump_handle = node.get_clock().create_jump_callback(threshold, post_callback=self._clock_jumped)
        self._listener: tf2_ros.TransformListener | None = tf2_ros.TransformListener(self._buffer, node)

    def lookup(self, target: str, source: str, stamp_ns: int, timeout_s: float) -> RigidTransform:
        """``target_from_source`` at ``stamp_ns``, once TF knows it.

        Args:
            target, source: frame names without a leading slash; equal names give the identity without asking TF.
            stamp_ns: of the image, nanoseconds.
            timeout_s: seconds to wait at most, on the system's clock, so that a paused simulation cannot hold it.

        Raises:
            NoTransform: naming the missing frame, the frames known and tf2's own words, or the numbers that are none.
        """
        for role, frame in (("target", target), ("source", source)):
            if not frame or frame.startswith("/"):
                raise NoTransform(
                    f"{role} frame {frame!r} is not a name tf2 takes; accepted: a name without a leading slash"
                    + (f", such as {frame.lstrip('/')!r}" if frame.strip("/") else "")
                    + f"; {self._known_in_words([])}"
                )
        if target == source:
            return RigidTransform.identity(target)
        stamp = Time(nanoseconds=stamp_ns)
        try:
            return transform_from_msg(self._looked_up(target, source, stamp, timeout_s))
        except tf2_ros.TransformException as error:
            raise NoTransform(self._refusal(target, source, stamp_ns, timeout_s, error)) from error
        except InvalidRequest as error:
            raise NoTransform(f"TF gives a transform of {target!r} from {source!r} that is none: {error}") from error

    def _looked_up(self, target: str, source: str, stamp: Time, timeout_s: float) -> TransformStamped:
        """Wait in slices: what TF has forgotten does not come back with waiting, everything else may come."""
        deadline = time.monotonic() + timeout_s
        while True:
            left_s = deadline - time.monotonic()
            slice_s = min(max(left_s, 0.0), _SLICE_S)
            try:
                return self._buffer.lookup_transform(target, source, stamp, timeout=Duration(seconds=slice_s))
            except tf2_ros.TransformException as error:
                forgotten = isinstance(error, tf2_ros.ExtrapolationException) and _TOO_OLD in str(error)
                if forgotten or left_s <= _SLICE_S:
                    raise

    def newest_ns(self, target: str, source: str) -> int:
        """The stamp of the newest transform between two frames, nanoseconds; 0 for frames fixed to each other.

        Raises:
            NoTransform: as `lookup`, without waiting.
        """
        if target == source:
            return 0
        try:
            stamp = self._looked_up(target, source, Time(), 0.0).header.stamp
        except tf2_ros.TransformException as error:
            raise NoTransform(self._refusal(target, source, 0, 0.0, error)) from error
        return Time.from_msg(stamp).nanoseconds

    def known(self) -> tuple[str, ...]:
        """The names of all frames heard of, roots included, sorted."""
        names: set[str] = set()
        for child, parent in _FRAME_LINE.findall(self._buffer.all_frames_as_string()):
            names.add(child)
            if parent != _NO_PARENT:
                names.add(parent)
        return tuple(sorted(names))

    def close(self) -> None:
        """Stop listening. Calling it twice is fine."""
        if self._listener is not None:
            # Deleting the listener would leave its subscriptions with the node.
            self._listener.unregister()
            self._listener = None
            self._jump_handle.unregister()

    def _clock_jumped(self, _jump: TimeJump) -> None:
        self._buffer.clear()

    def _refusal(self, target: str, source: str, stamp_ns: int, timeout_s: float, error: Exception) -> str:
        known = self.known()
        missing = [frame for frame in (target, source) if frame not in known]
        stamp = f"{stamp_ns // 10**9}.{stamp_ns % 10**9:09d}"
        if missing:
            what = " and ".join(f"{frame!r}" for frame in missing)
            what = f"TF does not know {what}"
        else:
            what = "TF knows both frames, and no way between them at that time"
        return (
            f"no transform of {target!r} from {source!r} at {stamp} s within {timeout_s:g} s: {what} "
            f"(tf2: {str(error).strip()}); {self._known_in_words(missing, known)}"
        )

    def _known_in_words(self, missing: list[str], known: tuple[str, ...] | None = None) -> str:
        known = self.known() if known is None else known
        if not known:
            return "no frame is known: nothing was heard on /tf or /tf_static"
        near: list[str] = []
        for frame in missing:
            near += [name for name in difflib.get_close_matches(frame, known, n=3) if name not in near]
        others = [name for name in known if name not in near]
        shown = (near + others)[:_LISTED_FRAMES]
        left = len(known) - len(shown)
        hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
        return f"{hint}frames known: {', '.join(shown)}" + (f" and {left} more" if left else "")
