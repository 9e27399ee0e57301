"""A provider on this machine: keeps what it was asked, answers as it was told, hangs or hangs up."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

NUMBER, BODY = (
    "+919876543210",
    "Asha Store: ₹1,250 is due. Thank you & जल्दी मिलेंगे = धन्यवाद\nhttps://khata.example/p/x?a=1+1",
)
HANG, DRIP, CUT, CUT_IN_ANSWER, GARBAGE = "hang", "drip", "cut", "cut in the answer", "garbage"


class Asked(NamedTuple):
    """One request."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> list[tuple[str, str]]:
        """The body's form fields."""
        assert self.headers["content-type"].partition(";")[0] == "application/x-www-form-urlencoded"
        return parse_qsl(self.body.decode(), keep_blank_values=True, strict_parsing=True)

    @property
    def json(self) -> Any:
        """The body's JSON."""
        assert self.headers["content-type"].partition(";")[0] == "application/json"
        return json.loads(self.body)

    @property
    def login(self) -> tuple[str, str]:
        """User and password of Basic."""
        kind, _space, packed = self.headers["authorization"].partition(" ")
        assert kind == "Basic"
        user, _colon, password = base64.b64decode(packed).decode().partition(":")
        return user, password


class Provider:
    """`answers` are given in order, the last one for ever: (status, body, headers), or HANG and the like."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answers: list[Any] = [(200, {}, {})]
        self.done = threading.Event()
        self.base = ""

    def answer(self, status: int, body: Any = None, **headers: str) -> None:
        """From now on this; a header's name has _ for -."""
        self.answers = [(status, {} if body is None else body, {k.replace("_", "-"): v for k, v in headers.items()})]

    def next(self) -> Any:
        """The answer that is due."""
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    @property
    def one(self) -> Asked:
        """The one request there was."""
        assert len(self.asked) == 1
        return self.asked[0]


class _Desk(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms for an acknowledgement
    provider: Provider

    def _serve(self) -> None:
        where = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = parse_qsl(where.query, keep_blank_values=True)
        self.provider.asked.append(Asked(self.command, where.path, query, headers, body))
        answer = self.provider.next()
        self.close_connection = isinstance(answer, str)
        if answer == HANG:
            self.provider.done.wait(20)
        elif answer == DRIP:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")
            while not self.provider.done.wait(0.05):
                self.wfile.write(b" ")
        elif answer == CUT_IN_ANSWER:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")
        elif answer == GARBAGE:
            self.wfile.write(b"\x00\x01not http\r\n\r\n")
        elif answer != CUT:
            self._write(*answer)

    def _write(self, status: int, body: Any, headers: dict[str, str]) -> None:
        raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    do_GET = do_POST = do_PUT = _serve

    def log_message(self, *args: object) -> None:
        """Nothing is written."""


@contextmanager
def provider_here(context: ssl.SSLContext | None = None) -> Iterator[Provider]:
    """A provider at a free port, over TLS where a context is given."""
    provider = Provider()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Desk", (_Desk,), {"provider": provider}))
    server.handle_error = lambda *_args: None  # type: ignore[method-assign]  # the client hangs up in some tests
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    provider.base = f"http{'s' if context else ''}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        provider.done.set()
        server.shutdown()
        server.server_close()
        thread.join()


def own_certificate(folder: Path) -> tuple[Path, Path]:
    """(certificate, key) for this machine, which nobody vouches for."""
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=2))
    made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    signed = made.sign(key, hashes.SHA256())
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths
