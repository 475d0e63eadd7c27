"""The receiver as a process, over sockets: what it answers, what it stores, and how it ends."""

from __future__ import annotations

import http.client
import json
import random
import signal
import socket
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.waiting import HANGS, wait_for
from support.webhook_posts import OTHER, SECRET, Receiver, ctm, resident, timed

from callveil.pipelines import cli
from callveil.pipelines.commands.receive import parse_address, read_secrets
from callveil.pipelines.exits import UsageError
from callveil.transforms.jobs.streaming.signatures import SCHEMES
from callveil.transforms.jobs.streaming.webhook import Webhook
from callveil.transforms.storage.encryption.encrypted_file import SealedError
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.encryption.sealed_body import decrypt_body, encrypt_body
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.format1.inbox import Inbox

BODY = (
    b'{"call": {"id": 18, "account_id": 4, "name": "Quillon Vexworth", "caller_number": '
    b'"+12025550143"}}'
)


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    with Receiver(tmp_path_factory.mktemp("receive"), "--max-bytes", "700000") as running:
        yield running


def test_a_body_is_stored_sealed_and_once(receiver: Receiver) -> None:
    before = len(receiver.files())
    assert receiver.send(BODY, ctm(BODY))[:2] == (200, '{"outcome":"stored","detail":"stored"}\n')
    status, text, _ = receiver.send(BODY, ctm(BODY, time.time() - 60))
    assert status == 200 and "duplicate" in text
    assert len(receiver.files()) == before + 1
    stored = Path(Inbox(Files(), receiver.inbox, receiver.keyring).url(BODY))
    assert decrypt_body(stored.read_bytes(), receiver.keyring) == BODY
    assert b"Vexworth" not in stored.read_bytes() and stat.S_IMODE(stored.stat().st_mode) == 0o600
    assert (
        b"Vexworth" not in receiver.log.read_bytes()
        and b"2025550143" not in receiver.log.read_bytes()
    )


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status", "outcome"),
    [
        ("POST", "/webhook", {}, b"{}", 401, "unsigned"),
        ("POST", "/webhook", ctm(b"other"), b"{}", 401, "bad_signature"),
        ("POST", "/webhook", ctm(b"{}", secret=OTHER), b"{}", 401, "bad_signature"),
        ("POST", "/webhook", ctm(b"{}", at=1_700_000_000), b"{}", 401, "stale"),
        ("POST", "/webhook", timed(b"{}"), b"{}", 401, "unsigned"),
        ("POST", "/webhook", ctm(b""), b"", 400, "short_body"),
        ("POST", "/elsewhere/Quillon", ctm(b"{}"), b"{}", 404, "bad_path"),
        ("GET", "/webhook", {}, b"", 405, "bad_method"),
        ("PUT", "/webhook", ctm(b"{}"), b"{}", 405, "bad_method"),
        ("POST", "/health", {}, b"{}", 405, "bad_method"),
        ("QUILLON", "/webhook", ctm(b"{}"), b"{}", 405, "bad_method"),
    ],
)
def test_what_is_refused(
    receiver: Receiver,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    status: int,
    outcome: str,
) -> None:
    before = receiver.files()
    found, text, answered = receiver.send(body, headers, method, path)
    assert (found, json.loads(text)["outcome"]) == (status, outcome)
    assert ("allow" in answered) == (status == 405)
    assert receiver.files() == before
    assert b"QUILLON" not in receiver.log.read_bytes().upper()


def raw(receiver: Receiver, data: bytes) -> bytes:
    """Send these very bytes and return the answer."""
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=HANGS) as link:
        link.sendall(data)
        return link.recv(65536)


