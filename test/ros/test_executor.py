"""The executor's laws: callbacks run side by side, one that fails harms nobody, and waiting costs nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
import rclpy
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from ros.camera import wait_until

from robotracer_ros.ros.executor import PoolExecutor
from robotracer_ros.srv import Ask


class Counting(PoolExecutor):
    """Counts how often it looks for work."""

    looked_count = 0

    def spin_once(self, timeout_sec: float | None = None) -> None:
        self.looked_count += 1
        super().spin_once(timeout_sec)


@pytest.fixture
def node(make_node: Callable[..., Node]) -> Node:
    return make_node("worker")


@pytest.fixture
def spinning(node: Node) -> Iterator[Counting]:
    """The fixture's node in an executor of four threads."""
    executor, stop = Counting(4), threading.Event()
    executor.add_node(node)

    def spin() -> None:
        while not stop.is_set():
            executor.spin_once(timeout_sec=0.1)

    thread = threading.Thread(target=spin, daemon=True)
    thread.start()
    yield executor
    stop.set()
    thread.join(2.0)
    executor.remove_node(node)
    executor.shutdown()


def test_callbacks_of_a_reentrant_group_run_side_by_side(node: Node, spinning: Counting) -> None:
    together = threading.Barrier(3, timeout=5.0)
    met: list[int] = []
    group = ReentrantCallbackGroup()
    for number in range(3):

        def meet(number: int = number) -> None:
            if number not in met:
                together.wait()
                met.append(number)

        node.create_timer(0.05, meet, callback_group=group)
    assert wait_until(lambda: len(met) == 3)


def test_callbacks_of_an_exclusive_group_do_not(node: Node, spinning: Counting) -> None:
    running, most, count = 0, 0, 0

    def step() -> None:
        nonlocal running, most, count
        running += 1
        most, count = max(most, running), count + 1
        time.sleep(0.01)
        running -= 1

    group = MutuallyExclusiveCallbackGroup()
    for _ in range(3):
        node.create_timer(0.01, step, callback_group=group)
    assert wait_until(lambda: count > 20)
    assert most == 1


def test_a_callback_that_fails_is_logged_and_harms_nobody(
    node: Node, spinning: Counting, capfd: pytest.CaptureFixture[str]
) -> None:
    count = 0

    def fail() -> None:
        nonlocal count
        count += 1
        raise ValueError("the wheel came off")

    said: list[str] = []

    def told() -> bool:
        # The callback is counted before its failure is logged.
        said.append(capfd.readouterr().err)
        return "ValueError: the wheel came off" in "".join(said)

    node.create_timer(0.02, fail)
    assert wait_until(lambda: count >= 3)
    assert wait_until(told)


def test_it_looks_for_work_once_for_each_callback(node: Node, spinning: Counting) -> None:
    count = 0

    def step() -> None:
        nonlocal count
        count += 1

    timer = node.create_timer(0.01, step)
    assert wait_until(lambda: count > 10)
    looked_count, step_count = spinning.looked_count, count
    assert wait_until(lambda: count >= step_count + 100)
    timer.cancel()
    assert (spinning.looked_count - looked_count) / (count - step_count) < 1.5


def test_it_rests_while_every_thread_is_busy(node: Node, spinning: Counting) -> None:
    """rclpy's own hands the callback that waits to its pool again and again."""
    over, busy = threading.Event(), threading.Semaphore(0)

    def work() -> None:
        busy.release()
        over.wait(5.0)

    group = ReentrantCallbackGroup()
    timers = [node.create_timer(0.01, work, callback_group=group) for _ in range(5)]
    for _ in range(4):
        assert busy.acquire(timeout=5.0)
    looked_count = spinning.looked_count
    time.sleep(1.0)
    looked_count = spinning.looked_count - looked_count
    for timer in timers:
        timer.cancel()
    over.set()
    assert looked_count < 12


def test_more_callbacks_than_threads_are_all_run(node: Node, spinning: Counting) -> None:
    ended: list[int] = []
    group = ReentrantCallbackGroup()

    def work(number: int) -> None:
        time.sleep(0.05)
        ended.append(number)

    timers = [node.create_timer(0.01, lambda n=n: work(n), callback_group=group) for n in range(12)]
    assert wait_until(lambda: set(ended) == set(range(12)))
    for timer in timers:
        timer.cancel()


def test_services_are_answered(make_node: Callable[..., Node], node: Node, spinning: Counting) -> None:
    node.create_service(Ask, "ask", lambda request, response: response)
    caller = make_node("caller")
    client = caller.create_client(Ask, "ask")
    assert client.wait_for_service(timeout_sec=5.0)
    future = client.call_async(Ask.Request())
    rclpy.spin_until_future_complete(caller, future, timeout_sec=5.0)
    assert isinstance(future.result(), Ask.Response)


def test_tasks_of_others_are_run(spinning: Counting) -> None:
    done = threading.Event()
    spinning.create_task(done.set)
    assert done.wait(5.0)


def test_a_context_that_is_shut_down_ends_it() -> None:
    context = rclpy.Context()
    context.init()
    executor = PoolExecutor(2, context=context)
    ended: list[Exception] = []

    def spin() -> None:
        try:
            executor.spin_once(timeout_sec=5.0)
        except ExternalShutdownException as error:
            ended.append(error)

    thread = threading.Thread(target=spin, daemon=True)
    thread.start()
    time.sleep(0.2)
    context.shutdown()
    thread.join(3.0)
    assert len(ended) == 1
