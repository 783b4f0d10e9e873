"""Work is done by one thread, in turn, and nobody waits longer than asked."""

from __future__ import annotations

import threading
import time

import pytest

from robotracer_ros.backends.one_thread import OneThread
from robotracer_ros.errors import BackendTimeout


@pytest.fixture
def worker():
    worker = OneThread("the worker")
    yield worker
    worker.end()


def test_all_work_is_done_by_the_same_other_thread(worker):
    names = {worker.call(threading.get_ident, 5.0) for _ in range(5)}
    assert len(names) == 1 and threading.get_ident() not in names


def test_what_the_work_raises_is_raised_and_the_next_work_is_done(worker):
    with pytest.raises(ZeroDivisionError):
        worker.call(lambda: 1 / 0, 5.0)
    assert worker.call(lambda: 7, 5.0) == 7


def test_work_that_takes_too_long_is_left_and_work_that_waited_too_long_is_never_done(worker):
    hold, done = threading.Event(), []
    try:
        with pytest.raises(BackendTimeout, match=r"the worker did not answer within 0.05 s"):
            worker.call(hold.wait, 0.05)
        with pytest.raises(BackendTimeout):
            worker.call(lambda: done.append("late"), 0.05)
    finally:
        hold.set()
    assert worker.call(lambda: "next", 5.0) == "next"
    assert done == []


def test_work_is_forgotten_when_it_is_done(worker):
    import weakref

    class Model:
        def run(self):
            return 1

    model = Model()
    gone = weakref.ref(model)
    worker.call(model.run, 5.0)
    del model
    deadline_s = time.monotonic() + 5.0
    while gone() is not None and time.monotonic() < deadline_s:
        time.sleep(0.001)
    assert gone() is None
