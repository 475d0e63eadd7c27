"""The webhook receiver as a server: waitress with total deadlines, limits per peer, TLS, and an
orderly end.
"""

from __future__ import annotations

import ipaddress
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from callveil.transforms.jobs.streaming.webhook import HealthApp, SenderLimits, Webhook

HEADER_BYTES = 32 << 10
IDLE_SECONDS = 30
"""Seconds a connection may stay open between two requests, or without taking its answer."""
RECORD_BYTES = 16 << 10
"""Bytes read at a time: the most a TLS record holds, so that none is left where poll does not see
it.
"""
ACCEPTED = 64
"""Connections taken in a row before those that are open have their turn again."""
LOOK_SECONDS = 0.2
STALL_SECONDS = 2.0
"""Between two looks; what is more was not the senders' doing, and deadlines move by it."""
HEALTH_THREADS = 2
UNLIMITED = 1 << 30
LATE = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


def serve_webhook(
    app: Webhook,
    address: tuple[str, int],
    health: tuple[str, int] | None,
    threads: int,
    stop: threading.Event,
    ready: Callable[[tuple[str, int], tuple[str, int] | None], None],
    limits: SenderLimits,
    tls: ssl.SSLContext | None = None,
    grace: float = 10.0,
) -> None:
    """Serve until `stop` is set, then take no new connection and finish the requests that have
    begun, for `grace` seconds at most.

    Bodies are held in memory, never in temporary files: waitress would write larger ones to the
    disk in clear.

    Args:
        app: takes the bodies.
        address: host and port; port 0 takes any free one.
        health: the same for health and counters, which have threads of their own; None: not told.
        threads: requests in work at a time.
        stop: ends it.
        ready: told both addresses once connections are taken.
        limits: what a sender may take up.
        tls: makes connections of the first address TLS; certificates loaded into it later hold for
            new ones.
        grace: seconds.

    Raises:
        OSError: an address cannot be had; its `filename` is that address.
    """
    sockets: dict[int, Any] = {}
    server = _Server(_listener(address), sockets, app, threads, limits, tls, app.turned_away)
    beside = (
        _Server(_listener(health), sockets, HealthApp(app), HEALTH_THREADS, limits)
        if health
        else None
    )
    ready(server.socket.getsockname()[:2], beside.socket.getsockname()[:2] if beside else None)
    try:
        while not stop.is_set():
            _turn(sockets, server, beside)
        wasyncore.dispatcher.close(server)  # the listening socket only: the connections stay
        until = time.monotonic() + grace
        while time.monotonic() < until and any(
            channel.busy for channel in list(server.active_channels.values())
        ):
            _turn(sockets, server, beside)
    finally:
        for each in (server, beside):
            if each:
                each.task_dispatcher.shutdown(cancel_pending=True, timeout=1)
                each.trigger.close()


def _listener(address: tuple[str, int]) -> socket.socket:
    try:
        return socket.create_server(
            address,
            family=socket.AF_INET6 if ":" in address[0] else socket.AF_INET,
            reuse_port=False,
        )
    except OSError as error:
        shown = f"[{address[0]}]" if ":" in address[0] else address[0]
        raise OSError(
            error.errno, error.strerror or "cannot listen there", f"{shown}:{address[1]}"
        ) from None


def _turn(sockets: dict[int, Any], *servers: _Server | None) -> None:
    wasyncore.loop(timeout=LOOK_SECONDS, map=sockets, use_poll=True, count=1)
    for server in servers:
        if server:
            server.expire()


def peer_of(host: str) -> str:
    """Give what counts as one sender: an IPv4 address, or the 64 bits of an IPv6 network that one
    customer has to draw addresses from.
    """
    try:
        found = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False))


class _Channel(HTTPChannel):
    """A connection. What it waits for has a deadline as a whole: a byte now and then does not move
    it.
    """

    request: Any

    def __init__(
        self,
        server: _Server,
        sock: socket.socket,
        addr: tuple[Any, ...],
        adj: Adjustments,
        map: dict[int, Any],  # noqa: A002
    ) -> None:
        self.peer = peer_of(str(addr[0]))
        self.shaken = server.tls is None
        self.wants_to_write = False
        self.since = self.headers_at = time.monotonic()
        self.served = False
        # OpenSSL's connections are not for two threads at once: answers are sent by the thread that
        # made them.
        self.tls_lock = threading.Lock()
        super().__init__(server, sock, addr, adj, map=map)

    @property
    def busy(self) -> bool:
        """Tell whether it has a request, whole or begun, or an answer that is not yet sent."""
        return bool(self.requests or self.request is not None or self.total_outbufs_len)

    @property
    def waiting(self) -> bool:
        """Tell whether it is the sender's turn."""
        return not (
            self.requests or self.total_outbufs_len or self.will_close or self.close_when_flushed
        )

    def deadline(self, limits: SenderLimits) -> float:
        """Return the time by which what it waits for has to be there, on the monotonic clock."""
        if self.request is not None and self.request.headers_finished:
            return self.headers_at + limits.body_seconds
        return self.since + (
            IDLE_SECONDS if self.served and self.request is None else limits.header_seconds
        )

    def received(self, data: bytes) -> bool:
        begins, known = self.request is None, bool(self.request and self.request.headers_finished)
        taken = bool(super().received(data))
        now = time.monotonic()
        if begins and self.served and self.request is not None:
            self.since = now
        if not known and self.request is not None and self.request.headers_finished:
            self.headers_at = now
        return taken

    def service(self) -> None:
        self.served = True
        super().service()
        self.since = time.monotonic()

    def give_up(self) -> None:
        """End the connection because what it waits for did not come in time; say so where a request
        has begun.
        """
        if self.request is None or not self.shaken:
            self.will_close = True
            return
        self.request.close()
        self.request = None
        with self.outbuf_lock:
            self.outbufs[-1].append(LATE)
            self.total_outbufs_len += len(LATE)
            self.close_when_flushed = True

    def writable(self) -> bool:
        return bool(super().writable()) if self.shaken else self.wants_to_write or self.will_close

    def handle_write(self) -> None:
        if self.shaken or self.will_close:
            super().handle_write()
        else:
            self.handle_read()

    def handle_read(self) -> None:
        if not (self.shaken or self._shake()):
            return
        try:
            data = self.recv(self.adj.recv_bytes)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError:
            self.handle_close()
            return
        if data:
            self.last_activity = time.time()
            self.received(data)
        else:
            self.connected = False

    def _shake(self) -> bool:
        """Go on with the TLS handshake; returns whether it is done."""
        try:
            self.wants_to_write = False
            self.socket.do_handshake()
            self.shaken = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLWantWriteError:
            self.wants_to_write = True
        except OSError:  # a client that does not trust the certificate, or speaks no TLS
            self.handle_close()
        return self.shaken

    def recv(self, buffer_size: int) -> bytes:
        with self.tls_lock:
            return bytes(super().recv(buffer_size))

    def send(self, data: bytes, do_close: bool = True) -> int:
        with self.tls_lock:
            try:
                return int(super().send(data, do_close=do_close))
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return 0


