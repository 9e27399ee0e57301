"""Reads of entries, pages of parties, statements; the first argument is the shop."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from khata.core.db import connection, db
from khata.core.prepared import Prepared
from khata.errors import NotFound
from khata.journal.models import JournalLine
from khata.ledger.models import GAVE, Entry, LedgerTotal, PartyDay
from khata.parties.models import Party
from khata.parties.queries import LISTED

ENTRIES, DAYS, TOTALS, PARTIES = Entry.__table__, PartyDay.__table__, LedgerTotal.__table__, Party.__table__
LINES = JournalLine.__table__

HOME_PAGE = 20
PARTY_PAGE = 50
STATEMENT_PAGE = 500

SORTS = {
    "activity": (PARTIES.c.last_activity_at, True),
    "amount": (PARTIES.c.balance_minor, True),
    "name": (PARTIES.c.sort_name, False),
    "oldest": (PARTIES.c.debt_since, False),
}
WITHOUT_DEBT = "without debt"  # what follows "oldest"
_OPEN = PARTIES.c.balance_minor != 0
_TODAY = sa.bindparam("today", type_=sa.Date)
FILTERS: dict[str, tuple[sa.ColumnElement[bool], ...]] = {
    "all": (),
    "owes": (PARTIES.c.balance_minor > 0,),
    "owed": (PARTIES.c.balance_minor < 0,),
    "settled": (PARTIES.c.balance_minor == 0,),
    "overdue": (PARTIES.c.due_on.is_not(None), PARTIES.c.due_on < _TODAY, _OPEN),
    "due-today": (PARTIES.c.due_on.is_not(None), PARTIES.c.due_on == _TODAY, _OPEN),
}


class Totals(NamedTuple):
    """What a shop will get and will give, in minor units."""

    will_get_minor: int
    will_give_minor: int

    @property
    def net_minor(self) -> int:
        """What is left of it: positive where the shop gets."""
        return self.will_get_minor - self.will_give_minor


class EntryCursor(NamedTuple):
    """The place of an entry in a party's book."""

    on: date
    seq: int


class EntryLine(NamedTuple):
    """An entry as a page shows it; `balance_after_minor` is None for a deleted one, and for who may not see it."""

    id: UUID
    seq: int
    direction: str
    amount_minor: int
    on: date
    note: str
    reason: str | None
    photo_id: UUID | None
    in_cash: bool
    version: int
    deleted_at: datetime | None
    deleted_by: UUID | None
    balance_after_minor: int | None


class EntryPage(NamedTuple):
    """Some entries, newest first; `older` is where the next page starts; `folded` says why there is one."""

    entries: list[EntryLine]
    older: EntryCursor | None
    folded: bool


_SHOWN = tuple(ENTRIES.c[name] for name in EntryLine._fields if name != "balance_after_minor")
_OF_PARTY = sa.and_(ENTRIES.c.shop_id == sa.bindparam("shop"), ENTRIES.c.party_id == sa.bindparam("party"))
_PLACE = sa.tuple_(ENTRIES.c.on, ENTRIES.c.seq)
_NEWEST = Prepared(
    sa.select(*_SHOWN).where(_OF_PARTY).order_by(ENTRIES.c.on.desc(), ENTRIES.c.seq.desc()).limit(PARTY_PAGE + 1)
)
_BY_ID = Prepared(
    sa.select(ENTRIES).where(ENTRIES.c.shop_id == sa.bindparam("shop"), ENTRIES.c.id == sa.bindparam("id"))
)
_TOTALS = Prepared(sa.select(TOTALS.c.get_minor, TOTALS.c.give_minor).where(TOTALS.c.shop_id == sa.bindparam("shop")))


def totals(shop_id: UUID) -> Totals:
    """What the shop will get and will give, over customers and suppliers."""
    rows = _TOTALS.all(connection(), {"shop": shop_id})
    return Totals(sum(row.get_minor for row in rows), sum(row.give_minor for row in rows))


def entry_by_id(shop_id: UUID, entry_id: UUID) -> Any:
    """The entry with this id, deleted or not."""
    return _BY_ID.first(connection(), {"shop": shop_id, "id": entry_id})


def get_entry(shop_id: UUID, entry_id: UUID) -> Any:
    """The entry with this id, deleted or not; raises NotFound."""
    entry = entry_by_id(shop_id, entry_id)
    if entry is None:
        raise NotFound
    return entry


def change_minor(entry: Any) -> int:
    """What the entry adds to the balance; nothing where it is deleted."""
    if entry.deleted_at is not None:
        return 0
    return int(entry.amount_minor if entry.direction == GAVE else -entry.amount_minor)


