"""Bytes over the wire, compressed as Chromium gets them."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

import brotli

from bench.books import environ_of, new_app, session_cookie
from bench.report import Line, at_most_bytes
from bench.servers import ROOT, serve
from bench.wire import Answer, Connection, request
from khata.core.ids import new_id
from khata.demo import make_demo
from khata.ledger.queries import HOME_PAGE
from khata.web.compression import LEAST_BYTES

HOME_BYTES, WITH_DICTIONARY_BYTES, SIGN_IN_BYTES, APP_BYTES = 1_800, 700, 9 * 1024, 30 * 1024
OWN_SCRIPT_BYTES = 8 * 1024
PHONE = "+919876543210"
DIST = ROOT / "static" / "dist"


def measure(folder: Path, quick: bool) -> list[Line]:
    """A line for each budget."""
    del quick
    environ = environ_of(folder)
    app = new_app(environ)
    with app.app_context():
        make_demo(PHONE, "en")
        cookie = session_cookie(PHONE)
    lines: list[Line] = []
    whole: list[Line] = []
    with serve("app:app", environ) as port:
        for lang in ("en", "hi"):
            home = _get(port, "/", {"Cookie": f"{cookie}; khata_lang={lang}"})
            lines.append(at_most_bytes(f"Home, {HOME_PAGE} customers, {lang}", len(home.body), HOME_BYTES))
            lines += _with_dictionary(port, lang, cookie)
            sign_in = _get(port, f"/sign-in?lang={lang}", {})
            lines.append(at_most_bytes(f"Sign-in page, all inline, {lang}", len(sign_in.body), SIGN_IN_BYTES))
            whole.append(_whole_app(port, lang, cookie))
    script = sum(_packed(name) for name in _served("js") if not name.startswith("htmx."))
    return [*lines, at_most_bytes("Own script, all of it, beside htmx", script, OWN_SCRIPT_BYTES), *whole]


def _whole_app(port: int, lang: str, cookie: str) -> Line:
    """What a phone keeps so that the app opens with no network. The script counts once: page and worker share the file.

    The shell comes as the worker gets it, with the dictionary; the door for who is not signed in comes with it, too.
    """
    headers = {"Cookie": f"{cookie}; khata_lang={lang}", **_having(lang)}
    parts = {name.split(".")[0] + "." + name.split(".")[-1]: _packed(name) for name in _files()}
    parts["dictionary"] = _packed(_dictionary(lang))
    for path in ("/sw.js", "/outbox", "/offline", f"/manifest?lang={lang}"):
        parts[path] = len(_get(port, path, headers).body)
    size = sum(parts.values())
    said = ", ".join(f"{name} {part:,}" for name, part in parts.items())
    return Line(f"The whole installed app, {lang}", f"≤ {APP_BYTES:,} B", f"{size:,} B: {said}", size <= APP_BYTES)


def _files() -> list[str]:
    """Every built file but the style of pages before sign-in, which travels inside them."""
    return [name for kind in ("css", "js", "svg") for name in _served(kind) if not name.startswith("cover.")]


def _having(lang: str) -> dict[str, str]:
    """What a browser says that has the dictionary of a language."""
    digest = hashlib.sha256((DIST / _dictionary(lang)).read_bytes()).digest()
    has = f":{base64.b64encode(digest).decode()}:"
    return {"Available-Dictionary": has, "Accept-Encoding": "gzip, br, zstd, dcz"}


def _with_dictionary(port: int, lang: str, cookie: str) -> list[Line]:
    """The same pages for a browser that has the dictionary of its language, and what that cost it once."""
    headers = {"Cookie": f"{cookie}; khata_lang={lang}", **_having(lang)}
    home = _get(port, "/", headers)
    plain = brotli.decompress(_get(port, "/", {"Cookie": cookie}).body).decode()
    party = re.findall(r"/parties/[0-9a-f-]{36}", plain)[0]
    entry = f"direction=gave&amount=120&note=rice+5+kg&id={new_id()}"
    sizes = {
        "a customer's page": len(_get(port, party, headers).body),
        "an entry recorded": len(_post(port, f"{party}/entries", headers, entry).body),
        "cash book": len(_get(port, "/cash", headers).body),
        "menu": len(_get(port, "/menu", headers).body),
        "the dictionary, once": _packed(_dictionary(lang)),
    }
    goal = WITH_DICTIONARY_BYTES
    return [
        at_most_bytes(f"Home, {HOME_PAGE} customers, {lang}, with the dictionary", len(home.body), goal),
        *(Line(f"With the dictionary, {lang}: {name}", "", f"{size:,} B") for name, size in sizes.items()),
    ]


def _get(port: int, path: str, headers: dict[str, str]) -> Answer:
    return _ask(port, request("GET", path, headers))


def _post(port: int, path: str, headers: dict[str, str], form: str) -> Answer:
    return _ask(port, request("POST", path, {**headers, "HX-Request": "true"}, form))


def _ask(port: int, sent: bytes) -> Answer:
    connection = Connection(port)
    answer = connection.ask(sent)
    connection.close()
    if answer.status != 200 or not (answer.header("Content-Encoding") or len(answer.body) < LEAST_BYTES):
        raise RuntimeError(f"status {answer.status}, encoding {answer.header('Content-Encoding')!r}")
    return answer


def _served(extension: str) -> list[str]:
    """The files of this build with this ending, by their served names."""
    manifest: dict[str, str] = json.loads((DIST / "manifest.json").read_text("utf-8"))
    return [served for served in manifest.values() if served.endswith(f".{extension}")]


def _dictionary(lang: str) -> str:
    return str(json.loads((DIST / "dictionaries.json").read_text("utf-8"))[lang])


def _packed(served: str) -> int:
    return (DIST / f"{served}.br").stat().st_size
