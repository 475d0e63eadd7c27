"""The webhook receiver: a WSGI application that answers 200 only for a body that is signed, fresh,
and safely in the inbox.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from callveil.transforms.jobs.streaming.message_lease import Clock
from callveil.transforms.jobs.streaming.signatures import (
    TOLERANCE,
    SignatureRefused,
    SignatureScheme,
    verify_signature,
)

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

BODY_BYTES = 4 << 20
RETRY_SECONDS = 30
_STATUS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    411: "Length Required",
    413: "Content Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
HEALTH, METRICS = "/health", "/metrics"
Environ = Mapping[str, Any]


@dataclass(frozen=True)
class SenderLimits:
    """Limits on the time and connections a sender may take up.

    Attributes:
        header_seconds: from a connection's beginning, or a later request's first byte, to the end
            of its headers; a TLS handshake counts in.
        body_seconds: from there to the end of the body.
        peer_connections: open at a time from one peer: an IPv4 address, or an IPv6 network of 64
            bits.
        connections: open at a time.
    """

    header_seconds: float = 10.0
    body_seconds: float = 30.0
    peer_connections: int = 64
    connections: int = 512


@dataclass(frozen=True)
class AccessLogEntry:
    """One request, for the access log: nothing of its content, nor what a sender put into path,
    query or headers.

    Attributes:
        peer: address the connection came from; a proxy's where one stands before.
        method, path: as asked for, where they are known ones, else `-`.
        status: of the answer.
        outcome: short code.
        size: bytes of the body as announced, 0 where none were.
        seconds: taken.
    """

    peer: str
    method: str
    path: str
    status: int
    outcome: str
    size: int
    seconds: float


@dataclass(frozen=True)
class _Answer:
    status: int
    outcome: str
    text: str
    headers: tuple[tuple[str, str], ...] = ()
    kind: str = "application/json"


@dataclass(eq=False)
class Webhook:
    """The application.

    Attributes:
        store: writes a body durably, False where it was there; see `inbox.Inbox.store`. Raises
            `OSError`.
        scheme: how senders sign.
        secrets: any of which may have signed; may be replaced while requests come in.
        path: where bodies are posted.
        limit: bytes a body may have.
        tolerance: seconds, see `signatures.verify_signature`.
        clock: seconds since 1970.
        visited: called after each request.
        counts: answers by outcome.
    """

    store: Callable[[bytes], bool]
    scheme: SignatureScheme
    secrets: Sequence[bytes]
    path: str = "/webhook"
    limit: int = BODY_BYTES
    tolerance: float = TOLERANCE
    clock: Clock = time.time
    visited: Callable[[AccessLogEntry], None] = lambda visit: None
    counts: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _failing: bool = False

    def __call__(self, environ: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        began = time.perf_counter()
        method, path = str(environ.get("REQUEST_METHOD", "")), str(environ.get("PATH_INFO", ""))
        try:
            answer = self._answer(method, path, environ)
        except Exception:  # noqa: BLE001 - its text may quote the body
            answer = _Answer(
                500, "internal_error", "a fault of the receiver; nothing was stored, send it again"
            )
        self._count(answer.outcome)
        known = path if path == self.path else "-"
        verb = (
            method
            if method in ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")
            else "-"
        )
        size = _length(environ) or 0
        seconds = time.perf_counter() - began
        self.visited(
            AccessLogEntry(
                str(environ.get("REMOTE_ADDR", "-")),
                verb,
                known,
                answer.status,
                answer.outcome,
                size,
                seconds,
            )
        )
        return _sent(answer, method, start)

    def turned_away(self, peer: str, status: int, outcome: str, seconds: float) -> None:
        """Note a connection that was closed before it had sent a whole request."""
        self._count(outcome)
        self.visited(AccessLogEntry(peer, "-", "-", status, outcome, 0, seconds))

    def _count(self, outcome: str) -> None:
        with self._lock:
            self.counts[outcome] += 1

    def _answer(self, method: str, path: str, environ: Environ) -> _Answer:
        if path != self.path:
            return _Answer(
                404, "bad_path", "nothing is received here; check the URL the sender has"
            )
        if method != "POST":
            return _Answer(405, "bad_method", "bodies are sent by POST", (("Allow", "POST"),))
        return self._receive(environ)

    def _receive(self, environ: Environ) -> _Answer:
        length = _length(environ)
        if length is None:
            return _Answer(411, "no_length", "the header Content-Length is missing or no number")
        if length > self.limit:
            return _Answer(
                413,
                "too_large",
                f"a body may have {self.limit} bytes here",
                (("Connection", "close"),),
            )
        body = environ["wsgi.input"].read(length)
        if len(body) != length or not body:
            return _Answer(
                400, "short_body", "the body is empty, or shorter than Content-Length says"
            )
        headers = {
            name: str(environ.get("HTTP_" + name.upper().replace("-", "_"), ""))
            for name in self.scheme.headers
        }
        try:
            verify_signature(self.scheme, headers, body, self.secrets, self.clock(), self.tolerance)
        except SignatureRefused as refused:
            return _Answer(401, refused.outcome, str(refused))
        try:
            new = self.store(body)
        except OSError:  # its text names the inbox, which is none of the sender's business
            self._failing = True
            return _Answer(
                503,
                "inbox_failed",
                "the body could not be stored; send it again later",
                (("Retry-After", str(RETRY_SECONDS)),),
            )
        self._failing = False
        return (
            _Answer(200, "stored", "stored")
            if new
            else _Answer(200, "duplicate", "this body was stored before")
        )

    def health(self) -> _Answer:
        """Say whether bodies can be stored."""
        if self._failing:
            return _Answer(503, "inbox_failed", "the last body could not be stored")
        return _Answer(200, "ok", "ready to receive")

    def collect(self) -> Iterable[Metric]:
        """Return the counters, as a collector of prometheus_client."""
        from prometheus_client.core import CounterMetricFamily

        requests = CounterMetricFamily(
            "callveil_receive_requests", "Requests by outcome.", labels=["outcome"]
        )
        with self._lock:
            for outcome, count in sorted(self.counts.items()):
                requests.add_metric([outcome], count)
        yield requests

    def metrics(self) -> _Answer:
        """Return counters, and what the process takes, in Prometheus' text format."""
        # Loaded here: whoever reads an option's default from this module needs none of it.
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
        from prometheus_client.process_collector import ProcessCollector
        from prometheus_client.registry import CollectorRegistry

        registry = CollectorRegistry()
        registry.register(self)
        ProcessCollector(registry=registry)
        return _Answer(200, "ok", generate_latest(registry).decode(), kind=CONTENT_TYPE_LATEST)


