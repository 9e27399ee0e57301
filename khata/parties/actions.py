"""Add, change, delete, bring back and merge parties."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from flask_babel import lazy_gettext as _

from khata.core import clock
from khata.core.actor import Actor
from khata.core.db import db, inserting_new
from khata.core.names import sort_key
from khata.errors import Conflict, Invalid, WrittenOtherwise
from khata.journal import actions as journal
from khata.journal import queries as journal_queries
from khata.journal.actions import Event
from khata.parties import queries
from khata.parties.models import Party, PartyWord
from khata.parties.search import words_of

PARTIES, WORDS = Party.__table__, PartyWord.__table__
_ADD_WORDS = inserting_new(WORDS, "shop_id", "word", "party_id")


class Details(NamedTuple):
    """What a person says of a party."""

    name: str
    phone: str | None = None
    address: str = ""
    gstin: str = ""
    note: str = ""
    credit_limit_minor: int | None = None
    due_on: date | None = None
    lang: str = ""
    photo_id: UUID | None = None

    def facts(self) -> dict[str, Any]:
        """As the journal keeps it."""
        spelled = {"due_on": self.due_on and self.due_on.isoformat(), "photo_id": self.photo_id and self.photo_id.hex}
        return {**self._asdict(), **spelled}


class NumberTaken(Conflict):
    """The phone number belongs to another party of the shop."""

    code = "number_taken"
    status = 422

    def __init__(self, party: sa.Row[Any]) -> None:
        if party.deleted_at is None:
            super().__init__(_("%(name)s already has this number.", name=party.name))
        else:
            super().__init__(_("%(name)s has this number, but was deleted.", name=party.name))
        self.party = party


class NotSettled(Conflict):
    """A party with a balance can't be deleted."""

    code = "not_settled"
    message = _("Settle the balance first, then delete.")


def add_party(actor: Actor, party_id: UUID, kind: str, details: Details) -> None:
    """Add a party. The same id and content again changes nothing; other content raises WrittenOtherwise.

    Raises NumberTaken where the phone number is used.
    """
    journal.lock(actor.shop_id)
    if queries.party_by_id(actor.shop_id, party_id) is not None:
        written = journal_queries.first_payload(actor.shop_id, party_id, "party.added")
        if journal.canonical(written or {}) != journal.canonical({"kind": kind, **details.facts()}):
            raise WrittenOtherwise(_("This name was already written with other details."))
        return
    _refuse_taken_number(actor.shop_id, details.phone, party_id)
    add_parties(actor, [(party_id, kind, details)])


def add_parties(actor: Actor, parties: list[tuple[UUID, str, Details]]) -> None:
    """Add parties whose ids and numbers are known to be new: their journal lines, rows and words."""
    if not parties:
        return
    journal.record_all(
        actor,
        [Event("party.added", party_id, {"kind": kind, **details.facts()}) for party_id, kind, details in parties],
    )
    insert_parties(actor.shop_id, parties)


def insert_parties(shop_id: UUID, parties: list[tuple[UUID, str, Details]]) -> None:
    """The rows of new parties and the words they are found by; `add_parties` writes their journal lines too."""
    now = clock.now()
    fixed = {"shop_id": shop_id, "created_at": now, "last_activity_at": now, "balance_minor": 0}
    rows = [
        {**fixed, "id": party_id, "kind": kind, "sort_name": sort_key(details.name)[:120], **details._asdict()}
        for party_id, kind, details in parties
    ]
    db.session.execute(sa.insert(PARTIES), rows)
    _add_words(shop_id, [(party_id, details) for party_id, _kind, details in parties])


