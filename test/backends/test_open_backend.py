"""open_backend: backends by name, options checked by name and type."""

from __future__ import annotations

import json

import numpy as np
import pytest

from robotracer_ros.backends import BACKENDS, open_backend
from robotracer_ros.backends.query_api import QueryApi
from robotracer_ros.backends.replay import Replay
from robotracer_ros.errors import InvalidRequest
from robotracer_ros.query import ModelQuery


@pytest.fixture
def answers(tmp_path):
    path = tmp_path / "answers.jsonl"
    path.write_text(json.dumps({"prompt": "go", "model_prediction": "[(1, 2)]"}) + "\n", encoding="utf-8")
    return path


def test_replay_opens_with_a_string_or_a_path(answers):
    for given in (answers, str(answers)):
        assert isinstance(open_backend("replay", {"answers": given}), Replay)


def test_record_writes_a_file_that_replays(answers, tmp_path):
    copy = tmp_path / "copy.jsonl"
    query = ModelQuery("go", np.zeros((1, 1, 3), np.uint8), "go")
    backend = open_backend("replay", {"answers": answers, "record": copy})
    answer = backend.answer(query)
    backend.close()
    assert open_backend("replay", {"answers": copy}).answer(query) == answer


def test_query_api_takes_all_its_options(tmp_path):
    backend = open_backend(
        "query_api",
        {"url": "http://localhost:25547", "dialect": "robotracer", "mode": "RGB", "shared_dir": tmp_path, "retries": 0,
         "connect_timeout_s": 1, "record": ""},
    )
    assert isinstance(backend, QueryApi)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("replai", {}, "accepted: query_api, replay"),
        ("replay", {}, "needs 'answers'"),
        ("replay", {"answers": ""}, "needs 'answers'"),
        ("replay", {"answers": "x", "anwsers": "y"}, r"does not know 'anwsers'; accepted: answers \(str, required\)"),
        ("replay", {"answers": 3}, "must be str, received 3"),
        ("query_api", {"url": "http://h", "retries": "2"}, "'retries' .* must be int"),
        ("query_api", {"url": "http://h", "retries": True}, "'retries' .* must be int"),
        ("query_api", {"url": "http://h", "retries": 1.5}, "'retries' .* must be int"),
        ("query_api", {"url": "localhost:25547"}, "must look like http://host:port"),
    ],
)
def test_wrong_names_and_options_list_what_is_accepted(name, options, words):
    with pytest.raises(InvalidRequest, match=words):
        open_backend(name, options)


def test_every_entry_describes_its_options():
    for entry in BACKENDS.values():
        described = entry.described()
        assert all(option in described for option in [*entry.required, *entry.optional, "record"])
