"""Signed posts to a running receiver, by a process of its own, and what is needed to start one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from callveil.transforms.storage.encryption.keyring import Keyring
from support.waiting import HANGS

SECRET = b"0123456789abcdef0123456789abcdef"
OTHER = b"fedcba9876543210fedcba9876543210"


def ctm(body: bytes, at: float | None = None, secret: bytes = SECRET) -> dict[str, str]:
    """Headers as CallTrackingMetrics signs, written from its sample receiver and not from our
    code.
    """
    stamp = str(int(time.time() if at is None else at))
    made = hmac.new(secret, digestmod=hashlib.sha1)
    made.update(stamp.encode())
    made.update(body)
    return {"X-CTM-Time": stamp, "X-CTM-Signature": base64.b64encode(made.digest()).decode()}


def timed(body: bytes, at: float | None = None, *secrets: bytes) -> dict[str, str]:
    """Headers of the other scheme, signed with each of `secrets`."""
    stamp = str(int(time.time() if at is None else at))
    signed = b"%s.%s" % (stamp.encode(), body)
    digests = [hmac.new(secret, signed, "sha256").hexdigest() for secret in secrets or (SECRET,)]
    return {"X-Signature": ",".join([f"t={stamp}", *(f"v1={d}" for d in digests)])}


class Receiver:
    """`callveil receive` as a process. Use it in a `with`."""

    def __init__(
        self,
        root: Path,
        *words: str,
        secrets: tuple[bytes, ...] = (SECRET,),
        inbox: str | None = None,
        port: int = 0,
    ) -> None:
        self.root, self.inbox = root, inbox or str(root / "inbox")
        self.keyring_path, self.secret_file = root / "keyring.json", root / "secret"
        self.write_secrets(*secrets)
        if not self.keyring_path.exists():
            Keyring.create(self.keyring_path)
        self.words, self.listen = words, f"127.0.0.1:{port}"
        self.log = root / "log"
        self.process: subprocess.Popen[str] | None = None
        self.port = self.health = 0
        self.tls: ssl.SSLContext | None = None

    def write_secrets(self, *secrets: bytes) -> None:
        """Replace the secret file."""
        self.secret_file.touch(mode=0o600)
        self.secret_file.write_bytes(b"\n".join(secrets) + b"\n")

    @property
    def keyring(self) -> Keyring:
        """Load the keyring that sealed the inbox."""
        return Keyring.load(self.keyring_path)

    def __enter__(self) -> Receiver:
        words = [
            "--inbox",
            self.inbox,
            "--secret-file",
            str(self.secret_file),
            "--keyring",
            str(self.keyring_path),
        ]
        words += ["--listen", self.listen, "--health", "127.0.0.1:0"]
        command = [sys.executable, "-m", "callveil.pipelines.cli", "receive", *words, *self.words]
        with self.log.open("a") as sink:
            begin = sink.tell()
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=sink, text=True)
        until = time.monotonic() + HANGS
        while time.monotonic() < until and self.process.poll() is None:
            found = re.search(
                r"listening on https?://[^ ]*:(\d+)/.* health on http://[^ ]*:(\d+)/",
                self.log.read_text()[begin:],
            )
            if found:
                self.port, self.health = int(found[1]), int(found[2])
                return self
            time.sleep(0.05)
        raise AssertionError(self.log.read_text())

    def __exit__(self, *rest: object) -> None:
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Signal the process; its exit code and what it printed."""
        assert self.process
        self.process.send_signal(number)
        out, _ = self.process.communicate(timeout=HANGS)
        return self.process.returncode, out

    def send(
        self, body: bytes, headers: dict[str, str], method: str = "POST", path: str = "/webhook"
    ) -> tuple[int, str, dict[str, str]]:
        """One request over a connection of its own: status, text and headers of the answer."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=HANGS)
        if path in ("/health", "/metrics"):
            link = http.client.HTTPConnection("127.0.0.1", self.health, timeout=HANGS)
        elif self.tls:
            link = http.client.HTTPSConnection(
                "localhost", self.port, timeout=HANGS, context=self.tls
            )
        try:
            link.request(method, path, body, headers)
            answer = link.getresponse()
            return (
                answer.status,
                answer.read().decode(),
                {k.lower(): v for k, v in answer.getheaders()},
            )
        finally:
            link.close()

    def files(self) -> list[Path]:
        """Sealed bodies that lie in a local inbox."""
        return sorted(Path(self.inbox).glob("*.sealed"))


def half_open(port: int, number: int, peers: int = 1) -> list[socket.socket]:
    """Connections that leave a request unfinished, each in one of four ways, from as many addresses
    of this machine.
    """
    head = b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
    begun = (b"", b"POST /webh", head, head + b"\r\n{")
    links = []
    for n in range(number):
        source = (f"127.0.0.{2 + n % peers}", 0) if peers > 1 else None
        link = socket.create_connection(("127.0.0.1", port), timeout=HANGS, source_address=source)
        link.sendall(begun[n % len(begun)])
        links.append(link)
    return links


def is_open(link: socket.socket) -> bool:
    """Tell whether the other side has neither answered nor closed."""
    link.setblocking(False)
    try:
        link.recv(1)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


def resident(pid: int) -> Any:
    """File descriptors of a process, to look for open temporary files."""
    return [os.readlink(f"/proc/{pid}/fd/{n}") for n in os.listdir(f"/proc/{pid}/fd")]
