"""The shared dictionary (RFC 9842): what pages of a language have in common, kept by the phone, sent only once.

`bin/build_dictionaries.py` makes one a language; it is served with the static files, for ever, by its hash. A browser
that has one says so with every request, and gets answers of the coding `dcz`: Zstandard, with the dictionary before
the page. Only the dictionaries of this build are known; whoever has another gets the usual coding and is told of the
new one.

A dictionary is the same for everybody and holds nothing of any shop, so it tells no stranger anything. What keeps a
page's length from telling a secret is the same as without it: no key to anything stands in a page beside what a
stranger can choose. Session and device keys travel in cookies only, and forms carry no token.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import zstandard
from flask import Flask, current_app

from khata.web.assets import STATIC_URL

CODING = "dcz"
MAGIC = b"\x5e\x2a\x4d\x18\x20\x00\x00\x00"  # RFC 9842, section 5: a skippable frame of 32 bytes, the dictionary's hash
# The best there is, 1.5 ms a page, up to the size of an ordinary page; past it what takes no longer than Brotli did.
BEST_LEVEL, QUICK_LEVEL, ORDINARY_BYTES = 19, 6, 24 * 1024


class Dictionary(NamedTuple):
    """A dictionary as it was built."""

    url: str
    digest: bytes
    content: bytes

    @property
    def token(self) -> str:
        """How a browser that has it says so, in Available-Dictionary."""
        return f":{base64.b64encode(self.digest).decode()}:"

    @property
    def link(self) -> str:
        """The Link header that makes a browser fetch it, once nothing else is to be done."""
        return f'<{self.url}>;rel="compression-dictionary"'

    def compress(self, body: bytes) -> bytes:
        """The body in the coding `dcz`."""
        level = BEST_LEVEL if len(body) <= ORDINARY_BYTES else QUICK_LEVEL
        content = zstandard.ZstdCompressionDict(self.content, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
        compressor = zstandard.ZstdCompressor(
            level, dict_data=content, write_checksum=False, write_content_size=True, write_dict_id=False
        )
        return MAGIC + self.digest + compressor.compress(body)


def init_app(app: Flask) -> None:
    """Read the dictionaries of this build, once."""
    built = app.extensions["khata_assets"]
    by_lang = {lang: _read(built.dist / name) for lang, name in built.dictionaries.items()}
    app.extensions["khata_dictionaries"] = by_lang
    app.extensions["khata_dictionary_tokens"] = {each.token: each for each in by_lang.values()}


def _read(path: Path) -> Dictionary:
    content = path.read_bytes()
    return Dictionary(STATIC_URL + path.name, hashlib.sha256(content).digest(), content)


def of_language(lang: str) -> Dictionary | None:
    """The dictionary for pages in `lang`; None where none is built."""
    found: dict[str, Dictionary] = current_app.extensions["khata_dictionaries"]
    return found.get(lang)


def of_browser(environ: Mapping[str, Any]) -> Dictionary | None:
    """The dictionary of this build that the browser says it has."""
    found: dict[str, Dictionary] = current_app.extensions["khata_dictionary_tokens"]
    return found.get(environ.get("HTTP_AVAILABLE_DICTIONARY", ""))
