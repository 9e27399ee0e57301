"""Growth: what people wait for in a shop of 1,000,000 entries against one of 10,000, by p50 over HTTP.

Both are measured in turn, request by request, each time on other parties. An entry is recorded first, so that "after a
write" is what a page costs whose kept version has just ended; "again" is the same page asked for once more.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple
from urllib.parse import quote

from flask import Flask

from bench.books import SPAN_DAYS, TIME_ZONE, Book, check, copy_tables, environ_of, make_book, new_app
from bench.report import Line, at_most_times
from bench.servers import serve
from bench.wire import Connection, request
from khata.core import clock
from khata.core.db import db
from khata.core.ids import new_id
from khata.ledger import forms
from khata.ledger.queries import EntryCursor
from tests.databases import new_database, start_postgresql

GOAL = 1.2
LARGE, SMALL = 1_000_000, 10_000
QUICK_LARGE = 100_000
BIG_PARTY = 0.1  # the share of all entries that one party has: 100,000 of 1,000,000
SEARCHES = {
    "Search, a common name": "rames",
    "Search, by sound": "laxmi",
    "Search, two words, one of them rare": "lakshmi z",
}


class Place(NamedTuple):
    """A shop behind a server."""

    connection: Connection
    book: Book
    chance: random.Random

    def get(self, path: str) -> float:
        """Milliseconds until the whole page was there."""
        return self._timed(request("GET", path, self.book.headers), 200)

    def record(self, party_id: object) -> float:
        """Milliseconds until an entry was in the book."""
        direction = self.chance.choice(("gave", "gave", "got"))
        form = f"id={new_id()}&amount={self.chance.randint(1, 900)}&note=rice&on=&direction={direction}"
        return self._timed(request("POST", f"/parties/{party_id}/entries", self.book.headers, form), 303)

    def any_party(self) -> object:
        """One of the ordinary parties: the first two are the big one and the one it is compared with."""
        return self.chance.choice(self.book.party_ids[2:])

    def _timed(self, sent: bytes, status: int) -> float:
        started = time.perf_counter()
        answer = self.connection.ask(sent)
        took = (time.perf_counter() - started) * 1000
        if answer.status != status:
            raise RuntimeError(f"status {answer.status}, not {status}: {sent[:80]!r}")
        return took


class Site(NamedTuple):
    """An installation with one shop in it."""

    app: Flask
    environ: dict[str, str]
    book: Book


def measure(folder: Path, quick: bool) -> list[Line]:
    """The lines for SQLite, then for PostgreSQL."""
    small = _sqlite(folder / "small", [100] * (SMALL // 100))
    large = _sqlite(folder / "large", _large_counts(QUICK_LARGE if quick else LARGE))
    check(small.app, small.book)
    rounds = 60 if quick else 300
    lines = _compare("SQLite", small, large, rounds)
    with start_postgresql(durable=True) as server:
        copies = [_postgresql(site, server, folder / f"pg{at}", f"bench{at}") for at, site in enumerate((small, large))]
        lines += _compare("PostgreSQL", copies[0], copies[1], rounds)
        for copy in copies:
            with copy.app.app_context():
                db.engine.dispose()
    return lines


def _large_counts(total: int) -> list[int]:
    """Entries of each party: a big one, one of 100, and so many others as there are hundreds of entries."""
    big, others = int(total * BIG_PARTY), total // 100 - 2
    rest = total - big - 100
    return [big, 100, *(rest // others + (at < rest % others) for at in range(others))]


def _sqlite(folder: Path, counts: list[int]) -> Site:
    folder.mkdir()
    environ = environ_of(folder)
    app = new_app(environ)
    return Site(app, environ, make_book(app, counts))


def _postgresql(site: Site, server: str, folder: Path, name: str) -> Site:
    """The same shop on PostgreSQL."""
    folder.mkdir()
    environ = environ_of(folder, new_database(server, name))
    app = new_app(environ)
    copy_tables(site.app, app)
    return Site(app, environ, site.book)


def _compare(database: str, small: Site, large: Site, rounds: int) -> list[Line]:
    with _place(small) as one, _place(large) as other:
        shops = {"small": partial(_visit, one), "large": partial(_visit, other)}
        big, ordinary = other.book.party_ids[:2]
        parties = {"small": partial(_visit_party, other, ordinary), "large": partial(_visit_party, other, big)}
        _take_turns(shops, rounds // 10)  # warm
        of_shops, of_parties = _take_turns(shops, rounds), _take_turns(parties, rounds // 2)
    return [*_lines(f"{database}: ", of_shops), *_lines(f"{database}, its largest party: ", of_parties)]


@contextmanager
def _place(site: Site) -> Iterator[Place]:
    with serve("app:app", site.environ) as port:
        connection = Connection(port)
        yield Place(connection, site.book, random.Random(3))
        connection.close()


def _visit(place: Place) -> dict[str, float]:
    """What an owner does in a minute, each step timed."""
    party = place.any_party()
    took = {"Record an entry": place.record(party)}
    took["Home, after a write"] = place.get("/")
    took["Home, again"] = place.get("/")
    took["Party, after a write"] = place.get(f"/parties/{party}")
    took["Party, again"] = place.get(f"/parties/{party}")
    return took | {name: place.get(f"/?q={quote(text)}") for name, text in SEARCHES.items()}


def _visit_party(place: Place, party: object) -> dict[str, float]:
    took = {"record an entry": place.record(party), "page, after a write": place.get(f"/parties/{party}")}
    middle = clock.today(TIME_ZONE) - timedelta(days=SPAN_DAYS // 2)
    took["older page"] = place.get(f"/parties/{party}?before={forms.spell_entry_cursor(EntryCursor(middle, 1))}")
    return took


Taken = dict[str, dict[str, list[float]]]  # step -> where -> milliseconds


def _take_turns(visits: Mapping[str, Callable[[], dict[str, float]]], rounds: int) -> Taken:
    """Every visit in turn, `rounds` times, the first one being another each time."""
    taken: Taken = defaultdict(lambda: defaultdict(list))
    for number in range(rounds):
        for where in sorted(visits, reverse=bool(number % 2)):
            for step, took in visits[where]().items():
                taken[step][where].append(took)
    return taken


def _lines(start: str, taken: Taken) -> list[Line]:
    lines = []
    for step, where in taken.items():
        small, large = median(where["small"]), median(where["large"])
        lines.append(at_most_times(start + step, large / small, GOAL, f" ({small:.2f} → {large:.2f} ms)"))
    return lines
