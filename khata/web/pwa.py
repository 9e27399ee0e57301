"""What makes the pages an app: the manifest that a phone installs it by, in the language of the page that names it."""

from __future__ import annotations

import json

from flask import Flask, Response
from flask_babel import gettext

from khata.web.assets import asset
from khata.web.auth import public
from khata.web.locale import direction, lang

PAPER, CLOTH = "#f7efe0", "#8a1a2d"  # as the style has them
FIND = "/?find=1"  # the ledger with the cursor in the search field


def init_app(app: Flask) -> None:
    """Add the manifest's address."""
    app.add_url_rule("/manifest", "manifest", manifest)


@public
def manifest() -> Response:
    """The web app manifest (W3C)."""
    icons = [("icon.svg", "any"), ("icon-maskable.svg", "maskable")]
    fields = {
        "id": "/",
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "name": gettext("Khata"),
        "short_name": gettext("Khata"),
        "description": gettext("Your ledger, on your phone"),
        "lang": lang(),
        "dir": direction(),
        "background_color": PAPER,
        "theme_color": CLOTH,
        "icons": [
            {"src": asset(name), "type": "image/svg+xml", "sizes": "any", "purpose": purpose} for name, purpose in icons
        ],
        "shortcuts": [
            {"name": gettext("New entry"), "url": FIND},
            {"name": gettext("Search"), "url": FIND + "&kind=customer"},
            {"name": gettext("Cash book"), "url": "/cash"},
        ],
    }
    response = Response(json.dumps(fields, ensure_ascii=False), content_type="application/manifest+json; charset=utf-8")
    response.headers["Cache-Control"] = "private, max-age=86400"
    return response
