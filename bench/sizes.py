"""Bytes over the wire, compressed as Chromium gets them."""

from __future__ import annotations

import json
from pathlib import Path

from bench.books import environ_of, new_app, session_cookie
from bench.report import Line, at_most_bytes
from bench.servers import ROOT, serve
from bench.wire import Answer, Connection, request
from khata.demo import make_demo
from khata.ledger.queries import HOME_PAGE

HOME_BYTES, SIGN_IN_BYTES, APP_BYTES = 1_800, 9 * 1024, 30 * 1024
APP_FILES = ("khata.css", "khata.js", "htmx.js")
PHONE = "+919876543210"


def measure(folder: Path, quick: bool) -> list[Line]:
    """A line for each budget."""
    del quick
    environ = environ_of(folder)
    app = new_app(environ)
    with app.app_context():
        make_demo(PHONE, "en")
        cookie = session_cookie(PHONE)
    lines = []
    with serve("app:app", environ) as port:
        for lang in ("en", "hi"):
            home = _get(port, "/", {"Cookie": f"{cookie}; khata_lang={lang}"})
            lines.append(at_most_bytes(f"Home, {HOME_PAGE} customers, {lang}", len(home.body), HOME_BYTES))
            sign_in = _get(port, f"/sign-in?lang={lang}", {})
            lines.append(at_most_bytes(f"Sign-in page, all inline, {lang}", len(sign_in.body), SIGN_IN_BYTES))
    size = sum(_packed(name) for name in APP_FILES)
    return [*lines, at_most_bytes("CSS, script and htmx together", size, APP_BYTES)]


def _get(port: int, path: str, headers: dict[str, str]) -> Answer:
    connection = Connection(port)
    answer = connection.ask(request("GET", path, headers))
    connection.close()
    if answer.status != 200 or not answer.header("Content-Encoding"):
        raise RuntimeError(f"{path}: status {answer.status}, encoding {answer.header('Content-Encoding')!r}")
    return answer


def _packed(name: str) -> int:
    dist = ROOT / "static" / "dist"
    served = json.loads((dist / "manifest.json").read_text("utf-8"))[name]
    return (dist / f"{served}.br").stat().st_size
