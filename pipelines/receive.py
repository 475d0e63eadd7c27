"""The webhook receiver as a server: waitress, with an orderly end."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from waitress import wasyncore
from waitress.server import create_server

from callveil.transforms.watch.webhook import Webhook

HEADER_BYTES = 32 << 10
IDLE_SECONDS = 30
"""Seconds a connection may be silent."""
LOOK_SECONDS = 0.2


def serve(app: Webhook, host: str, port: int, threads: int, stop: threading.Event, ready: Callable[[str, int], None], grace: float = 10.0) -> None:
    """Serve until `stop` is set, then take no new connection and finish the requests that have begun, for `grace` seconds at most.

    Bodies are held in memory, never in temporary files: waitress would write larger ones to the disk in clear.

    Args:
        port: 0 takes any free one.
        ready: told the address once connections are taken.

    Raises `OSError` where the address cannot be had.
    """
    listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, reuse_port=False)
    server: Any = create_server(
        app, sockets=[listener], threads=threads, ident="callveil", max_request_body_size=app.limit, inbuf_overflow=app.limit + (1 << 20),
        max_request_header_size=HEADER_BYTES, channel_timeout=IDLE_SECONDS, cleanup_interval=5, clear_untrusted_proxy_headers=True,
    )  # fmt: skip
    ready(*server.socket.getsockname()[:2])
    try:
        while not stop.is_set():
            _turn(server)
        wasyncore.dispatcher.close(server)  # the listening socket only: the connections stay
        until = time.monotonic() + grace
        while time.monotonic() < until and any(_busy(channel) for channel in list(server.active_channels.values())):
            _turn(server)
    finally:
        server.task_dispatcher.shutdown(cancel_pending=True, timeout=1)
        server.trigger.close()


def _turn(server: Any) -> None:
    server.asyncore.loop(timeout=LOOK_SECONDS, map=server._map, use_poll=True, count=1)


def _busy(channel: Any) -> bool:
    """Whether a connection has a request, whole or begun, or an answer that is not yet sent."""
    return bool(channel.requests or channel.request is not None or channel.total_outbufs_len)


def stopping(stop: threading.Event, reload: Callable[[], None]) -> None:
    """Let SIGTERM and SIGINT end the server in order, and SIGHUP reload; a second SIGTERM or SIGINT ends the process at once."""

    def end(number: int, frame: object) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGHUP, lambda number, frame: reload())
