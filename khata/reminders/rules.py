"""Rules that write to parties: made, ended, and looked at by the worker, each day and each entry once."""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from flask_babel import lazy_gettext as _

from khata.accounts import queries as accounts
from khata.core import clock
from khata.core.actor import Actor
from khata.core.db import db
from khata.core.ids import derived_id
from khata.errors import NotFound, TooMany
from khata.journal import actions as journal
from khata.journal import queries as journal_queries
from khata.journal.actions import Event
from khata.messages import actions as messages
from khata.messages.actions import Place, Queued
from khata.reminders import automatic, queries
from khata.reminders.models import DUE, ENTRY, MONTHLY, ReminderRule
from khata.reminders.queries import RECEIPT

MOST_RULES = 20  # of a shop or a party
RECEIPTS_A_RUN = 500


class NewRule(NamedTuple):
    """What a rule says; see ReminderRule."""

    kind: str
    channel: str
    days: int = 0
    least_minor: int = 0
    party_id: UUID | None = None


def make_rule(actor: Actor, rule_id: UUID, rule: NewRule) -> None:
    """Keep a rule from now on; the same id again changes nothing. Raises TooMany."""
    journal.lock(actor.shop_id)
    if db.session.get(ReminderRule, (actor.shop_id, rule_id)) is not None:
        return
    if len(queries.rules(actor.shop_id, rule.party_id)) >= MOST_RULES:
        raise TooMany(_("These are enough rules. End one first."))
    facts = {**rule._asdict(), "party_id": rule.party_id and rule.party_id.hex}
    seq = journal.record(actor, Event("pay.rule_made", rule_id, facts))
    now = clock.now()
    common = {"shop_id": actor.shop_id, "id": rule_id, "member_id": actor.member_id, "created_at": now}
    db.session.add(ReminderRule(**common, seen_seq=seq, **rule._asdict()))
    db.session.flush()


def end_rule(actor: Actor, rule_id: UUID) -> UUID | None:
    """End a rule; gives the party that it is of, if it is of one. Raises NotFound."""
    journal.lock(actor.shop_id)
    rule = db.session.get(ReminderRule, (actor.shop_id, rule_id), populate_existing=True)
    if rule is None:
        raise NotFound
    if rule.ended_at is None:
        journal.record(actor, Event("pay.rule_ended", rule_id, {}))
        rule.ended_at = clock.now()
    return rule.party_id


def run(shop_id: UUID, rule_id: UUID) -> int:
    """Queue what the rule asks for on this day of the shop, or for the entries since; gives how many are new.

    The ids of what is queued follow from the rule and the day or the entry: after a crash, a second worker or a clock
    that went back, each is there once.
    """
    journal.lock(shop_id)
    rule = db.session.get(ReminderRule, (shop_id, rule_id), populate_existing=True)
    shop = accounts.shop_by_id(shop_id)
    if rule is None or rule.ended_at is not None or shop is None or shop.erase_at is not None:
        return 0
    if rule.kind == ENTRY:
        return _receipts(rule)
    today = clock.today(shop.time_zone)
    if rule.run_on is not None and rule.run_on >= today:
        return 0
    new = 0
    for day in _days_to_look_at(rule, today):
        actor = Actor(shop_id, rule.member_id)
        due_at = clock.moment(day, automatic.QUIET_TO, shop.time_zone)
        batch = derived_id(rule.id, day.isoformat())
        new += automatic.queue(actor, batch, _parties(rule, day), rule.channel, max(due_at, clock.now()))
    rule.run_on = today
    return new


def _days_to_look_at(rule: Any, today: date) -> list[date]:
    """Today, and the day before where the worker missed it; nobody is reminded of what is older."""
    yesterday = today - timedelta(days=1)
    missed = rule.run_on is not None and rule.run_on < yesterday
    return [yesterday, today] if missed else [today]


def _parties(rule: Any, day: date) -> list[UUID]:
    if rule.kind == DUE:
        return queries.due_on(rule.shop_id, rule.party_id, day - timedelta(days=rule.days))
    if rule.kind == MONTHLY and day.day == min(rule.days, calendar.monthrange(day.year, day.month)[1]):
        return queries.owing_at_least(rule.shop_id, rule.party_id, max(rule.least_minor, 1))
    return []


def _receipts(rule: Any) -> int:
    rows = queries.entries_after(rule.shop_id, rule.party_id, rule.seen_seq, RECEIPTS_A_RUN)
    head = journal_queries.head(rule.shop_id)
    is_all = len(rows) < RECEIPTS_A_RUN
    rule.seen_seq = head[0] if is_all and head else rows[-1].seq
    now = clock.now()
    places = [Place(derived_id(rule.id, row.id.hex), row.party_id, row.id) for row in rows]
    queued = Queued(RECEIPT, rule.channel, now, now + automatic.HOLDS)
    return messages.queue_for_parties(Actor(rule.shop_id, rule.member_id), places, queued)
