"""Rest is what positions and speeds both say, of every joint, more than once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rclpy.node import Node
from sensor_msgs.msg import JointState

from robotracer_ros.errors import MotionRefused
from robotracer_ros.ros import joint_states
from robotracer_ros.ros.joint_states import JointStates
from robotracer_ros.ros.stamps import stamp_to_msg

NAN = float("nan")
PERIOD_S = 0.01


class Driver:
    """Tells, without DDS, what a test says; each publisher in a thread of its own."""

    def __init__(self, states: JointStates) -> None:
        self.states = states
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []

    def tell(self, positions: dict[str, float], velocities: Any = (), stamp_s: float = 0.0) -> None:
        message = JointState(name=list(positions), position=list(positions.values()), velocity=list(velocities))
        message.header.stamp = stamp_to_msg(int(stamp_s * 1e9))
        self.states._hear(message)

    def keep_telling(self, at: Callable[[float], Any], period_s: float = PERIOD_S) -> None:
        """``at(seconds)`` gives the arguments of `tell`."""
        began = time.monotonic()

        def live() -> None:
            while not self._over.wait(period_s):
                self.tell(*at(time.monotonic() - began))

        self._threads.append(threading.Thread(target=live, daemon=True))
        self._threads[-1].start()

    def close(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(2.0)


@pytest.fixture
def driver(make_node: Callable[..., Node]) -> Iterator[Driver]:
    states = JointStates(make_node("states"))
    one = Driver(states)
    yield one
    one.close()
    states.close()


def rests(driver: Driver, *names: str, speed: float = 0.02, timeout_s: float = 1.0) -> bool:
    return driver.states.wait_for_rest(names or ("a",), speed, timeout_s)


@pytest.mark.parametrize("velocities", [(0.0,), (NAN,), ()], ids=["told", "nan", "none"])
def test_a_joint_that_stands_rests(driver: Driver, velocities: Any) -> None:
    driver.keep_telling(lambda _: ({"a": 1.0}, velocities))
    assert rests(driver, timeout_s=10.0)


@pytest.mark.parametrize("velocities", [(0.5,), (0.0,), (NAN,), ()], ids=["told", "lied", "nan", "none"])
def test_a_joint_that_moves_does_not_rest_whatever_its_driver_says(driver: Driver, velocities: Any) -> None:
    driver.keep_telling(lambda at_s: ({"a": 0.5 * at_s}, velocities))
    assert not rests(driver)


def test_a_speed_that_is_told_counts_where_the_position_stands(driver: Driver) -> None:
    driver.keep_telling(lambda _: ({"a": 1.0}, (0.1,)))
    assert not rests(driver)


def test_a_position_that_is_no_number_does_not_rest(driver: Driver) -> None:
    driver.keep_telling(lambda _: ({"a": NAN}, (0.0,)))
    assert not rests(driver)


def test_every_joint_has_to_tell_twice(driver: Driver) -> None:
    """One message of the arm and many of the gripper are no rest of the arm."""
    driver.keep_telling(lambda _: ({"grip": 0.0}, (0.0,)))
    timer = threading.Timer(0.1, driver.tell, ({"a": 1.0}, (0.0,)))
    timer.start()
    assert not rests(driver, "a", "grip")
    assert not rests(driver, "a")
    driver.keep_telling(lambda _: ({"a": 1.0}, (0.0,)), period_s=0.05)
    assert rests(driver, "a", "grip", timeout_s=10.0)


def test_what_was_heard_before_does_not_count(driver: Driver) -> None:
    for _ in range(5):
        driver.tell({"a": 1.0}, (0.0,))
        time.sleep(0.05)
    assert not rests(driver, timeout_s=0.3)


def test_a_joint_that_begins_again_while_another_is_waited_for_does_not_rest(driver: Driver) -> None:
    driver.keep_telling(lambda at_s: ({"a": max(0.0, at_s - 0.3) * 0.5}, ()))
    driver.keep_telling(lambda at_s: ({"b": max(0.0, 0.6 - at_s)}, ()))
    assert not rests(driver, "a", "b", timeout_s=1.2)


def test_a_rounded_encoder_rests(driver: Driver) -> None:
    """Its last digit flickers by 0.4 mrad, which would be 0.08 per second from one message to the next."""
    flicker = [0.0]

    def at(_: float) -> Any:
        flicker.append(0.0004 - flicker[-1])
        return {"a": flicker[-1]}, ()

    driver.keep_telling(at, period_s=0.005)
    assert rests(driver, timeout_s=10.0)


def test_a_continuous_joint_that_stands_at_the_half_turn_rests(driver: Driver) -> None:
    sides = [3.14159]

    def at(_: float) -> Any:
        sides.append(-sides[-1])
        return {"a": sides[-1]}, ()

    driver.keep_telling(at)
    assert rests(driver, timeout_s=10.0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(joint_states.time, "monotonic", lambda: now[0])
    return now


def velocity(driver: Driver) -> float:
    return driver.states.all()["a"].velocity


def test_a_speed_that_is_not_told_is_that_of_the_positions(driver: Driver, clock: list[float]) -> None:
    driver.tell({"a": 1.0}, (NAN,))
    assert velocity(driver) != velocity(driver)
    clock[0] += 0.1
    driver.tell({"a": 1.05}, (NAN,))
    assert velocity(driver) == pytest.approx(0.5) and not driver.states.all()["a"].is_velocity_told
    driver.tell({"a": 1.05}, (0.25,))
    assert velocity(driver) == 0.25 and driver.states.all()["a"].is_velocity_told


def test_it_goes_by_the_stamps_where_there_are_any(driver: Driver, clock: list[float]) -> None:
    driver.tell({"a": 3.1}, (), 5.0)
    # A message that waited, in a simulation, and a joint that wraps.
    clock[0] += 0.4
    driver.tell({"a": 3.1 + 0.1 - 6.283185307}, (), 5.1)
    assert velocity(driver) == pytest.approx(1.0)


def test_messages_in_a_bunch_make_no_speed(driver: Driver, clock: list[float]) -> None:
    driver.tell({"a": 1.0})
    clock[0] += 0.05
    driver.tell({"a": 1.01})
    for step in range(5):
        clock[0] += 1e-4
        driver.tell({"a": 1.02 + 0.01 * step})
    assert velocity(driver) == pytest.approx(0.2)
    clock[0] += 0.25
    driver.tell({"a": 1.11})
    assert velocity(driver) == pytest.approx(0.4, rel=0.01)


def test_joints_that_nothing_was_heard_of_are_named(driver: Driver, clock: list[float]) -> None:
    driver.tell({"a": 1.0, "b": 2.0}, (0.0,))
    assert driver.states.positions(["b"], 1.0) == {"b": 2.0}
    clock[0] += 2.0
    driver.tell({"a": 1.0})
    with pytest.raises(MotionRefused, match="told nothing of b within 1 s; it told of a, b"):
        driver.states.positions(["a", "b"], 1.0)
