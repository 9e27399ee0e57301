"""Many entries at once, by the rules of `actions.record_entry`: for lists that are brought in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from khata.core import clock
from khata.core.actor import Actor
from khata.core.db import connection, db
from khata.journal import actions as journal
from khata.journal.actions import Event
from khata.ledger import due, posting
from khata.ledger.actions import Content
from khata.ledger.models import Entry, PartyDay
from khata.ledger.posting import MAX_BALANCE_MINOR, Movement, Standing
from khata.parties.models import Party

ENTRIES, DAYS, PARTIES = Entry.__table__, PartyDay.__table__, Party.__table__
STANDING = (PARTIES.c.id, PARTIES.c.kind, PARTIES.c.balance_minor, PARTIES.c.debt_since)

Written = tuple[UUID, UUID, Content]  # party, entry, what it says


class Recorded(NamedTuple):
    """What `record_entries` did: how many it wrote, and which it refused."""

    written: int
    too_large: set[UUID]  # entries that would take a balance past the bounds
    closed: set[UUID]  # entries of parties that are not there, or deleted


def record_entries(actor: Actor, entries: list[Written]) -> Recorded:
    """Write those of `entries` whose ids are not in the book yet, each once, in order, in one transaction's time."""
    head = journal.lock(actor.shop_id)
    fresh = _unwritten(actor.shop_id, entries)
    standings = _standings(actor.shop_id, {party_id for party_id, _entry_id, _content in fresh})
    closed = {entry_id for party_id, entry_id, _content in fresh if party_id not in standings}
    taken, too_large = _within_bounds([entry for entry in fresh if entry[0] in standings], standings)
    if taken:
        fixed = {"shop_id": actor.shop_id, "version": 1}
        rows = [
            {**fixed, "id": entry_id, "party_id": party_id, "seq": head.seq + at, **content._asdict()}
            for at, (party_id, entry_id, content) in enumerate(taken, 1)
        ]
        connection().execute(sa.insert(ENTRIES), rows)
        journal.record_all(
            actor, [Event("entry.recorded", entry_id, content.facts(party_id)) for party_id, entry_id, content in taken]
        )
        waiting = _with_due_days(actor.shop_id, {party_id for party_id, _entry_id, _content in taken})
        after = _post(actor.shop_id, taken, standings, clock.now())
        for party in waiting:
            due.follow(actor, party, after[party.id].balance_minor)
    return Recorded(len(taken), too_large, closed)


def _unwritten(shop_id: UUID, entries: list[Written]) -> list[Written]:
    fresh = {entry[1]: entry for entry in reversed(entries)}
    query = sa.select(ENTRIES.c.id).where(ENTRIES.c.shop_id == shop_id, ENTRIES.c.id.in_(fresh))
    for entry_id in db.session.scalars(query):
        del fresh[entry_id]
    return list(reversed(fresh.values()))


def _standings(shop_id: UUID, party_ids: set[UUID]) -> dict[UUID, Standing]:
    query = sa.select(*STANDING).where(
        PARTIES.c.shop_id == shop_id, PARTIES.c.id.in_(party_ids), PARTIES.c.deleted_at.is_(None)
    )
    return {row.id: Standing(*row) for row in db.session.execute(query)}


def _with_due_days(shop_id: UUID, party_ids: set[UUID]) -> list[Any]:
    """Those of the parties whose due day may have to follow their balance."""
    columns = (PARTIES.c.id, PARTIES.c.balance_minor, PARTIES.c.due_on, PARTIES.c.has_plan)
    is_due = PARTIES.c.due_on.is_not(None) | PARTIES.c.has_plan
    query = sa.select(*columns).where(PARTIES.c.shop_id == shop_id, PARTIES.c.id.in_(party_ids), is_due)
    return list(db.session.execute(query.order_by(PARTIES.c.id)))


def _within_bounds(entries: list[Written], standings: dict[UUID, Standing]) -> tuple[list[Written], set[UUID]]:
    """Those that keep every balance within the bounds, and the ids of the others."""
    balances = {party_id: standing.balance_minor for party_id, standing in standings.items()}
    taken, too_large = [], set()
    for entry in entries:
        balance = balances[entry[0]] + entry[2].movement().change_minor
        if abs(balance) > MAX_BALANCE_MINOR:
            too_large.add(entry[1])
        else:
            balances[entry[0]] = balance
            taken.append(entry)
    return taken, too_large


