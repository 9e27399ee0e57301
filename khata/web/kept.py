"""Pages kept while nothing changed. All that they show follows from the shop's journal, so its last line's number,
with the day and the language, names a version of the page: the same version is not made twice."""

from __future__ import annotations

import functools
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

from flask import Response, g, request

from khata.core.ids import new_id
from khata.web.locale import lang, shop_today

MOST_BYTES = 24 * 1024 * 1024
FRESH_ID = "00000000-0000-7000-8000-f4e5fd1d0000"  # stands in a kept page where each answer gets an id of its own


class KeptPage(NamedTuple):
    """A page as it was made."""

    body: bytes
    has_ids: bool
    headers: list[tuple[str, str]]


class Pages:
    """The pages last asked for, as many as fit."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.most_bytes = most_bytes
        self.bytes = 0
        self._pages: OrderedDict[tuple[Any, ...], KeptPage] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[Any, ...]) -> KeptPage | None:
        """The page kept under `key`."""
        with self._lock:
            page = self._pages.get(key)
            if page is not None:
                self._pages.move_to_end(key)
            return page

    def keep(self, key: tuple[Any, ...], page: KeptPage) -> None:
        """Keep `page`; those not asked for the longest make room."""
        with self._lock:
            replaced = self._pages.pop(key, None)
            self._pages[key] = page
            self.bytes += len(page.body) - (len(replaced.body) if replaced else 0)
            while self.bytes > self.most_bytes:
                _key, dropped = self._pages.popitem(last=False)
                self.bytes -= len(dropped.body)


_pages = Pages()


def fresh_id() -> str:
    """The id of what a form will write: in a kept page the place for one, elsewhere one at once."""
    return FRESH_ID if g.get("is_kept") else str(new_id())


def kept(view: Callable[..., Response]) -> Callable[..., Response]:
    """Give the page of `view` again while the shop's journal, the day, the language and the address are the same."""

    @functools.wraps(view)
    def look_first(*args: Any, **kwargs: Any) -> Response:
        if request.query_string and request.args.get("lang"):
            return view(*args, **kwargs)  # it sets a cookie
        key = _version()
        page = _pages.get(key)
        if page is None:
            g.is_kept = True
            response = view(*args, **kwargs)
            if response.status_code != 200 or "Set-Cookie" in response.headers:
                return response
            body = response.get_data()
            page = KeptPage(body, FRESH_ID.encode() in body, response.headers.to_wsgi_list())
            _pages.keep(key, page)
        return _answer(key, page)

    return look_first


def _version() -> tuple[Any, ...]:
    headers = request.headers
    return (
        g.shop.id,
        g.journal_seq,
        g.role,
        lang(),
        shop_today(),
        request.full_path,
        headers.get("HX-Request"),
        headers.get("HX-Boosted"),
        headers.get("HX-Request-Type"),
        request.cookies.get("khata_sort"),
    )


def _answer(key: tuple[Any, ...], page: KeptPage) -> Response:
    body = page.body.replace(FRESH_ID.encode(), str(new_id()).encode()) if page.has_ids else page.body
    response = Response(body, headers=page.headers)
    response.set_etag(hashlib.blake2b(repr(key).encode(), digest_size=9).hexdigest(), weak=True)
    return response
