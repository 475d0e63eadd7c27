"""An S3-compatible server of one's own, and a proxy before it that does to requests what networks
and servers do.
"""

from __future__ import annotations

import http.client
import os
import random
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from support import ROOT

KEYS = {
    "AWS_ACCESS_KEY_ID": "callveil",
    "AWS_SECRET_ACCESS_KEY": "callveil-test",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
}
HOP = {"connection", "keep-alive", "transfer-encoding", "expect"}
BUSY = b"<?xml version='1.0'?><Error><Code>%s</Code><Message>injected</Message></Error>"


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


class Server:
    """versitygw over a folder, which can be killed and started again. `deploy/s3.sh` builds it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        for name in ("objects", "versions"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        """Start it and wait until it listens."""
        program = ROOT / "build" / "go" / "versitygw"
        if not program.exists():
            subprocess.run(
                [ROOT / "deploy" / "s3.sh", "true"],
                check=True,
                env=os.environ | {"CALLVEIL_S3_PORT": str(free_port())},
            )
        env = os.environ | {
            "ROOT_ACCESS_KEY": KEYS["AWS_ACCESS_KEY_ID"],
            "ROOT_SECRET_KEY": KEYS["AWS_SECRET_ACCESS_KEY"],
        }
        where = ["posix", "--versioning-dir", f"{self.folder}/versions", f"{self.folder}/objects"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [program, "--port", f"127.0.0.1:{self.port}", *where],
                env=env,
                stdout=log,
                stderr=log,
            )
        for _ in range(200):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise RuntimeError(f"versitygw does not listen; see {self.folder}/log")

    def kill(self) -> None:
        """SIGKILL."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class Proxy:
    """Forwards requests to a server, and spoils some.

    Attributes:
        kind: what is done to a request that is drawn: one of `KINDS`, `expired` credentials, a
            `read only` role, or nothing where empty.
        share: share of the requests drawn. most: how many at most; 0 for any number.
        after: requests that pass untouched first.
        done: how many were spoilt. asked: requests in all.
    """

    KINDS = (
        "503",
        "500 after success",
        "answer lost",
        "cut before",
        "truncated",
        "short length",
        "corrupt",
        "corrupt upload",
        "hang",
        "silent",
    )
    BODIES = ("truncated", "short length", "corrupt")
    """Kinds that need an answer with a body."""

    def __init__(self, upstream: int) -> None:
        self.upstream, self.kind, self.share, self.most, self.after = upstream, "", 0.0, 0, 0
        self.done, self.asked, self._rng, self._lock = 0, 0, random.Random(0), threading.Lock()
        self.released = threading.Event()
        self.methods: Counter[str] = Counter()
        proxy = self

        class Handler(_Handler):
            owner = proxy

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.handle_error = lambda *_: None  # of clients that were killed
        self.endpoint = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def spoil(self, kind: str, share: float, seed: int, most: int = 0, after: int = 0) -> None:
        """Begin to spoil, by a seed; an empty kind ends it."""
        with self._lock:
            self.kind, self.share, self.most, self.after = kind, share, most, after
            self.done, self.asked, self._rng = 0, 0, random.Random(seed)
            self.methods.clear()
        self.released.set()
        self.released = threading.Event()

    def drawn(self, method: str, body: bool = True) -> str:
        """Draw the fault that this request meets; empty where it meets none."""
        with self._lock:
            self.asked += 1
            writes = {
                "corrupt upload": method == "PUT" and body,
                "read only": method not in ("GET", "HEAD"),
            }
            fits = writes.get(self.kind, self.kind not in self.BODIES or method == "GET")
            if (
                not self.kind
                or not fits
                or self.asked <= self.after
                or (self.most and self.done >= self.most)
                or self._rng.random() >= self.share
            ):
                return ""
            self.done += 1
            self.methods[method] += 1
            return self.kind


class _Handler(BaseHTTPRequestHandler):
    owner: Proxy
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the base class names it
        """Say nothing."""

    def _all(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        kind = self.owner.drawn(self.command, bool(data))
        if kind in ("hang", "silent"):
            self.owner.released.wait(300)
        if kind in ("hang", "silent", "cut before"):
            self._close()
        elif kind == "503":
            self._send(503, [], BUSY % b"SlowDown")
        elif kind == "read only":
            self._send(403, [], BUSY % b"AccessDenied")
        elif kind == "expired":
            self._send(400, [], BUSY % b"ExpiredToken")
        else:
            self._forward(kind, _flipped(data) if kind == "corrupt upload" else data)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _all  # noqa: N815 - as the base class looks for them

    def _forward(self, kind: str, data: bytes) -> None:
        upstream = http.client.HTTPConnection("127.0.0.1", self.owner.upstream, timeout=60)
        try:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in HOP:
                    upstream.putheader(name, value)
            upstream.endheaders(data)
            answer = upstream.getresponse()
            body, headers = answer.read(), answer.getheaders()
        except (OSError, http.client.HTTPException):
            self._close()  # as the client sees a server that is gone
            return
        finally:
            upstream.close()
        if kind == "500 after success":
            self._send(500, [], BUSY % b"InternalError")
        elif kind == "answer lost":
            self._close()
        elif kind == "short length":
            self._send(answer.status, headers, body[: len(body) // 2])
        elif kind == "truncated":
            self._send(answer.status, headers, body[: len(body) // 2], len(body))
            self._close()
        else:
            self._send(answer.status, headers, _flipped(body) if kind == "corrupt" else body)

    def _send(
        self, status: int, headers: list[tuple[str, str]], body: bytes, length: int | None = None
    ) -> None:
        self.send_response_only(status)
        told = {name.lower(): value for name, value in headers}
        for name, value in headers:
            if name.lower() not in (*HOP, "content-length"):
                self.send_header(name, value)
        head = self.command == "HEAD"
        self.send_header(
            "Content-Length",
            told.get("content-length", "0")
            if head
            else str(len(body) if length is None else length),
        )
        self.end_headers()
        if not head:
            self.wfile.write(body)
        self.wfile.flush()

    def _close(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


def _flipped(data: bytes) -> bytes:
    """Data with bytes in its middle changed."""
    middle = len(data) // 2
    return data[:middle] + bytes(b ^ 0x55 for b in data[middle : middle + 3]) + data[middle + 3 :]
