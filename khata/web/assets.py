"""Built static files: their hashed addresses for templates, and WhiteNoise that serves them."""

import base64
import hashlib
import json
from pathlib import Path
from wsgiref.headers import Headers

from flask import Flask, current_app
from markupsafe import Markup
from whitenoise import WhiteNoise

DIST = Path(__file__).resolve().parents[2] / "static" / "dist"
STATIC_URL = "/static/"
INLINE = ("cover.css", "bill.css")  # of pages before sign-in, and of those that a shop's customers open
# What is not named by its content may be asked for again after a minute.
PLAIN_MAX_AGE_SECONDS = 60


class AssetsMissingError(RuntimeError):
    """static/dist is not built, or a page names a file that is not in it."""


class BuiltAssets:
    """The files of one build, read once at start."""

    def __init__(self, dist: Path = DIST) -> None:
        try:
            self.manifest: dict[str, str] = json.loads((dist / "manifest.json").read_text("utf-8"))
        except FileNotFoundError:
            raise AssetsMissingError(f"{dist} holds no build of the static files. Run make assets") from None
        self.dist = dist
        self.dictionaries = _dictionaries(dist)
        self.inline = {name: self._read(name) for name in INLINE}
        whole = (dist / self.served_name("khata.css")).read_bytes()
        self.css_hashes = [_source_expression(style) for style in (*map(str.encode, self.inline.values()), whole)]

    def _read(self, name: str) -> str:
        return (self.dist / self.served_name(name)).read_text("utf-8").strip()

    def served_name(self, name: str) -> str:
        """The hashed name of a built file; AssetsMissingError where there is none."""
        try:
            return self.manifest[name]
        except KeyError:
            raise AssetsMissingError(f"{name} is not among the built static files. Run make assets") from None

    def is_immutable(self, _path: str, url: str) -> bool:
        """Whether what stands at the address never changes, because the address carries its hash."""
        name = url.removeprefix(STATIC_URL)
        return name in self.manifest.values() or name in self.dictionaries.values()


def _source_expression(content: bytes) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content).digest()).decode()}'"


def _dictionaries(dist: Path) -> dict[str, str]:
    """The served names of dictionaries by language. None are built: pages are compressed without."""
    try:
        found: dict[str, str] = json.loads((dist / "dictionaries.json").read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return found


def _mark_dictionary(headers: Headers, _path: str, url: str) -> None:
    """Let the browser use a dictionary for everything it asks of this server."""
    if url.endswith(".dict"):
        headers["Use-As-Dictionary"] = 'match="/*"'


def _built() -> BuiltAssets:
    built: BuiltAssets = current_app.extensions["khata_assets"]
    return built


def asset(name: str) -> str:
    """The address of a built file: asset("khata.css") -> "/static/khata.3f2a1b9c.css"."""
    return STATIC_URL + _built().served_name(name)


def inline_css(name: str) -> Markup:
    """The part of the style sheet that one of INLINE is, for the <style> of a page that must come in one request."""
    return Markup(_built().inline[name])  # noqa: S704  the project's own file, no text of a person's


def style_hashes() -> str:
    """The source expressions ('sha256-…') by which the Content-Security-Policy lets through what stands inside a page.

    That is each of INLINE, and the whole style, which a phone's service worker puts into the pages that it has kept.
    """
    return " ".join(_built().css_hashes)


def init_app(app: Flask) -> None:
    """Gives templates asset() and inline_css(), and serves the built files before any request reaches Flask."""
    built = app.extensions["khata_assets"] = BuiltAssets()
    app.jinja_env.globals.update(asset=asset, inline_css=inline_css)
    app.wsgi_app = WhiteNoise(  # type: ignore[method-assign]
        app.wsgi_app,
        root=built.dist,
        prefix=STATIC_URL,
        max_age=PLAIN_MAX_AGE_SECONDS,
        allow_all_origins=False,
        immutable_file_test=built.is_immutable,
        add_headers_function=_mark_dictionary,
    )
