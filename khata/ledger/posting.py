"""Keeps every sum in step with the entries: party balance, day sums, shop totals, cash, age of the debt."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from flask_babel import lazy_gettext as _

from khata.core.db import adding_up, connection
from khata.core.prepared import Prepared
from khata.errors import Invalid
from khata.ledger.models import GAVE, CashDay, LedgerTotal, PartyDay
from khata.parties.models import Party

PARTIES, DAYS, TOTALS, CASH = Party.__table__, PartyDay.__table__, LedgerTotal.__table__, CashDay.__table__
MAX_BALANCE_MINOR = 10**14
WALK = 8  # days looked at in one step while the oldest unpaid day is sought


class Movement(NamedTuple):
    """What an entry moves: `times` is 1 where it takes effect and -1 where it is taken back."""

    direction: str
    amount_minor: int
    on: date
    in_cash: bool
    times: int = 1

    @property
    def gave_minor(self) -> int:
        """What it adds to the day's "gave"."""
        return self.amount_minor * self.times if self.direction == GAVE else 0

    @property
    def got_minor(self) -> int:
        """What it adds to the day's "got"."""
        return 0 if self.direction == GAVE else self.amount_minor * self.times

    @property
    def change_minor(self) -> int:
        """What it adds to the balance."""
        return self.gave_minor - self.got_minor


class Standing(NamedTuple):
    """How a party stands: what the postings start from and lead to."""

    party_id: UUID
    kind: str
    balance_minor: int
    debt_since: date | None


MOVE_PARTY = Prepared(
    sa.update(PARTIES)
    .where(PARTIES.c.shop_id == sa.bindparam("shop"), PARTIES.c.id == sa.bindparam("party"))
    .values(
        balance_minor=sa.bindparam("balance"), debt_since=sa.bindparam("since"), last_activity_at=sa.bindparam("at")
    )
)

_ADD_DAYS = Prepared(adding_up(DAYS, ("shop_id", "party_id", "on"), ("gave_minor", "got_minor")), *DAYS.c.keys())
_ADD_CASH = Prepared(adding_up(CASH, ("shop_id", "on"), ("in_minor", "out_minor")), *CASH.c.keys())
_ADD_TOTALS = Prepared(adding_up(TOTALS, ("shop_id", "kind"), ("get_minor", "give_minor")), *TOTALS.c.keys())


def post(shop_id: UUID, party: Any, movements: list[Movement], at: datetime) -> Standing:
    """Apply `movements` to a party (a row with id, kind, balance_minor, debt_since); raises Invalid past the bounds."""
    before = Standing(party.id, party.kind, party.balance_minor, party.debt_since)
    standing = before
    for movement in movements:
        _add_to_day(shop_id, party.id, movement)
        if movement.in_cash:
            add_cash(shop_id, movement.on, movement.got_minor, movement.gave_minor)
        standing = _moved(shop_id, standing, movement)
    if abs(standing.balance_minor) > MAX_BALANCE_MINOR:
        raise Invalid(_("This balance would be too large."), "balance_too_large")
    values = {"shop": shop_id, "party": party.id, "balance": standing.balance_minor, "since": standing.debt_since}
    MOVE_PARTY.run(connection(), {**values, "at": at})
    add_to_totals(shop_id, party.kind, before.balance_minor, standing.balance_minor)
    return standing


def _moved(shop_id: UUID, standing: Standing, movement: Movement) -> Standing:
    balance = standing.balance_minor + movement.change_minor
    if deepens(standing, movement):
        return standing._replace(balance_minor=balance)
    return standing._replace(balance_minor=balance, debt_since=oldest_unpaid_day(shop_id, standing.party_id, balance))


def deepens(standing: Standing, movement: Movement) -> bool:
    """True where newer debt is put on older: the oldest unpaid day stays what it is."""
    return (
        standing.debt_since is not None
        and movement.on >= standing.debt_since
        and movement.times > 0
        and (movement.change_minor > 0) == (standing.balance_minor > 0)
    )


def _newest_days(side: sa.ColumnElement[int]) -> Prepared:
    """The newest days before one on which anything was given, or got."""
    query = sa.select(DAYS.c.on, side.label("minor")).where(
        DAYS.c.shop_id == sa.bindparam("shop"),
        DAYS.c.party_id == sa.bindparam("party"),
        DAYS.c.on < sa.bindparam("before"),
        side > 0,
    )
    return Prepared(query.order_by(DAYS.c.on.desc()).limit(WALK))


_DAYS_GAVE, _DAYS_GOT = _newest_days(DAYS.c.gave_minor), _newest_days(DAYS.c.got_minor)


def oldest_unpaid_day(shop_id: UUID, party_id: UUID, balance_minor: int) -> date | None:
    """The day of the oldest debt that payments, first in first out, have not reached; None at zero.

    What is unpaid is what was last given: walk back from the newest day until the balance is made up.
    """
    query = _DAYS_GAVE if balance_minor > 0 else _DAYS_GOT
    left, before = abs(balance_minor), date.max
    while left > 0:
        days = query.all(connection(), {"shop": shop_id, "party": party_id, "before": before})
        if not days:
            break
        for day in days:
            before, left = day.on, left - day.minor
            if left <= 0:
                break
    return None if before == date.max else before


def add_days(rows: list[dict[str, Any]]) -> None:
    """Add day sums (shop_id, party_id, on, gave_minor, got_minor) to what is kept."""
    _ADD_DAYS.run_many(connection(), rows)


def _add_to_day(shop_id: UUID, party_id: UUID, movement: Movement) -> None:
    sums = {"gave_minor": movement.gave_minor, "got_minor": movement.got_minor}
    values = {"shop_id": shop_id, "party_id": party_id, "on": movement.on, **sums}
    _ADD_DAYS.run(connection(), values)


def add_cash(shop_id: UUID, on: date, in_minor: int, out_minor: int) -> None:
    """Add to the cash that came in and went out on a day."""
    values = {"shop_id": shop_id, "on": on, "in_minor": in_minor, "out_minor": out_minor}
    _ADD_CASH.run(connection(), values)


def add_to_totals(shop_id: UUID, kind: str, before_minor: int, after_minor: int) -> None:
    """Carry a party's change of balance into the shop's totals."""
    get_minor = max(after_minor, 0) - max(before_minor, 0)
    give_minor = max(-after_minor, 0) - max(-before_minor, 0)
    if get_minor or give_minor:
        values = {"shop_id": shop_id, "kind": kind, "get_minor": get_minor, "give_minor": give_minor}
        _ADD_TOTALS.run(connection(), values)
