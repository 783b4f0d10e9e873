"""The node's states, its model that hangs, and what it tells on /diagnostics."""

from __future__ import annotations

import time
from pathlib import Path

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from nav_msgs.msg import Path as PathMessage
from nodes.harness import Client, recording, running
from nodes.model_server import ANSWER, Server
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import Image
from visualization_msgs.msg import MarkerArray

from robotracer_ros.srv import GetTrace

CODE = GetTrace.Response


def test_a_model_that_hangs_is_an_error_in_time_and_the_next_request_is_answered(
    client: Client, camera: None, server: Server, tmp_path: Path
) -> None:
    with running(tmp_path, server.parameters):
        client.wait_until_active()
        assert client.trace("move it").success
        for _ in range(2):
            began = time.monotonic()
            response = client.trace("hang on", timeout=1.0)
            assert (response.success, response.error_code) == (False, CODE.BACKEND_TIMEOUT), response.message
            assert 0.9 < time.monotonic() - began < 2.0
            assert client.trace("move it").success


def test_a_server_that_is_not_there_is_an_error(client: Client, camera: None, tmp_path: Path) -> None:
    parameters = {
        "backend": "query_api",
        "query_api.url": "http://127.0.0.1:9",
        "query_api.dialect": "roborefer",
        "query_api.retries": 0,
    }
    with running(tmp_path, parameters):
        client.wait_until_active()
        response = client.trace("move it")
    assert response.error_code == CODE.BACKEND_UNAVAILABLE
    assert "127.0.0.1:9" in response.message


def test_no_camera_at_all(client: Client, tmp_path: Path) -> None:
    answers = recording(tmp_path / "answers.jsonl", {"move it": ANSWER})
    with running(tmp_path, {"replay.answers": answers, "observation_timeout_s": 0.5}):
        client.wait_until_active()
        began = time.monotonic()
        response = client.trace("move it")
        assert time.monotonic() - began < 2.0
    assert response.error_code == CODE.NO_IMAGE, response.message
    assert "/image" in response.message


def test_every_state_answers_and_every_transition_works(client: Client, camera: None, tmp_path: Path) -> None:
    change = client.node.create_client(ChangeState, "trace_node/change_state")
    state = client.node.create_client(GetState, "trace_node/get_state")

    def go(transition: int) -> bool:
        request = ChangeState.Request(transition=Transition(id=transition))
        return client.call(change, request).success

    def where() -> int:
        return client.call(state, GetState.Request()).current_state.id

    answers = recording(tmp_path / "answers.jsonl", {"move it": ANSWER})
    with running(tmp_path, {"autostart": False, "replay.answers": answers}) as process:
        refused = client.trace("move it")
        assert refused.error_code == CODE.NOT_ACTIVE
        assert "unconfigured" in refused.message
        for _ in range(2):
            assert go(Transition.TRANSITION_CONFIGURE)
            assert where() == State.PRIMARY_STATE_INACTIVE
            assert client.trace("move it").error_code == CODE.NOT_ACTIVE
            assert go(Transition.TRANSITION_ACTIVATE)
            assert client.trace("move it").success
            assert go(Transition.TRANSITION_DEACTIVATE)
            assert client.trace("move it").error_code == CODE.NOT_ACTIVE
            assert go(Transition.TRANSITION_CLEANUP)
            assert where() == State.PRIMARY_STATE_UNCONFIGURED
        assert process.stop() == 0


def test_a_model_that_is_missing_leaves_the_node_unconfigured_and_says_why(client: Client, tmp_path: Path) -> None:
    state = client.node.create_client(GetState, "trace_node/get_state")
    with running(tmp_path, {"replay.answers": str(tmp_path / "nowhere.jsonl")}) as process:
        deadline = time.monotonic() + 15.0
        while "nowhere.jsonl" not in process.printed:
            assert time.monotonic() < deadline, process.printed
            time.sleep(0.1)
        assert client.call(state, GetState.Request()).current_state.id == State.PRIMARY_STATE_UNCONFIGURED
        refused = client.trace("move it")
        assert refused.error_code == CODE.NOT_ACTIVE
        assert "nowhere.jsonl" in refused.message


def test_parameters_of_a_request_count_from_the_next_one_on(client: Client, camera: None, tmp_path: Path) -> None:
    answers = recording(tmp_path / "answers.jsonl", {"move it": ANSWER})
    change = client.node.create_client(SetParameters, "trace_node/set_parameters")
    with running(tmp_path, {"replay.answers": answers}):
        client.wait_until_active()
        assert [point.depth_source for point in client.trace("move it").trace.points] == [1, 2, 1]
        request = SetParameters.Request(parameters=[Parameter("lift.contacts", value="all").to_parameter_msg()])
        assert client.call(change, request).results[0].successful
        assert [point.depth_source for point in client.trace("move it").trace.points] == [1, 1, 1]
        request = SetParameters.Request(parameters=[Parameter("lift.contacts", value="both").to_parameter_msg()])
        refused = client.call(change, request).results[0]
    assert not refused.successful
    assert "'ends'" in refused.reason


def test_results_wait_for_a_late_viewer_and_diagnostics_tell(client: Client, camera: None, tmp_path: Path) -> None:
    answers = recording(tmp_path / "answers.jsonl", {"move it": ANSWER})
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    came: dict[str, object] = {}
    with running(tmp_path, {"replay.answers": answers}):
        client.wait_until_active()
        response = client.trace("move it")
        assert response.success
        time.sleep(0.3)
        for name, kind in (("path", PathMessage), ("markers", MarkerArray), ("overlay", Image)):
            client.node.create_subscription(
                kind, f"trace_node/{name}", lambda message, name=name: came.setdefault(name, message), latched
            )
        told: list[DiagnosticArray] = []
        client.node.create_subscription(DiagnosticArray, "/diagnostics", told.append, 10)
        deadline = time.monotonic() + 8.0
        while not (len(came) == 3 and told) and time.monotonic() < deadline:
            time.sleep(0.05)
    assert set(came) == {"path", "markers", "overlay"}
    assert came["path"] == response.path
    assert (came["overlay"].width, came["overlay"].height, came["overlay"].encoding) == (64, 48, "rgb8")
    status = told[-1].status[0]
    values = {pair.key: pair.value for pair in status.values}
    assert status.level == b"\0", status.message
    assert values["state"] == "active"
    assert values["requests answered"] == "1"
    assert float(values["answer [s]"]) >= 0
    assert values["publishers of /image"] == "1"