def _post(shop_id: UUID, entries: list[Written], standings: dict[UUID, Standing], at: datetime) -> dict[UUID, Standing]:
    """As `posting.post`, for many parties: every sum is touched once. Gives how they stand then."""
    movements: dict[UUID, list[Movement]] = defaultdict(list)
    for party_id, _entry_id, content in entries:
        movements[party_id].append(content.movement())
    earlier = _parties_with_days(shop_id, movements)  # before the new days are there
    days = _day_sums(movements)
    posting.add_days(
        [
            {"shop_id": shop_id, "party_id": party_id, "on": on, "gave_minor": gave, "got_minor": got}
            for party_id, sums in days.items()
            for on, (gave, got) in sums.items()
        ]
    )
    _add_cash(shop_id, (movement for each in movements.values() for movement in each if movement.in_cash))
    after = {
        party_id: _moved(shop_id, standings[party_id], each, None if party_id in earlier else days[party_id])
        for party_id, each in movements.items()
    }
    rows = [
        {"shop": shop_id, "party": party_id, "balance": standing.balance_minor, "since": standing.debt_since, "at": at}
        for party_id, standing in after.items()
    ]
    posting.MOVE_PARTY.run_many(connection(), rows)
    _add_to_totals(shop_id, [(standings[party_id], standing) for party_id, standing in after.items()])
    return after


def _parties_with_days(shop_id: UUID, party_ids: Iterable[UUID]) -> set[UUID]:
    query = sa.select(DAYS.c.party_id).where(DAYS.c.shop_id == shop_id, DAYS.c.party_id.in_(party_ids))
    return set(db.session.scalars(query.distinct()))


def _day_sums(movements: dict[UUID, list[Movement]]) -> dict[UUID, dict[date, list[int]]]:
    """party -> day -> [gave, got] of the new entries."""
    days: dict[UUID, dict[date, list[int]]] = {}
    for party_id, each in movements.items():
        sums = days[party_id] = defaultdict(lambda: [0, 0])
        for movement in each:
            sums[movement.on][0] += movement.gave_minor
            sums[movement.on][1] += movement.got_minor
    return days


def _moved(
    shop_id: UUID, standing: Standing, movements: list[Movement], only_days: dict[date, list[int]] | None
) -> Standing:
    """The standing after `movements`. `only_days` are all the days of a party that had none before."""
    deepens = True
    for movement in movements:
        deepens = deepens and posting.deepens(standing, movement)
        standing = standing._replace(balance_minor=standing.balance_minor + movement.change_minor)
    if deepens:
        return standing
    if only_days is None:
        since = posting.oldest_unpaid_day(shop_id, standing.party_id, standing.balance_minor)
    else:
        since = _oldest_unpaid(only_days, standing.balance_minor)
    return standing._replace(debt_since=since)


def _oldest_unpaid(days: dict[date, list[int]], balance_minor: int) -> date | None:
    """As `posting.oldest_unpaid_day`, over days that are at hand."""
    side, left, since = (0 if balance_minor > 0 else 1), abs(balance_minor), None
    for on in sorted((on for on, sums in days.items() if sums[side] > 0), reverse=True):
        if left <= 0:
            break
        since, left = on, left - days[on][side]
    return since


def _add_cash(shop_id: UUID, movements: Iterable[Movement]) -> None:
    sums: dict[date, list[int]] = defaultdict(lambda: [0, 0])
    for movement in movements:
        sums[movement.on][0] += movement.got_minor
        sums[movement.on][1] += movement.gave_minor
    for on, (in_minor, out_minor) in sums.items():
        posting.add_cash(shop_id, on, in_minor, out_minor)


def _add_to_totals(shop_id: UUID, changes: list[tuple[Standing, Standing]]) -> None:
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for before, after in changes:
        sums[before.kind][0] += max(after.balance_minor, 0) - max(before.balance_minor, 0)
        sums[before.kind][1] += max(-after.balance_minor, 0) - max(-before.balance_minor, 0)
    for kind, (get_minor, give_minor) in sums.items():
        # each side as the change of one party that stands on that side only
        posting.add_to_totals(shop_id, kind, max(-get_minor, 0), max(get_minor, 0))
        posting.add_to_totals(shop_id, kind, -max(-give_minor, 0), -max(give_minor, 0))
