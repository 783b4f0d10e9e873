"""What is remembered of one edge of the tree: samples over time, or a single value that holds for ever."""

import bisect
from typing import NamedTuple

from tf2_ros.pose import Pose, interpolate


class Sample(NamedTuple):
    """One transform as it arrived: nanoseconds, the parent's name, and `parent_from_child`."""

    stamp_ns: int
    parent: str
    parent_from_child: Pose


class NoSample(Exception):
    """No sample serves a stamp; the text says why and is empty where nothing is stored at all."""


class TimeCache:
    """The samples of a moving edge, oldest first, over a bounded span of time."""

    is_static = False

    def __init__(self, span_ns: int) -> None:
        self._span_ns = span_ns
        self._stamps_ns: list[int] = []
        self._samples: list[Sample] = []

    def __len__(self) -> int:
        return len(self._samples)

    def insert(self, sample: Sample) -> bool:
        """Store a sample; False when it is older than the newest by more than the span.

        Old samples go by the newest stamp known before this one, which makes every deletion one insert late. tf2
        0.36.4 does so, and a lookup far back right after a jump forward depends on it.
        """
        if self._stamps_ns:
            newest_ns = self._stamps_ns[-1]
            if sample.stamp_ns + self._span_ns < newest_ns:
                return False
            expired = bisect.bisect_left(self._stamps_ns, newest_ns - self._span_ns)
            del self._stamps_ns[:expired], self._samples[:expired]
        # Equal stamps stay in order of arrival: the last to come is the newest.
        index = bisect.bisect_right(self._stamps_ns, sample.stamp_ns)
        self._stamps_ns.insert(index, sample.stamp_ns)
        self._samples.insert(index, sample)
        return True

    def at(self, stamp_ns: int) -> Sample:
        """The sample at a stamp (0 means the newest), interpolated between neighbours that share a parent.

        Raises NoSample outside the stored range.
        """
        if not self._samples:
            raise NoSample("")
        oldest, newest = self._samples[0], self._samples[-1]
        if stamp_ns in (0, newest.stamp_ns):
            return newest
        if stamp_ns == oldest.stamp_ns:
            return oldest
        if not oldest.stamp_ns < stamp_ns < newest.stamp_ns:
            raise NoSample(self._why_not(stamp_ns))
        index = bisect.bisect_right(self._stamps_ns, stamp_ns)
        return _between(self._samples[index - 1], self._samples[index], stamp_ns)

    def latest(self) -> Sample:
        """The newest sample; raises NoSample when there is none."""
        return self.at(0)

    def span_ns(self) -> tuple[int, int]:
        """The oldest and the newest stamp, nanoseconds; both 0 when nothing is stored."""
        return (self._stamps_ns[0], self._stamps_ns[-1]) if self._stamps_ns else (0, 0)

    def clear(self) -> None:
        """Forget every sample."""
        self._stamps_ns.clear()
        self._samples.clear()

    def _why_not(self, stamp_ns: int) -> str:
        asked, oldest, newest = (f"{ns / 1e9:.6f}" for ns in (stamp_ns, *self.span_ns()))
        beyond = "Lookup would require extrapolation"
        if len(self._samples) == 1:
            return f"{beyond} at time {asked}, but only time {newest} is in the buffer"
        if stamp_ns > self._stamps_ns[-1]:
            return f"{beyond} into the future.  Requested time {asked} but the latest data is at time {newest}"
        return f"{beyond} into the past.  Requested time {asked} but the earliest data is at time {oldest}"


class StaticCache:
    """The one value of a fixed edge, valid at every stamp; its own stamp counts for nothing."""

    is_static = True

    def __init__(self) -> None:
        self._sample: Sample | None = None

    def __len__(self) -> int:
        return 0 if self._sample is None else 1

    def insert(self, sample: Sample) -> bool:
        """Replace the value; always True."""
        self._sample = sample._replace(stamp_ns=0)
        return True

    def at(self, stamp_ns: int) -> Sample:
        """The value, stamped as asked; raises NoSample before the first insert."""
        if self._sample is None:
            raise NoSample("")
        return self._sample._replace(stamp_ns=stamp_ns)

    def latest(self) -> Sample:
        """The value with stamp 0, which means any time; raises NoSample before the first insert."""
        return self.at(0)

    def span_ns(self) -> tuple[int, int]:
        """Always (0, 0): a fixed edge has no age."""
        return (0, 0)

    def clear(self) -> None:
        """Nothing: a fixed edge is sent once and has to outlive a restart of the clock."""


def _between(earlier: Sample, later: Sample, stamp_ns: int) -> Sample:
    if earlier.parent != later.parent:
        return earlier._replace(stamp_ns=stamp_ns)
    ratio = (stamp_ns - earlier.stamp_ns) / (later.stamp_ns - earlier.stamp_ns)
    return Sample(stamp_ns, earlier.parent, interpolate(earlier.parent_from_child, later.parent_from_child, ratio))
