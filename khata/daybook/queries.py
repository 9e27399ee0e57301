"""The journal for people: who did what, where and when, newest first."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from flask_babel import format_date
from flask_babel import lazy_gettext as _

from khata.accounts.permissions import ROLE_LABELS
from khata.accounts.queries import device_labels, member_names
from khata.core import clock
from khata.core.db import db
from khata.journal import queries as journal_queries
from khata.journal.queries import Sought
from khata.ledger.models import CashEntry, Entry
from khata.parties.models import Party

# A line's kind, with the way or the kind that its facts name where that makes another sentence.
SENTENCES = {
    "entry.recorded.gave": _("%(name)s: you gave %(amount)s"),
    "entry.recorded.got": _("%(name)s: you got %(amount)s"),
    "entry.edited.gave": _("%(name)s: changed to “you gave %(amount)s”"),
    "entry.edited.got": _("%(name)s: changed to “you got %(amount)s”"),
    "entry.deleted": _("%(name)s: deleted an entry of %(amount)s"),
    "entry.restored": _("%(name)s: brought back an entry of %(amount)s"),
    "party.added": _("%(name)s added"),
    "party.edited": _("%(name)s: details changed"),
    "party.deleted": _("%(name)s deleted"),
    "party.restored": _("%(name)s brought back"),
    "party.moved.supplier": _("%(name)s moved to suppliers"),
    "party.moved.customer": _("%(name)s moved to customers"),
    "party.merged": _("%(name)s joined with %(other)s"),
    "party.promised": _("%(name)s will pay by %(day)s"),
    "party.due": _("%(name)s: due by %(day)s"),
    "party.not_due": _("%(name)s: no due date any more"),
    "cash.recorded.in": _("Cash in: %(amount)s"),
    "cash.recorded.out": _("Cash out: %(amount)s"),
    "cash.deleted": _("Cash book: deleted a line of %(amount)s"),
    "cash.restored": _("Cash book: brought back a line of %(amount)s"),
    "pay.reminded": _("%(name)s was reminded of %(amount)s"),
    "pay.queued": _("Reminders to be sent: %(count)s"),
    "pay.consent.given": _("%(name)s agreed to be written to"),
    "pay.consent.stopped": _("%(name)s is written to no more"),
    "pay.rule_made": _("A rule for messages was made"),
    "pay.rule_ended": _("A rule for messages was ended"),
    "pay.text": _("The text of messages was changed"),
    "pay.link_made": _("%(name)s has a link to their page"),
    "pay.link_ended": _("%(name)s: the link was taken back"),
    "pay.link_opened": _("%(name)s opened their page"),
    "pay.claimed.paid": _("%(name)s says: paid %(amount)s"),
    "pay.claimed.wrong": _("%(name)s says: an entry is wrong"),
    "pay.claimed.promise": _("%(name)s says: will pay by %(day)s"),
    "pay.confirmed": _("%(name)s: what they said was confirmed"),
    "pay.declined": _("%(name)s: what they said was not so"),
    "pay.asked": _("%(name)s was asked to pay %(amount)s online"),
    "pay.not_made": _("%(name)s: no payment of %(amount)s could be begun"),
    "pay.expired": _("%(name)s: the time to pay %(amount)s is over"),
    "pay.cancelled": _("%(name)s: the request for %(amount)s was taken back"),
    "pay.failed": _("%(name)s: a payment of %(amount)s failed"),
    "pay.unclear": _("%(name)s: a payment was not what was asked for. Look at it."),
    "pay.refunding": _("%(name)s: %(amount)s is given back online"),
    "due.planned": _("%(name)s pays %(amount)s in instalments"),
    "due.plan_ended": _("%(name)s: the instalments were ended"),
    "due.scheduled": _("To pay to %(name)s: %(amount)s"),
    "due.paid": _("%(name)s: the payment of %(amount)s due on %(day)s was made"),
    "due.skipped": _("%(name)s: the payment of %(amount)s due on %(day)s was left out"),
    "due.schedule_ended": _("%(name)s: %(amount)s is not to be paid any more"),
    "due.told": _("A reminder to pay %(amount)s to %(name)s"),
    "shop.opened": _("The shop %(name)s was opened"),
    "shop.edited": _("The shop is called %(name)s"),
    "shop.closing": _("The shop is to be deleted in 30 days"),
    "shop.kept": _("The shop is kept after all"),
    "export.taken": _("Taken out as a file: %(file)s"),
    "member.leaving": _("%(name)s is deleting their account"),
    "member.staying": _("%(name)s keeps their account after all"),
    "member.left": _("A member’s account was deleted"),
    "member.invited": _("Somebody was invited as: %(role)s"),
    "member.uninvited": _("An invitation was taken back"),
    "member.joined": _("%(name)s joined the shop"),
    "member.changed": _("%(name)s may do other things now, as: %(role)s"),
    "member.removed": _("%(name)s was removed from the shop"),
    "member.number_changed": _("A new number to sign in with"),
    "member.recovery_code": _("A new recovery code"),
    "member.recovered": _("Signed in with the recovery code"),
    "shop.handed_over": _("The shop was handed over to %(name)s"),
    "member.named": _("A member is called %(name)s"),
    "member.named.again": _("%(before)s is called %(name)s now"),
    "member.signed_out": _("%(name)s was signed out on %(label)s"),
    "member.pin_set": _("%(name)s has a new PIN"),
    "member.pin_blocked": _("Too many wrong PINs for %(name)s"),
    "member.photo": _("%(name)s has a new photo"),
    "device.signed_in": _("%(name)s signed in on another device: %(label)s"),
    "device.enrolled": _("%(label)s is now a shop’s phone"),
    "device.lock_changed": _("%(label)s locks after another time"),
    "device.released": _("%(label)s is no longer a shop’s phone"),
    "device.signed_out": _("%(label)s was signed out"),
    "member.read_notice": _("A notice was read"),
    "device.named": _("A device is called %(label)s"),
    "device.named.again": _("%(before)s is called %(label)s now"),
    "member.passkey_added": _("Fingerprint sign-in added: %(label)s"),
    "member.passkey_removed": _("Fingerprint sign-in removed: %(label)s"),
}
KINDS = ("entry", "party", "cash", "pay", "due", "export", "shop", "member", "device")
LAST = 2**62


class Told(NamedTuple):
    """A line in words; `url` leads to what it is about."""

    seq: int
    at: datetime
    text: str
    by: str
    device: str
    url: str | None


class DayBookPage(NamedTuple):
    """Some lines, newest first; `older` is where the next page goes on."""

    lines: list[Told]
    older: int | None


def page(
    shop_id: UUID, time_zone: str, sought: Sought, on: date | None, before: int, money: Callable[[int], str]
) -> DayBookPage:
    """Lines of the shop before line `before`, of one day where `on` says so; `money` puts an amount into words."""
    first = 0
    if on is not None:
        start = clock.start_of(on, time_zone)
        first = journal_queries.lines_before(shop_id, start)
        end = clock.start_of(on + timedelta(days=1), time_zone)
        before = min(before, journal_queries.lines_before(shop_id, end) + 1)
    else:
        before = min(before, (journal_queries.head(shop_id) or (0, b""))[0] + 1)
    lines, older = journal_queries.newest_lines(shop_id, sought, before, first)
    names = member_names(shop_id, (line.member_id for line in lines))
    labels = device_labels(line.device_id for line in lines)
    words = _Words(shop_id, lines, money)
    told = [
        Told(
            line.seq,
            line.recorded_at,
            words.sentence(line),
            names.get(line.member_id, ""),
            labels.get(line.device_id, ""),
            words.url(line),
        )
        for line in lines
    ]
    return DayBookPage(told, older)


class _Words:
    """Sentences for lines; what they are about is read once for all of them."""

    def __init__(self, shop_id: UUID, lines: list[Any], money: Callable[[int], str]) -> None:
        self.money = money
        subjects = {line.subject_id for line in lines if line.subject_id}
        self.facts = {line.seq: json.loads(line.payload) for line in lines}
        self.entries = _rows(shop_id, Entry.__table__, subjects)
        self.cash = _rows(shop_id, CashEntry.__table__, subjects)
        told = {UUID(facts["party_id"]) for facts in self.facts.values() if "party_id" in facts}
        told |= {UUID(facts["into"]) for facts in self.facts.values() if "into" in facts}
        parties = subjects | told | {entry.party_id for entry in self.entries.values()}
        self.parties = _rows(shop_id, Party.__table__, parties)

    def sentence(self, line: Any) -> str:
        """What the line tells."""
        facts = self.facts[line.seq]
        values = {"name": self._name(line, facts), "other": "", "amount": "", "label": facts.get("label", "")}
        values |= {"count": facts.get("count", ""), "file": facts.get("file", ""), "before": facts.get("before", "")}
        values["day"] = format_date(date.fromisoformat(facts["due_on"]), "d MMM y") if facts.get("due_on") else ""
        values["role"] = ROLE_LABELS.get(facts.get("role", ""), "")
        row = self.entries.get(line.subject_id) if line.kind.startswith("entry.") else self.cash.get(line.subject_id)
        minor = facts.get("amount_minor") or (row.amount_minor if row else None)
        if minor:
            values["amount"] = self.money(minor)
        if "into" in facts:
            values["other"] = self._party_name(UUID(facts["into"]))
        is_other = facts.get("before", "") not in ("", facts.get("name") or facts.get("label"))
        way = facts.get("direction") or facts.get("kind") or ("again" if is_other else "")
        text = SENTENCES.get(f"{line.kind}.{way}") or SENTENCES[line.kind]
        return str(text) % values

    def _name(self, line: Any, facts: dict[str, Any]) -> str:
        if "name" in facts:
            return str(facts["name"])
        entry = self.entries.get(line.subject_id)
        party_id = UUID(facts["party_id"]) if "party_id" in facts else entry.party_id if entry else line.subject_id
        return self._party_name(party_id)

    def _party_name(self, party_id: UUID) -> str:
        party = self.parties.get(party_id)
        return str(party.name) if party else ""

    def url(self, line: Any) -> str | None:
        """Where the subject of the line stands."""
        if line.subject_id in self.entries and line.kind.startswith("entry."):
            return f"/entries/{line.subject_id}"
        if line.subject_id in self.parties:
            return f"/parties/{line.subject_id}"
        if line.subject_id in self.cash:
            return f"/cash?on={self.cash[line.subject_id].on.isoformat()}"
        return None


def _rows(shop_id: UUID, table: sa.Table, ids: set[UUID]) -> dict[UUID, Any]:
    if not ids:
        return {}
    query = sa.select(table).where(table.c.shop_id == shop_id, table.c.id.in_(ids))
    return {row.id: row for row in db.session.execute(query)}
