"""The receiver and senders that take their time: deadlines, shares of a sender, health of its own,
TLS.
"""

from __future__ import annotations

import datetime as dt
import http.client
import ipaddress
import json
import signal
import socket
import ssl
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from support.waiting import HANGS, wait_for
from support.webhook_posts import Receiver, ctm, half_open, is_open

from callveil.pipelines.receive import peer_of

BODY = b'{"call": {"id": 18, "account_id": 4}}'
PATIENT = ("--header-seconds", "600", "--body-seconds", "600")
HURRIED = ("--header-seconds", "4", "--body-seconds", "4")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have one loopback address")
def test_a_post_is_answered_beside_300_half_open_connections(tmp_path: Path) -> None:
    with Receiver(tmp_path, *PATIENT) as running:
        links = half_open(running.port, 300, peers=6)
        for n in range(3):
            body = BODY + b" " * n
            assert running.send(body, ctm(body))[0] == 200
        assert running.send(b"", {}, "GET", "/health")[0] == 200
        assert sum(map(is_open, links)) == 300


def test_who_leaves_connections_open_takes_room_from_itself_alone(tmp_path: Path) -> None:
    with Receiver(tmp_path, *PATIENT, "--peer-connections", "20", "--connections", "50") as running:
        links = half_open(running.port, 80)
        assert running.send(BODY, ctm(BODY))[0] == 200
        wait_for("the end of those that were too many", lambda: sum(map(is_open, links)) <= 20)
        assert all(map(is_open, links[-10:])), "those that have waited longest go"
        assert counted(running, "crowded") >= 60
        if sys.platform == "linux":
            more = half_open(running.port, 90, peers=6)
            other = BODY + b" "
            assert running.send(other, ctm(other))[0] == 200
            wait_for("the end of those", lambda: sum(map(is_open, [*links, *more])) <= 50)


def counted(running: Receiver, outcome: str) -> float:
    """Return the count of requests with an outcome."""
    name = f'callveil_receive_requests_total{{outcome="{outcome}"}} '
    said = running.send(b"", {}, "GET", "/metrics")[1]
    return float(said.partition(name)[2].partition("\n")[0] or 0)


@pytest.mark.parametrize(
    ("begun", "drop", "answer"),
    [
        (b"", b"", b""),
        (b"POST /webhook HTTP/1.1\r\n", b"X: y\r\n", b"HTTP/1.1 408 "),
        (b"POST /webhook HTTP/1.1\r\nContent-Length: 9000\r\n\r\n", b"x", b"HTTP/1.1 408 "),
        (
            b"POST /webhook HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"1\r\nx\r\n",
            b"HTTP/1.1 408 ",
        ),
    ],
    ids=["silence", "a header now and then", "a byte now and then", "a chunk now and then"],
)
def test_a_byte_now_and_then_moves_no_deadline(
    tmp_path: Path, begun: bytes, drop: bytes, answer: bytes
) -> None:
    with (
        Receiver(tmp_path, *HURRIED) as running,
        socket.create_connection(("127.0.0.1", running.port), timeout=0.1) as link,
    ):
        link.sendall(begun)
        said, until = None, time.monotonic() + HANGS
        while said is None and time.monotonic() < until:
            try:
                said = link.recv(4096)
            except TimeoutError:
                link.sendall(drop)
            except OSError:
                said = b""
        assert said is not None and said.startswith(answer) and bool(said) == bool(answer)
        wait_for("its count", lambda: counted(running, "too_slow") == 1)
        assert not running.files()


def test_requests_on_one_connection_have_their_time_each(tmp_path: Path) -> None:
    with Receiver(tmp_path, *HURRIED) as running:
        link = http.client.HTTPConnection("127.0.0.1", running.port, timeout=HANGS)
        for n in range(3):
            body = BODY + b" " * n
            link.request("POST", "/webhook", body, ctm(body))
            answer = link.getresponse()
            assert (answer.status, json.loads(answer.read())["outcome"]) == (200, "stored")
            time.sleep(4.5 * (n == 0))
        link.close()
        assert counted(running, "too_slow") == 0


def test_health_is_told_on_its_own_address_alone(tmp_path: Path) -> None:
    with Receiver(tmp_path) as running:
        for path in ("/health", "/metrics"):
            link = http.client.HTTPConnection("127.0.0.1", running.port, timeout=HANGS)
            link.request("GET", path)
            assert link.getresponse().status == 404
            assert running.send(b"", {}, "GET", path)[0] == 200
        link = http.client.HTTPConnection("127.0.0.1", running.health, timeout=HANGS)
        link.request("POST", "/webhook", BODY, ctm(BODY))
        assert link.getresponse().status == 404
        assert not running.files()


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A self-signed certificate for this machine, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
    )
    made = (
        made.serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(1))
        .not_valid_after(now + dt.timedelta(9))
    )
    names = x509.SubjectAlternativeName(
        [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    )
    chain, private = folder / "cert.pem", folder / "key.pem"
    chain.write_bytes(
        made.add_extension(names, False)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    private.touch(mode=0o600)
    form, bare = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, bare))
    return chain, private


def common_name(running: Receiver) -> str:
    """The name in the certificate that is shown now."""
    shown = x509.load_pem_x509_certificate(
        ssl.get_server_certificate(("127.0.0.1", running.port)).encode()
    )
    return str(shown.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def test_tls_by_certificate_files(tmp_path: Path) -> None:
    chain, key = certificate(tmp_path, "first")
    with Receiver(
        tmp_path, *HURRIED, "--max-bytes", "700000", "--tls-cert", str(chain), "--tls-key", str(key)
    ) as running:
        running.tls = ssl.create_default_context(cafile=str(chain))
        large = b'{"name": "Quillon"}' * 30_000
        for body in (BODY, large):
            assert running.send(body, ctm(body))[0] == 200
        assert running.send(BODY, {})[0] == 401
        assert running.send(b"", {}, "GET", "/health")[0] == 200, "health is told without TLS"
        with socket.create_connection(("127.0.0.1", running.port), timeout=HANGS) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
            with suppress(ConnectionResetError):
                assert b"HTTP/1.1" not in plain.recv(4096)
        with socket.create_connection(
            ("127.0.0.1", running.port), timeout=HANGS
        ) as silent:  # no handshake
            assert silent.recv(1) == b""
        assert common_name(running) == "first"
        assert running.process
        good = chain.read_bytes()
        for text, name in ((b"nonsense", "first"), (None, "second")):
            if text is None:
                certificate(tmp_path, "second")
            else:
                chain.write_bytes(text)
            before = running.log.stat().st_size
            running.process.send_signal(signal.SIGHUP)
            wait_for("its word", lambda at=before: b"secret" in running.log.read_bytes()[at:])
            assert common_name(running) == name
        assert good != chain.read_bytes()
        running.tls = ssl.create_default_context(cafile=str(chain))
        assert running.send(BODY, ctm(BODY))[0] == 200
        assert len(running.files()) == 2


@pytest.mark.parametrize(
    ("host", "peer"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_what_counts_as_one_sender(host: str, peer: str) -> None:
    assert peer_of(host) == peer
