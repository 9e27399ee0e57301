"""What stands in the slow network's namespaces: Granian with TLS in the server's, Debian's Chromium in the phone's."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from bench.servers import ROOT, START_TIMEOUT_SECONDS, _options
from bench.slow_net import SERVER_ADDRESS, SlowNet

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"),
    # Shared dictionaries work over https with a certificate of a known authority, or on localhost. Ours is our own.
    "--disable-features=CompressionDictionaryTransportRequireKnownRootCert",
]
PATIENCE_MS = 120_000
FIRST_PAINT = """() => new Promise((done) => {
  const told = () => performance.getEntriesByName("first-contentful-paint")[0];
  if (told()) return done(told().startTime);
  new PerformanceObserver(() => told() && done(told().startTime)).observe({ type: "paint", buffered: true });
})"""


class Certificate:
    """A throw-away certificate for the server's address, of the usual kind: ECDSA, so that the handshake is short."""

    def __init__(self, folder: Path) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "khata bench")])
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=2))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(SERVER_ADDRESS))]), critical=False)
            .sign(key, hashes.SHA256())
        )
        self.certificate, self.key = folder / "certificate.pem", folder / "key.pem"
        self.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        kind = serialization.PrivateFormat.PKCS8
        self.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption()))
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        digest = hashlib.sha256(key.public_key().public_bytes(serialization.Encoding.DER, form)).digest()
        self.trust = "--ignore-certificate-errors-spki-list=" + base64.b64encode(digest).decode()


def origin_of(port: int) -> str:
    """The address a phone reaches the server at."""
    return f"https://{SERVER_ADDRESS}:{port}"


@contextlib.contextmanager
def serve_inside(
    net: SlowNet,
    target: str,
    environ: Mapping[str, str],
    certificate: Certificate,
    port: int = 8443,
    python: str = sys.executable,
) -> Iterator[str]:
    """The origin where `target` (module:app) is served over TLS, with HTTP/2 where the phone takes it."""
    own = ["--ssl-certificate", str(certificate.certificate), "--ssl-keyfile", str(certificate.key), "--http", "auto"]
    where = ["--host", SERVER_ADDRESS, "--port", str(port)]
    command = net.inside(net.server, [python, "-m", "granian", *_options(), *own, *where, target])
    if mortal := shutil.which("setpriv"):  # a bench that is killed leaves no server behind
        command = [mortal, "--pdeathsig", "TERM", *command]
    server = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **environ}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_until_up(net, port)
        yield origin_of(port)
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait_until_up(net: SlowNet, port: int) -> None:
    look = (
        "import socket, sys, time\n"
        f"for _ in range({START_TIMEOUT_SECONDS * 10}):\n"
        f"    if not socket.socket().connect_ex(('{SERVER_ADDRESS}', {port})): sys.exit(0)\n"
        "    time.sleep(0.1)\n"
        "sys.exit('the server inside the slow network did not start')"
    )
    subprocess.run(net.inside(net.server, [sys.executable, "-c", look]), check=True)


@contextlib.contextmanager
def chromium_inside(net: SlowNet, certificate: Certificate, folder: Path) -> Iterator[Browser]:
    """A browser in the phone's namespace; what steers it goes through a pipe and not over the line."""
    starter = folder / "chromium-inside"
    starter.write_text(f'#!/bin/sh\nexec {" ".join(net.inside(net.phone, [CHROMIUM]))} "$@"\n')
    starter.chmod(0o755)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=starter, args=[*FLAGS, certificate.trust])
        try:
            yield browser
        finally:
            browser.close()


def new_phone(browser: Browser, origin: str, cookie: str = "") -> BrowserContext:
    """A small phone with nothing kept and no connection open, signed in where there is a cookie."""
    context = browser.new_context(base_url=origin, viewport={"width": 360, "height": 640}, locale="en-IN")
    context.set_default_timeout(PATIENCE_MS)
    for pair in cookie.split("; ") if cookie else ():
        name, _equals, value = pair.partition("=")
        context.add_cookies([{"name": name, "value": value, "url": origin}])
    return context


def first_paint_ms(page: Page) -> float:
    """How long after the tap the page showed something, handshakes included."""
    return float(page.evaluate(FIRST_PAINT))


def quiet(page: Page, net: SlowNet, still_ms: int = 700) -> None:
    """Wait until nothing has passed over the line for a while."""
    page.wait_for_load_state("load")
    before = -1
    while (now := net.count().bytes) != before:
        before = now
        page.wait_for_timeout(still_ms)