def edit_party(actor: Actor, party_id: UUID, details: Details) -> None:
    """Change what is said of a party, whose photo stays where there is no new one; raises NotFound, NumberTaken.

    Where there are instalments, the due day stays theirs.
    """
    journal.lock(actor.shop_id)
    party = queries.get_party(actor.shop_id, party_id)
    details = details._replace(photo_id=details.photo_id or party.photo_id)
    if party.has_plan:
        details = details._replace(due_on=party.due_on)  # the instalments say it
    _refuse_taken_number(actor.shop_id, details.phone, party_id)
    journal.record(actor, Event("party.edited", party_id, details.facts()))
    _change(actor.shop_id, party_id, {**details._asdict(), "sort_name": sort_key(details.name)[:120]})
    db.session.execute(sa.delete(WORDS).where(WORDS.c.shop_id == actor.shop_id, WORDS.c.party_id == party_id))
    _add_words(actor.shop_id, [(party_id, details)])


def choose_language(actor: Actor, party_id: UUID, lang: str) -> None:
    """Keep the language that a party chose on their own page; raises NotFound."""
    journal.lock(actor.shop_id)
    party = queries.get_party(actor.shop_id, party_id)
    if party.lang != lang:
        edit_party(actor, party_id, Details(*(getattr(party, name) for name in Details._fields))._replace(lang=lang))


def delete_party(actor: Actor, party_id: UUID) -> None:
    """Mark a settled party as deleted; raises NotFound, NotSettled."""
    journal.lock(actor.shop_id)
    party = queries.get_party(actor.shop_id, party_id)
    if party.deleted_at is not None:
        return
    if party.balance_minor != 0:
        raise NotSettled
    journal.record(actor, Event("party.deleted", party_id, {}))
    _change(actor.shop_id, party_id, {"deleted_at": clock.now()})


def restore_party(actor: Actor, party_id: UUID) -> None:
    """Bring a deleted party back; raises NotFound, NumberTaken, and Invalid for a merged one."""
    journal.lock(actor.shop_id)
    party = queries.get_party(actor.shop_id, party_id)
    if party.deleted_at is None:
        return
    if party.merged_into is not None:
        raise Invalid(_("This account was joined with another one and can't be brought back."), "merged")
    _refuse_taken_number(actor.shop_id, party.phone, party_id)
    journal.record(actor, Event("party.restored", party_id, {}))
    _change(actor.shop_id, party_id, {"deleted_at": None})


def absorb(actor: Actor, gone: Any, kept: Any) -> None:
    """Let `gone` live on in `kept`, which takes over its number and other details where it has none of its own."""
    _change(actor.shop_id, gone.id, {"deleted_at": clock.now(), "merged_into": kept.id})
    details = Details(*(getattr(kept, field) or getattr(gone, field) for field in Details._fields))
    if details != Details(*(getattr(kept, field) for field in Details._fields)):
        edit_party(actor, kept.id, details)


def set_standing(shop_id: UUID, party_id: UUID, balance_minor: int, debt_since: date | None, at: datetime) -> None:
    """Set the columns that the ledger keeps."""
    _change(shop_id, party_id, {"balance_minor": balance_minor, "debt_since": debt_since, "last_activity_at": at})


def set_kind(shop_id: UUID, party_id: UUID, kind: str) -> None:
    """Make it a customer or a supplier: the row only, the ledger moves the totals."""
    _change(shop_id, party_id, {"kind": kind})


def _change(shop_id: UUID, party_id: UUID, values: Mapping[str, Any]) -> None:
    row = sa.update(PARTIES).where(PARTIES.c.shop_id == shop_id, PARTIES.c.id == party_id)
    db.session.execute(row.values(**values))


def _refuse_taken_number(shop_id: UUID, phone: str | None, party_id: UUID) -> None:
    owner = phone and queries.party_by_phone(shop_id, phone)
    if owner and owner.id != party_id:
        raise NumberTaken(owner)


def _add_words(shop_id: UUID, parties: list[tuple[UUID, Details]]) -> None:
    rows = [
        {"shop_id": shop_id, "word": word, "party_id": party_id}
        for party_id, details in parties
        for word in words_of(details.name, details.phone)
    ]
    if rows:
        db.session.execute(_ADD_WORDS, rows)
