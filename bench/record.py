"""Recording an entry, durable, journal and balances included, against Python's sqlite3 doing the same statements.

The statements are those that really reach the driver for an entry, listened to; a plain loop then sends them again to a
copy of the same database, with fresh ids and numbers, in a transaction each, with the same pragmas on the same disk.
"""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import event

from bench.books import TIME_ZONE, Book, environ_of, make_book, new_app
from bench.report import Line, Measure, alternate, median_of, median_ratio
from bench.servers import serve
from bench.wire import Connection, request
from khata.core import clock
from khata.core.db import db, transaction
from khata.core.ids import new_id
from khata.ledger import actions
from khata.ledger.actions import Content
from khata.ledger.models import DIRECTIONS

GOAL = 0.5
PARTIES, ENTRIES = 20, 60
SLICE = 20  # entries each writes before it is the other's turn
LEAST_MOMENT = 10**12  # a whole number larger than this is a time in milliseconds
PRAGMAS = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "cache_size")


class Sent(NamedTuple):
    """A statement as it went to the driver."""

    text: str
    values: tuple[Any, ...]


def measure(folder: Path, quick: bool) -> list[Line]:
    """The share of the plain loop's speed, and how many entries a second come in over HTTP."""
    environ = environ_of(folder)
    app = new_app(environ)
    book = make_book(app, [ENTRIES] * PARTIES)
    with app.app_context():
        sent, pragmas = _statements(book)
        kinds, numbers = [_steps(each) for each in sent], count(10**6)
        plain_path = _copy(folder / "khata.db", folder / "plain.db")
        served = environ_of(_copy(folder / "khata.db", folder / "served" / "khata.db").parent)
        with closing(_open(plain_path, pragmas)) as plain, serve("app:app", served) as port:
            measures: dict[str, Measure] = {
                "khata": lambda: _rate(_record, book),
                "plain": lambda: _rate(_replay, plain, kinds, numbers),
                "http": _over_http(port, book),
            }
            found = alternate(measures, 10 if quick else 60)
    share = median_ratio(found, "khata", "plain")
    rates = {name: f"{median_of(found, name):,.0f}/s" for name in found[0]}
    length = f"{sum(len(each) + 1 for each in sent) / len(sent):g} statements"
    over_http = median_ratio(found, "http", "plain")
    return [
        Line("Recording an entry", f"≥ {GOAL:.0%}", f"{share:.0%} of plain sqlite3 ({rates['khata']})", share >= GOAL),
        Line("Recording an entry, over HTTP", "", f"{over_http:.0%} of plain sqlite3 ({rates['http']})"),
        Line(f"Plain sqlite3, the same {length}", "", rates["plain"]),
    ]


def _rate(write: Any, *arguments: Any) -> float:
    started = time.perf_counter()
    for at in range(SLICE):
        write(at, *arguments)
    return SLICE / (time.perf_counter() - started)


def _record(at: int, book: Book) -> None:
    """One entry: given and got in turn, so that the balance comes back to where it was."""
    content = Content(DIRECTIONS[at % 2], 12_300, clock.today(TIME_ZONE), "rice 5 kg")
    with transaction():
        actions.record_entry(book.actor, book.party_ids[0], new_id(), content)


def _over_http(port: int, book: Book) -> Measure:
    connection = Connection(port)
    path = f"/parties/{book.party_ids[0]}/entries"

    def write(at: int) -> None:
        form = f"id={new_id()}&amount=123&note=rice+5+kg&on=&direction={DIRECTIONS[at % 2]}"
        answer = connection.ask(request("POST", path, book.headers, form))
        if answer.status != 303:
            raise RuntimeError(f"status {answer.status}")

    return lambda: _rate(write)


def _statements(book: Book) -> tuple[list[list[Sent]], dict[str, Any]]:
    """What is sent for an entry given and for one got, and the connection's pragmas."""
    heard: list[Sent] = []
    found = []
    with _listening(heard):
        for at in range(4):  # the first two warm
            heard.clear()
            _record(at, book)
            found.append(list(heard))
    with db.engine.connect() as connection:
        pragmas = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in PRAGMAS}
    return found[2:], pragmas


@contextmanager
def _listening(heard: list[Sent]) -> Iterator[None]:
    """Connections made anew, of a kind that tells what is sent over it; ordinary ones again afterwards."""

    class Cursor(sqlite3.Cursor):
        def execute(self, text: str, values: Any = ()) -> Cursor:
            heard.append(Sent(text, tuple(values)))
            return super().execute(text, values)

        def executemany(self, text: str, rows: Any) -> Cursor:
            kept = [tuple(row) for row in rows]
            heard.extend(Sent(text, row) for row in kept)
            return super().executemany(text, kept)

    class Connection(sqlite3.Connection):
        def cursor(self, _factory: Any = None) -> Any:
            return super().cursor(Cursor)

    def tell(_dialect: Any, _record: Any, _arguments: Any, options: dict[str, Any]) -> None:
        options["factory"] = Connection

    _connect_anew()
    event.listen(db.engine, "do_connect", tell)
    try:
        yield
    finally:
        event.remove(db.engine, "do_connect", tell)
        _connect_anew()


def _connect_anew() -> None:
    db.session.remove()
    db.engine.dispose()


def _copy(source: Path, target: Path) -> Path:
    target.parent.mkdir(exist_ok=True)
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)
    return target


def _open(path: Path, pragmas: dict[str, Any]) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    for name, value in pragmas.items():
        connection.execute(f"PRAGMA {name}={value}")
    return connection


class Step(NamedTuple):
    """A statement to send again: its values, and which of them are fresh each time (place, name of the fresh value)."""

    text: str
    values: list[Any]
    fresh: list[tuple[int, str]]


def _steps(sent: list[Sent]) -> list[Step]:
    """The statements of one entry, with what was its own (id, number, hash, time) made out by where it stands."""
    entry = next(each.values for each in sent if each.text.startswith("INSERT INTO entries"))
    line = next(each.values for each in sent if each.text.startswith("INSERT INTO journal_lines"))
    names = {_plain(entry[-1]): "id", entry[1]: "seq", _plain(line[-1]): "hash"}
    steps = []
    for text, values in sent:
        plain = [_plain(value) for value in values]
        roles = [names.get(value) or ("at" if _is_moment(value) else "") for value in plain]
        steps.append(Step(text, plain, [(at, role) for at, role in enumerate(roles) if role]))
    return steps


def _is_moment(value: Any) -> bool:
    return isinstance(value, int) and value > LEAST_MOMENT


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


def _replay(at: int, plain: sqlite3.Connection, kinds: list[list[Step]], numbers: Iterator[int]) -> None:
    """The statements of one entry again, as plainly as can be."""
    moment = time.time_ns() // 1_000_000
    fresh = {"seq": next(numbers), "id": new_id().bytes, "hash": secrets.token_bytes(32), "at": moment}
    for text, values, places in kinds[at % 2]:
        for place, name in places:
            values[place] = fresh[name]
        plain.execute(text, values).fetchall()
    plain.execute("COMMIT")
