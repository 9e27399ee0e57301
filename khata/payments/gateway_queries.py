"""Reads of what was asked for and paid through gateways; the first argument is the shop, but for gateways' names."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from khata.accounts.models import Shop
from khata.core.db import across_shops, connection, db
from khata.core.prepared import Prepared
from khata.errors import NotFound
from khata.payments.models import FAILED, GatewayPayment, PaymentRequest

REQUESTS, PAYMENTS = PaymentRequest.__table__, GatewayPayment.__table__

_PLACE = (REQUESTS.c.shop_id, REQUESTS.c.id)
_BY_REFERENCE = Prepared(
    sa.select(*_PLACE).where(
        REQUESTS.c.gateway == sa.bindparam("gateway"), REQUESTS.c.reference == sa.bindparam("reference")
    )
)
_BY_LINK = Prepared(
    sa.select(*_PLACE).where(
        REQUESTS.c.gateway == sa.bindparam("gateway"), REQUESTS.c.link_id == sa.bindparam("link_id")
    )
)
_REQUEST = Prepared(
    sa.select(REQUESTS, Shop.time_zone)
    .join(Shop, Shop.id == REQUESTS.c.shop_id)
    .where(REQUESTS.c.shop_id == sa.bindparam("shop"), REQUESTS.c.id == sa.bindparam("id"))
)
_PAYMENT = Prepared(
    sa.select(PAYMENTS).where(PAYMENTS.c.shop_id == sa.bindparam("shop"), PAYMENTS.c.id == sa.bindparam("id"))
)


def place_of(gateway: str, reference: str | None, link_id: str | None) -> Any:
    """(shop_id, id) of the request that a gateway names, of whatever shop: by our reference, else by its own id."""
    with across_shops():
        if reference:
            return _BY_REFERENCE.first(connection(), {"gateway": gateway, "reference": reference})
        return _BY_LINK.first(connection(), {"gateway": gateway, "link_id": link_id}) if link_id else None


def get_request(shop_id: UUID, request_id: UUID) -> Any:
    """The request with this id, and its shop's time zone; raises NotFound."""
    row = _REQUEST.first(connection(), {"shop": shop_id, "id": request_id})
    if row is None:
        raise NotFound
    return row


def payment_by_id(shop_id: UUID, payment_id: UUID) -> Any:
    """The payment with this id, which is ours."""
    return _PAYMENT.first(connection(), {"shop": shop_id, "id": payment_id})


def get_payment(shop_id: UUID, payment_id: UUID) -> Any:
    """The payment with this id; raises NotFound."""
    row = payment_by_id(shop_id, payment_id)
    if row is None:
        raise NotFound
    return row


def payments_of(shop_id: UUID, request_id: UUID) -> list[Any]:
    """What came of a request, oldest first."""
    query = sa.select(PAYMENTS).where(PAYMENTS.c.shop_id == shop_id, PAYMENTS.c.request_id == request_id)
    return list(db.session.execute(query.order_by(PAYMENTS.c.paid_at, PAYMENTS.c.id)))


def came_in(shop_id: UUID, request_id: UUID) -> int:
    """How much came in of a request, whether or not some of it went back since."""
    query = sa.select(sa.func.coalesce(sa.func.sum(PAYMENTS.c.amount_minor), 0)).where(
        PAYMENTS.c.shop_id == shop_id,
        PAYMENTS.c.request_id == request_id,
        PAYMENTS.c.state != FAILED,
        PAYMENTS.c.problem.is_(None),
    )
    return int(db.session.scalar(query) or 0)


def unfinished(before: datetime, limit: int) -> list[tuple[UUID, UUID, str]]:
    """(shop, request, gateway) of requests from before that time whose link was never heard of."""
    query = sa.select(REQUESTS.c.shop_id, REQUESTS.c.id, REQUESTS.c.gateway).where(
        REQUESTS.c.ended_at.is_(None), REQUESTS.c.link_id.is_(None), REQUESTS.c.made_at < before
    )
    return [tuple(row) for row in db.session.execute(query.order_by(REQUESTS.c.made_at).limit(limit))]


def past_their_end(now: datetime, limit: int) -> list[tuple[UUID, UUID, str]]:
    """(shop, request, gateway) of requests whose time is up and that nobody has closed."""
    query = sa.select(REQUESTS.c.shop_id, REQUESTS.c.id, REQUESTS.c.gateway).where(
        REQUESTS.c.ended_at.is_(None), REQUESTS.c.expires_at < now
    )
    return [tuple(row) for row in db.session.execute(query.order_by(REQUESTS.c.made_at).limit(limit))]
