"""The list of collections, newest first, with each day's sums: asked, paid, said to be paid, failed, given back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from khata.core import clock
from khata.core.db import db
from khata.parties.models import Party
from khata.payments.models import FAILED, PAID, Claim, GatewayPayment, PaymentRequest

REQUESTS, PAYMENTS, CLAIMS = PaymentRequest.__table__, GatewayPayment.__table__, Claim.__table__
ASKED, CAME, CLAIMED, NOT_PAID, BACK, UNCLEAR = "asked", "paid", "claimed", "failed", "refunded", "unclear"
KINDS = (ASKED, CAME, CLAIMED, NOT_PAID, BACK, UNCLEAR)
PAGE = 40


class Sought(NamedTuple):
    """What is looked for; None where it does not matter. `before` is the (time, id) that the page goes on from."""

    kind: str | None = None
    member_id: UUID | None = None
    day: date | None = None
    before: tuple[datetime, UUID] | None = None


class Row(NamedTuple):
    """A line of the list. `subject` is the request, payment or claim itself."""

    kind: str
    id: UUID
    at: datetime
    amount_minor: int
    currency: str | None  # None: the shop's
    party_id: UUID
    name: str
    member_id: UUID | None
    state: str
    subject_id: UUID
    gateway: str | None
    left_minor: int  # what can still go back
    problem: str | None


class Day(NamedTuple):
    """The lines of a day that are on the page, and the sums of the whole day: (kind, amount) of each kind there is."""

    on: date
    rows: list[Row]
    sums: list[tuple[str, int]]


class Collections(NamedTuple):
    """A page of the list; `older` is where the next one goes on."""

    days: list[Day]
    older: tuple[datetime, UUID] | None


def page(shop_id: UUID, time_zone: str, sought: Sought) -> Collections:
    """The newest lines that are sought."""
    kinds = [sought.kind] if sought.kind else KINDS
    found = [row for kind in kinds for row in _of_kind(shop_id, time_zone, kind, sought)]
    found.sort(key=lambda row: (row.at, row.id), reverse=True)
    rows = found[:PAGE]
    older = (rows[-1].at, rows[-1].id) if len(found) > PAGE else None
    return Collections(_by_day(shop_id, time_zone, rows, sought), older)


def _of_kind(shop_id: UUID, time_zone: str, kind: str, sought: Sought) -> Iterable[Row]:
    """The newest lines of one kind, by its own index: a page costs the same however long the list is."""
    query, at, id_, member = _lines(shop_id, kind)
    query = _within(query, at, member, time_zone, sought)
    if sought.before is not None:
        last_at, last_id = sought.before
        query = query.where(at <= last_at, (at < last_at) | (id_ < last_id))
    return [Row(kind, *row) for row in db.session.execute(query.order_by(at.desc(), id_.desc()).limit(PAGE + 1))]


def _within(query: Any, at: Any, member: Any, time_zone: str, sought: Sought) -> Any:
    if sought.member_id is not None:
        query = query.where(member == sought.member_id)
    if sought.day is not None:
        first, last = (clock.start_of(sought.day + timedelta(days=days), time_zone) for days in (0, 1))
        query = query.where(at >= first, at < last)
    return query


def _lines(shop_id: UUID, kind: str) -> tuple[Any, Any, Any, Any]:
    """(query, time, id, member) of one kind."""
    if kind == ASKED:
        return _requests(shop_id)
    if kind == CLAIMED:
        return _claims(shop_id)
    return _payments(shop_id, kind)


def _requests(shop_id: UUID) -> tuple[Any, Any, Any, Any]:
    c = REQUESTS.c
    may_end = sa.case((c.ended_at.is_(None) & c.link_id.is_not(None), c.amount_minor), else_=0)
    columns = (c.id, c.made_at, c.amount_minor, c.currency, c.party_id, Party.name, c.member_id, c.state, c.id,
               c.gateway, may_end, sa.null())  # fmt: skip
    query = sa.select(*columns).join(Party, _is_party(c)).where(c.shop_id == shop_id)
    return query, c.made_at, c.id, c.member_id


def _claims(shop_id: UUID) -> tuple[Any, Any, Any, Any]:
    c = CLAIMS.c
    nothing = (sa.null(), sa.literal(0), sa.null())
    columns = (c.id, c.created_at, c.amount_minor, sa.null(), c.party_id, Party.name, c.decided_by, c.state, c.id)
    query = sa.select(*columns, *nothing).join(Party, _is_party(c)).where(c.shop_id == shop_id, c.kind == PAID)
    return query, c.created_at, c.id, c.decided_by


def _payments(shop_id: UUID, kind: str) -> tuple[Any, Any, Any, Any]:
    c, of = PAYMENTS.c, REQUESTS.c
    at = c.refunded_at if kind == BACK else c.paid_at
    amount = c.refunded_minor if kind == BACK else c.amount_minor
    member = c.refunded_by if kind == BACK else of.member_id
    may_go_back = sa.case((c.state == PAID, c.amount_minor - c.refunded_minor), else_=0)
    left: Any = may_go_back if kind in (CAME, UNCLEAR) else sa.literal(0)
    which = {
        CAME: (c.state != FAILED) & c.problem.is_(None),
        NOT_PAID: c.state == FAILED,
        BACK: c.refunded_at.is_not(None) & c.problem.is_(None),
        UNCLEAR: c.problem.is_not(None),
    }[kind]
    columns = (c.id, at, amount, c.currency, of.party_id, Party.name, member, c.state, c.id, c.gateway,
               left, c.problem)  # fmt: skip
    query = (
        sa.select(*columns)
        .join(REQUESTS, (of.shop_id == c.shop_id) & (of.id == c.request_id))
        .join(Party, _is_party(of))
        .where(c.shop_id == shop_id, which)
    )
    return query, at, c.id, member


def _is_party(columns: Any) -> Any:
    return (Party.shop_id == columns.shop_id) & (Party.id == columns.party_id)


def _by_day(shop_id: UUID, time_zone: str, rows: list[Row], sought: Sought) -> list[Day]:
    days: dict[date, list[Row]] = {}
    for row in rows:
        days.setdefault(clock.local(row.at, time_zone).date(), []).append(row)
    sums = _sums(shop_id, time_zone, sorted(days), sought) if days else {}
    return [
        Day(on, lines, [(kind, sums[on, kind]) for kind in KINDS if (on, kind) in sums]) for on, lines in days.items()
    ]


def _sums(shop_id: UUID, time_zone: str, days: list[date], sought: Sought) -> dict[tuple[date, str], int]:
    """What each kind comes to on each of `days`, whole, whatever of it is on the page. What is unclear has no sum."""
    kinds = [sought.kind] if sought.kind else [kind for kind in KINDS if kind != UNCLEAR]
    found: dict[tuple[date, str], int] = {}
    for kind in kinds:
        if kind == UNCLEAR:
            continue
        query, at, _id, member = _lines(shop_id, kind)
        query = _within(query, at, member, time_zone, sought)
        bounds = [(on, clock.start_of(on, time_zone), clock.start_of(on + timedelta(days=1), time_zone)) for on in days]
        which = sa.case(
            *(((at >= first) & (at < end), number) for number, (_on, first, end) in enumerate(bounds)), else_=-1
        )
        amount = list(query.selected_columns)[2]
        summed = query.with_only_columns(which, sa.func.sum(amount)).group_by(which)
        for number, total in db.session.execute(summed.where(at >= bounds[0][1], at < bounds[-1][2])):
            if number >= 0:
                found[days[number], kind] = int(total)
    return found
