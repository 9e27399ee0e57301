"""Proves balances and journal: recomputes every sum, replays every line, and names what differs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from khata.core.db import db
from khata.core.money import to_plain
from khata.journal import queries as journal_queries
from khata.journal.actions import GENESIS, canonical, line_hash
from khata.ledger import posting
from khata.ledger.actions import content_of
from khata.ledger.cash import CashContent
from khata.ledger.models import CASH_IN, GAVE, GOT, CashDay, CashEntry, Entry, LedgerTotal, PartyDay
from khata.parties.actions import Details
from khata.parties.models import Party

ENTRIES, DAYS, TOTALS, PARTIES = Entry.__table__, PartyDay.__table__, LedgerTotal.__table__, Party.__table__
CASH, CASH_DAYS = CashEntry.__table__, CashDay.__table__
STREAM = {"yield_per": 2000}


def differences(shop_id: UUID, currency: str) -> Iterator[str]:
    """One sentence for each thing in the shop that does not agree; none where everything does."""

    def amount(minor: int) -> str:
        return to_plain(minor, currency)

    yield from broken_links(shop_id)
    merged = _merges(shop_id)
    yield from _unlike_journal(shop_id, "party", PARTIES, _party_facts)
    yield from _unlike_journal(shop_id, "entry", ENTRIES, _entry_facts, lambda facts: _follow_merges(facts, merged))
    yield from _unlike_journal(shop_id, "cash", CASH, _cash_facts)
    yield from _wrong_balances(shop_id, amount)
    yield from _wrong_party_days(shop_id)
    yield from _wrong_totals(shop_id, amount)
    yield from _wrong_cash_days(shop_id)


def broken_links(shop_id: UUID) -> Iterator[str]:
    """Where the journal's chain does not hold: a line changed, removed, added or out of order."""
    seq, previous = 0, GENESIS
    for line in journal_queries.chain(shop_id):
        if line.seq != seq + 1:
            yield f"journal: line {seq + 1} is missing (line {line.seq} follows line {seq})"
        if line_hash(previous, line._mapping) != line.hash:
            yield f"journal: line {line.seq} ({line.kind}) is not what was written, or not in its place"
        seq, previous = line.seq, line.hash
    if journal_queries.head(shop_id) != (seq, previous):
        yield f"journal: it ends at line {seq}, its head says otherwise"


def _merges(shop_id: UUID) -> dict[str, str]:
    lines = journal_queries.by_subject(shop_id, "party.merged")
    return {line.subject_id.hex: str(_told(line).get("into", "")) for line in lines}


def _told(line: Any) -> dict[str, Any]:
    """The facts of a line; none where somebody made its payload unreadable."""
    try:
        facts = json.loads(line.payload)
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}


def _follow_merges(facts: dict[str, Any], merged: dict[str, str]) -> dict[str, Any]:
    party = facts.get("party_id", "")
    for _merge in merged:  # no chain is longer, and one that somebody bent to a ring must end, too
        party = merged.get(party, party)
    return {**facts, "party_id": party}


def _party_facts(row: Any) -> dict[str, Any]:
    return {"kind": row.kind, **Details(*(getattr(row, field) for field in Details._fields)).facts()}


def _entry_facts(row: Any) -> dict[str, Any]:
    return content_of(row).facts(row.party_id)


def _cash_facts(row: Any) -> dict[str, Any]:
    return CashContent(*(getattr(row, field) for field in CashContent._fields)).facts()


def _unlike_journal(
    shop_id: UUID,
    what: str,
    table: sa.Table,
    facts_of: Callable[[Any], dict[str, Any]],
    adjust: Callable[[dict[str, Any]], dict[str, Any]] = lambda facts: facts,
) -> Iterator[str]:
    """Walk rows and journal side by side, both ordered by id, and compare each row with what its lines tell."""
    told = _replayed(journal_queries.by_subject(shop_id, f"{what}."))
    query = sa.select(table).where(table.c.shop_id == shop_id).order_by(table.c.id)
    rows = ((row.id, row) for row in db.session.execute(query.execution_options(**STREAM)))
    for row_id, row, state in _side_by_side(rows, told):
        if row is None:
            yield f"{what} {row_id}: the journal tells of it, the book has lost it"
        elif state is None:
            yield f"{what} {row_id}: the book has it, the journal does not tell of it"
        else:
            facts, deleted = state
            if canonical(adjust(facts)) != canonical(facts_of(row)):
                yield f"{what} {row_id}: the book says {canonical(facts_of(row))}, the journal {canonical(facts)}"
            if deleted != (row.deleted_at is not None):
                yield f"{what} {row_id}: book and journal disagree on whether it was deleted"


def _replayed(lines: Iterable[Any]) -> Iterator[tuple[UUID, tuple[dict[str, Any], bool]]]:
    """(subject, (facts, deleted)) as the lines about each subject leave it."""
    subject, deleted = None, False
    facts: dict[str, Any] = {}
    for line in lines:
        if line.subject_id != subject:
            if subject is not None:
                yield subject, (facts, deleted)
            subject, facts, deleted = line.subject_id, {}, False
        verb, payload = line.kind.split(".")[1], _told(line)
        if verb in ("deleted", "restored", "merged"):
            deleted = verb != "restored"
        elif verb == "moved":
            facts = {**facts, "kind": payload.get("kind")}
        elif verb in ("promised", "due", "not_due"):
            facts = {**facts, "due_on": payload.get("due_on")}
        else:
            facts = {**payload, **({"kind": facts["kind"]} if verb == "edited" and "kind" in facts else {})}
    if subject is not None:
        yield subject, (facts, deleted)


