"""A client for ``POST /query``, in the dialects of RoboTracer's and RoboRefer's servers."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from robotracer_ros.backends.http_post import JsonEndpoint
from robotracer_ros.backends.query_dialects import open_dialect
from robotracer_ros.errors import BackendFailed
from robotracer_ros.query import ModelAnswer, ModelQuery


class QueryApi:
    """A model behind ``POST {url}/query``.

    Args:
        url: of the server, with or without ``/query``.
        dialect: "robotracer" (pictures as files both sides see) or "roborefer" (pictures inside the request).
        mode: which cues the model gets, see `query_dialects`; "" for every one that the query has.
        shared_dir: for "robotracer", a folder that the server sees under the same path.
        retries: after a refused or broken connection or a status 502, 503 or 504.
        connect_timeout_s: for one attempt to connect.

    Raises:
        InvalidRequest: for a value that cannot be used, naming those that can.
    """

    def __init__(
        self,
        url: str,
        dialect: str = "robotracer",
        mode: str = "",
        shared_dir: str = "",
        retries: int = 2,
        connect_timeout_s: float = 3.0,
    ) -> None:
        base = url.rstrip("/")
        self._endpoint = JsonEndpoint(
            base if base.endswith("/query") else f"{base}/query", retries=retries, connect_timeout_s=connect_timeout_s
        )
        self._dialect = open_dialect(dialect, mode, shared_dir)
        parts = urlsplit(self._endpoint.url)
        self._model = f"{dialect}@{parts.netloc.rpartition('@')[2]}"

    def answer(self, query: ModelQuery) -> ModelAnswer:
        """Ask the server; ``max_new_tokens`` is the server's own, the protocol has no field for it.

        Raises:
            BackendUnavailable, BackendTimeout, BackendFailed: see `JsonEndpoint.post`; and BackendFailed for a query
                without a cue that a named mode needs, and for a reply without a string under ``answer``.
        """
        started = time.monotonic()
        with self._dialect.payload(query) as payload:
            left_s = query.timeout_s - (time.monotonic() - started)
            reply = self._endpoint.post(payload, left_s)
        return ModelAnswer(self._words(reply), self._model, time.monotonic() - started)

    def close(self) -> None:
        """Nothing to free: every request has a connection and files of its own."""

    def _words(self, reply: object) -> str:
        shown = self._endpoint.shown
        if not isinstance(reply, dict):
            raise BackendFailed(f"{shown} must answer with a JSON object, received {type(reply).__name__}")
        # The servers report their own failures as status 200 with result 0.
        if reply.get("result", 1) == 0:
            raise BackendFailed(f"{shown} reports a failure (result 0): {reply!r:.200}")
        if "answer" not in reply:
            keys = ", ".join(map(repr, list(reply)[:12])) or "none"
            raise BackendFailed(f"{shown} must answer under the key 'answer'; received the keys: {keys:.200}")
        answer = reply["answer"]
        if not isinstance(answer, str):
            raise BackendFailed(f"{shown} must answer with a string, received {type(answer).__name__}: {answer!r:.100}")
        return answer
