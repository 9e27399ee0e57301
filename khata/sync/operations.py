"""What a phone may have written: each kind of operation, who may send it, and the form and action that take it.

An operation is what a form of a page says, so it is read by that form's own parser and done by its own action.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from flask_babel import lazy_gettext as _

from khata.core import clock
from khata.core.actor import Actor
from khata.core.forms import Form
from khata.errors import Forbidden, Invalid, NotFound
from khata.ledger import actions as ledger
from khata.ledger import cash, rights
from khata.ledger import forms as ledger_forms
from khata.parties import actions as parties
from khata.parties import forms as party_forms
from khata.parties.models import KINDS as PARTY_KINDS

MOST_FIELDS = 40
LENGTHS = (4, 5, 6)
_ID = re.compile(r"[0-9a-f-]{32,36}", re.IGNORECASE | re.ASCII)
_UNREADABLE = _("Khata can't take this. Write it again.")


class Desk(NamedTuple):
    """What reading a form takes beside the form: what the member may do, and the shop's ways."""

    permissions: frozenset[str]
    currency: str
    country: str
    time_zone: str
    today: date
    languages: frozenset[str]

    def require(self, permission: str) -> None:
        """Raise Forbidden where the member has not `permission`."""
        if permission not in self.permissions:
            raise Forbidden


class Operation(NamedTuple):
    """An operation as a phone sent it, of the right shape and of a kind that is known."""

    id: UUID
    kind: str
    subject: UUID
    party: UUID | None
    fields: dict[str, str]
    at: datetime | None

    @property
    def digest(self) -> bytes:
        """SHA-256 over all that it says. The time is left out: it is what the phone's clock said, not the person."""
        said = [self.id.hex, self.kind, self.subject.hex, self.party and self.party.hex, self.fields]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).digest()

    @property
    def about(self) -> UUID:
        """The party whose balance the phone asks for with it, as the phone knows it."""
        return self.party or self.subject

    @property
    def names(self) -> set[UUID]:
        """The ids of what it is about."""
        return _named(self.kind, self.fields, self.party, self.subject)


def read(sent: object) -> Operation:
    """The operation that `sent` (of JSON) is; raises Invalid with code "not_an_operation" or "unknown_kind".

    It is [id, kind, at, fields, party, subject], as static/js/parts/outbox/queue.js packs it: the last two may be left
    out, and then there is no party, and what is new has the operation's own id.
    """
    if not isinstance(sent, list) or len(sent) not in LENGTHS:
        raise Invalid(_UNREADABLE, "not_an_operation")
    id_, kind, at, fields, party, subject = _whole(sent)
    ids = [_id_in(id_), _id_in(subject), None if party is None else _id_in(party)]
    if None in ids[:2] or (party is not None and ids[2] is None) or not _are_texts(fields):
        raise Invalid(_UNREADABLE, "not_an_operation")
    if not isinstance(kind, str) or kind not in KINDS:
        raise Invalid(_UNREADABLE, "unknown_kind")
    return Operation(ids[0], kind, ids[1], ids[2], fields, clock.told(at))  # type: ignore[arg-type]


def _whole(sent: list[Any]) -> list[Any]:
    """With party and subject, where those were left out."""
    return [*sent, *(None, sent[0])[len(sent) - LENGTHS[0] :]]


def named(sent: object) -> set[UUID]:
    """The ids of party and subject that `sent` names, as far as it can be read."""
    if not isinstance(sent, list) or len(sent) not in LENGTHS:
        return set()
    _id, kind, _at, fields, party, subject = _whole(sent)
    return _named(kind, fields, party, subject)


def _named(kind: object, fields: object, party: object, subject: object) -> set[UUID]:
    its_own = fields.get("id") if kind == "party.settle" and isinstance(fields, dict) else None
    return {found for one in (subject, party, its_own) if (found := _id_in(one))}


def _id_in(value: object) -> UUID | None:
    if isinstance(value, UUID):
        return value
    if not isinstance(value, str) or not _ID.fullmatch(value):
        return None
    try:
        return UUID(value)
    except ValueError:
        return None


def _are_texts(fields: object) -> bool:
    if not isinstance(fields, dict) or len(fields) > MOST_FIELDS:
        return False
    return all(isinstance(text, str) and is_text(name) and is_text(text) for name, text in fields.items())


