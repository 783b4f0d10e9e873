"""The tree of frames: which edge leads where at which time, and the transform along the way."""

import math
from collections.abc import Collection, Iterator
from typing import NamedTuple

from tf2_ros.errors import ConnectivityException, ExtrapolationException, LookupException
from tf2_ros.pose import IDENTITY, Pose
from tf2_ros.time_cache import NoSample, Sample, StaticCache, TimeCache

# More edges than this from a frame to its root can only be a loop (tf2's own bound).
MAX_DEPTH = 1000


class Climb(NamedTuple):
    """How far a walk towards the root came, the transform so far, and the gap that stopped it if one did."""

    frame: str
    frame_from_start: Pose
    gap: NoSample | None


class FrameTree:
    """Every frame ever named, each with the cache of the edge to its parent. Not locked: the buffer does that."""

    def __init__(self, cache_time_ns: int) -> None:
        self._cache_time_ns = cache_time_ns
        # In the order frames were first named, which is the order of every listing. Roots carry None.
        self._caches: dict[str, TimeCache | StaticCache | None] = {}
        self._authorities: dict[str, str] = {}

    def __contains__(self, frame: str) -> bool:
        return frame in self._caches

    def names(self) -> list[str]:
        """Every frame ever named, in order of first appearance."""
        return list(self._caches)

    def edges(self) -> Iterator[tuple[str, TimeCache | StaticCache, str]]:
        """Child, cache and last sender of every edge ever received, emptied ones included."""
        for child, cache in self._caches.items():
            if cache is not None:
                yield child, cache, self._authorities[child]

    def insert(self, child: str, sample: Sample, is_static: bool, authority: str) -> bool:
        """Store a sample of the edge above `child`; False when it is too old to be kept.

        An edge that turns from fixed to moving, or back, starts anew.
        """
        cache = self._caches.get(child)
        if cache is None or cache.is_static != is_static:
            cache = StaticCache() if is_static else TimeCache(self._cache_time_ns)
            self._caches[child] = cache
        self._caches.setdefault(sample.parent, None)
        if not cache.insert(sample):
            return False
        self._authorities[child] = authority
        return True

    def clear(self) -> None:
        """Empty the moving edges. Fixed ones stay, and so do the names."""
        for cache in self._caches.values():
            if cache is not None:
                cache.clear()

    def target_from_source(self, target: str, source: str, stamp_ns: int) -> tuple[Pose, int]:
        """The transform and the stamp (nanoseconds) it holds for; a stamp of 0 asks for the newest common one.

        Raises ExtrapolationException, ConnectivityException, or LookupException for a loop.
        """
        if target == source:
            return IDENTITY, stamp_ns or self._latest_ns(target)
        if stamp_ns == 0:
            stamp_ns = self.latest_common_ns(target, source)
        up = self._climb(source, (target,), stamp_ns)
        if up.frame == target:
            return up.frame_from_start, stamp_ns
        down = self._climb(target, (up.frame, source), stamp_ns)
        gap = down.gap
        if gap is None:
            if down.frame == source:
                return down.frame_from_start.inverse(), stamp_ns
            if down.frame == up.frame:
                return down.frame_from_start.inverse().after(up.frame_from_start), stamp_ns
            gap = up.gap
        if gap is None:
            raise _unconnected(target, source)
        raise ExtrapolationException(f"{gap}, when looking up transform from frame [{source}] to frame [{target}]")

    def latest_common_ns(self, target: str, source: str) -> int:
        """The newest stamp every moving edge between two frames has reached, nanoseconds; 0 where none moves.

        Raises ConnectivityException, or LookupException for a loop.
        """
        if target == source:
            return self._latest_ns(target)
        common_ns: float = math.inf
        reached_ns: dict[str, float] = {}
        for parent, stamp_ns in self._ancestry(source):
            common_ns = min(common_ns, stamp_ns or math.inf)
            if parent == target:
                return _finite(common_ns)
            reached_ns.setdefault(parent, common_ns)
        common_ns = math.inf
        for parent, stamp_ns in self._ancestry(target):
            common_ns = min(common_ns, stamp_ns or math.inf)
            if parent in reached_ns:
                return _finite(min(common_ns, reached_ns[parent]))
            if parent == source:
                return _finite(common_ns)
        raise _unconnected(target, source)

    def describe(self) -> str:
        """One line per edge, as `all_frames_as_string` words it."""
        return "".join(f"Frame {child} exists with parent {_parent_of(cache)}.\n" for child, cache, _ in self.edges())

    def _climb(self, start: str, stops: Collection[str], stamp_ns: int) -> Climb:
        frame, frame_from_start = start, IDENTITY
        for _ in range(MAX_DEPTH + 1):
            cache = self._caches.get(frame)
            if frame in stops or cache is None:
                return Climb(frame, frame_from_start, None)
            try:
                sample = cache.at(stamp_ns)
            except NoSample as gap:
                return Climb(frame, frame_from_start, gap)
            frame, frame_from_start = sample.parent, sample.parent_from_child.after(frame_from_start)
        raise self._loop()

    def _ancestry(self, frame: str) -> Iterator[tuple[str, int]]:
        for _ in range(MAX_DEPTH + 1):
            cache = self._caches.get(frame)
            if not cache:
                return
            newest = cache.latest()
            frame = newest.parent
            yield frame, newest.stamp_ns
        raise self._loop()

    def _latest_ns(self, frame: str) -> int:
        cache = self._caches.get(frame)
        return cache.span_ns()[1] if cache else 0

    def _loop(self) -> LookupException:
        return LookupException(f"The tf tree is invalid because it contains a loop.\n{self.describe()}\n")


def _unconnected(target: str, source: str) -> ConnectivityException:
    return ConnectivityException(
        f"Could not find a connection between '{target}' and '{source}' because they are not part of the same tree."
        "Tf has two or more unconnected trees."
    )


def _parent_of(cache: TimeCache | StaticCache) -> str:
    return cache.latest().parent if cache else "NO_PARENT"


def _finite(stamp_ns: float) -> int:
    return 0 if math.isinf(stamp_ns) else int(stamp_ns)
