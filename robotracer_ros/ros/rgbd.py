"""The newest matching colour and depth images of a camera, taken and decoded only when somebody asks."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from rclpy.clock import JumpThreshold, TimeJump
from rclpy.duration import Duration
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from robotracer_ros.errors import BadCameraInfo, InvalidRequest, NoImage, NotActive, StaleImage, UnmatchedImages
from robotracer_ros.geometry.observation import RgbdObservation
from robotracer_ros.ros.cameras import is_rectified
from robotracer_ros.ros.decoding import Frame, FrameDecoder, LookupTransform
from robotracer_ros.ros.feed import Feed, UnwatchedGroup
from robotracer_ros.ros.pairing import Sample, closest_ns, pairs
from robotracer_ros.ros.rgbd_settings import TRANSPORT_SUFFIX, RgbdSettings

__all__ = ["LookupTransform", "RgbdCounts", "RgbdSettings", "RgbdSubscriber"]

# While a request waits, topics are looked at this often: well below the 16 to 66 ms of a frame.
_POLL_S: Final = 0.002
# How many collected frames are kept, so that depth may lag behind colour by as many.
_KEPT_FRAMES: Final = 10
# Camera infos are small; enough of them for every frame above to find the one of its own stamp.
_INFO_QUEUE: Final = 2
# Stamps this far from the clock are no delay but another clock: a bag, a simulator, a clock that was never set.
_OTHER_CLOCK_S: Final = 3600.0


class _InfoMissing(BadCameraInfo):
    """No camera_info yet, which may change while a request waits."""


@dataclass(frozen=True, slots=True)
class RgbdCounts:
    """What diagnostics tell about a camera.

    Attributes:
        publishers: matched publishers by topic.
        observations: how many were handed out.
        last_age_s: age of the last one when it was handed out; NaN before the first.
    """

    publishers: dict[str, int]
    observations: int
    last_age_s: float


class RgbdSubscriber:
    """Subscribes to ``image``, ``depth``, ``camera_info`` and ``depth_camera_info`` of a node's namespace.

    No executor ever wakes for a frame. `newest` takes what waits in the middleware in the caller's own thread, so it
    may be called from a thread, or from any callback of a single or multi threaded executor; only TF and simulated time
    need spinning.

    Args:
        node: remappings of the four relative names, and ``qos_overrides`` parameters, apply.
        lookup: TF at a stamp, for depth that is not in the colour camera's frame; without it such depth is refused.
        settings: transports, units and tolerances.

    Raises:
        InvalidRequest: for QoS overrides that cannot be used.
    """

    def __init__(
        self, node: Node, lookup: LookupTransform | None = None, settings: RgbdSettings | None = None
    ) -> None:
        self._node = node
        self._settings = settings = settings or RgbdSettings()
        # Reentrant: a request holds it while it collects, and every sample collected is added under it too.
        self._lock = threading.RLock()
        self._group = UnwatchedGroup()
        self._closed = False
        self._observations, self._last_age_s = 0, float("nan")
        image, depth = node.resolve_topic_name("image"), node.resolve_topic_name("depth")
        self._decoder = FrameDecoder(
            settings,
            is_rectified(image) if settings.rectified is None else settings.rectified,
            is_rectified(depth) if settings.depth_rectified is None else settings.depth_rectified,
            lookup,
        )
        self._feeds: list[Feed] = []
        try:
            self._subscribe(image, depth)
        except InvalidRequest:
            for feed in self._feeds:
                feed.close()
            raise
        threshold = JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1), on_clock_change=True)
        # rclpy drops the callback together with this handle.
        self._jump_handle = node.get_clock().create_jump_callback(threshold, post_callback=self._clock_jumped)

    def newest(self, max_age_s: float, timeout_s: float) -> RgbdObservation:
        """The newest frame no older than ``max_age_s``, waiting ``timeout_s`` for one if need be.

        Args:
            max_age_s: seconds between the image's stamp and the node's clock, in either direction.
            timeout_s: seconds of the system's clock, so that a paused simulation does not hold it.

        Raises:
            NoImage: a topic is silent; the error tells its publishers.
            StaleImage: the newest frame is too old, or ahead of the node's clock.
            UnmatchedImages: colour and depth never come within ``sync_slop_s``.
            BadCameraInfo: camera_info never came, is uncalibrated or contradicts the image.
            BadImage, UnsupportedEncoding: the frame cannot be read.
            NoTransform: from ``lookup``, for depth in another frame.
            NotActive: closed, or ROS is shutting down.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            now_ns = self._node.get_clock().now().nanoseconds
            try:
                frame = self._choose(now_ns, max_age_s)
                break
            except (NoImage, StaleImage, UnmatchedImages, _InfoMissing):
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    raise
            time.sleep(min(_POLL_S, left_s))
        observation = self._decoder.observation(frame)
        with self._lock:
            self._observations += 1
            self._last_age_s = (now_ns - frame.colour.stamp_ns) * 1e-9
        return observation

    def counts(self) -> RgbdCounts:
        """What diagnostics tell. Frames that nobody asks for are never seen here, so there is no frame rate."""
        with self._lock:
            publishers = {} if self._closed else {feed.topic: feed.matched_publishers for feed in self._feeds}
            return RgbdCounts(publishers, self._observations, self._last_age_s)

    def close(self) -> None:
        """Give up all subscriptions; a request that waits raises NotActive. Calling it twice is fine."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._jump_handle.unregister()
                for feed in self._feeds:
                    feed.close()

    def _subscribe(self, image: str, depth: str) -> None:
        self._colour = self._image_feed(image, self._settings.image_transport)
        self._depth: tuple[Feed, ...] = ()
        self._depth_info: tuple[Feed, ...] = ()
        if self._settings.use_depth:
            self._depth = (self._image_feed(depth, self._settings.depth_transport),)
        self._info = self._feed("camera_info", CameraInfo, _INFO_QUEUE)
        if self._settings.use_depth:
            self._depth_info = (self._feed("depth_camera_info", CameraInfo, _INFO_QUEUE),)

    def _feed(self, topic: str, message_type: type[Any], queue_depth: int) -> Feed:
        kept = max(_KEPT_FRAMES, queue_depth)
        feed = Feed(
            self._node, topic, message_type, queue_depth=queue_depth, kept=kept, group=self._group, lock=self._lock
        )
        self._feeds.append(feed)
        return feed

    def _image_feed(self, base: str, transport: str) -> Feed:
        message_type = Image if transport == "raw" else CompressedImage
        return self._feed(base + TRANSPORT_SUFFIX[transport], message_type, self._settings.queue_depth)

    def _clock_jumped(self, _jump: TimeJump) -> None:
        with self._lock:
            for feed in (self._colour, *self._depth):
                feed.stash.clear()

    def _choose(self, now_ns: int, max_age_s: float) -> Frame:
        """Collect what waits, and put the newest frame together."""
        with self._lock:
            if self._closed or not self._node.context.ok():
                raise NotActive("the camera's subscriptions are closed; accepted: requests while the node is active")
            for feed in self._feeds:
                feed.collect()
            silent = [feed for feed in (self._colour, *self._depth) if not feed.stash.samples]
            if silent:
                raise NoImage(_nothing_arrived(silent))
            colour, depth = self._newest_samples(now_ns, max_age_s)
            self._require_fresh(self._colour, colour, now_ns, max_age_s)
            frame = Frame(colour, self._info_of(colour), depth, self._depth_info_of(colour, depth))
            self._colour.stash.forget_before(colour)
            for sample in depth:
                self._depth[0].stash.forget_before(sample)
            return frame

    def _newest_samples(self, now_ns: int, max_age_s: float) -> tuple[Sample, tuple[Sample, ...]]:
        if not self._depth:
            return self._colour.stash.samples[-1], ()
        colour, depth = self._colour.stash, self._depth[0].stash
        found = pairs(colour, depth, round(self._settings.sync_slop_s * 1e9))
        if found:
            return found[-1][0], (found[-1][1],)
        for feed in (self._colour, *self._depth):
            self._require_fresh(feed, feed.stash.samples[-1], now_ns, max_age_s)
        raise UnmatchedImages(
            f"no image of {self._colour.topic} has a depth image of {self._depth[0].topic} within "
            f"{self._settings.sync_slop_s:g} s; of the last {len(colour.samples)} and {len(depth.samples)} the closest "
            f"were {closest_ns(colour, depth) * 1e-9:.4f} s apart; accepted: synchronised streams, or a larger slop"
        )

    def _info_of(self, colour: Sample) -> Sample:
        infos = self._info.stash.samples
        if not infos:
            raise _InfoMissing(f"images arrive on {self._colour.topic}, but {_nothing_arrived([self._info])}")
        info = _of_stamp(infos, colour.stamp_ns)
        if info.frame_id != colour.frame_id:
            self._node.get_logger().warning(
                f"{self._info.topic} is in frame {info.frame_id!r}, {self._colour.topic} in {colour.frame_id!r}; "
                f"the image's frame is used",
                once=True,
            )
        return info

    def _depth_info_of(self, colour: Sample, depth: tuple[Sample, ...]) -> tuple[Sample, ...]:
        for sample in depth:
            infos = self._depth_info[0].stash.samples
            if infos:
                return (_of_stamp(infos, sample.stamp_ns),)
            if sample.frame_id != colour.frame_id:
                raise _InfoMissing(
                    f"depth is in frame {sample.frame_id!r}, colour in {colour.frame_id!r}, so depth needs a "
                    f"camera_info of its own, but {_nothing_arrived([self._depth_info[0]])}"
                )
        return ()

    def _require_fresh(self, feed: Feed, sample: Sample, now_ns: int, max_age_s: float) -> None:
        age_s = (now_ns - sample.stamp_ns) * 1e-9
        if abs(age_s) <= max_age_s:
            return
        where = f"{age_s:.3f} s old" if age_s >= 0 else f"{-age_s:.3f} s ahead of this node's clock"
        sim_time = bool(self._node.get_parameter("use_sim_time").value)
        raise StaleImage(
            f"the newest frame of {feed.topic} is {where}; accepted: up to {max_age_s:g} s either way; "
            f"{_clock_hint(sample.stamp_ns, now_ns, sim_time)}"
        )


def _of_stamp(samples: Sequence[Sample], stamp_ns: int) -> Sample:
    """The sample of exactly this stamp, else the newest."""
    return next((sample for sample in reversed(samples) if sample.stamp_ns == stamp_ns), samples[-1])


def _nothing_arrived(feeds: list[Feed]) -> str:
    return (
        f"nothing arrives on {' and '.join(feed.described() for feed in feeds)}; check that the camera runs, the "
        f"remapping of the topic, and the reliability and durability of its publisher (qos_overrides)"
    )


def _clock_hint(stamp_ns: int, now_ns: int, sim_time: bool) -> str:
    if stamp_ns == 0:
        return "its stamp is 0: the camera's driver does not fill it"
    if sim_time and now_ns == 0:
        return "use_sim_time is set and nothing came on /clock"
    if abs(now_ns - stamp_ns) > _OTHER_CLOCK_S * 1e9:
        if sim_time:
            return "use_sim_time is set, and the camera stamps by another clock"
        return "the camera stamps by another clock: for a bag or a simulator, publish /clock and set use_sim_time"
    if now_ns < stamp_ns:
        return "the clocks of camera and node differ: synchronise them, or wait for a simulation that jumped back"
    return "has the camera stopped, or does it hold frames back for long?"
