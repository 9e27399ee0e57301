"""Everything a shop has, as CSV and JSON: a few rows at a time, so that a large ledger needs no more memory."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from khata.accounts.queries import devices_in, members_of
from khata.core.db import db
from khata.core.money import to_plain
from khata.journal.models import JournalLine
from khata.ledger.models import CashEntry, Entry
from khata.parties.models import Party

PARTIES, ENTRIES, CASH, LINES = Party.__table__, Entry.__table__, CashEntry.__table__, JournalLine.__table__
BATCH = 500
BOM = "\ufeff"  # Excel takes a file without it for Windows-1252
VERSION = 1

_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")

PARTY_HEADER = (
    "party_id", "name", "phone", "kind", "will_get", "will_give", "address", "gstin", "note", "credit_limit", "due_on",
    "language",
)  # fmt: skip
ENTRY_HEADER = (
    "entry_id", "date", "party_id", "name", "phone", "kind", "direction", "amount", "note", "in_cash", "written_by",
    "on_device",
)  # fmt: skip
CASH_HEADER = ("cash_id", "date", "direction", "amount", "category", "note")


def safe_cell(text: str) -> str:
    """The text, with an apostrophe before what a spreadsheet would take for a formula (OWASP, CSV injection)."""
    return "'" + text if _FORMULA.match(text) else text


def parties_csv(shop_id: UUID, currency: str) -> Iterator[str]:
    """Customers and suppliers in use, by name; balances as two columns without a sign."""
    query = sa.select(PARTIES).where(PARTIES.c.shop_id == shop_id, PARTIES.c.deleted_at.is_(None))
    rows = stream(query.order_by(PARTIES.c.sort_name, PARTIES.c.id))
    return csv_of(PARTY_HEADER, rows, lambda row: _party_cells(row, currency))


def _party_cells(row: Any, currency: str) -> list[str]:
    get, give = max(row.balance_minor, 0), max(-row.balance_minor, 0)
    sums = [to_plain(minor, currency) if minor else "" for minor in (get, give)]
    limit = "" if row.credit_limit_minor is None else to_plain(row.credit_limit_minor, currency)
    due = row.due_on.isoformat() if row.due_on else ""
    named = [str(row.id), row.name, row.phone or "", row.kind]
    return [*named, *sums, row.address, row.gstin, row.note, limit, due, row.lang]


def entries_csv(shop_id: UUID, currency: str) -> Iterator[str]:
    """Entries that count, in the order in which they were written; deleted ones are in the JSON."""
    names, labels = dict(members_of(shop_id)), dict(devices_in(shop_id))
    query = (
        sa.select(ENTRIES, PARTIES.c.name, PARTIES.c.phone, PARTIES.c.kind, LINES.c.member_id, LINES.c.device_id)
        .join(PARTIES, (PARTIES.c.shop_id == ENTRIES.c.shop_id) & (PARTIES.c.id == ENTRIES.c.party_id))
        .outerjoin(LINES, (LINES.c.shop_id == ENTRIES.c.shop_id) & (LINES.c.seq == ENTRIES.c.seq))
        .where(ENTRIES.c.shop_id == shop_id, ENTRIES.c.deleted_at.is_(None))
        .order_by(ENTRIES.c.seq)
    )
    return csv_of(ENTRY_HEADER, stream(query), lambda row: _entry_cells(row, currency, names, labels))


def _entry_cells(row: Any, currency: str, names: dict[UUID, str], labels: dict[UUID, str]) -> list[str]:
    amount, in_cash = to_plain(row.amount_minor, currency), "yes" if row.in_cash else ""
    whose = [str(row.party_id), row.name, row.phone or "", row.kind]
    written = [names.get(row.member_id, ""), labels.get(row.device_id, "")]
    return [str(row.id), row.on.isoformat(), *whose, row.direction, amount, row.note, in_cash, *written]


def cash_csv(shop_id: UUID, currency: str) -> Iterator[str]:
    """The cash book's own lines that count; entries paid in cash are marked in the entries."""
    query = sa.select(CASH).where(CASH.c.shop_id == shop_id, CASH.c.deleted_at.is_(None))
    rows = stream(query.order_by(CASH.c.on, CASH.c.seq))
    return csv_of(CASH_HEADER, rows, lambda row: _cash_cells(row, currency))


def _cash_cells(row: Any, currency: str) -> list[str]:
    amount = to_plain(row.amount_minor, currency)
    return [str(row.id), row.on.isoformat(), row.direction, amount, row.category, row.note]


def csv_of(header: tuple[str, ...], rows: Iterable[Any], cells_of: Callable[[Any], list[str]]) -> Iterator[str]:
    """A table as spreadsheets read it, some lines at a time; `cells_of` makes a line's cells out of a row."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    buffer.write(BOM)
    writer.writerow(header)
    for count, row in enumerate(rows, 1):
        writer.writerow([safe_cell(cell) for cell in cells_of(row)])
        if count % BATCH == 0:
            yield _emptied(buffer)
    yield _emptied(buffer)


def _emptied(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text


def shop_json(shop: Any) -> Iterator[str]:
    """Everything, deleted rows too, each on a line of its own; amounts in minor units of the shop's currency."""
    about = {name: str(getattr(shop, name)) for name in ("id", "name", "category", "currency", "time_zone", "country")}
    yield f'{{"khata": {VERSION},\n"shop": {spell(about)}'
    for name, table, order in (
        ("parties", PARTIES, (PARTIES.c.id,)),
        ("entries", ENTRIES, (ENTRIES.c.seq, ENTRIES.c.id)),
        ("cash", CASH, (CASH.c.seq, CASH.c.id)),
    ):
        query = sa.select(table).where(table.c.shop_id == shop.id).order_by(*order)
        yield f',\n"{name}": ['
        yield from _json_rows(stream(query))
        yield "]"
    yield "}\n"


# What the tables keep for themselves: another shop has its own.
_INNER = frozenset({"shop_id", "sort_name", "seq"})


def _json_rows(rows: Iterable[Any]) -> Iterator[str]:
    batch: list[str] = []
    between = "\n"
    for row in rows:
        kept = {name: value for name, value in row._mapping.items() if name not in _INNER and value not in (None, "")}
        batch.append(spell(kept))
        if len(batch) == BATCH:
            yield between + ",\n".join(batch)
            between, batch = ",\n", []
    if batch:
        yield between + ",\n".join(batch)


def spell(values: dict[str, Any]) -> str:
    """`values` as JSON on one line."""
    return json.dumps(values, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)


def stream(query: sa.Select[Any]) -> Iterator[Any]:
    """The rows of `query`, a few at a time; it is asked when the first one is wanted."""
    yield from db.session.execute(query.execution_options(yield_per=BATCH))
