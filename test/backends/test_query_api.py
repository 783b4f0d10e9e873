"""QueryApi against a server that misbehaves in each way there is: one named error per way, always in time."""

from __future__ import annotations

import socket
import time

import numpy as np
import pytest
from backends.misbehaving_server import MisbehavingServer

from robotracer_ros.backends import http_post
from robotracer_ros.backends.query_api import QueryApi
from robotracer_ros.errors import BackendFailed, BackendTimeout, BackendUnavailable, InvalidRequest
from robotracer_ros.geometry.camera import CameraIntrinsics
from robotracer_ros.query import ModelQuery

INTRINSICS = CameraIntrinsics(6, 4, 5.0, 5.5, 2.5, 1.5)


def query(timeout_s: float = 10.0) -> ModelQuery:
    rgb = np.arange(72, dtype=np.uint8).reshape(4, 6, 3)
    depth_m = np.full((4, 6), 1.25, np.float32)
    depth_m[0, 0] = np.nan
    return ModelQuery("Point it.", rgb, "it", depth_m=depth_m, intrinsics=INTRINSICS, timeout_s=timeout_s)


@pytest.fixture(autouse=True)
def straight_and_swift(monkeypatch):
    """No proxy between this test and itself, and pauses between attempts too short to wait for."""
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(http_post, "_FIRST_PAUSE_S", 0.01)


@pytest.fixture
def serve():
    servers = []

    def start(*script):
        servers.append(MisbehavingServer(*script))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def client(url, tmp_path, **options):
    return QueryApi(url, "robotracer", shared_dir=str(tmp_path), **options)


def test_answer_comes_back_with_its_time_and_model(serve, tmp_path):
    server = serve("good")
    answer = client(server.url, tmp_path).answer(query())
    assert answer.text == "[(1, 2, 0.5)]"
    assert answer.model == "robotracer@" + server.url.removeprefix("http://")
    assert 0 < answer.latency_s < 5
    assert [request["path"] for request in server.requests] == ["/query"]


def test_url_may_end_with_query(serve, tmp_path):
    server = serve("good")
    client(server.url + "/query/", tmp_path).answer(query())
    assert server.requests[0]["path"] == "/query"


@pytest.mark.parametrize(
    ("behaviour", "error", "words"),
    [
        ("http_500", BackendFailed, r"HTTP 500 .*CUDA out of memory"),
        ("http_422", BackendFailed, r"HTTP 422 .*no field image_paths"),
        ("http_503", BackendUnavailable, r"HTTP 503 .*loading weights.*2 attempts"),
        ("redirect", BackendFailed, r"redirects \(307\) to 'http://elsewhere\.example/query'"),
        ("html", BackendFailed, r"not answer in JSON: '<html>welcome"),
        ("deep_json", BackendFailed, "not answer in JSON"),
        ("no_object", BackendFailed, "JSON object, received list"),
        ("no_answer", BackendFailed, r"key 'answer'; received the keys: 'result', 'text'"),
        ("number", BackendFailed, r"with a string, received int: 7"),
        ("result_0", BackendFailed, r"result 0.*image not found"),
        ("endless", BackendFailed, "more than 4 MiB"),
        ("cut_short", BackendUnavailable, "broke"),
        ("reset", BackendUnavailable, "broke"),
    ],
)
def test_each_failure_has_its_error(serve, tmp_path, behaviour, error, words):
    server = serve(behaviour)
    with pytest.raises(error, match=words) as caught:
        client(server.url, tmp_path, retries=1).answer(query())
    assert type(caught.value) is error
    assert list(tmp_path.iterdir()) == [], "pictures are deleted after a failure too"


@pytest.mark.parametrize("behaviour", ["silent", "dribble_body", "dribble_headers"])
def test_slow_servers_end_at_the_time_limit(serve, tmp_path, behaviour):
    server = serve(behaviour)
    started = time.monotonic()
    with pytest.raises(BackendTimeout):
        client(server.url, tmp_path).answer(query(timeout_s=0.4))
    assert 0.3 < time.monotonic() - started < 2.0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("first", ["http_503", "reset", "cut_short"])
def test_passing_failures_are_tried_again(serve, tmp_path, first):
    server = serve(first, first, "good")
    assert client(server.url, tmp_path, retries=2).answer(query()).text == "[(1, 2, 0.5)]"
    assert len(server.requests) == 3


@pytest.mark.parametrize("behaviour", ["http_500", "http_422", "html", "redirect", "result_0"])
def test_lasting_failures_are_not_tried_again(serve, tmp_path, behaviour):
    server = serve(behaviour)
    with pytest.raises(BackendFailed):
        client(server.url, tmp_path, retries=3).answer(query())
    assert len(server.requests) == 1


def test_attempts_end_with_the_time_limit(serve, tmp_path, monkeypatch):
    monkeypatch.setattr(http_post, "_FIRST_PAUSE_S", 5.0)
    server = serve("http_503")
    started = time.monotonic()
    with pytest.raises(BackendUnavailable, match="503"):
        client(server.url, tmp_path, retries=10).answer(query(timeout_s=1.0))
    assert time.monotonic() - started < 1.0
    assert len(server.requests) == 1


def test_refused_connection(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(BackendUnavailable, match=rf"127\.0\.0\.1:{port}/query refuses the connection"):
        client(f"http://127.0.0.1:{port}", tmp_path, retries=0).answer(query())


def test_unknown_host(tmp_path, monkeypatch):
    def nobody(*args, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    with pytest.raises(BackendUnavailable, match=r"under the name 'gpu\.invalid'"):
        client("http://gpu.invalid:25547", tmp_path, retries=0).answer(query())


def test_name_resolution_that_hangs_ends_at_the_time_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: time.sleep(3))
    started = time.monotonic()
    with pytest.raises(BackendTimeout):
        client("http://gpu.invalid:25547", tmp_path, retries=0).answer(query(timeout_s=0.3))
    assert time.monotonic() - started < 2.0


def test_tls_against_a_plain_server(serve, tmp_path):
    server = serve("good")
    with pytest.raises(BackendUnavailable, match="TLS with https://"):
        client(server.url.replace("http:", "https:"), tmp_path, retries=0).answer(query())


def test_password_in_the_url_stays_out_of_messages(serve, tmp_path):
    server = serve("http_500")
    with pytest.raises(BackendFailed) as caught:
        client(server.url.replace("//", "//robot:secret@"), tmp_path).answer(query())
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"url": "ftp://host"}, "must look like http://host:port"),
        ({"url": "http://"}, "must look like"),
        ({"url": "http://host:99999999"}, "must look like"),
        ({"url": "http://[::1"}, "must look like"),
        ({"dialect": "gemini"}, "accepted: robotracer, roborefer"),
        ({"mode": "RGBD"}, r"accepted: RGB, RGB\+encoder"),
        ({"shared_dir": ""}, "needs shared_dir"),
        ({"shared_dir": "/nonexistent/folder"}, "shared_dir must be a folder"),
        ({"dialect": "roborefer"}, "of no use"),
        ({"retries": -1}, "retries must be from 0 to 10"),
        ({"connect_timeout_s": 0.0}, "connect_timeout_s must be above 0"),
    ],
)
def test_options_that_cannot_be_used(tmp_path, options, words):
    good = {"url": "http://localhost:25547", "dialect": "robotracer", "shared_dir": str(tmp_path)}
    with pytest.raises(InvalidRequest, match=words):
        QueryApi(**{**good, **options})


def test_close_twice(tmp_path):
    backend = client("http://localhost:1", tmp_path)
    backend.close()
    backend.close()
