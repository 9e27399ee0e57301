"""Record, edit, delete and restore entries; settle, move and merge accounts."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from flask_babel import lazy_gettext as _

from khata.core import clock
from khata.core.actor import Actor
from khata.core.db import connection, db, inserting_new
from khata.core.prepared import Prepared
from khata.errors import Conflict, Invalid, WrittenOtherwise
from khata.journal import actions as journal
from khata.journal import queries as journal_queries
from khata.journal.actions import Event
from khata.ledger import due, history, posting, queries
from khata.ledger.models import GAVE, GOT, INTEREST, SETTLEMENT, Entry, PartyDay
from khata.ledger.posting import Movement, Standing
from khata.parties import actions as party_actions
from khata.parties import queries as party_queries

ENTRIES, DAYS = Entry.__table__, PartyDay.__table__


class Content(NamedTuple):
    """What a person writes in an entry."""

    direction: str
    amount_minor: int
    on: date
    note: str = ""
    in_cash: bool = False
    photo_id: UUID | None = None
    reason: str | None = None

    def facts(self, party_id: UUID) -> dict[str, Any]:
        """As the journal keeps it."""
        photo = self.photo_id and self.photo_id.hex
        return {**self._asdict(), "on": self.on.isoformat(), "photo_id": photo, "party_id": party_id.hex}

    def movement(self, times: int = 1) -> Movement:
        """What it moves, or takes back."""
        return Movement(self.direction, self.amount_minor, self.on, self.in_cash, times)


_ADD_ENTRY = Prepared(
    inserting_new(ENTRIES, "shop_id", "id"),
    *("shop_id", "id", "party_id", "seq", "version"),
    *Content._fields,
)


class AlreadyWritten(WrittenOtherwise):
    """An entry of this id stands with other content: `written` and `ours` are both shown."""

    message = _("This entry was already written with other content.")

    def __init__(self, party_id: UUID, written: dict[str, Any], ours: Content) -> None:
        super().__init__()
        self.party_id, self.written, self.ours = party_id, written, ours


class ChangedMeanwhile(Conflict):
    """The entry was changed after the form was opened."""

    code = "changed_meanwhile"


class HasPhoto(Conflict):
    """The entry has another photo already."""

    code = "has_photo"
    message = _("This entry has a photo already.")


def record_entry(actor: Actor, party_id: UUID, entry_id: UUID, content: Content) -> Standing:
    """Write an entry and give how the party stands after it.

    The same id and content again changes nothing. Raises NotFound (no such party), AlreadyWritten (other content
    under this id) and Invalid (deleted party, balance past the bounds).
    """
    head = journal.lock(actor.shop_id)
    party = party_queries.get_account(actor.shop_id, party_id)
    row = {"shop_id": actor.shop_id, "id": entry_id, "party_id": party_id, "seq": head.seq + 1, "version": 1}
    if _ADD_ENTRY.run(connection(), {**row, **content._asdict()}) == 0:
        _require_same(actor.shop_id, party_id, entry_id, content)
        return Standing(party_id, party.kind, party.balance_minor, party.debt_since)
    _refuse_deleted(party)
    journal.record(actor, Event("entry.recorded", entry_id, content.facts(party_id)))
    return _post(actor, party, [content.movement()])


def _post(actor: Actor, party: Any, movements: list[Movement]) -> Standing:
    standing = posting.post(actor.shop_id, party, movements, clock.now())
    due.follow(actor, party, standing.balance_minor)
    return standing


def _require_same(shop_id: UUID, party_id: UUID, entry_id: UUID, content: Content) -> None:
    written = journal_queries.first_payload(shop_id, entry_id, "entry.recorded") or {}
    if journal.canonical(written) != journal.canonical(content.facts(party_id)):
        raise AlreadyWritten(party_id, written, content)


def _refuse_deleted(party: Any) -> None:
    if party.merged_into is not None:
        raise Invalid(_("%(name)s was joined with another account. Write it there.", name=party.name), "party_merged")
    if party.deleted_at is not None:
        raise Invalid(_("%(name)s was deleted. Bring them back first.", name=party.name), "party_deleted")


def edit_entry(actor: Actor, entry_id: UUID, version: int, content: Content) -> None:
    """Write a new version of an entry; raises NotFound, ChangedMeanwhile where `version` is not the last one."""
    journal.lock(actor.shop_id)
    entry = queries.get_entry(actor.shop_id, entry_id)
    if entry.version != version:
        raise ChangedMeanwhile
    _write_version(actor, entry, content)


def attach_photo(actor: Actor, entry_id: UUID, photo_id: UUID, *, may_replace: bool) -> None:
    """Put a photo to an entry, whatever its version; raises NotFound, HasPhoto where it may not replace another one.

    One that the entry has, or had before, changes nothing: a phone that heard no answer sends it again, and must not
    undo what somebody did meanwhile.
    """
    journal.lock(actor.shop_id)
    entry = queries.get_entry(actor.shop_id, entry_id)
    had = history.photos(actor.shop_id, entry_id)
    if photo_id in had:
        return
    if had and not may_replace:
        raise HasPhoto
    _write_version(actor, entry, content_of(entry)._replace(photo_id=photo_id))


def _write_version(actor: Actor, entry: Any, content: Content) -> None:
    if entry.deleted_at is not None:
        raise Invalid(_("This entry was deleted. Restore it first."), "entry_deleted")
    before = content_of(entry)
    content = content._replace(photo_id=content.photo_id or before.photo_id, reason=before.reason)
    if content == before:
        return
    if content.amount_minor != before.amount_minor or content.direction != before.direction:
        is_interest = content.reason == INTEREST and content.direction == before.direction
        content = content._replace(reason=INTEREST if is_interest else None)  # no longer what settled the account
    journal.record(actor, Event("entry.edited", entry.id, content.facts(entry.party_id)))
    _change(actor.shop_id, entry.id, {**content._asdict(), "version": entry.version + 1})
    _repost(actor, entry, [before.movement(-1), content.movement()])


def delete_entry(actor: Actor, entry_id: UUID) -> None:
    """Strike an entry through; it stays in the book. Raises NotFound."""
    journal.lock(actor.shop_id)
    entry = queries.get_entry(actor.shop_id, entry_id)
    if entry.deleted_at is not None:
        return
    journal.record(actor, Event("entry.deleted", entry_id, {}))
    _change(actor.shop_id, entry_id, {"deleted_at": clock.now(), "deleted_by": actor.member_id})
    _repost(actor, entry, [content_of(entry).movement(-1)])


def restore_entry(actor: Actor, entry_id: UUID) -> None:
    """Take a deletion back; raises NotFound."""
    journal.lock(actor.shop_id)
    entry = queries.get_entry(actor.shop_id, entry_id)
    if entry.deleted_at is None:
        return
    journal.record(actor, Event("entry.restored", entry_id, {}))
    _change(actor.shop_id, entry_id, {"deleted_at": None, "deleted_by": None})
    _repost(actor, entry, [content_of(entry).movement()])


def content_of(entry: Any) -> Content:
    """The content of an entry's row."""
    return Content(*(getattr(entry, field) for field in Content._fields))


