"""A real HTTP server that replays exchanges: what a vendor's published examples say is asked and answered."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request as it came in."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The JSON body."""
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        """The form body."""
        return dict(parse_qsl(self.body.decode()))


@dataclass(frozen=True)
class Exchange:
    """One exchange: the request that has to come, and its answer. `query` None: whatever it is.

    `{origin}` in an answer stands for the server's own address. `lasting`: it is answered again and again.
    """

    method: str
    path: str
    query: Mapping[str, str] | None = None
    answer: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    lasting: bool = False


class Recorded:
    """The exchanges of one test. `asked` are the requests that came, `unexpected` those that nobody recorded."""

    def __init__(self, exchanges: list[Exchange]) -> None:
        self.waiting = exchanges
        self.asked: list[Asked] = []
        self.unexpected: list[Asked] = []
        self.origin = ""
        self._turn = threading.Lock()

    def answer(self, asked: Asked) -> Exchange:
        """The answer to a request."""
        with self._turn:
            self.asked.append(asked)
            for exchange in self.waiting:
                if (exchange.method, exchange.path) == (asked.method, asked.path) and (
                    exchange.query is None or dict(exchange.query) == dict(asked.query)
                ):
                    if not exchange.lasting:
                        self.waiting.remove(exchange)
                    return exchange
            self.unexpected.append(asked)
            return Exchange(asked.method, asked.path, status=418, answer={"message": "nobody recorded this"})


@contextmanager
def recorded(*exchanges: Exchange) -> Iterator[Recorded]:
    """A server on 127.0.0.1 that answers these exchanges and nothing else."""
    recording = Recorded(list(exchanges))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def handle_any(self) -> None:
            target = urlsplit(self.path)
            size = int(self.headers.get("Content-Length") or 0)
            asked = Asked(
                self.command,
                target.path,
                dict(parse_qsl(target.query, keep_blank_values=True)),
                {name.lower(): value for name, value in self.headers.items()},
                self.rfile.read(size),
            )
            found = recording.answer(asked)
            body = found.answer if isinstance(found.answer, bytes) else json.dumps(found.answer).encode()
            body = b"" if found.status == 204 else body.replace(b"{origin}", recording.origin.encode())
            self.send_response(found.status)
            for name, value in {"Content-Type": "application/json", **found.headers}.items():
                self.send_header(name, value.replace("{origin}", recording.origin))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    recording.origin = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield recording
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
