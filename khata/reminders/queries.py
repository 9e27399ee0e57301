"""Reads of reminders, rules and texts; the first argument is the shop."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from khata.accounts.models import Member, Person, Shop
from khata.core import clock
from khata.core.db import db
from khata.journal.models import JournalHead, JournalLine
from khata.ledger.models import Entry
from khata.messages.models import Consent, Message, MessageText
from khata.parties.models import Party
from khata.reminders.models import ENTRY, ReminderRule

MESSAGES, PARTIES, CONSENTS = Message.__table__, Party.__table__, Consent.__table__
RULES, LINES = ReminderRule.__table__, JournalLine.__table__
REMINDER, RECEIPT = "reminder", "receipt"
LISTED = 50


def last_reminder(shop_id: UUID, party_id: UUID) -> Any:
    """The newest reminder to the party that went out; None where there was none."""
    query = sa.select(MESSAGES).where(*_reminders(shop_id), MESSAGES.c.party_id == party_id)
    query = query.where(MESSAGES.c.state.not_in(("queued", "sending")))
    return db.session.execute(query.order_by(MESSAGES.c.created_at.desc()).limit(1)).first()


def _reminders(shop_id: UUID) -> tuple[sa.ColumnElement[bool], ...]:
    """Those that went out, or are on their way."""
    gone = MESSAGES.c.state.not_in(("skipped", "failed"))
    return MESSAGES.c.shop_id == shop_id, MESSAGES.c.kind == REMINDER, gone


def count_reminders(shop_id: UUID, party_id: UUID, since: datetime) -> int:
    """How many reminders went out to the party since then, by hand or not."""
    query = sa.select(sa.func.count()).where(
        *_reminders(shop_id), MESSAGES.c.party_id == party_id, MESSAGES.c.finished_at >= since
    )
    return int(db.session.scalar(query) or 0)


def own_text(shop_id: UUID, kind: str, lang: str) -> str | None:
    """The shop's own text of a kind of message in a language."""
    row = db.session.get(MessageText, (shop_id, kind, lang))
    return row.body if row else None


def lang_of(shop_id: UUID, member_id: UUID | None) -> str:
    """The language of a member, else of whoever opened the shop."""
    query = sa.select(Person.lang).join(Member, Member.person_id == Person.id).where(Member.shop_id == shop_id)
    return str(db.session.scalar(query.order_by(Member.id != member_id, Member.created_at).limit(1)) or "en")


def entry_of(row: Any) -> Any:
    """The entry that a receipt is about."""
    if row.kind != RECEIPT:
        return None
    query = sa.select(Entry.__table__).where(Entry.shop_id == row.shop_id, Entry.id == row.subject_id)
    return db.session.execute(query).first()


def recent(shop_id: UUID) -> list[Any]:
    """The last messages to parties, with their names, newest first."""
    query = sa.select(MESSAGES, PARTIES.c.name.label("party_name")).join(
        PARTIES, (PARTIES.c.shop_id == MESSAGES.c.shop_id) & (PARTIES.c.id == MESSAGES.c.party_id)
    )
    query = query.where(MESSAGES.c.shop_id == shop_id, MESSAGES.c.party_id.is_not(None))
    return list(db.session.execute(query.order_by(MESSAGES.c.created_at.desc(), MESSAGES.c.id.desc()).limit(LISTED)))


def parties_with(phone: str) -> list[tuple[UUID, UUID]]:
    """(shop, party) of all who have this number, in every shop."""
    query = sa.select(PARTIES.c.shop_id, PARTIES.c.id).where(PARTIES.c.phone == phone)
    return [(row.shop_id, row.id) for row in db.session.execute(query)]


# who is to be reminded

WHO = ("overdue", "owes")


def _owing(shop_id: UUID, who: str, today: date) -> tuple[sa.ColumnElement[bool], ...]:
    customers = (PARTIES.c.shop_id == shop_id, PARTIES.c.deleted_at.is_(None), PARTIES.c.kind == "customer")
    owing = (*customers, PARTIES.c.balance_minor > 0)
    return (*owing, PARTIES.c.due_on < today) if who == "overdue" else owing


def count_owing(shop_id: UUID, who: str, today: date) -> tuple[int, int]:
    """(how many, how much in all)."""
    query = sa.select(sa.func.count(), sa.func.sum(PARTIES.c.balance_minor)).where(*_owing(shop_id, who, today))
    many, minor = db.session.execute(query).one()
    return int(many), int(minor or 0)


