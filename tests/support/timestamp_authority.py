"""A timestamp authority of one's own: OpenSSL answers, over HTTP."""

from __future__ import annotations

import datetime as dt
import subprocess
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CONFIG = """
[ tsa ]
default_tsa = one
[ one ]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
"""


class Authority:
    """Certificates of its own, and a server that answers until it is closed.

    Attributes:
        ca: file of its own certificate and the one above. url: where it answers.
        replayed: an answer it gives instead, where there is one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.ca = folder / "both.pem"
        self.replayed = b""
        self._certify()
        (folder / "serial").write_text("01\n")
        (folder / "tsa.cnf").write_text(CONFIG.format(folder=folder))
        authority = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = self.rfile.read(int(self.headers["Content-Length"]))
                answer = authority.answer(asked) if self.path == "/tsr" else b"<html>no</html>"
                self.send_response(200)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/tsr"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def answer(self, asked: bytes) -> bytes:
        """The answer to a request, by OpenSSL."""
        if self.replayed:
            return self.replayed
        with tempfile.NamedTemporaryFile(dir=self.folder) as query:
            query.write(asked)
            query.flush()
            command = [
                "openssl",
                "ts",
                "-reply",
                "-config",
                str(self.folder / "tsa.cnf"),
                "-queryfile",
                query.name,
            ]
            return subprocess.run(command, capture_output=True, check=True).stdout

    def close(self) -> None:
        """Answer no more."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()

    def _certify(self) -> None:
        top, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        start = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
        names = [
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, n)])
            for n in ("Test Root", "Test Timestamps")
        ]
        signer = x509.SubjectKeyIdentifier.from_public_key(top.public_key())
        made = []
        for subject, key, is_ca in ((names[0], top, True), (names[1], own, False)):
            builder = (
                x509.CertificateBuilder()
                .subject_name(subject)
                .issuer_name(names[0])
                .public_key(key.public_key())
                .serial_number(x509.random_serial_number())
                .not_valid_before(start)
                .not_valid_after(start + dt.timedelta(days=30))
                .add_extension(x509.BasicConstraints(is_ca, None), critical=True)
                .add_extension(
                    x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
                )
                .add_extension(
                    x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(signer),
                    critical=False,
                )
            )
            if not is_ca:
                builder = builder.add_extension(
                    x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True
                )
            made.append(builder.sign(top, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        self.ca.write_bytes(made[0] + made[1])
        (self.folder / "tsa.pem").write_bytes(made[1])
        (self.folder / "tsa.key").write_bytes(
            own.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
