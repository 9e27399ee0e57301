"""Proves that plans are what their lines of the journal say, and that due days follow from them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from khata.core.db import db
from khata.journal import queries as journal_queries
from khata.journal.actions import canonical
from khata.parties import queries as parties
from khata.parties.models import Party
from khata.reminders import due_queries as queries
from khata.reminders.due_models import Plan
from khata.reminders.instalments import facts_of, standing_of


def differences(shop_id: UUID) -> Iterator[str]:
    """One sentence for each plan of the shop that does not agree; none where all do."""
    told = {line.subject_id: _facts(line) for line in journal_queries.by_subject(shop_id, "due.planned")}
    ended = {line.subject_id for line in journal_queries.by_subject(shop_id, "due.plan_ended")}
    ended |= {UUID(str(facts["replaces"])) for facts in told.values() if "replaces" in facts}
    plans = db.session.scalars(sa.select(Plan).where(Plan.shop_id == shop_id).order_by(Plan.id)).all()
    for plan in plans:
        yield from _unlike_journal(plan, told.pop(plan.id, None), plan.id in ended)
        if plan.ended_at is None:
            yield from _wrong_standing(plan)
    for plan_id in told:
        yield f"plan {plan_id}: the journal tells of it, the book has lost it"
    query = sa.select(Party.id).where(Party.shop_id == shop_id, Party.has_plan)
    for party_id in set(db.session.scalars(query)) - {plan.party_id for plan in plans if plan.ended_at is None}:
        yield f"party {party_id}: it says that there are instalments, and there are none"


def _facts(line: Any) -> dict[str, Any]:
    return dict(json.loads(line.payload))


def _unlike_journal(plan: Plan, told: dict[str, Any] | None, has_ended: bool) -> Iterator[str]:
    if told is None:
        yield f"plan {plan.id}: the book has it, the journal does not tell of it"
    elif canonical({**told, "replaces": None}) != canonical(facts_of(plan)):
        yield f"plan {plan.id}: the book says {canonical(facts_of(plan))}, the journal {canonical(told)}"
    if has_ended != (plan.ended_at is not None):
        yield f"plan {plan.id}: book and journal disagree on whether it has ended"
    parts = queries.parts(plan.shop_id, plan.id)
    if len(parts) != plan.parts or sum(part.amount_minor for part in parts) != plan.debt_minor:
        yield f"plan {plan.id}: its parts do not make up the debt"


def _wrong_standing(plan: Plan) -> Iterator[str]:
    party = parties.get_party(plan.shop_id, plan.party_id)
    stands = standing_of(plan, party.balance_minor)
    if not party.has_plan:
        yield f"party {party.id}: it has instalments, and does not say so"
    if party.due_on != stands.due_on:
        yield f"party {party.id}: due on {party.due_on}, its instalments say {stands.due_on}"
    if (stands.open_minor == 0) != (plan.settled_at is not None):
        yield f"plan {plan.id}: it says wrongly whether it is settled"
