"""Builds the dictionaries that pages are compressed against (RFC 9842), one a language, beside the static files.

A dictionary holds what pages have in common: a small shop is made, its pages are asked for as a phone would, and what
is this shop's own (ids, names, amounts, days) is taken out of them. The same sources always give the same bytes.
"""

import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import brotli

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "static" / "dist"
LISTING = "dictionaries.json"

NOON = datetime(2026, 1, 15, 6, 30, tzinfo=UTC)  # a pinned day: the pages are the same whenever they are made
DAY = date(2026, 1, 15)
PHONE, SHOP, OWN = "+919876543210", "Ownshop", "Ownword"
ID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")
DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
AMOUNT = re.compile(r"₹[\d,.]+")
TAG = re.compile(r'data-tag="[^"]*"')
NUMBER = re.compile(r"(?<=[> =])\d{2,}(?=[ ~<&])")
# Least wanted first: what stands last is the cheapest to point at. Each page pays for itself within four views.
OPENED = {"menu": "/menu", "entry": "/entries/{entry}", "new party": "/parties/new?kind=customer", "cash": "/cash"}
THEN = {"party": "/parties/{party}", "home": "/"}


def dictionaries() -> dict[str, bytes]:
    """The dictionary of each language that is offered, by its code."""
    with installed() as app:
        from khata.web.locale import LANGUAGES

        with app.app_context():
            cookie, ids = make_shop()
        return {lang: joined(pages(app, cookie, ids, lang)) for lang, _name in LANGUAGES}


def joined(shown: list[str]) -> bytes:
    """What the pages have in common with those of any shop, each line once: where two have it, with the later."""
    kept: dict[str, None] = {}
    for page in reversed(shown):
        kept.update(dict.fromkeys(reversed(skeleton(page).splitlines())))
    return "\n".join(reversed(kept)).encode()


def skeleton(page: str) -> str:
    """The page without what is this shop's own."""
    page = TAG.sub('data-tag=""', page)
    page = DATE.sub("", ID.sub("", page).replace(SHOP, "").replace(OWN, ""))
    return NUMBER.sub("7", AMOUNT.sub("₹", page))


def pages(app: Any, cookie: str, ids: dict[str, str], lang: str) -> list[str]:
    """The shop's pages in a language, as a phone with script gets them."""
    from khata.core.ids import new_id

    client = app.test_client(use_cookies=False)
    headers = {"Cookie": f"{cookie}; khata_lang={lang}"}
    opened = [read(client.get(url.format(**ids), headers=headers)) for url in OPENED.values()]
    form = {"id": str(new_id()), "amount": "1", "direction": "gave", "note": OWN}
    by_htmx = {**headers, "HX-Request": "true", "Sec-Fetch-Site": "same-origin"}
    recorded = read(client.post(THEN["party"].format(**ids) + "/entries", data=form, headers=by_htmx))
    return [*opened, recorded, *(read(client.get(url.format(**ids), headers=headers)) for url in THEN.values())]


def read(answer: Any) -> str:
    """The page; the build stops at one that can't be had."""
    if answer.status_code != 200:
        sys.exit(f"A page for the dictionaries was not to be had: {answer.request.path} answers {answer.status}")
    return str(answer.get_data(as_text=True))


def make_shop() -> tuple[str, dict[str, str]]:
    """A shop with one of everything that a row can say: the cookie of its owner, ids of a customer and an entry."""
    from khata.accounts import actions as accounts
    from khata.accounts import sessions
    from khata.core.db import transaction
    from khata.web import cookies

    with transaction():
        person = accounts.person_for(PHONE, "en", {})
        new = accounts.NewShop(SHOP, "grocery", "INR", "Asia/Kolkata", "IN")
        owner = accounts.open_shop(person.id, None, new)
        token = sessions.start_session(person.id, sessions.device_for(None, OWN), sessions.CODE)
        ids = fill(owner)
    return f"{cookies.SESSION}={token}", ids


def fill(owner: Any) -> dict[str, str]:
    """More than a page of customers who owe, are owed, settled, due, overdue; one of them with all sorts of entries."""
    from khata.core.ids import new_id
    from khata.ledger import cash
    from khata.ledger.actions import Content, record_entry
    from khata.parties.actions import Details, add_party

    def add(kind: str = "customer", entries: tuple[Any, ...] = (), **details: Any) -> tuple[Any, Any]:
        party_id = entry_id = new_id()
        add_party(owner, party_id, kind, Details(OWN, **details))
        for direction, amount_minor, days_ago, more in entries:
            entry_id = new_id()
            content = Content(direction, amount_minor, DAY - timedelta(days=days_ago), **more)
            record_entry(owner, party_id, entry_id, content)
        return party_id, entry_id

    for _settled in range(20):
        add()
    due, overdue = DAY + timedelta(days=3), DAY - timedelta(days=3)
    for due_on, days_ago in ((overdue, 12), (due, 12), (due, 0), (None, 1), (None, 12)):
        add(entries=(("gave", 100, days_ago, {}),), due_on=due_on)
    add(entries=(("got", 100, 12, {}),))
    add("supplier", (("got", 100, 12, {}),))
    for direction in ("in", "out"):
        cash.record_cash(owner, new_id(), cash.CashContent(direction, 100, DAY, "sale", OWN))
    told = [
        (direction, 100, 0, more) for direction in ("gave", "got") for more in ({"note": OWN}, {"in_cash": True}, {})
    ]
    usual = (("gave", 100, 30, {"note": OWN}),) * 50
    party_id, entry_id = add(entries=(*usual, *told), phone="+919812345678", credit_limit_minor=100)
    return {"party": str(party_id), "entry": str(entry_id)}


@contextmanager
def installed() -> Iterator[Any]:
    """The application on a database of its own, on the pinned day."""
    with tempfile.TemporaryDirectory() as folder:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("KHATA_")}
        own = {"KHATA_DATA_DIR": folder, "KHATA_SECRET_KEY": "of no installation, of this build alone"}
        with mock.patch.dict(os.environ, {**kept, **own}, clear=True):
            sys.path.insert(0, str(ROOT))
            from flask_migrate import upgrade

            from khata import create_app
            from khata.core import clock

            app = create_app()
            with mock.patch.object(clock, "now", return_value=NOON):
                with app.app_context():
                    upgrade()
                yield app


def build() -> dict[str, bytes]:
    """Writes the dictionaries and their listing, removes those of before, and returns them by their served names."""
    from build_assets import hashed_name, write_whole

    served = {lang: (hashed_name(f"{lang}.dict", content), content) for lang, content in dictionaries().items()}
    files = dict(served.values())
    for name, content in files.items():
        write_whole(DIST / name, content)
        write_whole(DIST / f"{name}.br", brotli.compress(content, mode=brotli.MODE_TEXT, quality=11, lgwin=22))
    write_whole(
        DIST / LISTING, (json.dumps({lang: name for lang, (name, _) in served.items()}, indent=2) + "\n").encode()
    )
    for path in DIST.glob("*.dict*"):
        if path.name.removesuffix(".br") not in files:
            path.unlink()
    return files


def main() -> None:
    """Builds, and prints what each weighs."""
    for name, content in build().items():
        on_wire = (DIST / f"{name}.br").stat().st_size
        print(f"  {name:24} {len(content):7} B  on the wire {on_wire:6} B")


if __name__ == "__main__":
    main()
