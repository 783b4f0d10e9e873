"""What is wrong when the node is started: one sentence that names it, never a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from nodes.harness import Client, recording, running
from nodes.model_server import ANSWER

from robotracer_ros.srv import GetTrace

GOOD = "move it"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-p", "use_sim_time:=perhaps"], "use_sim_time"),
        (["-p", "timeout_s:=5"], "timeout_s"),
        (["-p", "backend:=crystal_ball"], "'replay', 'query_api'"),
        (["-p", "qos_overrides./diagnostics.publisher.reliability:=very"], "qos_overrides./diagnostics"),
        (["-r", "nonsense"], "nonsense"),
        (["--params-file", "nowhere.yaml"], "nowhere.yaml"),
        (["--nonsense"], "--nonsense"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_node_that_cannot_start_says_why(arguments: list[str], said: str) -> None:
    command = [sys.executable, "-m", "robotracer_ros.nodes.trace_node", "--ros-args", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20.0, check=False)
    printed = ended.stdout + ended.stderr
    assert ended.returncode == 1, printed
    assert "cannot start" in printed
    assert said in printed
    assert "Traceback" not in printed


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"qos_overrides./image.subscription.reliability": "very"}, "qos_overrides./image"),
        ({"qos_overrides./trace_node/path.publisher.depth": "deep"}, "qos_overrides./trace_node/path"),
        ({"path.workspace_min_m": [1.0, 1.0, 1.0], "path.workspace_max_m": [0.0, 0.0, 0.0]}, "workspace_min_m"),
        ({"record": "/nowhere/record.jsonl"}, "/nowhere/record.jsonl"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_node_that_cannot_come_up_says_why_to_everyone_who_asks(
    client: Client, tmp_path: Path, parameters: dict[str, Any], said: str
) -> None:
    answers = recording(tmp_path / "answers.jsonl", {GOOD: ANSWER})
    with running(tmp_path, {"replay.answers": answers, **parameters}) as process:
        response = client.trace(GOOD)
        while "failed" not in response.message:
            assert response.error_code == GetTrace.Response.NOT_ACTIVE, response.message
            response = client.trace(GOOD)
        assert said in response.message
        assert process.stop() == 0
    assert "Traceback" not in process.printed