@dataclass(frozen=True)
class HealthApp:
    """The application that tells how the receiver is, for a listener of its own: none of it is the
    senders' business.

    Attributes:
        webhook: the receiver.
        limit: bytes a body may have.
    """

    webhook: Webhook
    limit: int = 1 << 10

    def __call__(self, environ: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        method, path = str(environ.get("REQUEST_METHOD", "")), str(environ.get("PATH_INFO", ""))
        return _sent(self._answer(method, path), method, start)

    def _answer(self, method: str, path: str) -> _Answer:
        if path not in (HEALTH, METRICS):
            return _Answer(404, "bad_path", f"{HEALTH} and {METRICS} are told here")
        if method not in ("GET", "HEAD"):
            return _Answer(405, "bad_method", f"{path} is read by GET", (("Allow", "GET, HEAD"),))
        return self.webhook.health() if path == HEALTH else self.webhook.metrics()


def _sent(answer: _Answer, method: str, start: Callable[..., Any]) -> list[bytes]:
    body = (
        answer.text.encode()
        if answer.kind != "application/json"
        else orjson.dumps({"outcome": answer.outcome, "detail": answer.text}) + b"\n"
    )
    headers = [
        ("Content-Type", answer.kind),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        *answer.headers,
    ]
    start(f"{answer.status} {_STATUS[answer.status]}", headers)
    return [] if method == "HEAD" else [body]


def _length(environ: Environ) -> int | None:
    text = str(environ.get("CONTENT_LENGTH", ""))
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
