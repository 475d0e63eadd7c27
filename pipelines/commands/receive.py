"""`callveil receive`: take in webhooks, sealed, for `callveil watch`."""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import json
import logging
import os
import resource
import ssl
import stat
import sys
import threading
from contextlib import suppress
from pathlib import Path

from callveil.pipelines.exits import DONE, FailedError, UsageError
from callveil.pipelines.logs import logs_json, tell
from callveil.pipelines.options import files_of
from callveil.transforms.jobs.streaming.signatures import SCHEMES
from callveil.transforms.jobs.streaming.webhook import HEALTH, AccessLogEntry, SenderLimits, Webhook
from callveil.transforms.storage.checkpoints.store_identity import compare_inbox
from callveil.transforms.storage.encryption.keyring import Keyring
from callveil.transforms.storage.files.filesystem import Files
from callveil.transforms.storage.files.urls import FilesError, is_s3, local_path
from callveil.transforms.storage.format1.inbox import Inbox

log = logging.getLogger(__name__)

SECRET_BYTES = 16
"""A shorter secret can be guessed from one signed request."""


SPARE_FILES = 128
"""Open files beside connections: libraries, the inbox, what waits to be closed."""


def run(args: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    allow_connections(args.connections)
    listen = parse_address(args.listen)
    health = None if args.health == "none" else parse_address(args.health, "--health")
    tls = TlsFiles(args.tls_cert, args.tls_key) if args.tls_cert or args.tls_key else None
    if tls:
        tls.load()
    secrets = read_secrets(args.secret_file)
    files = files_of(args)
    with suppress(FileNotFoundError):
        compare_inbox(files, args.inbox, args.keyring)
    keyring = Keyring.open_or_create(args.keyring, dt.datetime.now(dt.UTC))
    _look_at_inbox(files, args.inbox)
    scheme = SCHEMES[args.scheme]
    if args.signature_header:
        scheme = dataclasses.replace(scheme, headers=(args.signature_header, *scheme.headers[1:]))
    app = Webhook(
        Inbox(files, args.inbox, keyring).store,
        scheme,
        secrets,
        args.path,
        args.max_bytes,
        args.tolerance,
    )
    if not args.quiet:
        app.visited = _log_fields if logs_json() else _log_json if args.json else _log
    return _serve(args, app, listen, health, tls)


def _serve(
    args: argparse.Namespace,
    app: Webhook,
    listen: tuple[str, int],
    health: tuple[str, int] | None,
    tls: TlsFiles | None,
) -> int:
    from callveil.pipelines.receive import handle_signals, serve_webhook

    def reload() -> None:
        try:
            if tls:
                tls.load()
            app.secrets = read_secrets(args.secret_file)
            tell(f"{len(app.secrets)} secret(s) from now on")
        except UsageError as error:
            tell(f"{error}; secrets stay as they were, and so does the certificate")

    def ready(taken: tuple[str, int], beside: tuple[str, int] | None) -> None:
        where = f"{'https' if tls else 'http'}://{format_address(taken)}{args.path}"
        told = f", health on http://{format_address(beside)}{HEALTH}" if beside else ""
        tell(f"listening on {where}, inbox {args.inbox}{told}")

    stop = threading.Event()
    handle_signals(stop, reload)
    limits = SenderLimits(
        args.header_seconds, args.body_seconds, args.peer_connections, args.connections
    )
    try:
        serve_webhook(
            app, listen, health, args.threads, stop, ready, limits, tls.context if tls else None
        )
    except OSError as error:
        raise FailedError(
            f"{error.filename}: {error.strerror}; give another --listen or --health"
        ) from None
    counts = dict(sorted(app.counts.items()))
    print(
        json.dumps(counts)
        if args.json
        else "\n".join(f"{number:>12,}  {outcome}" for outcome, number in counts.items()),
        flush=True,
    )
    return DONE


class TlsFiles:
    """Certificate and key of a TLS listener.

    Args:
        certificate, key: PEM files.
    """

    def __init__(self, certificate: str | None, key: str | None) -> None:
        if not (certificate and key):
            raise UsageError(
                "--tls-cert and --tls-key: give both, the certificate chain and its private key"
            )
        self.certificate, self.key = certificate, key
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.options |= ssl.OP_NO_RENEGOTIATION

    def load(self) -> None:
        """Read both files; they hold for connections from then on. Raises `UsageError`, and then
        nothing has changed.
        """
        try:
            if stat.S_IMODE(Path(self.key).stat().st_mode) & 0o007:
                raise UsageError(
                    f"{self.key}: all users may read the key; mend it with `chmod o= {self.key}`"
                )
            # On trial first: a chain that is loaded without its key would end connections.
            for context in (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), self.context):
                context.load_cert_chain(self.certificate, self.key, password=_no_passphrase)
        except ssl.SSLError:
            raise UsageError(
                f"--tls-cert {self.certificate}, --tls-key {self.key}: no certificate chain and "
                "private key that belong together; both are PEM"
            ) from None
        except OSError as error:
            raise UsageError(
                f"--tls-cert {self.certificate}, --tls-key {self.key}: {error.strerror}"
            ) from None