def test_bytes_no_client_would_send(receiver: Receiver) -> None:
    before = receiver.files()
    assert (
        b" 411 "
        in raw(receiver, b"POST /webhook HTTP/1.1\r\nHost: x\r\n\r\n").split(b"\r\n")[0] + b" "
    )
    assert (
        b" 413 "
        in raw(receiver, b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 700001\r\n\r\n")[
            :40
        ]
    )
    assert (
        b" 400 "
        in raw(receiver, b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: -4\r\n\r\n")[:40]
    )
    assert (
        b" 400 "
        in raw(
            receiver,
            b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: "
            b"2\r\nContent-Length: 3\r\n\r\n{}",
        )[:40]
    )
    assert (
        b" 431 "
        in raw(receiver, b"POST /webhook HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 70_000 + b"\r\n\r\n")[
            :40
        ]
    )
    assert receiver.send(b"", {}, "GET", "/health")[0] == 200
    assert receiver.files() == before
    head = "".join(f"{k}: {v}\r\n" for k, v in ctm(b"in two chunks").items())
    chunked = (
        f"POST /webhook HTTP/1.1\r\nHost: x\r\n{head}Transfer-Encoding: "
        "chunked\r\n\r\n6\r\nin two\r\n7\r\n chunks\r\n0\r\n\r\n"
    )
    assert b" 200 " in raw(receiver, chunked.encode())[:40]
    assert len(receiver.files()) == len(before) + 1


def test_a_large_body_is_never_on_the_disk_in_clear(receiver: Receiver) -> None:
    """The server's usual way with a large body is a temporary file."""
    body = b'{"name": "Quillon"}' * 30_000
    assert receiver.process
    link = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=HANGS)
    link.putrequest("POST", "/webhook")
    for name, value in {**ctm(body), "Content-Length": str(len(body))}.items():
        link.putheader(name, value)
    link.endheaders()
    link.send(body[:-1])
    time.sleep(0.5)
    assert not [
        name
        for name in resident(receiver.process.pid)
        if "/tmp/" in name and str(receiver.root) not in name
    ]
    link.send(body[-1:])
    assert link.getresponse().status == 200
    assert (
        decrypt_body(
            Path(Inbox(Files(), receiver.inbox, receiver.keyring).url(body)).read_bytes(),
            receiver.keyring,
        )
        == body
    )


def test_health_and_counters(receiver: Receiver) -> None:
    body = b"counted"
    count = 'callveil_receive_requests_total{outcome="stored"} '
    receiver.send(body + b"0", ctm(body + b"0"))
    first = receiver.send(b"", {}, "GET", "/metrics")[1]
    receiver.send(body, ctm(body))
    second = receiver.send(b"", {}, "GET", "/metrics")[1]
    before, after = (float(text.split(count)[1].split("\n")[0]) for text in (first, second))
    assert after == before + 1
    assert receiver.send(b"", {}, "GET", "/health")[0] == 200
    assert receiver.send(b"", {}, "HEAD", "/health")[:2] == (200, "")


def test_secrets_are_exchanged_without_a_gap(tmp_path: Path) -> None:
    with Receiver(
        tmp_path, "--scheme", "hmac-sha256", "--signature-header", "X-Hook-Signature"
    ) as running:

        def sent(body: bytes, *secrets: bytes) -> int:
            return running.send(
                body, {"X-Hook-Signature": timed(body, None, *secrets)["X-Signature"]}
            )[0]

        assert (sent(b"1", SECRET), sent(b"2", OTHER)) == (200, 401)
        reload(running, SECRET, OTHER)
        assert (sent(b"3", SECRET), sent(b"4", OTHER)) == (200, 200)
        reload(running, OTHER)
        assert (sent(b"5", SECRET), sent(b"6", OTHER)) == (401, 200)
        reload(running, b"short")
        assert (sent(b"7", SECRET), sent(b"8", OTHER)) == (401, 200)
        code, out = running.end(signal.SIGINT)
    assert code == 0 and sorted(out.split()) == sorted(["5", "stored", "3", "bad_signature"])


def reload(running: Receiver, *secrets: bytes) -> None:
    """Replace the secrets and wait until the receiver says that it has read them."""
    before = running.log.stat().st_size
    running.write_secrets(*secrets)
    assert running.process
    running.process.send_signal(signal.SIGHUP)
    wait_for("its word", lambda: b"secret" in running.log.read_bytes()[before:])


def takes_connections(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=HANGS).close()
    except OSError:
        return False
    return True


