"""Transitions, crowds and the end of the process, in the middle of a request and in no order."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

import pytest
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from nodes.harness import Client, Process, recording, running
from nodes.model_server import ANSWER, Server
from rclpy.qos import QoSProfile

from robotracer_ros.srv import GetTrace

CODE = GetTrace.Response
GOOD = "move it"


class Asked:
    """A request that is on its way while the test goes on."""

    def __init__(self, client: Client, instruction: str, **fields: float) -> None:
        self._responses: list[GetTrace.Response] = []
        self._thread = threading.Thread(
            target=lambda: self._responses.append(client.trace(instruction, **fields)), daemon=True
        )
        self._thread.start()

    def response(self) -> GetTrace.Response:
        self._thread.join(10.0)
        assert self._responses, "the request was never answered"
        return self._responses[0]


class Lifecycle:
    """What a lifecycle manager does."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._change = client.node.create_client(ChangeState, "trace_node/change_state")
        self._state = client.node.create_client(GetState, "trace_node/get_state")

    def go(self, *transitions: int) -> list[bool]:
        wanted = [Transition(id=one) for one in transitions]
        return [self._client.call(self._change, ChangeState.Request(transition=one)).success for one in wanted]

    @property
    def state(self) -> str:
        return self._client.call(self._state, GetState.Request()).current_state.label


DOWN = (Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP)
UP = (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE)


def _no_fault(process: Process) -> None:
    assert "Traceback" not in process.printed
    assert "fault" not in process.printed


def test_transitions_that_the_state_does_not_allow_are_refused(client: Client, camera: None, tmp_path: Path) -> None:
    answers = recording(tmp_path / "answers.jsonl", {GOOD: ANSWER})
    with running(tmp_path, {"replay.answers": answers, "autostart": False}) as process:
        lifecycle = Lifecycle(client)
        assert lifecycle.go(Transition.TRANSITION_ACTIVATE, *DOWN, 77) == [False] * 4
        assert "accepted in the state unconfigured: configure, shutdown" in process.printed
        assert lifecycle.state == "unconfigured"
        assert lifecycle.go(*UP) == [True, True]
        assert lifecycle.go(*UP) == [False, False]
        assert lifecycle.state == "active"
        assert client.trace(GOOD).success
        assert process.stop() == 0
    _no_fault(process)


def test_a_refusal_does_not_tell_of_earlier_refusals(client: Client, tmp_path: Path) -> None:
    with running(tmp_path, {"autostart": False}):
        told = {client.trace(GOOD).message for _ in range(3)}
    assert len(told) == 1, told
    assert "failed" not in told.pop()


def test_what_a_transition_failed_for_is_told_until_one_succeeds(client: Client, tmp_path: Path) -> None:
    answers = tmp_path / "answers.jsonl"
    with running(tmp_path, {"replay.answers": str(answers), "autostart": False}):
        lifecycle = Lifecycle(client)
        assert lifecycle.go(Transition.TRANSITION_CONFIGURE) == [False]
        for _ in range(2):
            assert client.trace(GOOD).message.count("the last transition failed: INVALID_REQUEST") == 1
        recording(answers, {GOOD: ANSWER})
        assert lifecycle.go(Transition.TRANSITION_CONFIGURE) == [True]
        assert "failed" not in client.trace(GOOD).message


@pytest.mark.parametrize("transitions", [DOWN[:1], DOWN, (*DOWN, *UP)], ids=["down", "cleaned_up", "up_again"])
def test_a_request_whose_node_is_taken_down_is_refused(
    client: Client, camera: None, server: Server, tmp_path: Path, transitions: tuple[int, ...]
) -> None:
    server.delay_s = 0.5
    with running(tmp_path, server.parameters) as process:
        client.wait_until_active()
        assert client.trace(GOOD).success
        asked = Asked(client, GOOD)
        time.sleep(0.2)
        lifecycle = Lifecycle(client)
        assert all(lifecycle.go(*transitions))
        response = asked.response()
        assert (response.error_code, response.success) == (CODE.NOT_ACTIVE, False), response.message
        assert not response.trace.points
        lifecycle.go(*{"inactive": UP[1:], "unconfigured": UP, "active": ()}[lifecycle.state])
        assert client.trace(GOOD).success
        assert process.stop() == 0
    _no_fault(process)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_the_last_request_is_answered_before_the_process_ends(
    client: Client, camera: None, server: Server, tmp_path: Path, stop: signal.Signals
) -> None:
    server.delay_s = 0.8
    with running(tmp_path, server.parameters) as process:
        client.wait_until_active()
        asked = Asked(client, GOOD)
        time.sleep(0.3)
        process.process.send_signal(stop)
        assert asked.response().error_code == CODE.NOT_ACTIVE
        assert process.process.wait(5.0) == 0
    _no_fault(process)


def test_a_model_that_hangs_does_not_hold_the_process(
    client: Client, camera: None, server: Server, tmp_path: Path
) -> None:
    with running(tmp_path, server.parameters) as process:
        client.wait_until_active()
        Asked(client, "hang on", timeout=25.0)
        time.sleep(0.5)
        process.process.send_signal(signal.SIGINT)
        # launch sends SIGTERM after 5 s.
        assert process.process.wait(4.0) == 0
    _no_fault(process)


def test_every_one_of_a_crowd_is_answered(client: Client, camera: None, server: Server, tmp_path: Path) -> None:
    server.delay_s = 0.5
    with running(tmp_path, server.parameters):
        client.wait_until_active()
        # Every caller's queue sees the answers to all of them; the default one of 10 would lose some on this side.
        roomy = QoSProfile(depth=100)
        callers = [client.node.create_client(GetTrace, "trace_node/get_trace", qos_profile=roomy) for _ in range(30)]
        assert all(caller.wait_for_service(timeout_sec=5.0) for caller in callers)
        time.sleep(0.5)
        futures = [caller.call_async(GetTrace.Request(instruction=GOOD)) for caller in callers]
        deadline = time.monotonic() + 5.0
        while not all(future.done() for future in futures):
            assert time.monotonic() < deadline, f"{sum(future.done() for future in futures)} of 30 were answered"
            time.sleep(0.02)
    codes = [future.result().error_code for future in futures]
    assert (codes.count(CODE.SUCCESS), codes.count(CODE.BUSY)) == (1, 29)


def test_a_time_out_that_is_none_is_refused(client: Client, tmp_path: Path) -> None:
    with running(tmp_path, {"autostart": False}):
        for timeout in (-1.0, float("nan"), float("inf"), float("-inf")):
            for response in (client.trace(GOOD, timeout=timeout), client.ask("how far?", timeout=timeout)):
                assert (response.success, response.error_code) == (False, CODE.INVALID_REQUEST)
                assert f"timeout is {timeout:g} s" in response.message
                assert "timeout_s" in response.message
