"""Reads of plans and of what the shop has to pay; the first argument is the shop, or a plan of it."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from khata.accounts.models import Shop
from khata.core.db import connection, db
from khata.core.prepared import Prepared
from khata.errors import NotFound
from khata.ledger.models import GAVE, INTEREST, Entry, PartyDay
from khata.parties.models import Party
from khata.reminders.due_models import Plan, PlanPart, ScheduledPayment

ENTRIES, DAYS, PARTIES = Entry.__table__, PartyDay.__table__, Party.__table__
PAYMENTS = ScheduledPayment.__table__
LISTED_AT_MOST = 200


class Since(NamedTuple):
    """What was written as given since a plan was made: goods, and interest."""

    bought_minor: int
    interest_minor: int


def plan_by_id(shop_id: UUID, plan_id: UUID) -> Plan | None:
    """The plan with this id, ended or not."""
    return db.session.get(Plan, (shop_id, plan_id), populate_existing=True)


def open_plan(shop_id: UUID, party_id: UUID) -> Plan | None:
    """The party's plan that has not ended; it may be settled."""
    query = sa.select(Plan).where(Plan.shop_id == shop_id, Plan.party_id == party_id, Plan.ended_at.is_(None))
    return db.session.scalar(query)


def parts(shop_id: UUID, plan_id: UUID) -> list[PlanPart]:
    """The parts of a plan in order."""
    query = sa.select(PlanPart).where(PlanPart.shop_id == shop_id, PlanPart.plan_id == plan_id)
    return list(db.session.scalars(query.order_by(PlanPart.number)))


def parts_on(shop_id: UUID, day: date) -> list[tuple[Plan, int, int]]:
    """(plan, the party's balance, number of the part) of parts of `day`, of plans that are not ended or settled."""
    query = (
        sa.select(Plan, Party.balance_minor, PlanPart.number)
        .join(PlanPart, (PlanPart.shop_id == Plan.shop_id) & (PlanPart.plan_id == Plan.id))
        .join(Party, (Party.shop_id == Plan.shop_id) & (Party.id == Plan.party_id))
        .where(PlanPart.shop_id == shop_id, PlanPart.on == day, Plan.shop_id == shop_id, Party.shop_id == shop_id)
        .where(Plan.ended_at.is_(None), Plan.settled_at.is_(None))
    )
    return [(plan, minor, number) for plan, minor, number in db.session.execute(query.order_by(Plan.id))]


def since(plan: Plan, before: date | None = None) -> Since:
    """What was given since the plan was made, up to the day `before`: a stretch of the index by day.

    An entry dated before the plan is older debt, which payments meet first.
    """
    is_interest = sa.func.coalesce(ENTRIES.c.reason, "") == INTEREST
    amount = ENTRIES.c.amount_minor
    query = sa.select(
        sa.func.sum(sa.case((is_interest, 0), else_=amount)), sa.func.sum(sa.case((is_interest, amount), else_=0))
    ).where(
        ENTRIES.c.shop_id == plan.shop_id,
        ENTRIES.c.party_id == plan.party_id,
        ENTRIES.c.on >= plan.made_on,
        ENTRIES.c.seq > plan.made_seq,
        ENTRIES.c.direction == GAVE,
        ENTRIES.c.deleted_at.is_(None),
    )
    if before is not None:
        query = query.where(ENTRIES.c.on < before)
    bought, interest = db.session.execute(query).one()
    return Since(int(bought or 0), int(interest or 0))


def balance_at_start_of(shop_id: UUID, party_id: UUID, on: date) -> int:
    """The balance before day `on`: today's, without the days since, so that an old account costs no more."""
    balance = sa.select(PARTIES.c.balance_minor).where(PARTIES.c.shop_id == shop_id, PARTIES.c.id == party_id)
    later = sa.select(sa.func.sum(DAYS.c.gave_minor - DAYS.c.got_minor)).where(
        DAYS.c.shop_id == shop_id, DAYS.c.party_id == party_id, DAYS.c.on >= on
    )
    return int(db.session.scalar(balance) or 0) - int(db.session.scalar(later) or 0)


