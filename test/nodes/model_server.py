"""A model server for tests: answers, takes its time, or hangs."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ANSWER = "[(200, 300, 0.9), (500, 200, 0.7), (800, 400, 1.1)]"


class Server(ThreadingHTTPServer):
    """Answers ``POST /query`` after ``delay_s``, except instructions with the word "hang", which it keeps waiting."""

    daemon_threads = True

    def __init__(self) -> None:
        self.released = threading.Event()
        self.delay_s = 0.0
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def parameters(self) -> dict[str, Any]:
        """What trace_node has to be started with to ask it."""
        url = f"http://127.0.0.1:{self.server_address[1]}"
        return {"backend": "query_api", "query_api.url": url, "query_api.dialect": "roborefer"}


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "hang" in asked["text"]:
            self.server.released.wait(30.0)
            return
        time.sleep(self.server.delay_s)
        body = json.dumps({"result": 1, "answer": ANSWER}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[Server]:
    """A server until the block ends."""
    one = Server()
    thread = threading.Thread(target=one.serve_forever, daemon=True)
    thread.start()
    try:
        yield one
    finally:
        one.released.set()
        one.shutdown()
        one.server_close()
        thread.join(2.0)
