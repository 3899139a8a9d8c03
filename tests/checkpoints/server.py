"""A server on this machine in place of the hosts of checkpoints; it cuts, stalls, lies and refuses when told to."""

import contextlib
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lass.checkpoints.remote import Endpoints


@dataclass
class Behaviour:
    """What the server serves, how it misbehaves, and what it was asked."""

    files: dict[str, bytes]
    ranges: bool = True
    shift: int = 0
    cut_after: int | None = None
    cuts: int = 0
    stall: bool = False
    status: int | None = None
    length: bool = True
    extra: dict[str, str] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    tag: str | None = None
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_GET(self) -> None:
        behaviour, path = self.server.behaviour, self.path
        asked = self.headers.get("Range")
        behaviour.asked.append((path, asked))
        behaviour.tokens.append(self.headers.get("Authorization"))
        if path in behaviour.redirects:
            self.answer(302, b"", {"Location": behaviour.redirects[path], **behaviour.extra})
            return
        body = behaviour.files.get(path)
        if behaviour.status is not None or body is None:
            self.answer(behaviour.status or 404, b"no", {})
            return
        start = int(asked.removeprefix("bytes=").split("-")[0]) if asked and behaviour.ranges else 0
        start = max(0, start - behaviour.shift)
        tag = f'"{hashlib.sha1(body).hexdigest()}"' if behaviour.tag is None else behaviour.tag
        headers = {"ETag": tag} if tag else {}
        if start and start >= len(body):
            self.answer(416, b"", {"Content-Range": f"bytes */{len(body)}"})
        elif start:
            self.answer(206, body[start:], {**headers, "Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"})
        else:
            self.answer(200, body, {**headers, **behaviour.extra})

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        behaviour = self.server.behaviour
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if behaviour.length:
            self.send_header("Content-Length", str(len(body)))
        else:
            self.close_connection = True
        self.end_headers()
        if status < 300 and behaviour.cut_after is not None and behaviour.cuts > 0:
            behaviour.cuts -= 1
            body = body[: behaviour.cut_after]
            self.close_connection = True
        self.wfile.write(body)
        behaviour.sent.append(len(body))
        if behaviour.stall and status < 300:
            self.wfile.flush()
            behaviour.release.wait(20)
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    behaviour: Behaviour

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a client that hangs up is what several tests are about

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def endpoints(self) -> Endpoints:
        """Both hosts, served from here."""
        return Endpoints(hugging_face=self.url, zenodo=self.url, loopback_http=True)


@contextlib.contextmanager
def serving(files: dict[str, bytes]) -> Iterator[Server]:
    """A server with these files by their path."""
    running = Server(("127.0.0.1", 0), Handler)
    running.behaviour = Behaviour(files)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield running
    finally:
        running.behaviour.release.set()
        running.shutdown()
        thread.join()
        running.server_close()
