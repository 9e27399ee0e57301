"""What falls due by itself: interest of instalments, and telling owners what they have to pay."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import structlog

from khata.core import clock
from khata.core.actor import Actor
from khata.core.db import in_shop, transaction
from khata.errors import KhataError
from khata.reminders import due_queries as queries
from khata.reminders import dues, interest

log = structlog.get_logger()
AT_MOST = 5000  # plans, or payments, in one run; the next one goes on


def charge_interest() -> int:
    """Write the interest of every period that has ended by its shop's day. Gives how many entries."""
    return sum(
        _try(shop_id, zone, lambda actor, today, plan=plan_id: interest.charge(actor, plan, today))
        for shop_id, plan_id, zone in queries.plans_to_charge(_latest_day(), AT_MOST)
    )


def tell_payments() -> int:
    """Tell owners what has to be paid, each day of it once. Gives how many."""
    return sum(
        _try(shop_id, zone, lambda actor, today, id_=payment_id, money=currency: dues.tell(actor, id_, today, money))
        for shop_id, payment_id, zone, currency in queries.payments_to_tell(_latest_day(), AT_MOST)
    )


def _latest_day() -> date:
    """The latest date that it is anywhere."""
    return clock.now().date() + timedelta(days=1)


def _try(shop_id: UUID, time_zone: str, act: Callable[..., Any]) -> int:
    """One in a transaction of its own; one that is refused must not keep the others."""
    try:
        with in_shop(shop_id), transaction():
            return int(act(Actor(shop_id, None), clock.today(time_zone)))
    except KhataError as error:
        log.warning("due_not_written", shop=str(shop_id), code=error.code)
        return 0