def newest_entries(shop_id: UUID, party: Any) -> EntryPage:
    """The newest entries of `party` back to the last zero balance, at most a page."""
    rows = _NEWEST.all(connection(), {"shop": shop_id, "party": party.id})
    shown: list[EntryLine] = []
    balance, is_even = party.balance_minor, False
    for row in rows[:PARTY_PAGE]:
        if is_even and row.deleted_at is None:
            break  # what was deleted just before is still shown: whoever deleted it looks for it here
        change = change_minor(row)
        shown.append(_line(row, balance))
        balance -= change
        is_even = is_even or (balance == 0 and change != 0)
    has_older = len(rows) > len(shown)
    older = EntryCursor(shown[-1].on, shown[-1].seq) if has_older else None
    return EntryPage(shown, older, has_older and len(shown) < PARTY_PAGE)


def older_entries(shop_id: UUID, party: Any, cursor: EntryCursor) -> EntryPage:
    """The page of entries before `cursor`, with the balance after each."""
    query = sa.select(*_SHOWN).where(_OF_PARTY, _PLACE < sa.tuple_(cursor.on, cursor.seq))
    query = query.order_by(ENTRIES.c.on.desc(), ENTRIES.c.seq.desc()).limit(PARTY_PAGE + 1)
    rows = db.session.execute(query, {"shop": shop_id, "party": party.id}).all()
    balance = balance_before(shop_id, party.id, cursor)
    shown = []
    for row in rows[:PARTY_PAGE]:
        shown.append(_line(row, balance))
        balance -= change_minor(row)
    older = EntryCursor(shown[-1].on, shown[-1].seq) if len(rows) > PARTY_PAGE else None
    return EntryPage(shown, older, False)


def lines_by(shop_id: UUID, member_id: UUID | None, after_seq: int, party_id: UUID | None = None) -> list[EntryLine]:
    """Entries that a member wrote after journal line `after_seq`, newest first, without balances; of one party where
    `party_id` says so."""
    query = sa.select(*_SHOWN).join(LINES, (LINES.c.shop_id == ENTRIES.c.shop_id) & (LINES.c.seq == ENTRIES.c.seq))
    query = query.where(LINES.c.shop_id == shop_id, LINES.c.seq > after_seq, LINES.c.member_id == member_id)
    query = query.where(ENTRIES.c.shop_id == shop_id)
    if party_id is not None:
        query = query.where(ENTRIES.c.party_id == party_id)
    rows = db.session.execute(query.order_by(ENTRIES.c.seq.desc()))
    return [EntryLine._make((*row, None)) for row in rows]


def _line(row: Any, balance_minor: int) -> EntryLine:
    return EntryLine._make((*row, None if row.deleted_at is not None else balance_minor))


def balance_before(shop_id: UUID, party_id: UUID, cursor: EntryCursor) -> int:
    """The balance just before the entry at `cursor`: whole days from their sums, that day entry by entry."""
    return balance_at_start_of(shop_id, party_id, cursor.on) + _changes(
        shop_id, party_id, ENTRIES.c.on == cursor.on, ENTRIES.c.seq < cursor.seq
    )


def balance_at_start_of(shop_id: UUID, party_id: UUID, on: date) -> int:
    """The balance before the first entry of day `on`."""
    query = sa.select(sa.func.sum(DAYS.c.gave_minor - DAYS.c.got_minor))
    query = query.where(DAYS.c.shop_id == shop_id, DAYS.c.party_id == party_id, DAYS.c.on < on)
    return int(db.session.scalar(query) or 0)


def _changes(shop_id: UUID, party_id: UUID, *where: sa.ColumnElement[bool]) -> int:
    signed = sa.case((ENTRIES.c.direction == GAVE, ENTRIES.c.amount_minor), else_=-ENTRIES.c.amount_minor)
    query = sa.select(sa.func.sum(signed)).where(_OF_PARTY, ENTRIES.c.deleted_at.is_(None), *where)
    return int(db.session.scalar(query, {"shop": shop_id, "party": party_id}) or 0)


class StatementLine(NamedTuple):
    """An entry of a statement with the balance after it."""

    on: date
    seq: int
    direction: str
    amount_minor: int
    note: str
    reason: str | None
    balance_after_minor: int


class Statement(NamedTuple):
    """A party's account from one day to another; sums are of the whole range, `entries` of one page of it."""

    opening_minor: int
    gave_minor: int
    got_minor: int
    closing_minor: int
    entries: list[StatementLine]
    next: EntryCursor | None


