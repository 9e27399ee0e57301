"""The cash book: cash in and out by day, with entries that were paid in cash."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from flask_babel import lazy_gettext as _

from khata.core import clock
from khata.core.actor import Actor
from khata.core.db import db, inserting_new
from khata.errors import NotFound, WrittenOtherwise
from khata.journal import actions as journal
from khata.journal import queries as journal_queries
from khata.journal.actions import Event
from khata.ledger.models import CASH_IN, CASH_OUT, GOT, CashDay, CashEntry, Entry
from khata.ledger.posting import add_cash
from khata.parties.models import Party

CASH, CASH_DAYS, ENTRIES, PARTIES = CashEntry.__table__, CashDay.__table__, Entry.__table__, Party.__table__
DAY_LIMIT = 500
_ADD_CASH_ENTRY = inserting_new(CASH, "shop_id", "id")

CATEGORIES = (
    ("sale", _("Sale")),
    ("purchase", _("Goods bought")),
    ("rent", _("Rent")),
    ("salary", _("Salary")),
    ("power", _("Electricity, phone")),
    ("transport", _("Transport")),
    ("home", _("Taken home")),
    ("bank", _("Bank")),
    ("other", _("Other")),
)


class CashContent(NamedTuple):
    """What a person writes in the cash book."""

    direction: str
    amount_minor: int
    on: date
    category: str
    note: str = ""

    def facts(self) -> dict[str, Any]:
        """As the journal keeps it."""
        return {**self._asdict(), "on": self.on.isoformat()}


class CashLine(NamedTuple):
    """One line of a day: of the cash book's own, or an entry paid in cash (with its party)."""

    id: UUID
    direction: str
    amount_minor: int
    category: str | None
    note: str
    party_id: UUID | None
    party_name: str | None
    deleted_at: Any

    @property
    def category_label(self) -> Any:
        """The category in words; a person's own words stand as they are."""
        return dict(CATEGORIES).get(self.category or "", self.category)


class CashPage(NamedTuple):
    """A day of the cash book in minor units."""

    opening_minor: int
    in_minor: int
    out_minor: int
    lines: list[CashLine]

    @property
    def closing_minor(self) -> int:
        """Cash at the end of the day."""
        return self.opening_minor + self.in_minor - self.out_minor


def record_cash(actor: Actor, cash_id: UUID, content: CashContent) -> None:
    """Write cash in or out. The same id and content again changes nothing; other content raises WrittenOtherwise."""
    head = journal.lock(actor.shop_id)
    row = {"shop_id": actor.shop_id, "id": cash_id, "seq": head.seq + 1, **content._asdict()}
    if db.session.execute(_ADD_CASH_ENTRY, row).rowcount == 0:  # type: ignore[attr-defined]
        written = journal_queries.first_payload(actor.shop_id, cash_id, "cash.recorded") or {}
        if journal.canonical(written) != journal.canonical(content.facts()):
            raise WrittenOtherwise(_("This line was already written with other content."))
        return
    journal.record(actor, Event("cash.recorded", cash_id, content.facts()))
    _post(actor.shop_id, content, 1)


def delete_cash(actor: Actor, cash_id: UUID) -> date:
    """Strike a line of the cash book through and give its day; raises NotFound."""
    return _mark(actor, cash_id, deleted=True)


def restore_cash(actor: Actor, cash_id: UUID) -> date:
    """Take the deletion back and give its day; raises NotFound."""
    return _mark(actor, cash_id, deleted=False)


def _mark(actor: Actor, cash_id: UUID, *, deleted: bool) -> date:
    journal.lock(actor.shop_id)
    of_id = (CASH.c.shop_id == actor.shop_id) & (CASH.c.id == cash_id)
    row = db.session.execute(sa.select(CASH).where(of_id)).first()
    if row is None:
        raise NotFound
    if (row.deleted_at is not None) != deleted:
        journal.record(actor, Event("cash.deleted" if deleted else "cash.restored", cash_id, {}))
        db.session.execute(sa.update(CASH).where(of_id).values(deleted_at=clock.now() if deleted else None))
        _post(actor.shop_id, row, -1 if deleted else 1)
    on: date = row.on
    return on


def _post(shop_id: UUID, content: Any, times: int) -> None:
    amount = content.amount_minor * times
    is_in = content.direction == CASH_IN
    add_cash(shop_id, content.on, amount if is_in else 0, 0 if is_in else amount)


def day(shop_id: UUID, on: date) -> CashPage:
    """Opening cash, what came in and went out on day `on`, and its newest lines."""
    before = sa.select(sa.func.sum(CASH_DAYS.c.in_minor - CASH_DAYS.c.out_minor))
    opening = db.session.scalar(before.where(CASH_DAYS.c.shop_id == shop_id, CASH_DAYS.c.on < on))
    sums = sa.select(CASH_DAYS.c.in_minor, CASH_DAYS.c.out_minor)
    row = db.session.execute(sums.where(CASH_DAYS.c.shop_id == shop_id, CASH_DAYS.c.on == on)).first()
    came_in, went_out = row or (0, 0)
    return CashPage(int(opening or 0), came_in, went_out, _lines(shop_id, on))


def _lines(shop_id: UUID, on: date) -> list[CashLine]:
    none = sa.null()
    own = sa.select(
        CASH.c.seq, CASH.c.id, CASH.c.direction, CASH.c.amount_minor, CASH.c.category, CASH.c.note,
        sa.cast(none, PARTIES.c.id.type).label("party_id"), none.label("party_name"), CASH.c.deleted_at,
    ).where(CASH.c.shop_id == shop_id, CASH.c.on == on)  # fmt: skip
    direction = sa.case((ENTRIES.c.direction == GOT, CASH_IN), else_=CASH_OUT)
    paid = sa.select(
        ENTRIES.c.seq, ENTRIES.c.id, direction, ENTRIES.c.amount_minor, none, ENTRIES.c.note,
        PARTIES.c.id, PARTIES.c.name, ENTRIES.c.deleted_at,
    ).join(PARTIES, (PARTIES.c.shop_id == ENTRIES.c.shop_id) & (PARTIES.c.id == ENTRIES.c.party_id)).where(
        ENTRIES.c.shop_id == shop_id, ENTRIES.c.on == on, ENTRIES.c.in_cash, ENTRIES.c.deleted_at.is_(None)
    )  # fmt: skip
    both = sa.union_all(own, paid).subquery()
    rows = db.session.execute(sa.select(both).order_by(both.c.seq.desc()).limit(DAY_LIMIT))
    return [CashLine(*row[1:]) for row in rows]
