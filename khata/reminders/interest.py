"""Interest on a plan: what a period costs, and the daily charge, each period exactly once.

Charged at the end of each period on what is open then, so who pays before that pays none of it for the period. A rate
a year is charged each month, a twelfth of it: a plan of six months would be free otherwise.
"""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from uuid import UUID

from khata.core.actor import Actor
from khata.core.days import MONTH, YEAR, day_after
from khata.core.db import db
from khata.core.ids import derived_id
from khata.journal import actions as journal
from khata.ledger import actions as ledger
from khata.ledger.models import GAVE, INTEREST
from khata.reminders import due_queries as queries
from khata.reminders.due_models import Plan

MILLION = 1_000_000
MOST_PERIODS = 400  # of one plan in one transaction: a worker that slept for a year of days


def charged_each(rate_unit: str) -> str:
    """How often a rate for each `rate_unit` is charged."""
    return MONTH if rate_unit == YEAR else rate_unit


def charge_minor(base_minor: int, rate_millionths: int, rate_unit: str) -> int:
    """The interest of one period on `base_minor`: exact, rounded half up once."""
    exact = Fraction(base_minor * rate_millionths, MILLION * (12 if rate_unit == YEAR else 1))
    return int(exact + Fraction(1, 2))


def charge(actor: Actor, plan_id: UUID, today: date) -> int:
    """Write the interest of every period of the plan that has ended by `today`; gives how many entries.

    The entry's id follows from plan and period, and the count of periods moves with it: never twice, never none.
    """
    journal.lock(actor.shop_id)
    plan = queries.plan_by_id(actor.shop_id, plan_id)
    written = 0
    for _period in range(MOST_PERIODS):
        if plan is None or plan.ended_at or plan.settled_at or plan.charge_on is None or plan.charge_on > today:
            break
        written += _charge_period(actor, plan, plan.charge_on)
    return written


def _charge_period(actor: Actor, plan: Plan, on: date) -> bool:
    period = plan.charged + 1
    base, rate = _base_minor(plan, on), plan.rate_millionths or 0
    amount = charge_minor(base, rate, str(plan.rate_unit))
    plan.charged = period
    plan.charge_on = day_after(plan.made_on, charged_each(str(plan.rate_unit)), period + 1)
    db.session.flush()
    if amount:
        content = ledger.Content(GAVE, amount, on, reason=INTEREST)
        ledger.record_entry(actor, plan.party_id, derived_id(plan.id, f"interest {period}"), content)
    return amount > 0


def _base_minor(plan: Plan, on: date) -> int:
    """What interest is asked on: what is open as day `on` begins, without earlier interest unless it compounds."""
    since = queries.since(plan, on)
    opened = queries.balance_at_start_of(plan.shop_id, plan.party_id, on) - since.bought_minor
    still_open = min(max(opened, 0), plan.debt_minor + since.interest_minor)
    return still_open if plan.compounds else max(still_open - since.interest_minor, 0)
