"""The same page again, for the same browser, while nothing changed.

All that a kept page shows follows from the shop's journal, the day, and what the browser sent. So the number of the
journal's last line names a version of it: where that is still the same, the answer of last time is given again, after
one look-up of the session and before Flask has any work. The first write anywhere in the shop ends it.
"""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from flask import Flask, Response, g, request
from werkzeug.http import parse_cookie

from khata.accounts import queries, sessions
from khata.core import clock
from khata.core.db import db
from khata.web import cookies
from khata.web.locale import shop_today
from khata.web.metrics import count

MOST_BYTES = 32 * 1024 * 1024
VERSION = "khata.version"  # the key in the WSGI environment

# Everything a browser sends that an answer can depend on; its cookies hold session, language and the chosen order.
ASKED_BY = (
    "PATH_INFO",
    "QUERY_STRING",
    "HTTP_COOKIE",
    "HTTP_ACCEPT_ENCODING",
    "HTTP_AVAILABLE_DICTIONARY",
    "HTTP_SEC_FETCH_DEST",  # a page that is opened may tell of its dictionary
    "HTTP_ACCEPT_LANGUAGE",
    "HTTP_HOST",
    "HTTP_HX_REQUEST",
    "HTTP_HX_BOOSTED",
    "HTTP_HX_REQUEST_TYPE",
    "wsgi.url_scheme",
)


class Version(NamedTuple):
    """What a page was made from, beside what the browser sent."""

    shop_id: UUID
    member_id: UUID
    role: str
    lang: str
    journal_seq: int
    today: date


class Kept(NamedTuple):
    """An answer as it was given."""

    version: Version
    route: str
    headers: list[tuple[str, str]]
    body: bytes


def kept(view: Callable[..., Response]) -> Callable[..., Response]:
    """Let the answers of `view` be given again while nothing changed."""

    @functools.wraps(view)
    def mark(*args: Any, **kwargs: Any) -> Response:
        request.environ[VERSION] = (
            Version(g.shop.id, g.actor.member_id, g.role, g.person.lang, g.journal_seq, shop_today()),
            str(request.url_rule),
        )
        return view(*args, **kwargs)

    return mark


def journal_line() -> int | None:
    """The journal's last line that this page was made from; None where more than the journal shows in it."""
    return g.journal_seq if VERSION in request.environ else None


def init_app(app: Flask) -> None:
    """Stand before the application."""
    with app.app_context():
        engine = db.engine
    cookie = cookies.name_of(cookies.SESSION, app.config["KHATA"])
    app.wsgi_app = KeptPages(app.wsgi_app, engine, cookie)  # type: ignore[method-assign]


class KeptPages:
    """WSGI: gives a kept answer again, or asks the application and keeps what it says. As many as fit."""

    def __init__(self, wsgi_app: Any, engine: sa.Engine, cookie: str, most_bytes: int = MOST_BYTES) -> None:
        self.wsgi_app = wsgi_app
        self.engine = engine
        self.cookie = cookie  # the name of the session's
        self.most_bytes = most_bytes
        self.bytes = 0
        self._pages: OrderedDict[tuple[Any, ...], Kept] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        if environ["REQUEST_METHOD"] != "GET" or "HTTP_COOKIE" not in environ:
            answer: Iterable[bytes] = self.wsgi_app(environ, start_response)
            return answer
        key = tuple(environ.get(name) for name in ASKED_BY)
        page = self._pages.get(key)
        if page is None or page.version != self._version_now(environ):
            return self._ask(key, environ, start_response)
        return self._give(key, page, environ, start_response)

    def _version_now(self, environ: dict[str, Any]) -> Version | None:
        """What the page would be made from now; None where the session has ended or is due to be seen."""
        token = parse_cookie(environ["HTTP_COOKIE"]).get(self.cookie, "")
        row, now = queries.signed_in(sessions.hash_token(token), self.engine), clock.now()
        if row is None or row.shop_id is None or sessions.is_due(row, now) or sessions.has_ended(row, now):
            return None
        return Version(row.shop_id, row.member_id, row.role, row.lang, row.seq, clock.today(row.time_zone))

    def _give(self, key: tuple[Any, ...], page: Kept, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        with self._lock:
            if key in self._pages:
                self._pages.move_to_end(key)
        is_known = ("ETag", environ.get("HTTP_IF_NONE_MATCH")) in page.headers
        count(page.route, "GET", 304 if is_known else 200)
        if is_known:
            start_response("304 NOT MODIFIED", [header for header in page.headers if header[0] not in BODY_HEADERS])
            return ()
        start_response("200 OK", list(page.headers))
        return (page.body,)

    def _ask(self, key: tuple[Any, ...], environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        said: list[tuple[str, list[tuple[str, str]]]] = []

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            said.append((status, headers))
            return start_response(status, headers, exc_info)

        answer: Iterable[bytes] = self.wsgi_app(environ, start)
        marked = environ.get(VERSION)
        status, headers = said[-1]
        if marked is None or not status.startswith("200") or any(name == "Set-Cookie" for name, _value in headers):
            return answer
        body = b"".join(answer)
        close = getattr(answer, "close", None)
        if close is not None:
            close()
        self._keep(key, Kept(marked[0], marked[1], headers, body))
        return (body,)

    def _keep(self, key: tuple[Any, ...], page: Kept) -> None:
        with self._lock:
            replaced = self._pages.pop(key, None)
            self._pages[key] = page
            self.bytes += _size(page) - (_size(replaced) if replaced else 0)
            while self.bytes > self.most_bytes:
                _key, dropped = self._pages.popitem(last=False)
                self.bytes -= _size(dropped)


BODY_HEADERS = ("Content-Length", "Content-Type", "Content-Encoding")
OVERHEAD_BYTES = 2000  # headers, key, bookkeeping


def _size(page: Kept) -> int:
    return len(page.body) + OVERHEAD_BYTES