def _no_passphrase() -> str:
    raise UsageError(
        "--tls-key: the key has a passphrase, which nobody is here to type; write it without one, "
        "readable by its owner alone"
    )


def allow_connections(number: int) -> None:
    """Raise this process's limit of open files to what so many connections need. Raises
    `UsageError` where it may not.
    """
    needed = number + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        if hard != resource.RLIM_INFINITY and hard < needed:
            raise UsageError(
                f"--connections: {number} need {needed} open files, and {hard} are allowed; raise "
                "that (ulimit -Hn) or ask for fewer"
            )
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def format_address(taken: tuple[str, int]) -> str:
    """Return an address as a URL has it."""
    return f"[{taken[0]}]:{taken[1]}" if ":" in taken[0] else f"{taken[0]}:{taken[1]}"


def parse_address(text: str, option: str = "--listen") -> tuple[str, int]:
    """Return the host and port of `HOST:PORT`; the host of an IPv6 address stands in brackets.
    Raises `UsageError`.
    """
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise UsageError(f"{option}: expected HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080")
    return host.removeprefix("[").removesuffix("]"), int(port)


def read_secrets(path: str) -> list[bytes]:
    """Return the secrets of a file, one per line, in order. Raises `UsageError`, which quotes
    none.
    """
    try:
        with Path(path).open("rb") as source:
            mode = stat.S_IMODE(os.fstat(source.fileno()).st_mode)
            lines = [line.strip() for line in source.read().splitlines()]
    except OSError as error:
        raise UsageError(
            f"{path}: {error.strerror}; --secret-file names a file with one secret per line"
        ) from None
    if mode & 0o077:
        raise UsageError(
            f"{path}: mode {mode:04o} lets other users read the secrets; mend it with `chmod 600 "
            f"{path}`"
        )
    secrets = [line for line in lines if line]
    if not secrets:
        raise UsageError(f"{path}: holds no secret; put one on a line")
    short = [number for number, line in enumerate(lines, 1) if line and len(line) < SECRET_BYTES]
    if short:
        raise UsageError(
            f"{path}: line {short[0]}: a secret needs {SECRET_BYTES} characters or more"
        )
    return secrets


def _look_at_inbox(files: Files, inbox: str) -> None:
    """Find out before the first request whether the inbox can be used. Raises `FilesError`."""
    if is_s3(inbox):
        next(files.list(inbox), None)
        return
    folder = Path(local_path(inbox))
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise FilesError(error.errno, "the inbox cannot be made", inbox) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise FilesError(13, "this user may not write into the inbox", inbox)
    files.sweep_temporary(inbox)


def _log(visit: AccessLogEntry) -> None:
    when = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
    line = (
        f"{when} {visit.peer} {visit.method} {visit.path} {visit.status} {visit.outcome} "
        f"{visit.size} B {visit.seconds * 1000:.1f} ms\n"
    )
    sys.stderr.write(line)


def _log_json(visit: AccessLogEntry) -> None:
    when = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
    sys.stderr.write(json.dumps({"time": when, **dataclasses.asdict(visit)}) + "\n")


def _log_fields(visit: AccessLogEntry) -> None:
    log.info("request", extra={"fields": dataclasses.asdict(visit)})
