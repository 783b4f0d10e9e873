"""Deadline: an answer or an error within the time limit, whatever the inner backend does."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from robotracer_ros.backends import deadline
from robotracer_ros.backends.deadline import Deadline, Overrun, within
from robotracer_ros.errors import BackendFailed, BackendTimeout, BackendUnavailable, InvalidRequest, NoRecordedAnswer
from robotracer_ros.query import ModelAnswer, ModelQuery


def query(timeout_s: float = 5.0, instruction: str = "go") -> ModelQuery:
    return ModelQuery("go", np.zeros((2, 2, 3), np.uint8), instruction, timeout_s=timeout_s)


class Scripted:
    """A backend that does what its instruction says; hangs end when ``release`` is set."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.closed = 0

    def answer(self, query: ModelQuery) -> ModelAnswer:
        if query.instruction == "hang":
            self.release.wait(30)
        elif query.instruction == "raise":
            raise RuntimeError("CUDA error: out of memory")
        elif query.instruction == "exit":
            raise SystemExit(3)
        elif query.instruction == "missing":
            raise NoRecordedAnswer("nothing recorded")
        elif query.instruction == "none":
            return None  # type: ignore[return-value]
        return ModelAnswer(f"answer to {query.instruction}", "scripted", 0.0)

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def inner():
    backend = Scripted()
    yield backend
    backend.release.set()


def test_answers_pass_through(inner):
    assert Deadline(inner).answer(query()).text == "answer to go"


def test_hang_ends_at_the_time_limit_and_the_next_request_is_served(inner):
    backend = Deadline(inner)
    started = time.monotonic()
    with pytest.raises(BackendTimeout, match=r"0\.2 s"):
        backend.answer(query(0.2, "hang"))
    assert 0.19 < time.monotonic() - started < 1.5
    assert backend.answer(query(instruction="next")).text == "answer to next"
    assert backend.stuck == 1


def test_too_many_hanging_requests_are_refused_until_they_end(inner):
    backend = Deadline(inner, most_stuck=1)
    for _ in range(2):
        with pytest.raises(BackendTimeout):
            backend.answer(query(0.05, "hang"))
    with pytest.raises(BackendUnavailable, match="reconfigure"):
        backend.answer(query())
    inner.release.set()
    patience = time.monotonic() + 5
    while backend.stuck and time.monotonic() < patience:
        time.sleep(0.01)
    assert backend.answer(query()).text == "answer to go"


@pytest.mark.parametrize(
    ("instruction", "words"), [("raise", "CUDA error"), ("exit", "SystemExit"), ("none", "NoneType")]
)
def test_foreign_failures_become_backend_failed(inner, instruction, words):
    with pytest.raises(BackendFailed, match=words):
        Deadline(inner).answer(query(instruction=instruction))


def test_foreign_failure_keeps_its_cause(inner):
    with pytest.raises(BackendFailed) as caught:
        Deadline(inner).answer(query(instruction="raise"))
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_own_errors_pass_unchanged(inner):
    with pytest.raises(NoRecordedAnswer, match="nothing recorded"):
        Deadline(inner).answer(query(instruction="missing"))


def test_close_reaches_the_inner_backend_twice(inner):
    backend = Deadline(inner)
    backend.close()
    backend.close()
    assert inner.closed == 2


def test_close_that_hangs_is_given_up(inner, monkeypatch):
    monkeypatch.setattr(deadline, "CLOSE_TIMEOUT_S", 0.05)
    inner.close = lambda: inner.release.wait(30)
    with pytest.raises(BackendTimeout, match="close"):
        Deadline(inner).close()


def test_infinite_time_limit_is_accepted(inner):
    assert Deadline(inner).answer(query(float("inf"))).text == "answer to go"


def test_negative_most_stuck_is_refused(inner):
    with pytest.raises(InvalidRequest, match="most_stuck"):
        Deadline(inner, most_stuck=-1)


def test_within_hands_over_result_error_and_thread():
    assert within(5, lambda: 7, "seven") == 7
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 // 0, "divide")
    release = threading.Event()
    with pytest.raises(Overrun) as caught:
        within(0.01, lambda: release.wait(30), "wait")
    assert caught.value.thread.is_alive() and caught.value.thread.daemon
    release.set()
