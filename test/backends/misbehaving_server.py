"""An HTTP server on 127.0.0.1 that answers ``POST /query`` well, or wrongly in a chosen way."""

from __future__ import annotations

import json
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class MisbehavingServer:
    """Serves until closed. ``script`` names the behaviour of each request in turn, the last one for all further."""

    def __init__(self, *script: str) -> None:
        self.script = list(script) or ["good"]
        self.requests: list[dict] = []
        self.files: list[dict[str, bytes]] = []
        self.released = threading.Event()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                owner._serve(self)

            def log_message(self, *args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        named = [*body.get("image_paths", []), *(body.get("depth_z_paths") or [])]
        self.files.append({path: Path(path).read_bytes() for path in named})
        behaviour = self.script[min(len(self.requests), len(self.script) - 1)]
        self.requests.append({"path": handler.path, **body})
        getattr(self, f"_{behaviour}")(handler)

    def _reply(self, handler, content, status=200, headers=()):
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        handler.send_response(status)
        for name, value in headers:
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def _good(self, handler):
        self._reply(handler, {"result": 1, "answer": "[(1, 2, 0.5)]"})

    def _http_503(self, handler):
        self._reply(handler, b"loading weights", 503)

    def _http_500(self, handler):
        self._reply(handler, b"Traceback: CUDA out of memory", 500)

    def _http_422(self, handler):
        self._reply(handler, {"detail": "no field image_paths"}, 422)

    def _redirect(self, handler):
        self._reply(handler, b"", 307, [("Location", "http://elsewhere.example/query")])

    def _html(self, handler):
        self._reply(handler, b"<html>welcome</html>")

    def _deep_json(self, handler):
        self._reply(handler, b"[" * 200_000)

    def _no_object(self, handler):
        self._reply(handler, [1, 2])

    def _no_answer(self, handler):
        self._reply(handler, {"result": 1, "text": "[(1, 2)]"})

    def _number(self, handler):
        self._reply(handler, {"answer": 7})

    def _result_0(self, handler):
        self._reply(handler, {"result": 0, "answer": "image not found"})

    def _endless(self, handler):
        handler.send_response(200)
        handler.end_headers()
        try:
            while not self.released.is_set():
                handler.wfile.write(b" " * 65536)
        except OSError:
            pass  # the client hung up, as it should

    def _cut_short(self, handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b'{"answer": "[(1,')
        handler.close_connection = True

    def _reset(self, handler):
        # A linger time of 0 makes close() send RST.
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.close()

    def _silent(self, handler):
        self.released.wait(30)

    def _dribble_body(self, handler):
        self._dribble(handler, b"HTTP/1.0 200 OK\r\n\r\n")

    def _dribble_headers(self, handler):
        self._dribble(handler, b"HTTP/1.0 200 OK\r\nX-Slow: ")

    def _dribble(self, handler, start):
        try:
            handler.wfile.write(start)
            while not self.released.wait(0.05):
                handler.wfile.write(b"x")
        except OSError:
            pass  # the client hung up, as it should
