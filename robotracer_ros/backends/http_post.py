"""One JSON request over HTTP, within a time limit, with retries, and each failure told in its own words."""

from __future__ import annotations

import json
import random
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import requests
from urllib3.exceptions import HTTPError

from robotracer_ros.backends.deadline import Overrun, within
from robotracer_ros.errors import BackendError, BackendFailed, BackendTimeout, BackendUnavailable, InvalidRequest

# Answers are a few kilobytes; a server that sends more sends something else.
MAX_REPLY_BYTES: Final = 4 * 1024 * 1024
MAX_RETRIES: Final = 10
_READ_BYTES: Final = 64 * 1024
_EXCERPT_CHARACTERS: Final = 200
# A server that is starting up, or a proxy in front of one; every other status says that asking again is no use.
_TRANSIENT_STATUS: Final = frozenset({502, 503, 504})
_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 5.0


class _WorthARetry(Exception):
    """A failure that may be over in a moment; ``error`` is what to raise when it is not."""

    def __init__(self, error: BackendError) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass(frozen=True, slots=True)
class JsonEndpoint:
    """Where and how patiently JSON is posted.

    Attributes:
        url: http or https.
        retries: further attempts after a refused or broken connection or a status 502, 503 or 504.
        connect_timeout_s: for one attempt to connect.

    Raises:
        InvalidRequest: for anything else.
    """

    url: str
    retries: int
    connect_timeout_s: float

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise InvalidRequest(f"url must look like http://host:port, received {self.url!r:.120}")
        if not 0 <= self.retries <= MAX_RETRIES:
            raise InvalidRequest(f"retries must be from 0 to {MAX_RETRIES}, received {self.retries}")
        if not self.connect_timeout_s > 0:
            raise InvalidRequest(f"connect_timeout_s must be above 0 s, received {self.connect_timeout_s}")

    @property
    def shown(self) -> str:
        """The address without user name and password, for messages."""
        parts = urlsplit(self.url)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))

    def post(self, payload: dict[str, object], timeout_s: float) -> object:
        """Post ``payload`` and return the reply's JSON, all attempts and pauses within ``timeout_s`` seconds.

        Raises:
            BackendUnavailable: no such host, connection refused or broken, TLS refused, or 502, 503, 504 to the last.
            BackendTimeout: no complete reply in time.
            BackendFailed: any other status but 200, a redirect, a reply that is too large or is not JSON.
        """
        ends = time.monotonic() + timeout_s
        body = json.dumps(payload).encode("ascii")
        pause_s = _FIRST_PAUSE_S
        attempt = 0
        while True:
            attempt += 1
            try:
                return self._parsed(within(ends - time.monotonic(), lambda: self._exchange(body, ends), "http-post"))
            except Overrun:
                raise self._too_late(timeout_s) from None
            except _WorthARetry as failure:
                # Half of the pause is chance, so that several robots do not come back at the same moment.
                wait_s = pause_s * (0.5 + 0.5 * random.random())
                if attempt > self.retries or time.monotonic() + wait_s >= ends:
                    tried = f" ({attempt} attempts)" if attempt > 1 else ""
                    raise type(failure.error)(f"{failure.error}{tried}") from failure.__cause__
                time.sleep(wait_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _exchange(self, body: bytes, ends: float) -> bytes:
        left_s = max(ends - time.monotonic(), 0.001)
        # Uncompressed, so that the limit on bytes read is the limit on memory used.
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        try:
            with requests.post(
                self.url,
                data=body,
                headers=headers,
                timeout=(min(self.connect_timeout_s, left_s), left_s),
                stream=True,
                allow_redirects=False,
            ) as response:
                reply = self._read(response)
                self._check_status(response, reply)
                return reply
        except (OSError, HTTPError, HTTPException, UnicodeError) as error:
            # requests' own exceptions are OSErrors; the others slip through it from urllib3, http.client and idna.
            raise self._named(error) from error

    def _read(self, response: requests.Response) -> bytes:
        reply = bytearray()
        for piece in response.iter_content(_READ_BYTES):
            reply += piece
            if len(reply) > MAX_REPLY_BYTES:
                raise BackendFailed(f"{self.shown} sends more than {MAX_REPLY_BYTES >> 20} MiB; that is no answer")
        return bytes(reply)

    def _check_status(self, response: requests.Response, reply: bytes) -> None:
        status = response.status_code
        if status == 200:
            return
        if 300 <= status < 400:
            raise BackendFailed(
                f"{self.shown} redirects ({status}) to {response.headers.get('Location', 'nowhere')!r:.120}; "
                f"give that address as url if it is the right one"
            )
        said = f"{self.shown} answers HTTP {status} {response.reason or ''}: {_excerpt(reply)}"
        if status in _TRANSIENT_STATUS:
            raise _WorthARetry(BackendUnavailable(said))
        raise BackendFailed(said)

    def _named(self, error: Exception) -> Exception:
        """The failure in this package's words."""
        causes = list(_causes(error))
        words = f"{type(causes[-1]).__name__}: {causes[-1]!s:.{_EXCERPT_CHARACTERS}}"

        def caused_by(*kinds: type[BaseException]) -> bool:
            return any(isinstance(cause, kinds) for cause in causes)

        if caused_by(ssl.SSLError):
            return BackendUnavailable(f"TLS with {self.shown} failed: {words}")
        if caused_by(requests.exceptions.ConnectTimeout):
            return _WorthARetry(BackendTimeout(f"{self.shown} takes no connection within {self.connect_timeout_s:g} s"))
        if caused_by(requests.Timeout, TimeoutError):
            return BackendTimeout(f"{self.shown} took the request and did not answer in time")
        if caused_by(socket.gaierror):
            host = urlsplit(self.url).hostname
            return _WorthARetry(BackendUnavailable(f"no machine is found under the name {host!r} ({self.shown})"))
        if caused_by(ConnectionRefusedError):
            return _WorthARetry(
                BackendUnavailable(f"{self.shown} refuses the connection; is the model's server running there?")
            )
        if caused_by(requests.ConnectionError, requests.exceptions.ChunkedEncodingError, ConnectionError):
            return _WorthARetry(BackendUnavailable(f"the connection to {self.shown} broke: {words}"))
        return BackendFailed(f"{self.shown} cannot be asked: {words}")

    def _parsed(self, reply: bytes) -> object:
        try:
            parsed: object = json.loads(reply)
        except (ValueError, RecursionError) as error:
            raise BackendFailed(f"{self.shown} does not answer in JSON: {_excerpt(reply)}") from error
        return parsed

    def _too_late(self, timeout_s: float) -> BackendTimeout:
        return BackendTimeout(f"{self.shown} gave no complete answer within {timeout_s:g} s")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """``error`` and what led to it, outermost first; urllib3 keeps some of it in ``reason`` and in ``args``."""
    waiting, seen = [error], set()
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        inner = (current.__cause__, current.__context__, getattr(current, "reason", None), *current.args)
        waiting += [cause for cause in inner if isinstance(cause, BaseException)]


def _excerpt(reply: bytes) -> str:
    text = " ".join(reply[: 4 * _EXCERPT_CHARACTERS].decode("utf-8", "replace").split())
    return repr(text[:_EXCERPT_CHARACTERS]) if text else "(empty)"
