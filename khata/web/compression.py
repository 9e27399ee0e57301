"""Small answers: the best compression the browser takes, and 304 where it has the page already."""

from __future__ import annotations

import gzip
import hashlib

import brotli
import zstandard
from flask import Flask, Response, request

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
    response.headers.add("Vary", "Accept-Encoding")
    if request.method in ("GET", "HEAD") and response.status_code == 200:
        tag = response.get_etag()[0]
        if tag is None:
            tag = hashlib.blake2b(body, digest_size=9).hexdigest()
            response.set_etag(tag, weak=True)
        if request.if_none_match.contains_weak(tag):
            return _not_modified(response)
    if len(body) >= LEAST_BYTES:
        _compress(response, body)
    return response


def _not_modified(response: Response) -> Response:
    response.status_code = 304
    response.set_data(b"")
    for name in ("Content-Length", "Content-Type"):
        response.headers.pop(name, None)
    return response


def _compress(response: Response, body: bytes) -> None:
    accepted = request.accept_encodings
    if accepted["br"]:
        name, packed = "br", brotli.compress(body, mode=brotli.MODE_TEXT, quality=BROTLI_QUALITY, lgwin=BROTLI_WINDOW)
    elif accepted["zstd"]:
        name, packed = "zstd", zstandard.compress(body, 6)
    elif accepted["gzip"]:
        name, packed = "gzip", gzip.compress(body, 6, mtime=0)
    else:
        return
    response.set_data(packed)
    response.headers["Content-Encoding"] = name
