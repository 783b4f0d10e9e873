"""The model in the node's own process: what is missing leaves the node alive, and it can be configured anew."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from nodes.harness import Client, recording, running
from nodes.model_server import ANSWER
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter

from robotracer_ros.srv import GetTrace

# Importing torch takes long where the machine is busy.
PATIENCE_S = 120.0


def configured(client: Client, **parameters: Any) -> bool:
    """Whether the node configures with these parameters; dots are written as two underscores."""
    given = [Parameter(name.replace("__", "."), value=value).to_parameter_msg() for name, value in parameters.items()]
    change = client.node.create_client(SetParameters, "trace_node/set_parameters")
    results = client.call(change, SetParameters.Request(parameters=given), PATIENCE_S).results
    assert all(result.successful for result in results), results
    return go(client, Transition.TRANSITION_CONFIGURE)


def go(client: Client, transition: int) -> bool:
    change = client.node.create_client(ChangeState, "trace_node/change_state")
    return client.call(change, ChangeState.Request(transition=Transition(id=transition)), PATIENCE_S).success


def refusal(client: Client) -> str:
    response = client.trace("move it", timeout_s=PATIENCE_S)
    assert response.error_code == GetTrace.Response.NOT_ACTIVE
    assert "unconfigured" in response.message
    return response.message


def test_a_checkpoint_or_a_device_that_is_missing_is_named_and_another_backend_takes_over(
    client: Client, camera: None, tmp_path: Path
) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    nowhere = str(tmp_path / "nowhere")
    answers = recording(tmp_path / "answers.jsonl", {"move it": ANSWER})
    local = {"autostart": False, "backend": "transformers_local", "transformers_local.model": nowhere}
    with running(tmp_path, local) as process:
        assert not go(client, Transition.TRANSITION_CONFIGURE)
        said = refusal(client)
        assert nowhere in said
        assert "accepted: a folder that exists" in said
        if not torch.cuda.is_available():
            assert not configured(client, transformers_local__device="cuda")
            assert "no CUDA device is there" in refusal(client)
        assert not configured(client, transformers_local__device="gpu")
        assert "accepted: auto, cpu, cuda" in refusal(client)
        assert configured(client, backend="replay", replay__answers=answers)
        assert go(client, Transition.TRANSITION_ACTIVATE)
        assert client.trace("move it", timeout_s=PATIENCE_S).success
        assert process.stop() == 0
    assert "Traceback" not in process.printed


def test_without_torch_the_node_says_what_to_install(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    with running(tmp_path, {"autostart": False, "backend": "transformers_local"}) as process:
        assert not go(client, Transition.TRANSITION_CONFIGURE)
        said = refusal(client)
        assert "pip install torch" in said
        assert "query_api" in said
        assert process.stop() == 0


def test_parameters_that_no_checkpoint_takes_are_refused_when_they_are_set(client: Client, tmp_path: Path) -> None:
    change = client.node.create_client(SetParameters, "trace_node/set_parameters")
    wrong = {"dtype": "int4", "mode": "RGB+smell", "threads": -1, "max_new_tokens": 0}
    given = [Parameter(f"transformers_local.{name}", value=value).to_parameter_msg() for name, value in wrong.items()]
    with running(tmp_path, {"autostart": False, "backend": "transformers_local"}):
        results = client.call(change, SetParameters.Request(parameters=given), PATIENCE_S).results
    assert [result.successful for result in results] == [False] * len(wrong)
    assert "'bfloat16'" in results[0].reason
    assert "'RGB+encoder+intrinsics'" in results[1].reason
