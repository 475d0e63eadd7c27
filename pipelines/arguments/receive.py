"""Command line of `callveil receive`."""

from __future__ import annotations

import argparse
import os

from callveil.pipelines.exits import UsageError
from callveil.pipelines.options import add_store, command_parser, with_common
from callveil.transforms.jobs.streaming.signatures import SCHEMES, TOLERANCE
from callveil.transforms.jobs.streaming.webhook import BODY_BYTES, HEALTH, METRICS, SenderLimits

DESCRIPTION = """\
Receive webhooks: check who sent them, put each body into the inbox, encrypted with the keyring, and only then answer 200. A body that is delivered
again is stored once. `callveil watch` reads the inbox, and needs the same keyring.

Answers: 200 stored, or stored before; 401 not signed, signed wrongly, or too old; 404, 405, 411, 413 and 400 for requests of another shape; 408 where
headers or body did not come in time; 503 where the inbox cannot be written to, with Retry-After. No answer and no line of the log quotes anything
that was sent.

A connection that sends nothing, or a byte now and then, is closed at its deadline, and before that where its sender has opened more than its share:
the one that has waited longest goes, and no request that is whole. So those who leave connections open keep nobody else from being answered."""


EPILOG = f"""\
signatures (--scheme):
{os.linesep.join(f"  {name:<12} {scheme.text}" for name, scheme in SCHEMES.items())}

The secret file has one secret per line and mode 0600. To exchange a secret: add the new one as a second line, send SIGHUP, change it where requests
are sent from, take the old one out, send SIGHUP again.

examples:
  callveil receive --inbox inbox/ --secret-file ctm.secret
  callveil receive --inbox s3://raw/inbox/ --secret-file hook.secret --scheme hmac-sha256 --listen 127.0.0.1:8080

--tls-cert and --tls-key make it speak TLS (1.2 or later). SIGHUP reads both again, so that a renewed certificate holds for new connections. The other
way is something that speaks TLS in front, such as nginx; all its connections count as one sender's:
  location = /webhook {{
      client_max_body_size {BODY_BYTES >> 20}m;
      limit_req zone=hooks burst=100;               # limit_req_zone $binary_remote_addr zone=hooks:1m rate=50r/s; in the http section
      proxy_pass http://127.0.0.1:8080;
  }}
{HEALTH} (200 or 503) and {METRICS} (counters for Prometheus) are told on --health alone, without TLS: leave that address to your own network.

SIGTERM or ^C: no new connection is taken, requests that have begun are finished, the counters are printed.
exit codes: 0 ended by a signal, 1 the address or the inbox cannot be used, 2 usage"""


def build_parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    p = command_parser("receive", DESCRIPTION, EPILOG, allow_abbrev=False)
    p.add_argument(
        "--listen",
        default="127.0.0.1:8080",
        metavar="HOST:PORT",
        help="address to listen on (default 127.0.0.1:8080; port 0: any free one)",
    )
    p.add_argument("--path", default="/webhook", help="where bodies are posted (default /webhook)")
    p.add_argument(
        "--inbox",
        required=True,
        metavar="FOLDER",
        help="folder or s3:// URL that takes the bodies; made on first use",
    )
    p.add_argument(
        "--secret-file",
        required=True,
        metavar="FILE",
        help="secrets that sign requests, one per line; see below",
    )
    p.add_argument(
        "--scheme",
        choices=sorted(SCHEMES),
        default="ctm",
        help="how requests are signed (default ctm); see below",
    )
    p.add_argument(
        "--signature-header",
        metavar="NAME",
        help="another name for the header that has the signature",
    )
    p.add_argument(
        "--tolerance",
        type=float,
        default=TOLERANCE,
        metavar="SECONDS",
        help="how far a request's time may lie from ours (default 300)",
    )
    p.add_argument(
        "--max-bytes",
        type=int,
        default=BODY_BYTES,
        metavar="BYTES",
        help="largest body (default 4 MiB)",
    )
    p.add_argument(
        "--health",
        default="127.0.0.1:8081",
        metavar="HOST:PORT|none",
        help=f"address of its own on which {HEALTH} and {METRICS} are told (default "
        "127.0.0.1:8081); none: nowhere",
    )
    p.add_argument(
        "--tls-cert",
        metavar="FILE",
        help="certificate chain as PEM, along with --tls-key: connections are TLS",
    )
    p.add_argument("--tls-key", metavar="FILE", help="its private key as PEM, without a passphrase")
    p.add_argument(
        "--header-seconds",
        type=float,
        default=SenderLimits.header_seconds,
        metavar="SECONDS",
        help="from a connection's beginning to the end of a request's headers, TLS handshake and "
        "all (default 10)",
    )
    p.add_argument(
        "--body-seconds",
        type=float,
        default=SenderLimits.body_seconds,
        metavar="SECONDS",
        help="from there to the end of its body, however steadily it comes (default 30)",
    )
    p.add_argument(
        "--peer-connections",
        type=int,
        default=SenderLimits.peer_connections,
        metavar="NUMBER",
        help="connections one sender may have open: an IPv4 address, or an IPv6 network of 64 bits "
        "(default 64)",
    )
    p.add_argument(
        "--connections",
        type=int,
        default=SenderLimits.connections,
        metavar="NUMBER",
        help="connections open in all (default 512)",
    )
    p.add_argument("--threads", type=int, default=8, help="requests in work at a time (default 8)")
    p.add_argument(
        "--quiet", action="store_true", help="no access log (it goes to stderr, a line per request)"
    )
    p.add_argument("--json", action="store_true", help="access log and counters as JSON")
    add_store(p)
    return with_common(p)


def check_arguments(args: argparse.Namespace) -> None:
    """Refuse a command line that does not fit together."""
    numbers = (
        args.tolerance,
        args.max_bytes,
        args.threads,
        args.header_seconds,
        args.body_seconds,
        args.peer_connections,
        args.connections,
    )
    if min(numbers) <= 0:
        raise UsageError(
            "--tolerance, --max-bytes, --threads, --header-seconds, --body-seconds, "
            "--peer-connections and --connections need numbers above 0"
        )
    if not args.path.startswith("/"):
        raise UsageError("--path begins with a slash")