def test_requests_that_have_begun_are_finished(tmp_path: Path) -> None:
    """SIGTERM while the second half of a body is still to come: the body is taken in, and no new
    connection is.
    """
    with Receiver(tmp_path, "--json") as running:
        body = b"x" * 1000
        head = "".join(
            f"{k}: {v}\r\n"
            for k, v in {**ctm(body), "Content-Length": str(len(body)), "Host": "x"}.items()
        )
        with socket.create_connection(("127.0.0.1", running.port), timeout=HANGS) as link:
            link.sendall(f"POST /webhook HTTP/1.1\r\n{head}\r\n".encode() + body[:500])
            time.sleep(0.3)
            assert running.process
            running.process.send_signal(signal.SIGTERM)
            wait_for("the end of new connections", lambda: not takes_connections(running.port))
            link.sendall(body[500:])
            assert link.recv(65536).startswith(b"HTTP/1.1 200")
        out, _ = running.process.communicate(timeout=HANGS)
        assert running.process.returncode == 0 and json.loads(out) == {"stored": 1}
        assert len(running.files()) == 1
        visits = [
            json.loads(line)
            for line in running.log.read_text().splitlines()
            if line.startswith("{")
        ]
        assert [(v["status"], v["outcome"], v["size"], v["path"]) for v in visits] == [
            (200, "stored", 1000, "/webhook")
        ]


def test_killed_in_a_storm_it_has_every_body_it_answered_for(tmp_path: Path) -> None:
    """Four times killed and started again while six senders post and post again: each body that was
    answered with 200 is there, whole, and once.
    """
    rng = random.Random(5)
    answered: list[bytes] = []
    refused: list[int] = []
    stop = threading.Event()
    place: dict[str, Any] = {}

    def post(number: int) -> None:
        mine, n = random.Random(number), 0
        while not stop.is_set():
            n += 1
            body = b'{"sender": %d, "n": %d, "text": "%s"}' % (
                number,
                n,
                mine.randbytes(mine.randrange(20, 60_000)).hex().encode(),
            )
            while not stop.is_set():
                try:
                    status, _, _ = place["running"].send(body, ctm(body))
                except (OSError, http.client.HTTPException):
                    time.sleep(0.02)
                    continue
                if status == 200:
                    answered.append(body)
                    break
                refused.append(status)

    senders = [threading.Thread(target=post, args=(number,)) for number in range(6)]
    for turn in range(5):
        with Receiver(tmp_path, "--quiet") as running:
            place["running"] = running
            if turn == 0:
                for sender in senders:
                    sender.start()
            time.sleep(rng.uniform(0.4, 1.0))
            assert running.process
            if turn == 4:
                stop.set()
                for sender in senders:
                    sender.join()
            running.process.kill()
            running.process.wait()
    assert len(answered) > 100 and not refused
    keyring = running.keyring
    stored = [decrypt_body(file.read_bytes(), keyring) for file in running.files()]
    assert len(stored) == len(set(stored))
    assert set(answered) <= set(stored)
    assert len(stored) - len(answered) <= 6, (
        "at most one body a sender was stored and never answered for"
    )
    with Receiver(tmp_path) as running:
        assert not [f for f in Path(running.inbox).iterdir() if not f.name.endswith(".sealed")], (
            "what killed writers left is swept"
        )


def test_an_inbox_on_s3(tmp_path: Path, s3_server: Any, s3_bucket: str, s3_client: Any) -> None:
    inbox = f"s3://{s3_bucket}/in"
    with Receiver(
        tmp_path, "--s3-endpoint-url", str(s3_server.endpoint_url), inbox=inbox
    ) as running:
        assert [running.send(b, ctm(b))[0] for b in (b"one", b"two", b"one")] == [200, 200, 200]
        files = Files(s3_server)
        assert sorted(
            decrypt_body(files.read(f.url), running.keyring) for f in files.list(inbox)
        ) == [b"one", b"two"]
        for item in s3_client.list_objects_v2(Bucket=s3_bucket)["Contents"]:
            s3_client.delete_object(Bucket=s3_bucket, Key=item["Key"])
        s3_client.delete_bucket(Bucket=s3_bucket)
        status, text, headers = running.send(b"three", ctm(b"three"))
        assert status == 503 and headers["retry-after"] and s3_bucket not in text
        assert running.send(b"", {}, "GET", "/health")[0] == 503
        s3_client.create_bucket(Bucket=s3_bucket)
        assert (
            running.send(b"three", ctm(b"three"))[0] == 200
            and running.send(b"", {}, "GET", "/health")[0] == 200
        )