def _change(shop_id: UUID, entry_id: UUID, values: dict[str, Any]) -> None:
    row = sa.update(ENTRIES).where(ENTRIES.c.shop_id == shop_id, ENTRIES.c.id == entry_id)
    db.session.execute(row.values(**values))


def _repost(actor: Actor, entry: Any, movements: list[Movement]) -> None:
    party = party_queries.get_party(actor.shop_id, entry.party_id)
    _refuse_deleted(party)
    _post(actor, party, movements)


class BalanceChanged(Conflict):
    """The balance is not the one that was to be settled."""

    code = "balance_changed"
    message = _("The balance changed meanwhile. Look at it and settle again.")


def settle(actor: Actor, party_id: UUID, entry_id: UUID, expected_minor: int, on: date, *, in_cash: bool) -> None:
    """Write the entry that brings the balance to zero; raises BalanceChanged where it is not `expected_minor` any more.

    The same id again changes nothing, if it settled this party; WrittenOtherwise where it is another entry.
    """
    journal.lock(actor.shop_id)
    party = party_queries.get_party(actor.shop_id, party_id)
    written = queries.entry_by_id(actor.shop_id, entry_id)
    if written is not None:
        if (written.party_id, written.reason) != (party_id, SETTLEMENT):
            raise WrittenOtherwise(AlreadyWritten.message)
        return
    if party.balance_minor != expected_minor:
        raise BalanceChanged
    if party.balance_minor == 0:
        return
    direction = GOT if party.balance_minor > 0 else GAVE
    content = Content(direction, abs(party.balance_minor), on, "", in_cash, None, SETTLEMENT)
    record_entry(actor, party_id, entry_id, content)


