"""Which images belong together, whatever order, loss and jumps they arrive with."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from robotracer_ros.ros.pairing import Sample, Stash, closest_ns, pairs

MS = 1_000_000
SLOP = 20 * MS


def sample(stamp_ms: float, arrival_ms: float) -> Sample:
    return Sample(round(stamp_ms * MS), "cam", round(arrival_ms * MS), b"")


def stash(*stamps_and_arrivals_ms: tuple[float, float], length: int = 10) -> Stash:
    made = Stash(length)
    for stamp_ms, arrival_ms in stamps_and_arrivals_ms:
        made.add(sample(stamp_ms, arrival_ms))
    return made


def stamps_ms(colour: Stash, depth: Stash, slop_ns: int = SLOP) -> list[tuple[float, float]]:
    return [(c.stamp_ns / MS, d.stamp_ns / MS) for c, d in pairs(colour, depth, slop_ns)]


def test_equal_stamps_are_pairs_in_order_of_arrival() -> None:
    colour = stash((0, 1000), (33, 1033), (67, 1067))
    depth = stash((0, 1002), (33, 1035), (67, 1069))
    assert stamps_ms(colour, depth) == [(0, 0), (33, 33), (67, 67)]


def test_depth_may_lag_behind() -> None:
    assert stamps_ms(stash((0, 1000), (33, 1033), (67, 1067)), stash((0, 1080))) == [(0, 0)]


def test_further_apart_than_the_slop_is_no_pair() -> None:
    colour, depth = stash((0, 1000)), stash((20.001, 1020))
    assert stamps_ms(colour, depth) == []
    assert closest_ns(colour, depth) == 20_001_000
    assert stamps_ms(stash((0, 1000)), stash((20, 1020))) == [(0, 20)]


def test_the_depth_of_the_frame_before_is_not_taken_while_its_own_colour_is_there() -> None:
    # At 60 Hz the slop of 20 ms spans the frame before, 16.7 ms ago; depth of the newest frame is still on its way.
    colour, depth = stash((0, 1000), (16.7, 1016.7)), stash((0, 1002))
    assert stamps_ms(colour, depth) == [(0, 0)]


def test_nothing_has_no_pairs() -> None:
    assert pairs(Stash(3), Stash(3), SLOP) == []
    assert pairs(stash((0, 1)), Stash(3), SLOP) == []
    assert pairs(Stash(3), stash((0, 1)), SLOP) == []


def test_a_jump_back_throws_away_what_came_before() -> None:
    colour = stash((98, 1000), (99, 1033), (0, 1067))
    assert [s.stamp_ns for s in colour.samples] == [0]


def test_depth_of_the_old_run_does_not_pair_with_colour_of_the_new_run() -> None:
    # The run starts over 70 ms back, where the old depth still has a stamp that would fit.
    colour = stash((100, 1000), (133, 1033), (66, 1067))
    depth = stash((66, 966), (100, 1002), (133, 1035))
    assert stamps_ms(colour, depth) == []
    depth.add(sample(66, 1069))
    assert stamps_ms(colour, depth) == [(66, 66)]


def test_the_first_pair_of_the_new_run_counts_whichever_topic_came_first() -> None:
    colour, depth = stash((100, 1000), (0, 1067)), stash((100, 1002), (0, 1065))
    assert stamps_ms(colour, depth) == [(0, 0)]
    assert stamps_ms(depth, colour) == [(0, 0)]


def test_a_topic_that_began_after_the_jump_pairs_at_once() -> None:
    assert stamps_ms(stash((100, 1000), (0, 1067)), stash((0, 1069))) == [(0, 0)]


def test_a_jump_is_noticed_after_everything_was_cleared() -> None:
    colour = stash((100, 1000))
    colour.clear()
    depth = stash((99, 1001))
    colour.add(sample(98, 1067))
    assert stamps_ms(colour, depth) == []


def test_forgetting_keeps_the_sample_and_what_came_after() -> None:
    colour = stash((0, 1000), (33, 1033), (67, 1067))
    colour.forget_before(colour.samples[1])
    assert [s.stamp_ns / MS for s in colour.samples] == [33, 67]


def test_a_stash_keeps_only_the_newest() -> None:
    colour = stash(*((i, 1000 + i) for i in range(20)), length=3)
    assert [s.stamp_ns / MS for s in colour.samples] == [17, 18, 19]
    assert colour.received == 20


RUNS = st.lists(st.integers(10, 30), min_size=2, max_size=6)


@given(st.integers(1, 4), RUNS, st.integers(0, 10**6), st.floats(0, 0.5))
def test_pairs_never_cross_a_jump_and_never_mix_stamps(lag: int, runs: list[int], seed: int, loss: float) -> None:
    """Runs that all begin at stamp 0; up to two frames in a row are lost, and depth arrives up to three frames late."""
    chance = random.Random(seed)
    events, depth_arrival = [], 0
    for run, length in enumerate(runs):
        for frame in range(length):
            arrival = 10_000 * run + 33 * frame
            depth_arrival = max(depth_arrival, arrival + 33 * chance.randrange(lag)) + 1
            events.append((arrival, 0, run, 33 * frame))
            events.append((depth_arrival, 1, run, 33 * frame))
    topics, run_of, lost = (Stash(10), Stash(10)), {}, [0, 0]
    for arrival, topic, run, stamp in sorted(events):
        lost[topic] = lost[topic] + 1 if lost[topic] < 2 and chance.random() < loss else 0
        if not lost[topic]:
            topics[topic].add(sample(stamp, arrival))
            run_of[topics[topic].samples[-1]] = run
        for colour, depth in pairs(*topics, SLOP):
            assert colour.stamp_ns == depth.stamp_ns
            assert run_of[colour] == run_of[depth]