def test_a_fault_of_ours_stores_nothing_and_says_nothing() -> None:
    def fail(body: bytes) -> bool:
        raise ValueError(body.decode())

    app = Webhook(fail, SCHEMES["ctm"], [SECRET])
    answers: list[tuple[str, Any]] = []
    import io

    headers = {"HTTP_" + k.upper().replace("-", "_"): v for k, v in ctm(BODY).items()}
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/webhook",
        "CONTENT_LENGTH": str(len(BODY)),
        "wsgi.input": io.BytesIO(BODY),
        **headers,
    }
    text = b"".join(app(environ, lambda *args: answers.append(args)))
    assert (
        answers[0][0].startswith("500")
        and b"Vexworth" not in text
        and app.counts == {"internal_error": 1}
    )


def test_sealed_bodies_open_only_whole_and_with_their_key(keyring: Keyring, tmp_path: Path) -> None:
    sealed = encrypt_body(BODY, keyring)
    assert encrypt_body(BODY, keyring) == sealed and decrypt_body(sealed, keyring) == BODY
    for broken in (
        sealed[:-1],
        sealed[:40],
        b"",
        BODY,
        bytes([*sealed[:-30], sealed[-30] ^ 1, *sealed[-29:]]),
    ):
        with pytest.raises(SealedError):
            decrypt_body(broken, keyring)
    with pytest.raises(SealedError):
        decrypt_body(sealed, Keyring.create(tmp_path / "other.json"))
    rotated = Keyring.rotate(keyring.path)
    assert (
        decrypt_body(sealed, rotated) == BODY
        and decrypt_body(encrypt_body(BODY, rotated), rotated) == BODY
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--listen", "8080"], "HOST:PORT"),
        (["--listen", "127.0.0.1:99999"], "HOST:PORT"),
        (["--path", "webhook"], "slash"),
        (["--health", "8081"], "--health: expected HOST:PORT"),
        (["--header-seconds", "0"], "above 0"),
        (["--connections", "100000000"], "open files"),
        (["--tls-cert", "/nowhere/cert.pem"], "give both"),
        (["--tls-cert", "/nowhere/cert.pem", "--tls-key", "/nowhere/key.pem"], "/nowhere/key.pem"),
        (["--tolerance", "0"], "above 0"),
        (["--secret-file", "/nowhere/secret"], "/nowhere/secret"),
    ],
)
def test_mistakes_of_the_command_line(
    tmp_path: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = tmp_path / "secret"
    secret.touch(mode=0o600)
    secret.write_bytes(SECRET)
    base = [
        "receive",
        "--inbox",
        str(tmp_path / "in"),
        "--secret-file",
        str(secret),
        "--keyring",
        str(tmp_path / "k.json"),
    ]
    assert cli.main([*base, *words]) == 2
    assert said in capsys.readouterr().err


def test_secret_files(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    for mode, text, said in (
        (0o644, SECRET, "chmod 600"),
        (0o600, b"\n\n", "no secret"),
        (0o600, SECRET + b"\nQuillonSecret\n", "line 2"),
    ):
        path.unlink(missing_ok=True)
        path.touch(mode=mode)
        path.chmod(mode)
        path.write_bytes(text)
        with pytest.raises(UsageError, match=said) as caught:
            read_secrets(str(path))
        assert "Quillon" not in str(caught.value)
    path.write_bytes(SECRET + b"\r\n\n " + OTHER)
    assert read_secrets(str(path)) == [SECRET, OTHER]
    assert parse_address("[::1]:0") == ("::1", 0)


def test_an_address_that_is_taken(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        pytest.raises(AssertionError, match="Address already in use"),
    ):
        Receiver(tmp_path, port=other.getsockname()[1]).__enter__()
