"""Shops to measure on: parties and entries as a shop would write them over some years, bulk-made but whole.

What is made passes `flask verify`: journal, balances, day sums and totals are those of the entries.
"""

from __future__ import annotations

import json
import random
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from flask import Flask
from flask_migrate import upgrade

from khata import create_app
from khata.accounts import actions as accounts
from khata.accounts import sessions
from khata.core import clock
from khata.core.actor import Actor
from khata.core.db import Base, db, transaction
from khata.journal import actions as journal
from khata.journal.actions import Event
from khata.ledger import bulk
from khata.ledger.actions import Content
from khata.ledger.models import GAVE, GOT
from khata.ledger.verification import differences
from khata.parties import actions as parties
from khata.parties.actions import Details
from khata.settings import load_settings
from khata.web import cookies

TIME_ZONE = "Asia/Kolkata"
FIRST_NAMES = ("Ramesh", "Sunita", "Lakshmi", "Imran", "रमेश")  # few: a fifth of any shop answers to each
LAST_NAMES = (
    "Kumar", "Devi", "Patil", "Shaikh", "Iyer", "Singh", "Joshi", "Rahman", "Rao", "Yadav",
    "कुमार", "देवी", "Nair", "Gupta", "Lal", "Bai", "Mistri", "Das", "Reddy", "Verma",
)  # fmt: skip
RARE_NAME, RARE_AT = "Lakshmi Zutshi", 7  # once in every shop
NOTES = ("", "", "", "rice 5 kg", "दूध", "oil, sugar", "old balance", "soap")
SPAN_DAYS = 1000
BATCH = 100_000


class Book(NamedTuple):
    """A shop that was made, and how to read it: the cookie of its owner's session."""

    actor: Actor
    cookie: str
    party_ids: list[UUID]

    @property
    def headers(self) -> dict[str, str]:
        """What a browser of the owner sends along."""
        return {"Cookie": self.cookie}


def environ_of(folder: Path, database_url: str = "") -> dict[str, str]:
    """The settings of an installation with its files in `folder`."""
    return {
        "KHATA_DATA_DIR": str(folder),
        "KHATA_DATABASE_URL": database_url or f"sqlite:///{folder / 'khata.db'}",
        "KHATA_QUEUE_URL": f"sqlite:///{folder / 'queue.db'}",
        "KHATA_SECRET_KEY": "the-key-of-the-bench-and-of-nothing-else",
        "KHATA_PUBLIC_URL": "",
    }


def new_app(environ: dict[str, str]) -> Flask:
    """The application on an empty, migrated database."""
    app = create_app(load_settings(environ))
    with app.app_context():
        upgrade()
    return app


def make_book(app: Flask, entry_counts: list[int], phone: str = "+919876543210", currency: str = "INR") -> Book:
    """A shop with a party for each of `entry_counts`, who has so many entries."""
    chance = random.Random(len(entry_counts))
    with app.app_context():
        with transaction():
            person = accounts.person_for(phone, "en", {})
            new = accounts.NewShop("Asha Kirana Store", "grocery", currency, TIME_ZONE, "IN")
            owner = accounts.open_shop(person.id, None, new)
        ids = _add_parties(owner, len(entry_counts), chance)
        _add_entries(owner, ids, entry_counts, chance)
        cookie = session_cookie(phone)
        db.session.remove()
    return Book(owner, cookie, ids)


def session_cookie(phone: str) -> str:
    """The cookie of a new session of the person with this number."""
    with transaction():
        person = accounts.person_for(phone, "en", {})
        token = sessions.start_session(person.id, sessions.device_for(None, "bench"), sessions.CODE)
    return f"{cookies.SESSION}={token}"


def _add_parties(owner: Actor, count: int, chance: random.Random) -> list[UUID]:
    ids = [_id_at(_moment(at, count), chance) for at in range(count)]
    for start in range(0, count, BATCH):
        rows = [(ids[at], "customer", Details(_name(at))) for at in range(start, min(start + BATCH, count))]
        with transaction():
            facts = [Event("party.added", id_, {"kind": kind, **details.facts()}) for id_, kind, details in rows]
            journal.record_all(owner, facts)
            parties.insert_parties(owner.shop_id, rows)
    return ids


def _name(at: int) -> str:
    """The same names over and over, with a number after the first hundred."""
    if at == RARE_AT:
        return RARE_NAME
    name = f"{FIRST_NAMES[at % 5]} {LAST_NAMES[at // 5 % 20]}"
    return f"{name} {at // 100 + 1}" if at >= 100 else name


def _add_entries(owner: Actor, ids: list[UUID], entry_counts: list[int], chance: random.Random) -> None:
    """Entries of all parties mixed, as days bring them, each party's about as far apart all the time."""
    order = [at for at, count in enumerate(entry_counts) for _ in range(count)]
    chance.shuffle(order)
    owed = [0] * len(ids)
    batch: list[Any] = []
    for number, at in enumerate(order):
        moment = _moment(number, len(order))
        content = _content(owed, at, moment.date(), chance)
        batch.append((ids[at], _id_at(moment, chance), content))
        if len(batch) == BATCH or number == len(order) - 1:
            with transaction():
                bulk.record_entries(owner, batch)
            batch = []


def _content(owed: list[int], at: int, on: date, chance: random.Random) -> Content:
    """Goods on credit, and about every sixth time money for a part of them: the debt stays within bounds, not zero."""
    if owed[at] > 50_000 and chance.random() < 0.25:
        amount = owed[at] * chance.randint(50, 90) // 100
        owed[at] -= amount
        return Content(GOT, amount, on, "")
    amount = chance.randint(5, 400) * 100
    owed[at] += amount
    return Content(GAVE, amount, on, chance.choice(NOTES))


def _moment(at: int, count: int) -> datetime:
    """When number `at` of `count` was written: evenly over the years that end yesterday."""
    start = datetime.combine(clock.today(TIME_ZONE) - timedelta(days=SPAN_DAYS), time(4), UTC)
    return start + timedelta(days=SPAN_DAYS - 1) * at / max(count, 1)


def _id_at(moment: datetime, chance: random.Random) -> UUID:
    """A UUIDv7 made at `moment`."""
    value = clock.milliseconds(moment) << 80 | 7 << 76 | chance.getrandbits(12) << 64 | 2 << 62 | chance.getrandbits(62)
    return UUID(int=value)


def check(app: Flask, book: Book) -> None:
    """Refuse to measure on a shop that `flask verify` would not pass."""
    with app.app_context():
        found = next(differences(book.actor.shop_id, "INR"), None)
        db.session.remove()
    if found is not None:
        raise RuntimeError(found)


def copy_tables(source: Flask, target: Flask) -> None:
    """Everything in the database of `source` into the empty PostgreSQL database of `target`."""
    with source.app_context():
        source_engine = db.engine
    with target.app_context():
        target_engine = db.engine
    as_owner = target_engine.execution_options(khata_as_owner=True)  # PostgreSQL copies nothing in under row security
    with source_engine.connect() as rows, as_owner.begin() as begun, closing(begun.connection.cursor()) as cursor:
        for table in Base.metadata.sorted_tables:
            names = ", ".join(f'"{column.name}"' for column in table.columns)
            with cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as copy:
                for row in rows.execution_options(yield_per=5000).execute(sa.select(table)):
                    copy.write_row([json.dumps(value) if isinstance(value, dict) else value for value in row])
    with closing(target_engine.raw_connection()) as raw:
        raw.cursor().execute("VACUUM ANALYZE")  # as autovacuum would after a while
