"""Instalments: a party's debt in parts, made, changed, ended, and how they stand.

What is still open of a plan is the balance without what was bought since: so payments, entries that were changed and
entries that were deleted all tell, and only the entries since the plan are looked at.
"""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from flask_babel import lazy_gettext as _

from khata.core import clock
from khata.core.actor import Actor
from khata.core.days import day_after
from khata.core.db import db
from khata.core.ids import derived_id
from khata.core.money import MAX_AMOUNT_MINOR, exponent
from khata.errors import Conflict, Invalid, NotFound, WrittenOtherwise
from khata.journal import actions as journal
from khata.journal.actions import Event
from khata.ledger import actions as ledger
from khata.ledger.models import GAVE, INTEREST
from khata.parties import due
from khata.parties import queries as parties
from khata.reminders import due_queries as queries
from khata.reminders import interest
from khata.reminders.due_models import Plan, PlanPart
from khata.reminders.splitting import Part, meet, parts_of


class NothingToSplit(Invalid):
    """The party owes nothing."""

    code = "nothing_owed"
    message = _("Nothing is open here any more.")


class DebtChanged(Conflict):
    """The balance, or the plan, is not the one that was seen."""

    code = "debt_changed"
    message = _("The balance changed meanwhile. Look at the parts again.")


class Terms(NamedTuple):
    """How a debt is split, and what is asked for waiting."""

    parts: int
    every: str
    first_on: date
    flat_minor: int | None = None
    rate_millionths: int | None = None
    rate_unit: str | None = None
    compounds: bool = False


class Standing(NamedTuple):
    """How a plan stands: its parts with what is paid, and the interest that was charged beside them."""

    plan: Plan
    parts: list[Part]
    interest_minor: int
    interest_paid_minor: int

    @property
    def open_minor(self) -> int:
        """What is left to pay of the plan, interest and all."""
        return sum(part.open_minor for part in self.parts) + self.interest_minor - self.interest_paid_minor

    @property
    def next(self) -> Part | None:
        """The oldest part that is not paid whole."""
        return next((part for part in self.parts if part.open_minor), None)

    @property
    def due_on(self) -> date | None:
        """The day of the oldest part that is open; interest that is left is due with the last one."""
        if self.open_minor == 0:
            return None
        return (self.next or self.parts[-1]).on

    def due_minor(self, today: date) -> int:
        """What is due: all that has come to its day, else the next part, else the interest that is left."""
        fallen = sum(part.open_minor for part in self.parts if part.on <= today)
        return fallen or (self.next.open_minor if self.next else self.open_minor)


def make_plan(
    actor: Actor, party_id: UUID, plan_id: UUID, terms: Terms, expected_minor: int, replaces: UUID | None = None
) -> None:
    """Split what the party owes, in place of the plan `replaces`; the same again changes nothing.

    Raises NotFound, NothingToSplit, DebtChanged where the balance or the open plan is not what was seen,
    WrittenOtherwise for other terms under this id, TooManyParts, Invalid.
    """
    journal.lock(actor.shop_id)
    party = parties.get_party(actor.shop_id, party_id)
    before = queries.plan_by_id(actor.shop_id, plan_id)
    if before is not None:
        if before.party_id != party_id or (terms, expected_minor) != _asked(before):
            raise WrittenOtherwise
        return
    if party.deleted_at is not None:
        raise Invalid(_("%(name)s was deleted. Bring them back first.", name=party.name), "party_deleted")
    if party.balance_minor <= 0:
        raise NothingToSplit
    old = queries.open_plan(actor.shop_id, party_id)
    if party.balance_minor != expected_minor or (old.id if old else None) != replaces:
        raise DebtChanged
    if old is not None:
        _close(old)
    _write(actor, party, plan_id, terms, old)


def _asked(plan: Plan) -> tuple[Terms, int]:
    terms = Terms(*(getattr(plan, name) for name in Terms._fields))
    return terms, plan.debt_minor - (plan.flat_minor or 0)


def _write(actor: Actor, party: Any, plan_id: UUID, terms: Terms, old: Plan | None) -> None:
    shop = queries.currency_and_zone(actor.shop_id)
    made_on = clock.today(shop.time_zone)
    debt_minor = party.balance_minor + (terms.flat_minor or 0)
    if debt_minor > MAX_AMOUNT_MINOR:
        raise Invalid(_("This amount is too large to record."), "too_large")
    parts = parts_of(debt_minor, terms.parts, terms.every, terms.first_on, 10 ** exponent(shop.currency))
    plan = Plan(
        shop_id=actor.shop_id,
        id=plan_id,
        party_id=party.id,
        debt_minor=debt_minor,
        made_on=made_on,
        created_at=clock.now(),
        charge_on=day_after(made_on, interest.charged_each(terms.rate_unit), 1) if terms.rate_unit else None,
        **terms._asdict(),
    )
    journal.record(actor, Event("due.planned", plan_id, {**facts_of(plan), "replaces": old and old.id.hex}))
    if terms.flat_minor:
        content = ledger.Content(GAVE, terms.flat_minor, made_on, reason=INTEREST)
        ledger.record_entry(actor, party.id, derived_id(plan_id, "flat"), content)
    plan.made_seq = journal.lock(actor.shop_id).seq
    db.session.add(plan)
    db.session.flush()
    _write_parts(plan, parts)
    due.set_has_plan(actor.shop_id, party.id, True)
    due.set_due(actor, party.id, parts[0].on)