class _Server(TcpWSGIServer):
    """A listener and its connections."""

    channel_class = _Channel

    def __init__(
        self,
        listener: socket.socket,
        sockets: dict[int, Any],
        app: Webhook | HealthApp,
        threads: int,
        limits: SenderLimits,
        tls: ssl.SSLContext | None = None,
        turned_away: Callable[[str, int, str, float], None] = lambda *_: None,
    ) -> None:
        self.limits, self.tls, self.turned_away = limits, tls, turned_away
        self.looked = time.monotonic()
        adj = Adjustments(
            threads=threads,
            ident="callveil",
            max_request_body_size=app.limit,
            inbuf_overflow=app.limit + (1 << 20),
            max_request_header_size=HEADER_BYTES,
            channel_timeout=IDLE_SECONDS,
            cleanup_interval=1,
            recv_bytes=RECORD_BYTES,
            connection_limit=UNLIMITED,
            url_scheme="https" if tls else "http",
            clear_untrusted_proxy_headers=True,
        )
        dispatcher = ThreadedTaskDispatcher()
        dispatcher.set_thread_count(threads)
        info = (listener.family, listener.type, listener.proto, listener.getsockname())
        super().__init__(
            app,
            sockets,
            True,
            listener,
            dispatcher=dispatcher,
            adj=adj,
            sockinfo=info,
            bind_socket=False,
        )

    def handle_accept(self) -> None:
        for _ in range(ACCEPTED):
            try:
                taken = self.accept()
            except OSError:
                return
            if taken is None:
                return
            self._take(*taken)

    def _take(self, sock: socket.socket, addr: tuple[Any, ...]) -> None:
        try:
            self.set_socket_options(sock)
            if self.tls:
                sock.setblocking(False)
                sock = self.tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        except OSError:  # gone already
            sock.close()
            return
        channel = self.channel_class(self, sock, addr, self.adj, map=self._map)
        self._make_room(channel)

    def _make_room(self, new: _Channel) -> None:
        """Close the connection that has kept its peer's turn longest, where there are too many; the
        new one, where all are at work.

        So a sender that opens connections and leaves them takes room from itself, and never from a
        request that is whole.
        """
        channels: list[_Channel] = [c for c in self.active_channels.values() if not c.will_close]
        mine = [c for c in channels if c.peer == new.peer]
        if len(mine) > self.limits.peer_connections:
            crowd = mine
        elif len(channels) > self.limits.connections:
            counts: dict[str, int] = {}
            for channel in channels:
                counts[channel.peer] = counts.get(channel.peer, 0) + 1
            largest = max(counts, key=lambda peer: counts[peer])
            crowd = [c for c in channels if c.peer == largest]
        else:
            return
        leaves = min(
            (c for c in crowd if c.waiting and c is not new), key=lambda c: c.since, default=new
        )
        self.turned_away(str(leaves.addr[0]), 0, "crowded", time.monotonic() - leaves.since)
        # Closed in its own turn: another connection must not get its number while events of this
        # round are dealt with.
        leaves.will_close = True

    def expire(self) -> None:
        """Give up connections whose deadline has passed. Called when what had come by now is read,
        so that it is never our delay that counts.
        """
        here = time.monotonic()
        late, self.looked = max(0.0, here - self.looked - STALL_SECONDS), here
        for channel in list(self.active_channels.values()):
            channel.since, channel.headers_at = channel.since + late, channel.headers_at + late
            if channel.waiting and here > channel.deadline(self.limits):
                if channel.request is not None or not channel.served:
                    self.turned_away(str(channel.addr[0]), 408, "too_slow", here - channel.since)
                channel.give_up()


def handle_signals(stop: threading.Event, reload: Callable[[], None]) -> None:
    """Let SIGTERM and SIGINT end the server in order, and SIGHUP reload; a second SIGTERM or SIGINT
    ends the process at once.
    """

    def end(number: int, frame: object) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGHUP, lambda number, frame: reload())