def statement(shop_id: UUID, party_id: UUID, start: date, end: date, after: EntryCursor | None = None) -> Statement:
    """The account from `start` to `end`, both included, oldest first, from `after` on."""
    opening = balance_at_start_of(shop_id, party_id, start)
    sums = sa.select(sa.func.sum(DAYS.c.gave_minor), sa.func.sum(DAYS.c.got_minor)).where(
        DAYS.c.shop_id == shop_id, DAYS.c.party_id == party_id, DAYS.c.on.between(start, end)
    )
    gave, got = (int(value or 0) for value in db.session.execute(sums).one())
    query = sa.select(*(ENTRIES.c[name] for name in StatementLine._fields[:-1])).where(
        _OF_PARTY, ENTRIES.c.on.between(start, end), ENTRIES.c.deleted_at.is_(None)
    )
    balance = opening
    if after is not None:
        query = query.where(_PLACE > sa.tuple_(after.on, after.seq))
        balance = balance_before(shop_id, party_id, EntryCursor(after.on, after.seq + 1))
    query = query.order_by(ENTRIES.c.on, ENTRIES.c.seq).limit(STATEMENT_PAGE + 1)
    lines: list[StatementLine] = []
    rows = db.session.execute(query, {"shop": shop_id, "party": party_id}).all()
    for row in rows[:STATEMENT_PAGE]:
        balance += row.amount_minor if row.direction == GAVE else -row.amount_minor
        lines.append(StatementLine._make((*row, balance)))
    more = EntryCursor(lines[-1].on, lines[-1].seq) if len(rows) > STATEMENT_PAGE else None
    return Statement(opening, gave, got, opening + gave - got, lines, more)


class PartyCursor(NamedTuple):
    """The place of a party in a sorted list: the value it is sorted by, and its id."""

    value: Any
    id: UUID


def list_parties(
    shop_id: UUID, kind: str, sort: str, filter_: str, today: date, after: PartyCursor | None = None
) -> tuple[list[Any], PartyCursor | None]:
    """A page of parties of `kind` in the order `sort`, and where the next page starts."""
    values = {"shop": shop_id, "kind": kind, "today": today}
    if after is not None:
        values |= {"value": after.value, "id": after.id}
    if sort == "oldest":
        rows = _oldest_first(filter_, values)
    else:
        rows = _listing(sort, filter_, after is not None).all(connection(), values)
    last = rows[HOME_PAGE - 1] if len(rows) > HOME_PAGE else None
    return rows[:HOME_PAGE], PartyCursor(_place(last, sort), last.id) if last else None


def _oldest_first(filter_: str, values: dict[str, Any]) -> list[Any]:
    """Whose debt is the oldest first; then, by name, those without one: their place is a name, not a date."""
    place = values.get("value")
    in_rest = isinstance(place, str)
    rows = [] if in_rest else _listing("oldest", filter_, place is not None).all(connection(), values)
    if len(rows) <= HOME_PAGE:
        rows += _listing(WITHOUT_DEBT, filter_, in_rest).all(connection(), values)
    return rows


def _place(party: Any, sort: str) -> Any:
    value = getattr(party, SORTS[sort][0].name)
    return party.sort_name if value is None else value


@lru_cache
def _listing(sort: str, filter_: str, goes_on: bool) -> Prepared:
    column, descending = SORTS["name" if sort == WITHOUT_DEBT else sort]
    if sort == "amount" and filter_ == "owed":
        descending = False  # the one we owe most comes first
    query = sa.select(*LISTED, PARTIES.c.sort_name).where(
        PARTIES.c.shop_id == sa.bindparam("shop"),
        PARTIES.c.kind == sa.bindparam("kind"),
        PARTIES.c.deleted_at.is_(None),
        *FILTERS[filter_],
    )
    if sort == "oldest":
        query = query.where(PARTIES.c.debt_since.is_not(None))
    if sort == WITHOUT_DEBT:
        query = query.where(PARTIES.c.debt_since.is_(None))
    if goes_on:
        place = sa.tuple_(column, PARTIES.c.id)
        start = sa.tuple_(sa.bindparam("value", type_=column.type), sa.bindparam("id", type_=PARTIES.c.id.type))
        query = query.where(place < start if descending else place > start)
    order = (column.desc(), PARTIES.c.id.desc()) if descending else (column, PARTIES.c.id)
    return Prepared(query.order_by(*order).limit(HOME_PAGE + 1))


def shop_has_parties(shop_id: UUID) -> bool:
    """False in an empty ledger."""
    query = sa.select(PARTIES.c.id).where(PARTIES.c.shop_id == shop_id, PARTIES.c.deleted_at.is_(None)).limit(1)
    return db.session.scalar(query) is not None