def _write_parts(plan: Plan, parts: list[Part]) -> None:
    keys = {"shop_id": plan.shop_id, "plan_id": plan.id}
    rows = [{**keys, "number": part.number, "on": part.on, "amount_minor": part.amount_minor} for part in parts]
    db.session.execute(sa.insert(PlanPart.__table__), rows)


def facts_of(plan: Plan) -> dict[str, Any]:
    """The plan as the journal keeps it."""
    terms = {name: getattr(plan, name) for name in Terms._fields}
    named = {"first_on": plan.first_on.isoformat(), "party_id": plan.party_id.hex, "amount_minor": plan.debt_minor}
    return {**terms, **named}


def _close(plan: Plan) -> None:
    plan.ended_at, plan.charge_on = clock.now(), None
    db.session.flush()
    due.set_has_plan(plan.shop_id, plan.party_id, False)


def end_plan(actor: Actor, party_id: UUID, plan_id: UUID) -> None:
    """End a plan of the party: what is open stays owed, with no day. One that has ended changes nothing.

    Raises NotFound.
    """
    journal.lock(actor.shop_id)
    parties.get_party(actor.shop_id, party_id)
    plan = queries.plan_by_id(actor.shop_id, plan_id)
    if plan is None or plan.party_id != party_id:
        raise NotFound
    if plan.ended_at is not None:
        return
    journal.record(actor, Event("due.plan_ended", plan_id, {"party_id": party_id.hex}))
    _close(plan)
    due.set_due(actor, party_id, None)


def standing(shop_id: UUID, party: Any) -> Standing | None:
    """How the party's plan stands, where it has one (`party` is its row)."""
    plan = queries.open_plan(shop_id, party.id) if party.has_plan else None
    return None if plan is None else standing_of(plan, party.balance_minor)


def standing_of(plan: Plan, balance_minor: int) -> Standing:
    """How `plan` stands where its party has this balance."""
    since = queries.since(plan)
    parts = [Part(row.number, row.on, row.amount_minor) for row in queries.parts(plan.shop_id, plan.id)]
    asked = plan.debt_minor + since.interest_minor
    met, left = meet(parts, asked - open_of(plan, balance_minor, since))
    return Standing(plan, met, since.interest_minor, left)


def open_of(plan: Plan, balance_minor: int, since: queries.Since) -> int:
    """What is open of the plan, interest and all: the balance without what was bought since."""
    return min(max(balance_minor - since.bought_minor, 0), plan.debt_minor + since.interest_minor)


def keep_due(actor: Actor, party_id: UUID) -> None:
    """The party's balance moved: let its due day be that of its next open part, and see whether the plan is settled."""
    party = parties.get_party(actor.shop_id, party_id)
    stands = standing(actor.shop_id, party)
    if stands is None:
        return
    is_settled = stands.open_minor == 0
    if is_settled != (stands.plan.settled_at is not None):
        stands.plan.settled_at = clock.now() if is_settled else None
        db.session.flush()
    due.set_due(actor, party_id, stands.due_on)


class DuePart(NamedTuple):
    """A part that falls due, with what is still open of it."""

    party_id: UUID
    plan_id: UUID
    number: int
    on: date
    amount_minor: int
    open_minor: int


def due_parts(shop_id: UUID, day: date) -> list[DuePart]:
    """The parts of open plans that fall due on `day` and are not paid whole, oldest plan first."""
    found = []
    for plan, balance_minor, number in queries.parts_on(shop_id, day):
        part = standing_of(plan, balance_minor).parts[number - 1]
        if part.open_minor:
            found.append(DuePart(plan.party_id, plan.id, number, day, part.amount_minor, part.open_minor))
    return found


def asked_minor(shop_id: UUID, party: Any, today: date) -> int:
    """What a reminder asks for: what is due of the instalments, else all that is open; never more than that."""
    stands = standing(shop_id, party)
    owed = max(int(party.balance_minor), 0)
    return owed if stands is None or not stands.open_minor else min(stands.due_minor(today), owed)