def _side_by_side(left: Iterator[Any], right: Iterator[Any]) -> Iterator[tuple[Any, Any, Any]]:
    """(key, left, right) of two streams of (key, value) ordered by key; None where one has no such key."""
    one, other = next(left, None), next(right, None)
    while one is not None or other is not None:
        if one is not None and (other is None or one[0] < other[0]):
            yield one[0], one[1], None
            one = next(left, None)
        elif other is not None and (one is None or other[0] < one[0]):
            yield other[0], None, other[1]
            other = next(right, None)
        elif one is not None and other is not None:
            yield one[0], one[1], other[1]
            one, other = next(left, None), next(right, None)


def _gave_got() -> tuple[Any, Any]:
    def side(direction: str) -> Any:
        return sa.func.sum(sa.case((ENTRIES.c.direction == direction, ENTRIES.c.amount_minor), else_=0))

    return side(GAVE), side(GOT)


def _wrong_balances(shop_id: UUID, amount: Callable[[int], str]) -> Iterator[str]:
    gave, got = _gave_got()
    sums = (
        sa.select(ENTRIES.c.party_id, (gave - got).label("minor"))
        .where(ENTRIES.c.shop_id == shop_id, ENTRIES.c.deleted_at.is_(None))
        .group_by(ENTRIES.c.party_id)
        .subquery()
    )
    query = (
        sa.select(
            PARTIES.c.id, PARTIES.c.balance_minor, PARTIES.c.debt_since, sa.func.coalesce(sums.c.minor, 0).label("sum")
        )
        .outerjoin(sums, sums.c.party_id == PARTIES.c.id)
        .where(PARTIES.c.shop_id == shop_id)
        .order_by(PARTIES.c.id)
    )
    for row in db.session.execute(query).all():
        if row.balance_minor != row.sum:
            yield f"party {row.id}: the balance is {amount(row.balance_minor)}, its entries make {amount(int(row.sum))}"
        elif row.debt_since != posting.oldest_unpaid_day(shop_id, row.id, row.balance_minor):
            yield f"party {row.id}: {row.debt_since} is not the day of its oldest unpaid entry"


def _wrong_party_days(shop_id: UUID) -> Iterator[str]:
    gave, got = _gave_got()
    made = (
        sa.select(ENTRIES.c.party_id, ENTRIES.c.on, gave, got)
        .where(ENTRIES.c.shop_id == shop_id, ENTRIES.c.deleted_at.is_(None))
        .group_by(ENTRIES.c.party_id, ENTRIES.c.on)
        .order_by(ENTRIES.c.party_id, ENTRIES.c.on)
    )
    kept = sa.select(DAYS.c.party_id, DAYS.c.on, DAYS.c.gave_minor, DAYS.c.got_minor).where(
        DAYS.c.shop_id == shop_id, (DAYS.c.gave_minor != 0) | (DAYS.c.got_minor != 0)
    )
    for (party_id, on), one, other in _side_by_side(
        _keyed(made, 2), _keyed(kept.order_by(DAYS.c.party_id, DAYS.c.on), 2)
    ):
        if one != other:
            yield f"party {party_id}: the sums kept for {on} are not those of its entries"


def _wrong_totals(shop_id: UUID, amount: Callable[[int], str]) -> Iterator[str]:
    balance = PARTIES.c.balance_minor
    get = sa.func.sum(sa.case((balance > 0, balance), else_=0))
    give = sa.func.sum(sa.case((balance < 0, -balance), else_=0))
    made = sa.select(PARTIES.c.kind, get, give).where(PARTIES.c.shop_id == shop_id).group_by(PARTIES.c.kind)
    kept = sa.select(TOTALS.c.kind, TOTALS.c.get_minor, TOTALS.c.give_minor).where(TOTALS.c.shop_id == shop_id)
    of_made, of_kept = (dict(_keyed(query, 1)) for query in (made, kept))
    for key in sorted(of_made | of_kept):
        one, other = of_made.get(key, (0, 0)), of_kept.get(key, (0, 0))
        if one != other:
            kept_sums, made_sums = (", ".join(map(amount, sums)) for sums in (other, one))
            yield f"total of {key[0]}s: kept {kept_sums}, balances make {made_sums}"


def _wrong_cash_days(shop_id: UUID) -> Iterator[str]:
    own = sa.select(CASH.c.on, CASH.c.direction == CASH_IN, CASH.c.amount_minor)
    own = own.where(CASH.c.shop_id == shop_id, CASH.c.deleted_at.is_(None))
    paid = sa.select(ENTRIES.c.on, ENTRIES.c.direction == GOT, ENTRIES.c.amount_minor)
    paid = paid.where(ENTRIES.c.shop_id == shop_id, ENTRIES.c.deleted_at.is_(None), ENTRIES.c.in_cash)
    made: dict[Any, list[int]] = {}
    for on, is_in, minor in db.session.execute(sa.union_all(own, paid).execution_options(**STREAM)):
        made.setdefault((on,), [0, 0])[0 if is_in else 1] += minor
    kept = sa.select(CASH_DAYS.c.on, CASH_DAYS.c.in_minor, CASH_DAYS.c.out_minor).where(CASH_DAYS.c.shop_id == shop_id)
    of_kept = dict(_keyed(kept, 1))
    for key in sorted(made.keys() | of_kept.keys()):
        if tuple(made.get(key, (0, 0))) != of_kept.get(key, (0, 0)):
            yield f"cash book: the sums kept for {key[0]} are not those of its lines"


def _keyed(query: sa.Select[Any], width: int) -> Iterator[tuple[Any, tuple[int, ...]]]:
    """Rows as (first `width` columns, the rest as whole numbers)."""
    for row in db.session.execute(query.execution_options(**STREAM)):
        yield tuple(row[:width]), tuple(int(value) for value in row[width:])