def currency_and_zone(shop_id: UUID) -> Any:
    """The shop's currency and time zone."""
    return db.session.execute(sa.select(Shop.currency, Shop.time_zone).where(Shop.id == shop_id)).one()


def plans_to_charge(latest: date, at_most: int) -> list[tuple[UUID, UUID, str]]:
    """(shop, plan, time zone) of plans, of whatever shop, whose next interest falls due by `latest`, oldest first."""
    query = (
        sa.select(Plan.shop_id, Plan.id, Shop.time_zone)
        .join(Shop, Shop.id == Plan.shop_id)
        .where(Plan.charge_on <= latest, Plan.ended_at.is_(None), Plan.settled_at.is_(None), Shop.erase_at.is_(None))
    )
    rows = db.session.execute(query.order_by(Plan.charge_on).limit(at_most))
    return [(shop_id, plan_id, zone) for shop_id, plan_id, zone in rows]


# what the shop has to pay


class ToPay(NamedTuple):
    """How much the shop has to pay by today."""

    number: int
    amount_minor: int


_TO_PAY_NOW = Prepared(
    sa.select(sa.func.count().label("number"), sa.func.sum(PAYMENTS.c.amount_minor).label("minor")).where(
        PAYMENTS.c.shop_id == sa.bindparam("shop"), PAYMENTS.c.next_on <= sa.bindparam("today", type_=sa.Date)
    )
)


def payment_by_id(shop_id: UUID, payment_id: UUID) -> ScheduledPayment | None:
    """The scheduled payment with this id."""
    return db.session.get(ScheduledPayment, (shop_id, payment_id), populate_existing=True)


def get_payment(shop_id: UUID, payment_id: UUID) -> ScheduledPayment:
    """The same; raises NotFound."""
    payment = payment_by_id(shop_id, payment_id)
    if payment is None:
        raise NotFound
    return payment


def to_pay_now(shop_id: UUID, today: date) -> ToPay:
    """What has come to its day, or passed it: a stretch of the index."""
    row = _TO_PAY_NOW.first(connection(), {"shop": shop_id, "today": today})
    return ToPay(row.number, int(row.minor or 0))


def coming_payments(shop_id: UUID) -> list[tuple[ScheduledPayment, str]]:
    """What is to be paid with the supplier's name, the longest overdue first."""
    query = (
        sa.select(ScheduledPayment, Party.name)
        .join(Party, (Party.shop_id == ScheduledPayment.shop_id) & (Party.id == ScheduledPayment.party_id))
        .where(ScheduledPayment.shop_id == shop_id, ScheduledPayment.next_on.is_not(None))
    )
    rows = db.session.execute(query.order_by(ScheduledPayment.next_on, ScheduledPayment.id).limit(LISTED_AT_MOST))
    return [(payment, name) for payment, name in rows]


def suppliers(shop_id: UUID) -> list[tuple[UUID, str]]:
    """(id, name) of the suppliers that something was written of last, by name."""
    query = sa.select(PARTIES.c.id, PARTIES.c.name).where(
        PARTIES.c.shop_id == shop_id, PARTIES.c.kind == "supplier", PARTIES.c.deleted_at.is_(None)
    )
    newest = db.session.execute(query.order_by(PARTIES.c.last_activity_at.desc(), PARTIES.c.id).limit(LISTED_AT_MOST))
    return sorted(((row.id, row.name) for row in newest), key=lambda row: row[1].casefold())


def payments_to_tell(latest: date, at_most: int) -> list[tuple[UUID, UUID, str, str]]:
    """(shop, payment, time zone, currency) of payments, of whatever shop, due by `latest` that nobody was told of."""
    is_new = ScheduledPayment.told_on.is_(None) | (ScheduledPayment.told_on < ScheduledPayment.next_on)
    query = (
        sa.select(ScheduledPayment.shop_id, ScheduledPayment.id, Shop.time_zone, Shop.currency)
        .join(Shop, Shop.id == ScheduledPayment.shop_id)
        .where(ScheduledPayment.next_on <= latest, is_new, Shop.erase_at.is_(None))
    )
    rows = db.session.execute(query.order_by(ScheduledPayment.next_on).limit(at_most))
    return [(shop_id, payment_id, zone, currency) for shop_id, payment_id, zone, currency in rows]