def is_text(text: str) -> bool:
    """False where half of a character stands alone, which no form can carry and no database takes."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


def perform(actor: Actor, desk: Desk, operation: Operation) -> None:
    """Do it; raises KhataError where the member, the form or the book refuses it."""
    kind = KINDS[operation.kind]
    for permission in kind.permissions:
        desk.require(permission)
    kind.perform(actor._replace(at=operation.at), desk, operation)


def _form(desk: Desk, operation: Operation) -> Form:
    """The form as it was filled in. Where it names no day it happened when it was written, however late it comes."""
    typed = operation.fields.get("on", "")
    return Form({**operation.fields, "on": typed if typed.strip() else _day(desk, operation).isoformat()})


def _day(desk: Desk, operation: Operation) -> date:
    return desk.today if operation.at is None else clock.local(operation.at, desk.time_zone).date()


# parties


def _add_party(actor: Actor, desk: Desk, operation: Operation) -> None:
    form = _form(desk, operation)
    kind, details = party_forms.read_kind(form), _details(form, desk)
    form.require_valid()
    parties.add_party(actor, operation.subject, kind, details)


def _details(form: Form, desk: Desk) -> parties.Details:
    return party_forms.read_details(form, desk.currency, desk.country, desk.today, desk.languages)


def _edit_party(actor: Actor, desk: Desk, operation: Operation) -> None:
    form = _form(desk, operation)
    details = _details(form, desk)
    form.require_valid()
    parties.edit_party(actor, operation.subject, details)


def _move_party(actor: Actor, desk: Desk, operation: Operation) -> None:
    form = _form(desk, operation)
    kind = form.choice("kind", PARTY_KINDS)
    form.require_valid()
    ledger.move_party(actor, operation.subject, kind)


def _delete_party(actor: Actor, _desk: Desk, operation: Operation) -> None:
    parties.delete_party(actor, operation.subject)


def _restore_party(actor: Actor, _desk: Desk, operation: Operation) -> None:
    parties.restore_party(actor, operation.subject)


def _settle(actor: Actor, desk: Desk, operation: Operation) -> None:
    form = _form(desk, operation)
    entry_id, expected, in_cash = ledger_forms.read_settlement(form)
    form.require_valid()
    ledger.settle(actor, operation.subject, entry_id, expected, _day(desk, operation), in_cash=in_cash)


# entries


def _record_entry(actor: Actor, desk: Desk, operation: Operation) -> None:
    if operation.party is None:
        raise NotFound
    form = _form(desk, operation)
    content = ledger_forms.read_entry(form, desk.currency, desk.today)
    form.require_valid()
    ledger.record_entry(actor, operation.party, operation.subject, content)


def _edit_entry(actor: Actor, desk: Desk, operation: Operation) -> None:
    _require_seen(actor, desk, operation)
    if not rights.changes_entry(actor, desk.permissions, operation.subject, desk.time_zone):
        raise Forbidden
    form = _form(desk, operation)
    content = ledger_forms.read_entry(form, desk.currency, desk.today)
    form.require_valid()
    ledger.edit_entry(actor, operation.subject, ledger_forms.read_version(form), content)


def _delete_entry(actor: Actor, desk: Desk, operation: Operation) -> None:
    _require_seen(actor, desk, operation)
    ledger.delete_entry(actor, operation.subject)


def _restore_entry(actor: Actor, desk: Desk, operation: Operation) -> None:
    _require_seen(actor, desk, operation)
    ledger.restore_entry(actor, operation.subject)


def _require_seen(actor: Actor, desk: Desk, operation: Operation) -> None:
    rights.seen_entry(actor, desk.permissions, operation.subject, desk.time_zone)


# the cash book


def _record_cash(actor: Actor, desk: Desk, operation: Operation) -> None:
    form = _form(desk, operation)
    content = ledger_forms.read_cash(form, desk.currency, desk.today)
    form.require_valid()
    cash.record_cash(actor, operation.subject, content)


def _delete_cash(actor: Actor, _desk: Desk, operation: Operation) -> None:
    cash.delete_cash(actor, operation.subject)


def _restore_cash(actor: Actor, _desk: Desk, operation: Operation) -> None:
    cash.restore_cash(actor, operation.subject)


class Kind(NamedTuple):
    """What a kind of operation asks of the member, and what does it."""

    permissions: tuple[str, ...]
    perform: Callable[[Actor, Desk, Operation], None]


KINDS = {
    "party.add": Kind(("edit_parties",), _add_party),
    "party.edit": Kind(("edit_parties",), _edit_party),
    "party.move": Kind(("edit_parties",), _move_party),
    "party.delete": Kind(("edit_parties", "see_balances"), _delete_party),
    "party.restore": Kind(("edit_parties",), _restore_party),
    "party.settle": Kind(("record", "see_balances"), _settle),
    "entry.record": Kind(("record",), _record_entry),
    "entry.edit": Kind(("record",), _edit_entry),
    "entry.delete": Kind(("delete_entries",), _delete_entry),
    "entry.restore": Kind(("delete_entries",), _restore_entry),
    "cash.record": Kind(("keep_cash_book",), _record_cash),
    "cash.delete": Kind(("keep_cash_book",), _delete_cash),
    "cash.restore": Kind(("keep_cash_book",), _restore_cash),
}