def move_party(actor: Actor, party_id: UUID, kind: str) -> None:
    """Make a customer a supplier or the other way round; its balance moves to the other total. Raises NotFound."""
    journal.lock(actor.shop_id)
    party = party_queries.get_party(actor.shop_id, party_id)
    if party.kind == kind:
        return
    journal.record(actor, Event("party.moved", party_id, {"kind": kind}))
    party_actions.set_kind(actor.shop_id, party_id, kind)
    posting.add_to_totals(actor.shop_id, party.kind, party.balance_minor, 0)
    posting.add_to_totals(actor.shop_id, kind, 0, party.balance_minor)


def merge_parties(actor: Actor, party_id: UUID, into: UUID) -> None:
    """Join two accounts of one person: entries and history of both stand under `into`. Raises NotFound, Invalid.

    Once more changes nothing.
    """
    journal.lock(actor.shop_id)
    gone, kept = (party_queries.get_party(actor.shop_id, one) for one in (party_id, into))
    if gone.merged_into == into:
        return
    if party_id == into:
        raise Invalid(_("Choose another account to join with."), "same_party")
    for party in (gone, kept):
        _refuse_deleted(party)
        if party.has_plan:
            raise Invalid(_("End the instalments of %(name)s first.", name=party.name), "in_parts")
    journal.record(actor, Event("party.merged", party_id, {"into": into.hex}))
    _hand_over_entries(actor.shop_id, party_id, into)
    balance = gone.balance_minor + kept.balance_minor
    _set_standing(actor.shop_id, party_id, 0, gone.last_activity_at)
    _set_standing(actor.shop_id, into, balance, max(gone.last_activity_at, kept.last_activity_at))
    posting.add_to_totals(actor.shop_id, gone.kind, gone.balance_minor, 0)
    posting.add_to_totals(actor.shop_id, kept.kind, kept.balance_minor, balance)
    party_actions.absorb(actor, gone, kept)
    due.follow(actor, party_queries.get_party(actor.shop_id, into)._replace(balance_minor=kept.balance_minor), balance)


def _hand_over_entries(shop_id: UUID, party_id: UUID, into: UUID) -> None:
    entries = sa.update(ENTRIES).where(ENTRIES.c.shop_id == shop_id, ENTRIES.c.party_id == party_id)
    db.session.execute(entries.values(party_id=into))
    of_gone = (DAYS.c.shop_id == shop_id) & (DAYS.c.party_id == party_id)
    days = [{**row._asdict(), "party_id": into} for row in db.session.execute(sa.select(DAYS).where(of_gone))]
    db.session.execute(sa.delete(DAYS).where(of_gone))
    if days:
        posting.add_days(days)


def _set_standing(shop_id: UUID, party_id: UUID, balance_minor: int, at: datetime) -> None:
    if abs(balance_minor) > posting.MAX_BALANCE_MINOR:
        raise Invalid(_("This balance would be too large."), "balance_too_large")
    since = posting.oldest_unpaid_day(shop_id, party_id, balance_minor)
    party_actions.set_standing(shop_id, party_id, balance_minor, since, at)
