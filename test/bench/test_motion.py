"""The motion benchmark: true traces come true, and each failure is put down to its stage."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("robotracer_ros.sim.engine", reason="MuJoCo is absent")
pytest.importorskip("pinocchio", reason="Pinocchio is absent")

from bench.speakers import Speaker

from robotracer_ros.bench.arm_player import ArmPlayer
from robotracer_ros.bench.asking import Asker
from robotracer_ros.bench.examples import Examples
from robotracer_ros.bench.motion import CAUSES, RULES, Attempt, MotionBench, described, in_words
from robotracer_ros.errors import InvalidRequest
from robotracer_ros.families.robotracer import RoboTracer
from robotracer_ros.sim.arm_world import ArmWorld
from robotracer_ros.sim.catalogue import Split

URDF = Path(__file__).resolve().parents[2] / "urdf" / "tabletop_arm.urdf"
SIZE = (480, 360)


@pytest.fixture(scope="module")
def picks():
    """Two tasks that the arm can do, and one that it cannot."""
    with Examples(Split.TEST, size=SIZE, families=["pick_in", "pick_on", "hover"]) as examples:
        yield list(examples.first(3))


@pytest.fixture(scope="module")
def world():
    with ArmWorld(URDF, size=SIZE) as one:
        yield one


def test_a_true_trace_comes_true(picks, world):
    bench = MotionBench(world, ArmPlayer(world, RULES), None)
    attempts = list(bench.attempts(picks[:2]))
    assert [attempt.cause for attempt in attempts] == ["", ""], attempts
    assert all(attempt.moving_s > 1.0 for attempt in attempts)


def test_a_wrong_trace_is_the_model_s_fault_and_moves_nothing(picks, world):
    speaker = Speaker(lambda _: "[(100, 100, 0.9), (200, 100, 0.9)]")
    bench = MotionBench(world, ArmPlayer(world, RULES), Asker(RoboTracer(), speaker, "rgb+intrinsics+depth"))
    (attempt,) = bench.attempts(picks[:1])
    assert (attempt.cause, attempt.moving_s) == ("model", 0.0)


def test_a_family_that_sets_nothing_down_is_refused(picks, world):
    bench = MotionBench(world, ArmPlayer(world, RULES), None)
    with pytest.raises(InvalidRequest, match=r"accepted are the families pick_in.*received hover"):
        list(bench.attempts(picks[2:]))


def test_failures_are_counted_by_their_cause():
    causes = ("", "model", "planning", "model")
    attempts = [Attempt(str(number), "pick_in", "go", cause, "why") for number, cause in enumerate(causes)]
    counted = described(attempts)
    assert (counted["n"], counted["success"]) == (4, 1)
    assert counted["failures"] == {**dict.fromkeys(CAUSES, 0), "model": 2, "planning": 1}
    assert in_words(attempts).count("why") == 3
