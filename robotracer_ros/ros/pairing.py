"""Which colour image belongs to which depth image, by stamps alone, past clocks that jump back."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One message that waits undecoded.

    Attributes:
        stamp_ns, frame_id: of its header.
        arrival_ns: when the middleware received it, nanoseconds of a clock that does not follow simulated time.
        data: the serialized message.
    """

    stamp_ns: int
    frame_id: str
    arrival_ns: int
    data: bytes


class Stash:
    """The last few samples of one topic in order of arrival, all from after its stamps last jumped back.

    A bag that starts over or a simulation that restarts makes stamps jump back; what came before would else sit here
    as the newest for as long as the new run takes to reach its end.
    """

    def __init__(self, length: int) -> None:
        self.samples: deque[Sample] = deque(maxlen=length)
        self.received = 0
        self._newest_stamp_ns = 0
        self._newest_arrival_ns = 0
        # The jump happened after the first and not later than the second of these arrivals.
        self._jumped_after_ns = 0
        self._jumped_at_ns = 0

    def add(self, sample: Sample) -> None:
        """Keep a sample; when its stamp lies before that of the last one, only this sample."""
        if self.received and sample.stamp_ns < self._newest_stamp_ns:
            self.samples.clear()
            self._jumped_after_ns, self._jumped_at_ns = self._newest_arrival_ns, sample.arrival_ns
        self._newest_stamp_ns, self._newest_arrival_ns = sample.stamp_ns, sample.arrival_ns
        self.samples.append(sample)
        self.received += 1

    def clear(self) -> None:
        """Forget all samples; a jump back is still noticed afterwards."""
        self.samples.clear()

    def forget_before(self, sample: Sample) -> None:
        """Forget what arrived before ``sample``, which is one of these."""
        while self.samples and self.samples[0] is not sample:
            self.samples.popleft()

    def since_jump_of(self, other: Stash) -> list[Sample]:
        """The samples that are not older than the last jump back of either topic."""
        same = max(self._jumped_after_ns, other._jumped_after_ns) < min(self._jumped_at_ns, other._jumped_at_ns)
        # Both topics jumped in one stretch of time: one event, which each of them met at its own next sample. Only runs
        # of fewer frames than one topic lags behind the other could be mistaken for one.
        return [sample for sample in self.samples if same or sample.arrival_ns >= other._jumped_at_ns]


def pairs(colour: Stash, depth: Stash, slop_ns: int) -> list[tuple[Sample, Sample]]:
    """Pairs of samples that are nearest to each other and no further apart than ``slop_ns``, in order of arrival.

    Nearest both ways: at a high frame rate the slop also spans the depth image of the frame before, which must not be
    taken while its own colour image is there.
    """
    colours, depths = colour.since_jump_of(depth), depth.since_jump_of(colour)
    if not depths:
        return []
    found = []
    for sample in colours:
        partner = _nearest(depths, sample.stamp_ns)
        if abs(partner.stamp_ns - sample.stamp_ns) <= slop_ns and _nearest(colours, partner.stamp_ns) is sample:
            found.append((sample, partner))
    return found


def closest_ns(colour: Stash, depth: Stash) -> int:
    """The least difference of stamps between two stashes that are not empty, nanoseconds."""
    return min(abs(one.stamp_ns - other.stamp_ns) for one in colour.samples for other in depth.samples)


def _nearest(samples: Sequence[Sample], stamp_ns: int) -> Sample:
    """The sample with the nearest stamp, of equal ones the last that arrived."""
    return min(reversed(samples), key=lambda sample: abs(sample.stamp_ns - stamp_ns))