def owing(shop_id: UUID, who: str, today: date) -> list[Any]:
    """Some of them, the largest first, each with when they were last reminded."""
    last = (
        sa.select(sa.func.max(MESSAGES.c.created_at))
        .where(*_reminders(shop_id), MESSAGES.c.party_id == PARTIES.c.id)
        .scalar_subquery()
    )
    listed = (PARTIES.c.id, PARTIES.c.name, PARTIES.c.phone, PARTIES.c.balance_minor, PARTIES.c.due_on)
    query = sa.select(*listed, last.label("reminded_at")).where(*_owing(shop_id, who, today))
    return list(db.session.execute(query.order_by(PARTIES.c.balance_minor.desc(), PARTIES.c.id).limit(LISTED)))


def count_reachable(shop_id: UUID, who: str, today: date, channel: str) -> int:
    """How many of them have a number and agreed to `channel`."""
    of_them = _reachable(shop_id, channel).where(*_owing(shop_id, who, today)).subquery()
    return int(db.session.scalar(sa.select(sa.func.count()).select_from(of_them)) or 0)


def reachable(shop_id: UUID, who: str, today: date, channel: str) -> list[UUID]:
    """Those of them who have a number and agreed to `channel`."""
    return list(db.session.scalars(_reachable(shop_id, channel).where(*_owing(shop_id, who, today))))


def reachable_of(shop_id: UUID, party_ids: set[UUID], channel: str) -> list[UUID]:
    """Those of `party_ids` who owe, have a number and agreed to `channel`."""
    query = _reachable(shop_id, channel).where(*_owing(shop_id, "owes", date.max), PARTIES.c.id.in_(party_ids))
    return list(db.session.scalars(query))


def _reachable(shop_id: UUID, channel: str) -> sa.Select[Any]:
    agreed = (CONSENTS.c.shop_id == shop_id) & (CONSENTS.c.party_id == PARTIES.c.id)
    query = sa.select(PARTIES.c.id).join(CONSENTS, agreed).where(PARTIES.c.phone.is_not(None))
    return query.where(CONSENTS.c.channel == channel, CONSENTS.c.is_given)


# rules


def rules(shop_id: UUID, party_id: UUID | None) -> list[ReminderRule]:
    """The rules of the shop, or of one party, oldest first."""
    query = sa.select(ReminderRule).where(ReminderRule.shop_id == shop_id, ReminderRule.ended_at.is_(None))
    of_whom = ReminderRule.party_id.is_(None) if party_id is None else ReminderRule.party_id == party_id
    return list(db.session.scalars(query.where(of_whom).order_by(ReminderRule.created_at)))


def rules_to_run() -> list[tuple[UUID, UUID]]:
    """(shop, rule) in every shop: those whose day was not looked at yet, or whose shop has written since."""
    query = sa.select(RULES.c.shop_id, RULES.c.id, RULES.c.kind, RULES.c.run_on, RULES.c.seen_seq)
    query = query.add_columns(Shop.time_zone, JournalHead.seq).join(Shop, Shop.id == RULES.c.shop_id)
    query = query.join(JournalHead, JournalHead.shop_id == RULES.c.shop_id).where(RULES.c.ended_at.is_(None))
    rows = db.session.execute(query.order_by(RULES.c.shop_id, RULES.c.id)).all()
    return [(row.shop_id, row.id) for row in rows if _is_to_run(row)]


def _is_to_run(row: Any) -> bool:
    if row.kind == ENTRY:
        return bool(row.seq > row.seen_seq)
    return row.run_on is None or row.run_on < clock.today(row.time_zone)


def due_on(shop_id: UUID, party_id: UUID | None, day: date) -> list[UUID]:
    """Who owes and was to pay on `day`."""
    query = sa.select(PARTIES.c.id).where(*_owing(shop_id, "owes", date.max), PARTIES.c.due_on == day)
    return list(db.session.scalars(_of(query, party_id)))


def owing_at_least(shop_id: UUID, party_id: UUID | None, minor: int) -> list[UUID]:
    """Who owes so much or more."""
    query = sa.select(PARTIES.c.id).where(*_owing(shop_id, "owes", date.max), PARTIES.c.balance_minor >= minor)
    return list(db.session.scalars(_of(query, party_id)))


def _of(query: sa.Select[Any], party_id: UUID | None) -> sa.Select[Any]:
    return query if party_id is None else query.where(PARTIES.c.id == party_id)


def entries_after(shop_id: UUID, party_id: UUID | None, seq: int, limit: int) -> list[Any]:
    """(seq, id, party_id) of entries of the journal's lines after `seq`, oldest first; deleted ones are left out."""
    query = sa.select(LINES.c.seq, Entry.id, Entry.party_id).join(
        Entry, (Entry.shop_id == LINES.c.shop_id) & (Entry.id == LINES.c.subject_id)
    )
    query = query.where(LINES.c.shop_id == shop_id, LINES.c.seq > seq, LINES.c.kind == "entry.recorded")
    query = query.where(Entry.deleted_at.is_(None))
    if party_id is not None:
        query = query.where(Entry.party_id == party_id)
    return list(db.session.execute(query.order_by(LINES.c.seq).limit(limit)))
