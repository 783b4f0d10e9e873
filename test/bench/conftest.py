"""A few examples of the tabletop, drawn once, and a way to ask about all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from bench.speakers import FAMILIES, Speaker, true_words

from robotracer_ros.families.robotracer import RoboTracer


@pytest.fixture(scope="session")
def room():
    """The benchmark's examples at a size that is drawn fast."""
    pytest.importorskip("robotracer_ros.sim.stage")
    from robotracer_ros.bench.examples import Examples
    from robotracer_ros.sim.catalogue import Split

    with Examples(Split.TEST, size=(480, 360), families=FAMILIES) as examples:
        yield examples


@pytest.fixture(scope="session")
def examples(room) -> list:
    """One of each of `FAMILIES`."""
    return list(room.first(len(FAMILIES)))


@pytest.fixture
def truth(examples) -> Speaker:
    """Says the truth."""
    words = {example.name: true_words(example) for example in examples}
    return Speaker(words.__getitem__)


@pytest.fixture
def asked(examples) -> Iterator[Callable]:
    """``asked(backend, mode)`` are the scores of all examples."""
    from robotracer_ros.bench.asking import Asker
    from robotracer_ros.bench.tabletop import run_mode

    return lambda backend, mode, lift="fused": run_mode(examples, Asker(RoboTracer(), backend, mode, lift))
