"""What makes the pages an app: the manifest that a phone installs it by, its service worker, and whose a page is."""

from __future__ import annotations

import base64
import hashlib
import json

from flask import Flask, Response, current_app, g
from flask_babel import gettext

from khata.core.tokens import key_of
from khata.web.assets import asset
from khata.web.auth import public
from khata.web.kept import journal_line
from khata.web.locale import direction, lang

PAPER, CLOTH = "#f7efe0", "#8a1a2d"  # as the style has them
FIND = "/?find=1"  # the ledger with the cursor in the search field


def init_app(app: Flask) -> None:
    """Add the addresses of manifest and service worker; templates ask page_tag() whose a page is."""
    app.add_url_rule("/manifest", "manifest", manifest)
    app.add_url_rule("/sw.js", "service_worker", service_worker)
    app.jinja_env.globals["page_tag"] = page_tag


def page_tag() -> str:
    """Whose page this is, and from which line of the journal where it follows from that: "q7_xKwhi:12".

    It stands in every page, so it is short: 32 bits tell apart those who share a phone.
    """
    tag, line = owner_tag(), journal_line()
    return tag if line is None else f"{tag}:{line}"


def owner() -> str:
    """32 bits of the member's id, hashed: ids that were made in one place end alike."""
    return base64.urlsafe_b64encode(hashlib.sha256(g.actor.member_id.bytes).digest()[:4]).decode().rstrip("=")


def owner_tag() -> str:
    """The member, and the language."""
    return owner() + lang()


def phone_key() -> str:
    """What the member's pages and unsent entries are encrypted with on this phone: AES-128, hexadecimal.

    It follows from the ids and the installation's secret, so that who signs out and in again can read what waited.
    """
    return key_of(str(current_app.secret_key), f"phone {g.device_id.hex}", g.actor.member_id)


@public
def service_worker() -> Response:
    """The service worker of this build: our script, told of the build's files. A new build is so a new worker."""
    files = [asset(name) for name in ("khata.css", "htmx.js", "khata.js", "icon.svg")]
    text = f"self.files={json.dumps(files)};importScripts({json.dumps(asset('khata.js'))})"
    response = Response(text, mimetype="text/javascript")
    response.headers["Cache-Control"] = "private, max-age=3600"  # asked for after each page, it cost 12 KB a day
    return response


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
        "share_target": {
            "action": "/share",
            "method": "POST",
            "enctype": "multipart/form-data",
            "params": {"files": [{"name": "photo", "accept": ["image/*"]}]},
        },
    }
    response = Response(json.dumps(fields, ensure_ascii=False), content_type="application/manifest+json; charset=utf-8")
    response.headers["Cache-Control"] = "private, max-age=86400"
    return response
