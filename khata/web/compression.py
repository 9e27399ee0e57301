"""Small answers: the best compression the browser takes, and 304 where it has the page already.

Tags are weak: they name what the page says, so one and the same stands for it in every coding.
"""

from __future__ import annotations

import gzip
import hashlib

import brotli
import zstandard
from flask import Flask, Response, request

from khata.web import dictionary
from khata.web.locale import lang

LEAST_BYTES = 300
BROTLI_QUALITY = 5
BROTLI_WINDOW = 16  # 64 KB holds a page whole; setting up a larger one takes longer than the page
COMPRESSED = ("text/", "application/json", "image/svg+xml", "application/manifest+json")


def init_app(app: Flask) -> None:
    """Compress and tag every text answer. Registered first, so that it runs last."""
    app.after_request(_shrink)


def _shrink(response: Response) -> Response:
    if response.direct_passthrough or response.is_streamed or response.status_code in (204, 304):
        return response
    if not (response.mimetype or "").startswith(COMPRESSED) or "Content-Encoding" in response.headers:
        return response
    body = response.get_data()
    response.vary.update(("Accept-Encoding", "Available-Dictionary"))
    _tell_of_dictionary(response)
    if request.method in ("GET", "HEAD") and response.status_code == 200:
        tag = response.get_etag()[0]
        if tag is None:
            tag = hashlib.blake2b(body, digest_size=9).hexdigest()
            response.set_etag(tag, weak=True)
        if request.if_none_match.contains_weak(tag):
            return _not_modified(response)
    if len(body) >= LEAST_BYTES and request.method != "HEAD":  # there the coding would name a body that never comes
        _compress(response, body)
    return response


def _not_modified(response: Response) -> Response:
    response.status_code = 304
    response.set_data(b"")
    for name in ("Content-Length", "Content-Type"):
        response.headers.pop(name, None)
    return response


def _tell_of_dictionary(response: Response) -> None:
    """A page names the dictionary of its language to a browser that has not got it and could use it.

    Browsers say that they take the coding only where they have a dictionary. Those that know of dictionaries take
    zstd, and name what they ask for (Sec-Fetch-Dest) only where the connection is safe, which dictionaries need.
    """
    if request.headers.get("Sec-Fetch-Dest") != "document" or response.status_code != 200:
        return
    fitting = dictionary.of_language(lang())
    if fitting is not None and fitting != dictionary.of_browser(request.environ) and request.accept_encodings["zstd"]:
        response.headers["Link"] = fitting.link


def _compress(response: Response, body: bytes) -> None:
    accepted = request.accept_encodings
    shared = dictionary.of_browser(request.environ) if accepted[dictionary.CODING] else None
    if shared is not None:
        name, packed = dictionary.CODING, shared.compress(body)
    elif accepted["br"]:
        name, packed = "br", brotli.compress(body, mode=brotli.MODE_TEXT, quality=BROTLI_QUALITY, lgwin=BROTLI_WINDOW)
    elif accepted["zstd"]:
        name, packed = "zstd", zstandard.compress(body, 6)
    elif accepted["gzip"]:
        name, packed = "gzip", gzip.compress(body, 6, mtime=0)
    else:
        return
    response.set_data(packed)
    response.headers["Content-Encoding"] = name
